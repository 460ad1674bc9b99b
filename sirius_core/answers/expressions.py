"""Symbolic answers in LaTeX, and words."""

from __future__ import annotations

import re

from . import latex
from .numbers import EQUALS
from .statements import NO_ANSWER, Kind, Read, last_line

_SPAN = r"(?:\$[^$\n]{1,500}\$|\\\([^\n]{1,500}?\\\))"
_SPANS = re.compile(_SPAN + r"(?:\s{0,3}(?:,|,?\s?and|or)\s{0,3}" + _SPAN + r"){0,20}(?!\s{0,3}[=+*/^<>-])")
_CLAUSE_END = re.compile(r"[.?;](?:\s|$)|,?\s(?:because|since|which|so)\b")


def _words(words: str) -> Read | None:
    """The first line: the mathematics with which it begins, or its first clause."""
    lines = (line.lstrip(" \t*_~\"'>:") for line in words.split("\n"))
    line = next((line for line in lines if re.search(r"\w", line)), "")
    spans = _SPANS.match(line)
    shown = latex.tidy(spans[0] if spans else _CLAUSE_END.split(line, maxsplit=1)[0])
    return Read(shown, shown, "") if shown else None


def _expression(words: str) -> Read | None:
    return None if NO_ANSWER.match(words) else _words(words)


def _bare_words(text: str) -> Read | None:
    """The last mathematics of the last line, what follows its last equals sign, or the line if it is all there is."""
    line = last_line(text)
    spans = re.findall(_SPAN, line)
    if not spans and "\n" in text.strip():
        line = EQUALS.split(line)[-1] if EQUALS.search(line) else ""
    found = _words(spans[-1] if spans else line)
    return Read(found.value, found.text, "on the last line") if found else None


def _true_words(text: str) -> Read | None:
    shown = latex.tidy(text)
    return Read(shown, shown, "") if shown else None


def _said(text: str) -> str:
    return " ".join(re.findall(r"\w+|[-+.,](?=\d)|[%/]", text.casefold()))


def _same_latex(read: Read, truth: Read, tolerance: float | None) -> bool:
    return latex.same(read.value, truth.value, tolerance)


def _same_words(read: Read, truth: Read, tolerance: float | None) -> bool:
    return _said(read.value) == _said(truth.value)


KINDS = (
    Kind("latex", _expression, _bare_words, _same_latex, truth=_true_words),
    Kind("text", _words, _bare_words, _same_words, truth=_true_words),
)
