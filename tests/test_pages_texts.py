"""Texts on the pages: word diffs of short and long replies, folding, escaping, amounts of money."""

from __future__ import annotations

import html
import re

import pytest

pytest.importorskip("streamlit")

from hypothesis import given
from hypothesis import strategies as st

from view import texts
from view.numbers import dollars, spread

KINDS = ["", "a b c", "a b d.", "<i>&amp;", "x = \\frac{1}{2}", "word " * 70, "| a | b |", "7"]
LINES = st.lists(st.sampled_from(KINDS), max_size=60).map("\n".join)
REPLIES = st.one_of(LINES, st.text("ab<>&. \n", max_size=60))


def reading(marked: str, without: str) -> str:
    """What is left of a diff if one side is taken away, without white space."""
    sides = {"old": (r"<del>.*?</del>", r'<div class="old">.*?</div>'),
             "new": (r"<ins>.*?</ins>", r'<div class="new">.*?</div>')}
    for pattern in sides[without]:
        marked = re.sub(pattern, "", marked, flags=re.DOTALL)
    marked = re.sub(r"<summary>.*?</summary>|</?(?:details|del|ins|div|span)[^<>]*>", "", marked, flags=re.DOTALL)
    return "".join(html.unescape(marked).split())


@given(REPLIES, REPLIES)
def test_a_diff_holds_both_texts_whole_and_no_markup_of_theirs(before: str, after: str) -> None:
    marked = texts.diff_html(before, after)
    if not (before.strip() or after.strip()):
        return
    assert reading(marked, "old") == "".join(after.split())
    assert reading(marked, "new") == "".join(before.split())
    assert set(re.findall(r"<(\w+)", marked)) <= {"del", "ins", "details", "summary", "div", "span"}


def test_a_diff_keeps_line_breaks_and_folds_what_did_not_change() -> None:
    many = [f"Step {i}: look at number {i}." for i in range(30)]
    marked = texts.diff_html("\n".join([*many, "It is 7."]), "\n".join([*many, "It is 8."]))
    assert marked.startswith("<details><summary>… unchanged: 29 lines, 174 words</summary>Step 0")
    assert marked.endswith("</details>Step 29: look at number 29.\nIt is <del>7</del> <ins>8</ins>.")
    assert texts.diff_html("a\n\nb", "a\n\nb c") == "a\n\nb <ins>c</ins>"
    assert texts.diff_html("a\nb", "a\nx\nb") == "a\n<ins>x</ins>\nb"


def test_texts_of_a_megabyte_are_not_compared_word_by_word() -> None:
    lines = [f"Step {i % 97}: look at number {i % 89}." for i in range(30_000)]
    before, after = "\n".join(["It is 7.", *lines]), "\n".join(["It is 8.", *lines[:10_000], "x", *lines[10_001:]])
    marked = texts.diff_html(before, after)
    assert "what stood here before" in marked and marked.count("<details>") == 3
    endless = texts.diff_html("word " * 200_000, "word " * 100_000 + "wird " * 100_000)
    assert endless.count("<details>") == 2


def test_texts_that_share_hardly_a_word_stand_one_after_the_other() -> None:
    before, after = " ".join(f"old{i}" for i in range(80)), " ".join(f"new{i}" for i in range(80))
    marked = texts.diff_html(before, after)
    assert marked.count("<del>") == 0 and "what stood here before (80 words)" in marked
    assert '<div class="new">new0 new1' in marked


@pytest.mark.parametrize("lines, folded", [(39, False), (60, True)])
def test_a_long_reply_shows_its_beginning(lines: int, folded: bool) -> None:
    text = "\n".join(f"line {i}" for i in range(lines))
    body = texts.body(text)
    assert ("<details>" in body) == folded
    if folded:
        assert "line 27<details><summary>… 32 lines, 64 words more</summary>line 28\n" in body
    endless = texts.body("x" * 10_000)
    assert "<details>" in endless and len(endless) < 10_200


def test_amounts_of_money_keep_two_digits_that_say_something() -> None:
    said = [dollars(x) for x in (None, 0.0, 0.0000123, 0.0041, 0.05, 0.1, 1.234, 12345.6)]
    assert said == ["unknown", "$0", "$0.000012", "$0.0041", "$0.05", "$0.10", "$1.23", "$12,345.60"]
    assert (spread("$1", "$2"), spread("40", "40")) == ("$1 to $2", "40")


def test_code_and_tables_stand_in_letters_of_one_width() -> None:
    assert texts.body("so\n```python\nx < 1\n```\n| a | b |\nend") == (
        'so\n<span class="mono">```python\nx &lt; 1\n```\n| a | b |</span>\nend')
    folded = texts.body("\n".join(["```", *["x"] * 60, "```", "end"]))
    assert folded.count('<span class="mono">') == 2 and folded.endswith("```</span>\nend</details>")
