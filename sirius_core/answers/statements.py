"""Where an answer is stated in a text, and what reading one means.

Every repetition is bounded and every statement cut to WINDOW characters, so no text can make reading slow.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

WINDOW = 1000
MOST_STATEMENTS = 20


@dataclass(frozen=True, slots=True)
class Read:
    """What a text was read as: the value, the words it came from, where they stood, and what followed a number."""

    value: Any
    text: str
    why: str
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Kind:
    """How one kind of answer is read and compared.

    ``stated`` reads the words that follow a statement, ``bare`` a whole text without one; ``truth`` reads the source's
    own form (None: as ``stated`` does); ``same`` compares two Reads under a relative tolerance (None: the kind's own).
    """

    name: str
    stated: Callable[[str], Read | None]
    bare: Callable[[str], Read | None]
    same: Callable[[Read, Read, float | None], bool]
    marked: bool = True  # False: the whole text is the answer, and nothing in it marks one
    truth: Callable[[str], Read | None] | None = None


_STATEMENT = re.compile(
    r"""
      \\(?:boxed|fbox)[ ]{0,3}\{
    | ^\#{4}[ \t]{0,3}(?=[-+$]{0,2}[0-9.,/]{1,40}[ \t]{0,3}$)
    | \b(?:answer|decision|verdict|conclusion|opinion)\b[*_`"')\]}$]{0,4}\s{0,4}(?:[:=>]|is\b:?)
    | \banswer\b(?!\s{1,3}[A-J]\b)[^.:=\n\\]{1,60}?\b(?:is|are|be)\b:?
    | \b(?:correct|right|best|final)\s{1,3}(?:option|choice|result|value|list)\s{1,3}is\b:?
    """,
    re.VERBOSE | re.IGNORECASE | re.MULTILINE,
)
NO_ANSWER = re.compile(
    r"[\s*_`\"'({\[$\\]{0,20}(?:unknown|undetermined|n/a\b|no answer|(?:it )?can(?:not|'t| not)\b"
    r"|I (?:do not|don't) know)", re.IGNORECASE)


def statements(text: str) -> Iterator[tuple[str, str]]:
    """The marks of stated answers, last first, each with the words up to the next mark (or the closing brace)."""
    marks = list(_STATEMENT.finditer(text))[-MOST_STATEMENTS:]
    end = len(text)
    for mark in reversed(marks):
        words = text[mark.end():min(end, mark.end() + WINDOW)]
        if mark[0].endswith("{"):
            words = _to_closing_brace(text[mark.end():mark.end() + WINDOW])
        yield " ".join(mark[0].split()), words
        end = mark.start()


def _to_closing_brace(words: str) -> str:
    depth = 1
    for place, letter in enumerate(words):
        depth += (letter == "{") - (letter == "}")
        if depth == 0:
            return words[:place]
    return words


def last_line(text: str) -> str:
    return text.rstrip()[-WINDOW:].rpartition("\n")[2].strip()


DECORATION = r"""(?:[\s*_`"'‘“({\[$<~]|\\[(\[])*"""
ALTERNATIVE = r"""(?!["'*_`)\]]{0,3}\s{0,3}(?:/|&|\b(?:or|and)\b)\s{0,3}[(*]{0,3}(?:%s)\b)"""
