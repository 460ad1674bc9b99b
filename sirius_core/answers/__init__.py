"""Free text to an answer, or None; and comparison with the truth.

    >>> judge_text("It is known that ... **Answer:** 1.5 x 10^-10 m", "1.5e-10", "number").right
    True

The last stated answer wins: the last ``Answer: ...``, ``the answer is ...``, ``\\boxed{...}`` or ``#### ...`` from
which a value of the kind can be read. A text without any may be the bare answer, or end in it. What states nothing
readable is None: no answer, wrong, and counted. Text is parsed, never evaluated, in time linear in its length.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..errors import UnknownName, UsageError
from . import choices, expressions, numbers
from .numbers import FLOAT_TOLERANCE, WHOLE
from .statements import NO_ANSWER, Kind, Read, statements

__all__ = ["FLOAT_TOLERANCE", "KINDS", "Kind", "Read", "Verdict", "extract", "judge_text", "known", "register", "same",
           "usual_tolerance"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """``right``, with what was read (None: no answer) and one clause that says why."""

    right: bool
    read: Read | None
    why: str


KINDS: dict[str, Kind] = {}


def register(kind: Kind) -> Kind:
    if kind.name in KINDS:
        raise UsageError(f"there is already a kind of answer named {kind.name!r}")
    KINDS[kind.name] = kind
    return kind


def extract(text: str, kind: str) -> Read | None:
    """The last answer of this kind that ``text`` states, or None. Never raises on any text."""
    rules = _kind(kind)
    marked = False
    for where, words in statements(text) if rules.marked else ():
        marked = True
        if found := rules.stated(words):
            return Read(found.value, found.text, f"after {where!r}", found.unit)
        if NO_ANSWER.match(words):
            return None
    return None if marked else rules.bare(text)


def same(read: Read, truth: object, kind: str, tolerance: float | None = None) -> bool:
    """Is the reading right? ``truth`` is a value, or a text as the source states it (see `known`)."""
    return _kind(kind).same(read, known(truth, kind), tolerance)


def known(truth: object, kind: str) -> Read:
    """The truth as this kind reads it: ``known("(c)", "letter").value == "C"``. UsageError if it is none."""
    rules = _kind(kind)
    text = ", ".join(map(str, truth)) if isinstance(truth, list | tuple) else str(truth)
    found = (rules.truth or (rules.stated if rules.marked else rules.bare))(text)
    if found is None:
        comma = "; write its decimals with a point" if re.search(r"\d,\d", text) and kind != "exact" else ""
        raise UsageError(f"the truth {text[:80]!r} cannot be read as an answer of kind {kind!r}{comma}")
    return found


def usual_tolerance(truth: object, kind: str) -> float | None:
    """The tolerance that a kind takes where the task states none: 0 for whole numbers, `FLOAT_TOLERANCE` for others.

    None where the numbers of a list differ in that, or the kind knows no tolerance.
    """
    if kind not in ("number", "list", "ordered_list"):
        return None
    found = {0.0 if WHOLE.fullmatch(text) else FLOAT_TOLERANCE for text in known(truth, kind).text.split(", ")}
    return found.pop() if len(found) == 1 else None


def judge_text(text: str, truth: object, kind: str, tolerance: float | None = None) -> Verdict:
    """``judge_text("-20", "20.0", "number")`` is wrong: read -20.0, the truth is 20.0."""
    right_answer = known(truth, kind)
    read = extract(text, kind)
    if read is None:
        return Verdict(False, None, f"no {kind} answer found")
    right = _kind(kind).same(read, right_answer, tolerance)
    return Verdict(right, read, f"read {read.text!r} {read.why}; the truth is {right_answer.text!r}")


def _kind(name: str) -> Kind:
    if name not in KINDS:
        raise UnknownName("kind of answer", name, KINDS)
    return KINDS[name]


for _kinds in (choices.KINDS, numbers.KINDS, expressions.KINDS):
    for _each in _kinds:
        register(_each)
