"""Symbolic answers and words: what is the same, what is not, and hostile text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sirius_core.answers import Read, extract, judge_text
from sirius_core.answers.latex import same


@pytest.mark.parametrize("one, other", [
    (r"\dfrac12", "0.5"), (r"\frac{1}{2}", "1/2"), (r"\frac12", r"\tfrac{1}{2}"), (r"-\frac{1}{2}", r"\frac{-1}{2}"),
    ("-0.5", r"-\frac12"), (r"1\frac{1}{2}", "3/2"), (".5", "0.5"), ("5", "5.0"), ("10,000", "10000"),
    (r"10{,}000", "10000"), (r"\$18.90", "18.90"), (r"\sqrt2", r"\sqrt{2}"), (r"2\sqrt{3}", r"2 \sqrt 3"),
    (r"\sqrt{3}/2", r"\frac{\sqrt{3}}{2}"), (r"\frac{\pi}{4}", "pi/4"), (r"2\pi", "2π"), ("3 \\times 10^5", "300000"),
    ("x=5", "5"), (r"f(x)=x^2", "x^2"), (r"x \in [-2,7]", "[-2,7]"), (r"\theta = \frac{\pi}{3}", r"\pi/3"),
    (r"x = 2y+1", "1+2y"), ("p - q", "-q + p"), ("y=2x+3", "y = 3+2x"), ("2x+3 = y", "y = 2x+3"), ("3+4=7", "7"),
    ("2x", "2*x"), (r"2\cdot x", "2x"), ("x^{2}", "x^2"), (r"\frac{x+1}{2}", "(x+1)/2"), ("6 - 5i", "6-5i"),
    ("x_{1}", "x_1"), (r"x\le 3", r"x \leq 3"), (r"x \leq 3", "x≤3"), ("1011_2", "1011_{2}"),
    (r"90^\circ", "90"), (r"90^{\circ}", "90 degrees"), ("90°", r"90^\circ"), (r"50\%", "50"), ("50%", "0.5"),
    (r"5\text{ cm}", "5"), (r"5\text{ cm}", "5 cm"), (r"5\text{ cm}", "5 centimeters"), (r"4\text{ cm}^2", "4"),
    ("3 apples", "3"), (r"\text{Evelyn}", "evelyn"), (r"\text{(C)}", "C"), (r"\textbf{(C)}", r"\text{C}"),
    (r"\text{June 20}", r"\text{june 20}"),
    (r"(1,2]", "(1, 2]"), (r"\left( 3, \frac{\pi}{2} \right)", r"(3,\pi/2)"), ("(1, 0.5)", r"(1,\frac12)"),
    ("1,-2", "-2,1"), (r"\{1,2\}", "2, 1"), ("1 and 2", "2,1"), (r"10\text{ or }20", "20, 10"),
    (r"1, 2 \text{ and } 3", "3, 2, 1"), ("x=2, x=-1", "-1, 2"),
    (r"(-\infty, 2)\cup(3,\infty)", r"(3,\infty) \cup (-\infty,2)"),
    (r"\begin{pmatrix} 1 \\ 2 \end{pmatrix}", r"\begin{pmatrix}1\\2\end{pmatrix}"),
])
def test_the_same_answer(one: str, other: str) -> None:
    assert same(one, other)
    assert same(other, one)


@pytest.mark.parametrize("one, other", [
    ("5", "-5"), ("(1,2)", "(2,1)"), ("(1,2)", "[1,2]"), ("(1,2)", "1,2,3"), ("2*3", "23"), ("5 m", "5 cm"),
    ("1,2", "1,2,3"), ("1,1,2", "1,2,2"), ("x^2", "x_2"), ("x^2", "2^x"), (r"\frac12", r"\frac13"), ("12", "1,2"),
    (r"\frac{1}{23}", r"\frac{12}{3}"), ("Evelyn", "Angela"), ("x+1", "x-1"), ("x", "-x"), ("C", "B"), ("", "5"),
    ("10", "10x"), (r"\pi", "3"), ("1/2", "2"), ("2^10", "210"), ("50", "0.5"), ("0.33333", "1/3"), ("x=5", "x=6"),
    ("1e3", "1e4"), ("(1,2)", r"(1,2)\cup(3,4)"), (r"\sqrt{2}", "2"), ("y=2x", "y=3x"), ("11_2", "11_3"),
])
def test_another_answer(one: str, other: str) -> None:
    assert not same(one, other)
    assert not same(other, one)


def test_a_tolerance_is_the_tasks() -> None:
    assert same("0.333", r"\frac{1}{3}", 0.01)
    assert same("(0.333, 2)", r"(\frac{1}{3}, 2)", 0.01)
    assert not same("0.333", r"\frac{1}{3}")


@pytest.mark.parametrize("text", [
    r"So the answer is $\boxed{\frac{3}{4}}$.", r"Answer: $\frac{3}{4}$", r"**Answer:** $x = \dfrac{3}{4}$",
    "Answer: 3/4", "Answer: 0.75", r"The answer is \(\frac34\).", "Answer:\n\n\\[ x = 0.75 \\]",
    r"Answer: $0.75$ because it is so", "Answer: 3/4, because 6/8 = 3/4", r"$\frac{3}{4}$",
    r"Hence $x = \frac{3}{4}$.", "First, x = 1.\nThen x = 0.75",
    r"Answer: 5. No: \boxed{\frac{3}{4}}", "Answer: $x$ = $3/4$",
])
def test_three_quarters_is_read(text: str) -> None:
    assert judge_text(text, r"\frac{3}{4}", "latex").right


@pytest.mark.parametrize("text, truth", [
    (r"Answer: $1$ and $2$", "1,2"), (r"Answer: $(-\infty, 3]$", r"(-\infty,3]"), ("Answer: \\text{Evelyn}", "Evelyn"),
    (r"The answer is $x^2 + 1$, as shown.", "1+x^2"), ("Answer: Evelyn.", r"\text{Evelyn}"), ("Answer: 7 apples", "7"),
])
def test_other_symbolic_answers_are_read(text: str, truth: str) -> None:
    assert judge_text(text, truth, "latex").right


@pytest.mark.parametrize("text", ["", " \n", "Answer:", "Answer: unknown", "I do not know.\nNor do you", "Answer: $$"])
def test_no_symbolic_answer(text: str) -> None:
    assert extract(text, "latex") is None


@pytest.mark.parametrize("text, truth, right", [
    ("Answer: Paris", "Paris", True), ("**Answer:** paris.", "Paris", True),
    ("Answer: Paris, because it is", "Paris", True),
    ("Answer: New York", "new york", True), ("Answer: London", "Paris", False), ("Answer: not Paris", "Paris", False),
    ("Paris", "Paris", True), ("Answer: -5 to 3", "5 to 3", False), ("Answer: 1.5 million", "1.5 Million", True),
])
def test_words(text: str, truth: str, right: bool) -> None:
    assert judge_text(text, truth, "text").right is right


def test_what_was_read_is_shown_without_decoration() -> None:
    assert extract(r"Answer: **$\left( 1 , 2 \right)$**.", "latex") == Read("( 1 , 2 )", "( 1 , 2 )", "after 'Answer:'")


pieces = st.sampled_from([
    "\\frac", "\\sqrt", "{", "}", "(", ")", "[", "]", "\\{", "\\}", "1", "12", "x", "+", "-", "*", "/", ",", "=", "^",
    "_", "\\cup", "\\text{", " and ", "%", "\\%", "°", "$", ".", " ", "\\\\", "\\", "\ud800", "\x00", "٣", "\\infty",
])
texts = st.one_of(st.text(max_size=60), st.lists(pieces, max_size=40).map("".join))


@given(texts, texts)
def test_any_two_texts_are_compared_alike_from_both_sides(one: str, other: str) -> None:
    assert same(one, other) == same(other, one)


@given(texts)
def test_any_text_is_itself(text: str) -> None:
    assert same(text, text)


@given(st.fractions(min_value=-99, max_value=99, max_denominator=99))
def test_a_fraction_in_four_forms(number: object) -> None:
    over, under = number.numerator, number.denominator  # type: ignore[attr-defined]
    forms = [f"\\frac{{{over}}}{{{under}}}", f"{over}/{under}", f"\\dfrac{{{over}}}{{{under}}}",
             f"-\\frac{{{-over}}}{{{under}}}"]
    assert all(same(forms[0], form) for form in forms)
    assert not same(forms[0], f"\\frac{{{over + 1}}}{{{under}}}")


@pytest.mark.parametrize("hostile", [
    "{" * 100_000, "=" * 100_000, "1=" * 50_000, "1," * 100_000, "(" * 500 + "1" + ")" * 500, "\\frac" * 50_000,
    "x/" * 50_000, "\\cup" * 50_000, "1\\cup" * 50_000, "- " * 100_000, "\\text{" * 20_000, "^" * 100_000,
    "a " * 100_000, "\\sqrt" * 50_000, "$" * 100_000, "$1$, " * 50_000, "1 and " * 50_000,
    "\\begin{pmatrix}" * 10_000, "," * 100_000,
], ids=range(19))
def test_hostile_text_is_compared_in_linear_time(hostile: str) -> None:
    """Not timed: at this length a reader that backtracks does not come back."""
    assert same(hostile, hostile)
    assert same(hostile, "7") == same("7", hostile)
