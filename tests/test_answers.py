"""Reading answers from free text: every row of the observed failures, and hostile text."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sirius_core.answers import KINDS, Kind, Read, Verdict, extract, judge_text, known, register, same
from sirius_core.errors import UnknownName, UsageError


def value(text: str, kind: str) -> object:
    found = extract(text, kind)
    return found.value if found else None


@pytest.mark.parametrize("text", [
    "Answer: C) sqrt(2)", "**Answer:** C", "Answer: (C)", "$C$", r"\boxed{C}", "C", "(c)", "C. sqrt(2)", "Answer: c",
    "**Answer**: C", "answer is c)", r"$\boxed{\text{C}}$", r"The answer is $\textbf{(C)}$.", "Answer:\n\nC",
    "The correct option is C.", "Answer: Option C", "Answer: the correct option is **C**", "<answer>C</answer>",
    "So C is correct.", "A beam of light is refracted.\nC is the right one.", "Answer: C, not B", "ANSWER: C",
    "The answer to the question is C because B is wrong.", r"Answer: \(C\)", "C) sqrt(2)\nBecause 2 + 2 is 4.",
    r"First I thought Answer: B, but \boxed{C}", "Answer: C\nI hope that this answer is clear.",
    "The final answer is: $\\boxed{C}$", "Answer: [C]", "Answer C is correct.",
])
def test_the_letter_c(text: str) -> None:
    assert value(text, "letter") == "C"


@pytest.mark.parametrize("text, letter", [
    ("Answer: Because... Final Answer: B", "B"),
    ("Answer: A because light bends", "A"),
    ("Answer: A 0.1 eV", "A"),
    ("Answer: J", "J"),
    ("Answer: A\n\nso light bends", "A"),
    ("Answer: c\nThanks", "C"),
    ("Answer: D. 13.6 eV", "D"),
])
def test_other_letters(text: str, letter: str) -> None:
    assert value(text, "letter") == letter


@pytest.mark.parametrize("text", [
    "Answer: Diamond", "Answer: unknown", "A block slides down the plane.", "", "   \n", "Answer:", "Answer: C or D",
    "Answer: A block", "The answer is not B.", "I think", "Answer: C'", "the answer is a matter of taste",
    "Answer: K",
    "Answer: C\nAnswer: cannot be determined",
])
def test_no_letter(text: str) -> None:
    assert extract(text, "letter") is None


@pytest.mark.parametrize("text, number", [
    ("Answer: 12345678", 12345678), ("Answer: 3.14 m/s", 3.14),
    ("1.5e-10", 1.5e-10), ("1.5 x 10^-10", 1.5e-10), ("1e3", 1000), ("1,000", 1000), ("1/2", 0.5), (".5", 0.5),
    ("-3.0", -3.0), ("-20", -20), ("50%", 0.5), (r"\frac{1}{2}", 0.5),
    ("Answer: 1.5 × 10⁻¹⁰ m", 1.5e-10), (r"Answer: $1.5 \times 10^{-10}\,\mathrm{m}$", 1.5e-10),
    (r"$\boxed{-\frac{3}{4}}$", -0.75), (r"\boxed{\dfrac{\sqrt{3}}{2}}", 0.8660254), (r"\frac12", 0.5),
    (r"Answer: 2\pi", 6.2831853), ("Answer: π/4", 0.7853982), (r"\boxed{1\frac{1}{2}}", 1.5),
    ("Answer: 3 1/2 hours", 3.5),
    ("Answer: −7", -7), ("Answer: +7", 7), ("Answer: $1{,}234.5$", 1234.5), ("Answer: $5", 5),
    (r"Answer: 12\%", 0.12),
    ("Answer: v = d/t = 12 m/s", 12), ("Answer: about 5 kg", 5), ("Answer: approx. 5 kg", 5),
    ("The answer is x = -5.", -5),
    ("Answer: 3 + 4 = 7", 7), ("#### 1,234", 1234), ("so 48/2 = 24.\n#### 72", 72), ("The result is 42.", 42),
    ("10+5*3-2 = 23", 23), ("Answer: 5 (since F = ma)", 5), ("Answer:\n\n\\[ x = 5 \\]", 5), ("Answer: 5.", 5),
    ("Answer:\n- 5 m", 5), ("Answer: (1.5)", 1.5), ("Answer: 10**3", 1000),
    ("Answer: 4\nAnswer: 5\nThanks, 3 times.", 5),
    ("Answer: 2^10", 1024), ("The answer is \\boxed{\\text{5}}", 5), ("Answer: **8**", 8), ("Answer: `8`", 8),
    ("Answer: H2O weighs 18 g", 18), ("Answer: 0", 0),
])
def test_numbers(text: str, number: float) -> None:
    assert value(text, "number") == pytest.approx(number, rel=1e-7)


@pytest.mark.parametrize("text", [
    "", "Answer: none", "Answer: unknown", "Answer: five", "Answer: 3 + 4", "Answer: 3-5", "Answer: 1/0",
    "Answer: 1e999",
    "Answer: 10^999999999", r"\boxed{x}", "Answer: H2O", "Answer: inf", "Answer: nan", r"\frac{1}{0}", "Answer: -",
    "It takes 3 steps and 4 hours.", "9" * 999, "__import__('os').system('true')", "Answer: obvious. It has 3 parts",
])
def test_no_number(text: str) -> None:
    assert extract(text, "number") is None


@pytest.mark.parametrize("text, truth, right", [
    ("-20", "20.0", False), ("-3.0", "-3.14", False), ("-3.02", "-3.14", True), ("50%", "0.5", True), ("0.5",
    "50%", True),
    (r"\frac{1}{2}", "0.5", True), ("0.001", "0.0", False), ("0.0000005", "0.0", True), ("0", "0", True),
    ("1.04", "1.0", True), ("1.05", "1.0", False), ("15.0", "15", True), ("14.6", "15", False), ("15.0000001",
    "15", False),
    ("15", 15, True), ("16", 15, False), ("5.3", 5.333, True), ("1,000", "1000", True), ("1000", "1,000", True),
    ("4e-5", 4e-05, True), ("0.00004", "4e-05", True), ("Answer: 3.14 km/h", "3.14", True), ("3.14 m/s",
    "3.14 m/s", True),
    (r"$3.14\,\mathrm{m/s}$", "3.14 m/s", True), ("Answer: 3.14 km/h", "3.14 m/s", False), ("3.14",
    "3.14 m/s", False),
    ("9.8 m/s²", "9.8 m/s^2", True), ("9.8 m/s", "9.8 m/s^2", False), ("9.8 m/s^2", "9.8 m/s", False),
])
def test_numbers_against_the_truth(text: str, truth: object, right: bool) -> None:
    assert judge_text(text, truth, "number").right is right


def test_a_task_states_its_own_tolerance() -> None:
    assert judge_text("14.6", "15", "number", tolerance=0.05).right
    assert not judge_text("3.02", "3.14", "number", tolerance=0.01).right
    assert same(Read(3.14, "3.14", ""), 3.141, "number", 0.001)


@pytest.mark.parametrize("text, numbers", [
    ("(2, 1)", (2, 1)), ("2, 1", (2, 1)), ("Answer: [1, 2]", (1, 2)), (r"\boxed{\{1, 2\}}", (1, 2)),
    ("Answer: 2 and 1", (2, 1)),
    ("Answer: x = 2, y = -1.5", (2, -1.5)), ("[0.5, 1/3]", (0.5, 1 / 3)), ("Answer: [100,200]", (100, 200)),
    ("[[1, 2], [3, 4]]", (1, 2, 3, 4)), ("Answer: f(x) is zero at (2, 1) only", (2, 1)),
    (r"Answer: $\left(2, 1\right)$", (2, 1)),
    ("Answer: [7]", (7,)),
])
def test_lists(text: str, numbers: tuple[float, ...]) -> None:
    assert value(text, "list") == pytest.approx(numbers)


@pytest.mark.parametrize("text", ["", "Answer: none", "[a, b]", "Answer: [1, b]", "no list here"])
def test_no_list(text: str) -> None:
    assert extract(text, "list") is None


@pytest.mark.parametrize("text, truth, right", [
    ("(2, 1)", "[1, 2]", True), ("2, 1", "[1, 2]", True), ("2, 1", [1, 2], True), ("2, 2", [1, 2], False),
    ("1, 2, 3", [1, 2], False), ("0.33, 0.25", [0.333, 0.25], True), ("1.02, 2", [1, 2], False), ("0.67, -0.67",
    [0.6667, -0.6667], True),
    ("0.67, -0.77", [0.6667, -0.6667], False),
])
def test_lists_against_the_truth_in_any_order(text: str, truth: object, right: bool) -> None:
    assert judge_text(text, truth, "list").right is right


@pytest.mark.parametrize("text, word", [
    ("It is known ... Answer: yes", "yes"), ("eyes ... Answer: no", "no"), ("Answer: unknown", None),
    ("Answer: **Maybe**", "maybe"),
    ("Yes", "yes"), ("Yes, the study shows a benefit.", "yes"), ("No difference was found.", None),
    ("It is not known", None),
    ("Answer: yes or no", None), ("Answer: yes/no/maybe", None), ("diagnosis", None),
    ("Answer: cannot tell", None), ("", None),
    ("The final decision is: no.", "no"), ("Decision: no", "no"), ("Answer: yes\n\nAnswer: maybe", "maybe"),
    ("Answer: nobody", None),
    ("The answer is not yes", None), ("Reasons...\nNo.", "no"),
])
def test_yes_no_maybe(text: str, word: str | None) -> None:
    assert value(text, "yes_no_maybe") == word


@pytest.mark.parametrize("text, truth", [
    ("Answer: True", True), ("False", False), ("Decision: False", False), ("Answer: yes", True),
    ("Opinion: True. Decision: False", False),
    ("Answer: untrue", None), ("Answer: not true", None), ("Answer: true or false", None),
    (r"\boxed{\text{True}}", True), ("Answer: It is true.", True), ("Answer: The statement is **false**", False),
    ("The statement is true.", True), ("Answer: it is not true", None), ("It is true that 2 is even, but", None),
])
def test_booleans(text: str, truth: bool | None) -> None:
    assert value(text, "boolean") is truth


def test_booleans_against_the_truth() -> None:
    assert judge_text("Answer: True", True, "boolean").right
    assert judge_text("Answer: no", "False", "boolean").right
    assert not judge_text("Answer: True", False, "boolean").right


def test_exact_text_is_compared_as_it_stands() -> None:
    assert judge_text(" 1 7  6 4 N\n", "1 7 6 4 N", "exact").right
    assert not judge_text("1 7 6 4", "1 7 6 4 N", "exact").right
    assert judge_text("Answer: 5", "5", "exact") == Verdict(
        False, Read("Answer: 5", "Answer: 5", "as it stands"), "read 'Answer: 5' as it stands; the truth is '5'")
    assert extract(" \n", "exact") is None


def test_a_verdict_says_what_was_read_and_where() -> None:
    assert judge_text("I see. **Answer:** (c) 12 eV", "(c)", "letter") == Verdict(
        True, Read("C", "c", "after 'Answer:'"), "read 'c' after 'Answer:'; the truth is 'c'")
    assert judge_text("Hm.", "C", "letter") == Verdict(False, None, "no letter answer found")


def test_names_and_truths_are_checked() -> None:
    with pytest.raises(UnknownName, match="did you mean 'letter'"):
        extract("C", "leter")
    with pytest.raises(UsageError, match="cannot be read"):
        known("five", "number")
    for comma in ("12,5", "0,125", "3,14159", "-0,5 m", "1.234,56"):
        with pytest.raises(UsageError, match="write its decimals with a point"):
            known(comma, "number")
        assert extract(f"Answer: {comma}", "number") is None
    with pytest.raises(UsageError, match="already"):
        register(Kind("letter", *[lambda text: None] * 2, lambda *_: False))


# Any text --------------------------------------------------------------------------------------------

pieces = st.sampled_from([
    "Answer:", "answer is ", "\\boxed{", "\\frac{", "}", "{", "(", ")", "[", "]", "1", "-", ".", ",", "^", "e", "%",
    "\\sqrt", "√",
    "π", " ", "\n", "C", "yes", "no", "true", "####", "*", "/", "x", "=", "\x00", "\ud800", "٣", "＝", "and",
    "\\text{", "I", "2*",
])


@given(st.sampled_from(sorted(KINDS)), st.one_of(st.text(max_size=80), st.lists(pieces, max_size=30).map("".join)))
def test_no_text_raises(kind: str, text: str) -> None:
    found = extract(text, kind)
    assert found is None or same(found, found.text, "exact") in (True, False)


@given(st.floats(-1e12, 1e12).filter(lambda x: x == 0 or abs(x) > 1e-12))
def test_every_float_is_read_back(number: float) -> None:
    assert value(f"Answer: {number!r}", "number") == number
    assert value(f"So it is $x = {number!r}$ m", "number") == number


@given(st.integers(-10**15, 10**15))
def test_every_whole_number_is_read_back_with_thousands(number: int) -> None:
    assert value(f"Answer: {number:,}", "number") == number
    assert judge_text(f"The answer is {number}.", number, "number").right


@pytest.mark.parametrize("kind", sorted(KINDS))
@pytest.mark.parametrize("hostile", [
    "answer " * 30_000, "answer" + " " * 200_000, "\\boxed{" * 30_000, "(" * 200_000, "Answer: " + "(" * 200_000,
    "Answer:" + "2*" * 100_000 + "+", "\\frac{" * 30_000, "Answer: 1" + "," * 200_000, "√" * 200_000, "[" * 200_000,
    "1," * 100_000,
    ("Answer: " + "2*" * 480 + "2+2\n") * 200, "Answer: " + "the " * 50_000, "*" * 200_000, "\n" * 200_000,
    "9" * 200_000,
    ("Answer: " + "(((((((" * 140) * 200, "####" * 50_000, "Answer: " + "-" * 200_000,
    "Answer: " + "yes or " * 30_000,
], ids=range(20))
def test_hostile_text_is_read_in_linear_time(kind: str, hostile: str) -> None:
    """Not timed: at this length a reader that is quadratic, let alone one that backtracks, does not come back."""
    extract(hostile, kind)


@pytest.mark.data
@pytest.mark.skipif("SIRIUS_TEST_DATA" not in os.environ, reason="needs the official datasets")
def test_every_truth_of_theoremqa_is_read_and_right_against_itself() -> None:
    kinds = {"integer": "number", "float": "number", "list of integer": "list", "list of float": "list",
             "bool": "boolean", "option": "letter"}
    rows = json.loads((Path(os.environ["SIRIUS_TEST_DATA"]) / "theoremqa" / "theoremqa_test.json").read_text("utf-8"))
    for row in rows:
        kind = kinds[row["Answer_type"]]
        assert judge_text(f"Therefore ...\nAnswer: {row['Answer']}", row["Answer"], kind).right, row
    assert len(rows) == 800


@pytest.mark.parametrize("text", ["Answer: 5 or 6", "Answer: 3 to 5", "Answer: between 3 and 5", "Answer: 3:4",
                                  "Answer: 1.000,50", "Answer: 3,5", "the answer is 5 and 7", "Answer: 5 or 5.5 m"])
def test_two_numbers_are_no_answer(text: str) -> None:
    assert extract(text, "number") is None


@pytest.mark.parametrize("text, truth, right", [
    ("Answer: 25%", "25", True), ("Answer: 25 percent", "25", True), ("Answer: 25 per cent of them", "25", True),
    ("Answer: 25%", "0.25", True), ("Answer: 25 percent", "0.25", True), ("Answer: 25%", "26", False),
    ("Answer: 25", "0.25", False), ("Answer: 1 000 000", "1000000", True), ("Answer: 1\u202f500 m", "1500", True),
    ("Answer: 12 and a half", "12", True), ("Answer: 5 or 5", "5", True), ("Answer: 2 1/2", "2.5", True),
])
def test_percent_and_groups_of_digits(text: str, truth: str, right: bool) -> None:
    assert judge_text(text, truth, "number").right is right
