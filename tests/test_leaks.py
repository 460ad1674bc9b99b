"""Traces of advice and of the gold answer are found; ordinary texts and honest derivations are not taken for them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sirius_core import teams
from sirius_core.answers import KINDS
from sirius_core.leaks import leaks, told
from sirius_core.prompts import Message
from sirius_core.teams import Team, roles
from sirius_core.trajectories import Task, Turn

TASK = Task("t", "test", "train", "A cart moves 3 m / s for 12 s . how far ?", "36 m")
TEAM = Team("pair", roles({("planner", "answer"): "{{question}}", ("solver", "answer"): "{{question}}"}), None,  # type: ignore[arg-type]
            ("planner", "solver"), "solver")
PHYSICS = teams.get("physics")


def turn(role: str, prompt: str = "a cart moves 3 m / s for 1 2 s") -> Turn:
    return Turn(role, "answer", None, (Message("system", "feedback"), Message("user", prompt)), {}, "", "r")


def task(answer: str, kind: str) -> Task:
    return Task("t", "test", "train", "?", answer, kind)


@pytest.mark.parametrize("dialect", ["pocket", "chat"])
@pytest.mark.parametrize(
    ("role", "text", "found"),
    [
        ("planner", "multiply 3 by 12", ()),
        ("planner", "as advised , multiply", ("mentions 'as advised'",)),
        ("planner", "The feedback is right: multiply", ("mentions 'feedback'",)),
        ("planner", "My previous answer was wrong", ("mentions 'My previous answer'",)),
        ("planner", "the result must be 36", ("states the gold value 36 without deriving it",)),
        ("planner", "the result must be 3 6", ("states the gold value 36 without deriving it",)),
        ("planner", "3 * 12 = 36", ()),
        ("planner", "1 2 * 3 = 3 6", ()),
        ("solver", "36 m", ()),
        ("planner", "you should take the product of speed and time", (
            "quotes the critique: 'you should take the product of'",)),
    ],
)
def test_leaks(dialect, role, text, found):
    critique = "you should take the product of speed and time"
    assert leaks(text, turn(role), TASK, TEAM, critique, dialect) == found


@pytest.mark.parametrize("dialect", ["pocket", "chat"])
def test_a_gold_number_that_the_input_has_is_no_leak(dialect):
    assert leaks("use 36", turn("planner", "36 carts"), TASK, TEAM, "", dialect) == ()


def test_the_pocket_language_is_held_to_every_mention_of_a_gold_number():
    assert leaks("use 3 6", turn("planner"), TASK, TEAM, "", "pocket") == (
        "states the gold value 36 without deriving it",)
    assert leaks("put 36 in the box", turn("planner"), TASK, TEAM, "", "chat") == ()  # a number like any other
    assert leaks("as advised , x", turn("planner", "as advised , x"), TASK, TEAM, "", "pocket") == (
        "mentions 'as advised'",)


ORDINARY = (
    "Cortisol acts by negative feedback inhibition on the pituitary; feedback regulation keeps the level stable.",
    "Odds ratios were corrected for age and sex, with Bonferroni correction and the revised guidelines of 2005.",
    "The original solution is diluted to 0.1 M; the previous reaction gives the initial response of the cells.",
    "A critical angle, the corrected refractive index, and a first-order correction.",
    "The right answer is C, since the known answers to (a) and (b) do not change.",
    "Patients were advised to rest. As noted in the passage, the hinted trend was not significant.",
    "We check the earlier version of the theorem; the first solution of the equation is x = 2.",
    "You are right-handed; I was in doubt. Let us make the text shorter.",
)


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_texts_of_science_bear_no_trace(text):
    assert leaks(text, turn("solver"), TASK, TEAM, "") == ()


TRACES = {
    "As the critic pointed out, momentum is conserved.": "As the critic pointed",
    "The critique holds: use moles.": "critique",
    "Based on feedback given, I take the mass.": "feedback",
    "Following your feedback, I take the mass.": "feedback",
    "In my earlier solution I forgot the sign.": "my earlier solution",
    "The previous answer forgot the sign.": "The previous answer",
    "The original solution was wrong about the sign.": "The original solution was wrong",
    "Revised answer: 5": "Revised answer",
    "Here is the corrected solution.": "corrected solution",
    "I have rewritten it.": "I have rewritten",
    "I made a sign error, so now:": "I made a sign error",
    "I apologize for the confusion.": "I apologize",
    "You're right that the sign is wrong.": "You're right that",
    "The correct answer is given as C.": "correct answer is given",
    "Knowing that the correct answer is C, we argue as follows.": "Knowing that the correct answer",
    "This agrees with the expected answer.": "expected answer",
    "Using the hint, we find x.": "hint",
    "It has to match the ground truth.": "ground truth",
}


@pytest.mark.parametrize(("text", "trace"), TRACES.items())
def test_traces_of_advice_and_of_hints_are_found_in_every_role(text, trace):
    assert leaks(text, turn("solver"), TASK, TEAM, "") == (f"mentions {trace!r}",)


@pytest.mark.parametrize(("text", "trace"), TRACES.items())
def test_what_the_inputs_say_is_no_trace(text, trace):
    assert leaks(text, turn("solver", f"A passage: {text}"), TASK, TEAM, "") == ()
    slots = Turn("solver", "answer", None, (Message("user", "..."),), {"context": text.upper()}, "", "r")
    assert leaks(text, slots, TASK, TEAM, "") == ()


def test_instructions_excuse_nothing():
    assert leaks("The feedback says so.", turn("solver"), TASK, TEAM, "")  # the system message has the word


def test_a_quotation_counts_where_it_is_advice_or_long_and_not_from_the_problem():
    fact = "the moment of inertia of a solid disk about its axis is half its mass times"
    critique = f"Blame: planner. Feedback: {fact} the square of its radius, which you must use here instead."
    assert leaks(f"Now {fact[:40]} is what counts.", turn("planner"), TASK, TEAM, critique) == ()
    assert leaks(f"Now {fact} the radius squared.", turn("planner"), TASK, TEAM, critique) == (
        "quotes the critique: 'the moment of inertia of a solid disk about its axis is half its'",)
    assert leaks("radius, which you must use here", turn("planner"), TASK, TEAM, critique) == (
        "quotes the critique: 'radius, which you must use here'",)
    given = turn("planner", f"Given: {fact} so on.")
    assert leaks(f"Now {fact} the radius squared.", given, TASK, TEAM, critique) == ()


@pytest.mark.parametrize(("gold", "kind", "text", "leaking"), [
    ("C", "letter", "So Answer: C", True),
    ("C", "letter", "**Answer:** (C)", True),
    ("C", "letter", "Therefore option C is correct.", True),
    ("C", "letter", r"The answer is $\boxed{C}$", True),
    ("C", "letter", "The answer is B", False),
    ("C", "letter", "Options A to C differ in the sign; C is the speed of light.", False),
    ("yes", "yes_no_maybe", "The answer is yes.", True),
    ("yes", "yes_no_maybe", "Yes, the groups differed; the difference was significant.", False),
    ("no", "yes_no_maybe", "It is known that no difference was found.", False),
    ("true", "boolean", "Answer: True", True),
    ("1764", "number", "The force comes to 1,764 N in the end, I think the answer is 1,764", False),
    ("1764", "number", "One has to end at 1,764 N somehow.", True),
    ("1764", "number", "$F = 294 \\times 6 = 1764$ N. So the answer is 1764.", False),
    ("1764", "number", "294 * 6 gives 1764", False),
    ("1764", "number", "Answer: 1764", True),
    ("1.5e-10", "number", r"It must be $1.5 \times 10^{-10}$ m.", True),
    ("1.5e-10", "number", r"$r = 1.5 \times 10^{-10}$ m.", False),
    ("0.5", "number", r"so the value should be \frac{1}{2}", True),
    ("0.5", "number", r"E = \frac{1}{2} m v^2, and half of it is lost", False),
    ("50", "number", "of the 50 % that remain", False),
    ("3.14159", "number", "it ends at 3.14 exactly", True),
    ("2", "number", "Newton's second law: F = m a. 2. v^2 = 2 a s.", False),
    ("2", "number", "The answer should be 2.", True),
    ("90", "number", "It stands at 90 degrees.", False),
    ("[1234, 5678]", "list", "We find x and y, 5678 for one of them.", True),
    ("[1234, 5678]", "list", "x = 1234 and y = 5678", False),
    (r"\frac{3}{4}", "latex", "The result is 0.75", True),
    (r"x^2+1", "latex", "The result is x^2+1", False),  # symbols are not searched for
    ("3 1 5 m", "quantity", "It is 315 m.", True),
    ("3 1 5 m", "quantity", "Expression: 35 * 9", False),
    ("3 1 5 m", "quantity", "35 * 9 = 315, so Result: 315", False),
])
def test_the_gold_answer_in_an_earlier_role(gold, kind, text, leaking):
    given_task = task(gold, kind)
    found = leaks(text, turn("physicist"), given_task, PHYSICS, "")
    assert bool(found) == leaking, found
    assert leaks(text, turn("summarizer"), given_task, PHYSICS, "") == ()
    if leaking:
        assert leaks(text, turn("physicist", f"Somebody said: {text}"), given_task, PHYSICS, "") == ()


def test_the_critics_feedback_may_not_state_the_gold_answer():
    assert told("The answer is C, so choose it.", turn("physicist"), task("C", "letter")) == (
        "the feedback states the answer 'C'",)
    assert told("Mind the sign; option C has it wrong.", turn("physicist"), task("C", "letter")) == ()
    assert told("The result should be 1764.", turn("physicist"), task("1764", "number")) == (
        "the feedback states the gold value 1764 without deriving it",)
    assert told("Multiply 294 by 6, then look at 1764 again.", turn("physicist"), task("1764", "number")) == ()


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=80), st.sampled_from(sorted(KINDS)), st.sampled_from(["pocket", "chat"]))
def test_no_text_is_too_odd(text, kind, dialect):
    golds = {"letter": "C", "boolean": "true", "yes_no_maybe": "maybe", "list": "[1, 2.5]", "ordered_list": "[1, 2.5]"}
    given_task = task(golds.get(kind, "1764"), kind)
    assert isinstance(leaks(text, turn("physicist"), given_task, PHYSICS, text[::-1], dialect), tuple)
    assert isinstance(told(text, turn("physicist"), given_task), tuple)


@pytest.mark.parametrize("piece", ["the answer is 1", "1,000 ", "((((", "= 1764 ", "feedback ", "i made a ", "9" * 99])
def test_a_long_text_is_checked_in_no_time(piece):
    text = piece * (100_000 // len(piece))
    assert isinstance(leaks(text, turn("physicist"), task("1764", "number"), PHYSICS, text[:2000]), tuple)
