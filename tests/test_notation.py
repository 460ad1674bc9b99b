"""Plans, expressions, worked steps; how they look to people; the words they are made of."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sirius_core.errors import UnreadableText
from sirius_core.pocket import vocabulary
from sirius_core.pocket.families import FORMULAS
from sirius_core.pocket.notation import (
    Expression,
    Plan,
    canonical_steps,
    digits,
    expression_value,
    fill,
    parse_plan,
    read_expression,
    read_number,
    stated_result,
)
from sirius_core.pocket.readable import render_readable


@given(st.sampled_from(FORMULAS), st.integers(10, 9999), st.integers(1, 9), st.integers(0, 999))
def test_canonical_steps_state_the_exact_value(formula: str, x: int, y: int, rest: int) -> None:
    z = rest + x * y if formula.startswith("z") else rest
    text = fill(formula, x, y, z)
    exact = eval(text.replace(" ", "").replace("/", "//"))
    assert read_expression(text) == Expression(formula, x, y, z if "z" in formula else None)
    assert expression_value(text) == exact
    steps = canonical_steps(text)
    assert steps is not None
    assert stated_result(steps) == digits(exact)
    assert vocabulary.decode(vocabulary.encode(steps)) == steps


@given(st.text(alphabet="0123456789*/+-xyz:=;, ", max_size=40))
def test_any_text_is_read_or_refused_but_never_crashes(text: str) -> None:
    parse_plan(text), expression_value(text), stated_result(text), canonical_steps(text), render_readable(text)


def test_the_three_kinds_of_steps() -> None:
    assert canonical_steps("2 9 4 * 6") == "4 6 2 4 + 0 2 4 ; 9 6 5 4 + 2 5 6 ; 2 6 1 2 + 5 1 7 = 1 7 6 4"
    assert canonical_steps("3 7 1 - 3 5 * 9") == (
        "5 9 4 5 + 0 4 5 - 1 5 6 ; 3 9 2 7 + 5 3 2 - 7 3 5 ; 0 9 0 0 + 3 0 3 - 3 0 0 = 5 6"
    )
    assert (
        canonical_steps("1 7 6 4 / 6")
        == "0 1 / 6 0 0 0 1 ; 1 7 / 6 2 1 2 5 ; 5 6 / 6 9 5 4 2 ; 2 4 / 6 4 2 4 0 = 2 9 4"
    )


@pytest.mark.parametrize(
    "text", ["", "1 2", "1 2 * 3 4", "1 2 / 0", "1 0 - 2 0 * 9", "0 1 * 2", "x * y", "1 * 2 * 3", "12 * 3"]
)
def test_what_has_no_steps(text: str) -> None:
    assert canonical_steps(text) is None


def test_plans() -> None:
    assert parse_plan("x * y : 3 5 * 9") == Plan("x * y", "3 5 * 9")
    for bad in (
        "x * y : 3 5 / 9",
        "as advised , x * y : 3 5 * 9",
        "y * x : 3 5 * 9",
        "x * y 3 5 * 9",
        "x * y : 3 5 *",
        "",
    ):
        assert parse_plan(bad) is None
    assert read_number("0") == 0 and read_number("0 7") is None and read_number("") is None


def test_unknown_words_are_named_with_the_nearest_known_one() -> None:
    with pytest.raises(UnreadableText) as failure:
        vocabulary.encode("traim moves 3 m/s for qqqqq")
    assert failure.value.words == ("traim", "qqqqq")
    assert failure.value.nearest == ("train", None)


def test_the_vocabulary_is_a_bijection_and_stop_ends_a_text() -> None:
    assert vocabulary.encode(" ".join(vocabulary.WORDS)) == tuple(range(len(vocabulary.WORDS)))
    assert vocabulary.decode([*vocabulary.encode("how far ?"), vocabulary.STOP, 5]) == "how far ?"


def test_readable() -> None:
    assert render_readable("z - x * y : 3 7 1 - 3 5 * 9") == "z − x × y: 371 − 35 × 9"
    assert (
        render_readable("9 6 5 4 + 2 5 6 ; 2 6 1 2 + 5 1 7 = 1 7 6")
        == "9 × 6 = 54, + 2 = 56; 2 × 6 = 12, + 5 = 17 ⇒ 176"
    )
    assert render_readable("bike moves 3 6 8 m/s2 for 6 s . how far ?") == "bike moves 368 m/s² for 6 s. how far?"
    assert render_readable("an odd text = with 1 2 words") == "an odd text = with 12 words"
