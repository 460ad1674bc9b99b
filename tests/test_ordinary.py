"""The word problems in ordinary text and back: what is stated is read, and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sirius_core.pocket.grammar import draw
from sirius_core.pocket.notation import canonical_steps, fill, stated_result
from sirius_core.pocket.ordinary import expression_in, is_pocket, planned_in, result_in, to_ordinary

PROBLEMS = draw("train", "all", 400, 0)


def test_a_problem_a_plan_steps_and_an_answer_in_ordinary_text() -> None:
    assert to_ordinary("{n} : 3 kg , 4 0 m/s2 .".replace("{n}", "bike")) == "Bike: 3 kg, 40 m/s2."
    assert to_ordinary("in 9 s train keeps 8 9 1 m/s . which way is covered ?") == (
        "In 9 s train keeps 891 m/s. Which way is covered?")
    assert to_ordinary("z - x * y : 3 7 1 - 3 5 * 9") == "z - x * y: 371 - 35 * 9"
    assert to_ordinary("5 9 4 5 + 0 4 5 ; 3 9 2 7 + 4 3 1 = 3 1 5") == (
        "5 * 9 = 45, + 0 = 45; 3 * 9 = 27, + 4 = 31. Result: 315")
    assert to_ordinary("= 1 3 6 4") == "= 1364" and to_ordinary("1 3 6 4 m/s2") == "1364 m/s2"
    assert to_ordinary("[analyst]\nx * y : 3 5 * 9\n\n[critic]\nI say: 3 5") == (
        "[analyst]\nx * y: 35 * 9\n\n[critic]\nI say: 3 5")


@pytest.mark.parametrize("problem", PROBLEMS[:40], ids=lambda p: p.wording_id)
def test_ordinary_text_has_no_lone_digits_in_a_row_and_stays_as_it_is(problem) -> None:  # type: ignore[no-untyped-def]
    expression = fill(problem.formula, problem.x, problem.y, problem.z)
    for text in (problem.question, expression, canonical_steps(expression), problem.answer):
        shown = to_ordinary(text)
        assert not is_pocket(shown) and to_ordinary(shown) == shown
    assert planned_in(f"{problem.formula} : {expression}") == expression
    shown = to_ordinary(expression)
    for said in (f"Expression: {shown}", f"It is so.\n\n**Expression:** `{shown}`.", f"{problem.formula}: {shown}",
                 f"Expression:\n$$ {shown} $$", f"<b>Expression</b>: {shown} = ?", f"Expression: F = {shown}",
                 f"Expression: 1 * 2\nNo.\nExpression: {shown}\nThis expression is final."):
        assert planned_in(said) == expression, said


@pytest.mark.parametrize(("said", "expression"), [
    ("Expression: 371 − (35 × 9)", "3 7 1 - 3 5 * 9"),
    ("Expression: 371 - 9*35", "3 7 1 - 3 5 * 9"),
    (r"Expression: \( \frac{315}{9} \)", "3 1 5 / 9"),
    (r"Expression: 35 \times 9", "3 5 * 9"),
    ("Expression: 120 + 9*35", "3 5 * 9 + 1 2 0"),
    ("Expression: 371 N s - 35 N * 9 s", "3 7 1 - 3 5 * 9"),
    ("Expression: F = 35 kg x 9 m/s^2", "3 5 * 9"),
    ("Expression: 1,764 ÷ 9", "1 7 6 4 / 9"),
    ("Expression: 371 - 35*9 (what is left)", "3 7 1 - 3 5 * 9"),
    ("Expression: (35 * 9) + 120", "3 5 * 9 + 1 2 0"),
    ("Expression: 35.0 * 9", "3 5 * 9"),
    ("371 - 35 * 9", "3 7 1 - 3 5 * 9"),
    ("Expression: (371 - 35) * 9", None),
    ("Expression: 3.5 * 9", None),
    ("Expression: 35 * 9 * 2", None),
    ("Expression: 371 - 35 / 9", None),
    ("Expression: 371 / (35 * 9)", None),
    ("Expression: -35 * 9", None),
    ("Expression: 35 * 9\nExpression: (371 - 35) * 9", None),
    ("I multiply 35 by 9 and am done.", None),
    ("Ausdruck: 35 mal 9", None),
    ("", None),
])
def test_what_counts_as_an_expression(said: str, expression: str | None) -> None:
    assert expression_in(said) == expression


@pytest.mark.parametrize(("said", "result"), [
    ("Result: 1364", "1 3 6 4"),
    ("**Result:** 1,364 N", "1 3 6 4"),
    (r"Result: $\boxed{1{,}364}$", "1 3 6 4"),
    ("Result: 371 - 35 * 9 = 56", "5 6"),
    ("Result: 12\nSo:\nResult:\n13", "1 3"),
    ("The answer is 15.", "1 5"),
    ("Result: 1364.0", "1 3 6 4"),
    ("= 1 3 6 4", "1 3 6 4"),
    ("Result: 13.5", None),
    ("Result: -5", None),
    ("Result: 35 * 9", None),
    ("Result: 3/4", None),
    ("Result: about ten", None),
    ("1364", None),
])
def test_what_counts_as_a_result(said: str, result: str | None) -> None:
    assert result_in(said) == result


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet=st.sampled_from("Expression: Result 0123456789*/+-=().,\\{}$^\n xms×−N%"), max_size=60)
       | st.text(max_size=40))
def test_no_text_is_too_odd(text: str) -> None:
    for mark in ("", "Expression:", "Result: "):
        said = mark + text
        plan, result = planned_in(said), result_in(said)
        assert plan is None or canonical_steps(plan) or is_pocket(plan)
        assert result is None or stated_result(f"= {result}") == result
        assert to_ordinary(to_ordinary(said)) == to_ordinary(said)


def test_a_long_text_is_read_in_no_time() -> None:
    for piece in ("Expression: ", "(" * 9, "1,000", "Result is 9 ", "* 3 ", "\\frac{", "9" * 50, "x "):
        text = piece * (100_000 // len(piece))
        assert planned_in(text) is None or is_pocket(str(planned_in(text)))
        assert to_ordinary(text) and (result_in(text) is None or is_pocket(str(result_in(text))))
