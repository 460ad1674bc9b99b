"""Letters, closed words (yes, no, maybe, true, false), and text as it stands."""

from __future__ import annotations

import re
from typing import Any

from ..numerals import WRAPPED
from .statements import ALTERNATIVE, DECORATION, WINDOW, Kind, Read, last_line

_LEAD = r"(?:(?i:the|option|choice|letter|answer|is|statement)\b\s{0,3}[(*]{0,3})*"
_LETTER = re.compile(DECORATION + _LEAD + r"([A-Ja-j])(?![\w'’^])" + ALTERNATIVE % "[A-Ja-j]")
_ARTICLE = re.compile(r"[ \t]+(?!because\b|since\b|as\b|is\b|and\b|which\b|with\b|for\b)[a-z]{2,}")
_LETTER_LINE = re.compile(DECORATION + r"(?:[A-J]|[a-j](?=[).]))(?:[).:]|[\s*_`\"'’”)}\]$.]{0,20}$)")
_IS_CORRECT = re.compile(r"\b([A-J])\b\)?\s{1,3}is\s{1,3}(?:the\s{1,3})?(?:correct|right|best)\b")


def _letter(words: str) -> Read | None:
    plain = WRAPPED.sub("", words)
    if not (found := _LETTER.match(plain)):
        return None
    letter, rest = found[1], plain[found.end():].partition("\n")[0]
    if letter in "AIai" and _ARTICLE.match(rest):  # "A block slides", "I think"
        return None
    if letter.islower() and rest[:1].isspace() and rest.strip():
        return None
    return Read(letter.upper(), letter, "")


def _bare_letter(text: str) -> Read | None:
    last, first = last_line(text), text.strip()[:WINDOW].partition("\n")[0]
    for line, where in ((last, "on the last line"), (first, "on the first line")):
        if _LETTER_LINE.match(WRAPPED.sub("", line)) and (found := _letter(line)):
            return Read(found.value, found.text, where)
        if claims := _IS_CORRECT.findall(line):
            return Read(claims[-1], claims[-1], where)
    return None


_SUBJECT = r"(?:\b(?:the|this|that|it|statement|claim|assertion|answer|is)\b\s{1,3}){0,5}[*_`\"'(]{0,3}"


def _closed(name: str, values: dict[str, Any]) -> Kind:
    """A kind with a handful of words, read where a statement begins: ``Answer: yes, because ...``."""
    words = "|".join(values)
    word = re.compile(DECORATION + _SUBJECT + rf"({words})(?![\w'’-])" + ALTERNATIVE % words, re.IGNORECASE)
    line = re.compile(DECORATION + _SUBJECT +
                      rf"(?:{words})\b(?=[*_`\"'’”)}}\]$]{{0,6}}\s{{0,3}}(?:[,.;:!—–]|$))", re.IGNORECASE)

    def stated(text: str) -> Read | None:
        found = word.match(WRAPPED.sub("", text))
        return Read(values[found[1].lower()], found[1], "") if found else None

    def bare(text: str) -> Read | None:
        for part, where in ((last_line(text), "on the last line"), (text.strip()[:WINDOW].partition("\n")[0],
                                                                     "on the first line")):
            plain = WRAPPED.sub("", part)
            if line.match(plain) and (found := stated(plain)):
                return Read(found.value, found.text, where)
        return None

    return Kind(name, stated, bare, lambda read, truth, tolerance: bool(read.value == truth.value))


def exact(text: str) -> Read | None:
    words = " ".join(text.split())
    return Read(words, words[:WINDOW], "as it stands") if words else None


KINDS = (
    Kind("letter", _letter, _bare_letter, lambda read, truth, tolerance: bool(read.value == truth.value)),
    _closed("boolean", {"true": True, "false": False, "yes": True, "no": False}),
    _closed("yes_no_maybe", {"yes": "yes", "no": "no", "maybe": "maybe"}),
    Kind("exact", exact, exact, lambda read, truth, tolerance: bool(read.value == truth.value), marked=False),
)
