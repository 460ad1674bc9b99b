"""Quantities and units: a pocket reply is judged as it stands, a chat reply by its number and unit."""

from __future__ import annotations

import re
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sirius_core.answers import Read, Verdict, judge_text
from sirius_core.answers.statements import statements
from sirius_core.answers.units import read_unit, same
from sirius_core.pocket.families import UNITS
from sirius_core.pocket.grammar import draw
from sirius_core.pocket.vocabulary import FORMULAS, WORDS

PROBLEMS = (*draw("train", "old", 300, 0), *draw("heldout", "withheld", 100, 0))


@pytest.mark.parametrize("one, other", [
    ("m/s^2", "m/s2"), ("m/s^2", "m/s²"), ("m/s^2", "metres per second squared"), ("m/s2", "m s^-2"),
    ("m/s^2", "m/s/s"), ("m/s^2", "meters/second^2"), ("Ns", "N s"), ("Ns", "N·s"), ("Ns", "newton seconds"),
    ("Ns", "kg·m/s"), ("Ns", "Newton-seconds"), ("ohm", "Ω"), ("ohm", "\u2126"), ("ohm", r"\Omega"), ("ohm", "ohms"),
    ("J", "N m"),
    ("J", "joules"), ("W", "J/s"), ("N/m", "newtons per metre"), ("km", "kilometers"), ("m", "m, so it is far"),
    ("m", "m in total"), ("m^2", "square meters"), ("µs", "microseconds"), ("°C", "degrees Celsius"), ("J/(kg K)",
    "J kg^-1 K^-1"), ("V", "volts"), ("km/h", "kilometres per hour"), ("Hz", "s^{-1}"), ("m", " metres."),
])
def test_the_same_unit(one: str, other: str) -> None:
    assert same(one, other)
    assert same(other, one)


@pytest.mark.parametrize("one, other", [
    ("m", "km"), ("m", "m/s"), ("m/s", "m/s^2"), ("m", "s"), ("N", "Ns"), ("N", "N/m"), ("J", "W"), ("C", "°C"),
    ("m", "m per jump"), ("apples", "apples"), ("", ""), ("m", ""), ("dollars per ticket", "dollars"), ("m", "m^2"),
    ("m/s", "m s"), ("ms", "m s"),
])
def test_another_unit_or_none_known(one: str, other: str) -> None:
    assert not same(one, other)
    assert not same(other, one)


def test_every_unit_of_the_word_problems_is_known_and_differs_from_the_others() -> None:
    assert len({read_unit(unit) for unit in UNITS}) == len(UNITS)
    assert None not in {read_unit(unit) for unit in UNITS}


@given(st.text(max_size=60))
def test_any_text_has_a_unit_or_none(text: str) -> None:
    read_unit(text)


@pytest.mark.parametrize("text", [
    "3 1 5 m/s2", " 3 1 5\n m/s2 ", "Answer: 315 m/s2", "**Answer:** $315\\,\\mathrm{m/s^2}$", "Answer: 315 m/s²",
    r"\boxed{315 \text{ m/s}^2}", "The answer is 315 metres per second squared.", "Answer: 3 1 5 m/s2",
    r"Answer: $315 \frac{m}{s^2}$", r"Answer: $315~\text{m/s}^2$", r"Answer: 315 \mathrm{~m/s^2}",
    "so it is\n315 m/s^2",
    "Answer: 315.0 m/s2", "a = F/m = 315 m/s^2", "Answer: a = 315 m s^-2",
])
def test_three_hundred_and_fifteen_is_right(text: str) -> None:
    assert judge_text(text, "3 1 5 m/s2", "quantity").right


@pytest.mark.parametrize("text", [
    "3 1 5", "3 1 5 m/s", "3 1 5 m/s2 .", "m/s2 3 1 5", "3 1 5 m / s2", "0 3 1 5 m/s2", "Answer: 315",
    "Answer: 315 m/s", "Answer: 314 m/s2", "Answer: -315 m/s2", "Answer: 31 5 m/s2", "Answer: 0.315 km/s^2",
    "Answer: unknown", "", "Answer:", "Answer: 315 m/s2 or so.\nAnswer: 316 m/s2", "a is 3 1 5 m/s2",
    "Answer: 315 or 316 m/s2",
])
def test_anything_else_is_wrong(text: str) -> None:
    assert not judge_text(text, "3 1 5 m/s2", "quantity").right


def test_a_number_with_a_unit_knows_synonyms_too() -> None:
    assert judge_text("Answer: 9.8 metres per second squared", "9.8 m/s^2", "number").right
    assert judge_text("Answer: 9.8 N/kg", "9.8 m/s^2", "number").right  # the same by definition
    assert judge_text("Answer: 3 red apples", "3 red apples", "number").right  # no unit that is known, the same words
    assert not judge_text("Answer: 9.8 m/s", "9.8 m/s^2", "number").right


def alike(text: str, truth: str) -> None:
    """The verdict of `quantity` on a pocket text is the verdict of `exact`: right or wrong, what was read, and why."""
    exact, quantity = judge_text(text, truth, "exact"), judge_text(text, truth, "quantity")
    if exact.read is None:
        assert quantity == Verdict(False, None, "no quantity answer found")
    else:
        assert quantity == exact


pocket_texts = st.lists(st.sampled_from(WORDS[1:]), max_size=20).map(" ".join)
answers = st.sampled_from([problem.answer for problem in PROBLEMS])
near = st.lists(st.sampled_from([*"0123456789", *UNITS, ".", "=", ",", "-", "/", ":", "is", "A", "J"]), max_size=8)


@given(pocket_texts, answers)
def test_any_pocket_text_is_judged_as_it_stands(text: str, truth: str) -> None:
    alike(text, truth)


@given(near.map(" ".join), answers)
def test_what_looks_like_an_answer_is_judged_as_it_stands(text: str, truth: str) -> None:
    alike(text, truth)
    if re.fullmatch(r"[0-9]( [0-9])* \S+", text) and text.split()[-1] in UNITS:
        alike(text, text)


def test_answers_with_one_change_are_judged_as_they_stand() -> None:
    random, changed = Random(0), 0
    for problem in PROBLEMS:
        words = problem.answer.split()
        for _ in range(20):
            place, kind = random.randrange(len(words)), random.randrange(4)
            word = random.choice(WORDS[1:])
            text = " ".join([words[:place] + words[place + 1:], words[:place] + [word] + words[place + 1:],
                             words[:place] + [word] + words[place:], words][kind])
            alike(text, problem.answer)
            changed += text != problem.answer
    assert changed > 4000


def test_no_pocket_text_can_state_an_answer() -> None:
    """Whatever order they stand in: none of the words with which a statement begins is one of the word problems'."""
    beginnings = {"answer", "decision", "verdict", "conclusion", "opinion", "correct", "right", "best", "final"}
    assert not beginnings & {word.lower() for word in WORDS[:FORMULAS]}
    assert not any("\\" in word or "#" in word for word in WORDS)
    assert list(statements(" ".join(WORDS))) == []


def test_the_kind_says_what_it_read() -> None:
    assert judge_text("Answer: 315 m", "3 1 5 m", "quantity") == Verdict(
        True, Read(315.0, "315", "after 'Answer:'", "m"), "read '315' after 'Answer:'; the truth is '3 1 5 m'")
