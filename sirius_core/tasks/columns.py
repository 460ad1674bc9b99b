"""Which column of a table is what: read from ``settings.columns``, or guessed from the names.

    question=Problem, answer=Solution, options=A|B|C|D, context=Passage, kind=number, split=Set, tolerance=0.01

A value with a comma stands in double quotes. ``question`` and ``context`` may join columns: question=Instruction+Input.
``options`` are several columns, or one with a list. ``kind`` and ``tolerance`` are a column or the value itself.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from .. import answers
from ..errors import UnknownName, UsageError

EXAMPLE = "columns=question=Problem, answer=Solution"
_NAMES = {
    "question": "question problem prompt query input instruction text",
    "answer": "answer groundtruth gold target label finalanswer finaldecision correctanswer output solution",
    "options": "options choices",
    "context": "context passage background",
    "split": "split set partition",
    "id": "id index uniqueid uid",
    "subject": "subject category topic",
    "kind": "kind",
    "tolerance": "tolerance",
}
ROLES = tuple(_NAMES)
_ENTRY = re.compile(r"\s*([A-Za-z]+)\s*=\s*(?:\"([^\"]*)\"|([^,\"]*?))\s*(?:,|$)")


@dataclass(frozen=True)
class Columns:
    """The names of the columns, empty where there is none. ``kind`` and ``tolerance`` are those of all rows;
    ``kind_column`` and ``tolerance_column`` say them row by row."""

    question: tuple[str, ...]
    answer: str
    options: tuple[str, ...] = ()
    context: tuple[str, ...] = ()
    split: str = ""
    id: str = ""
    subject: str = ""
    kind: str = ""
    kind_column: str = ""
    tolerance: float | None = None
    tolerance_column: str = ""
    notes: tuple[str, ...] = ()


def mapped(text: str, known: Sequence[str], where: str) -> Columns:
    """The columns that ``text`` names, all of them in ``known``; what it leaves open is guessed, and said."""
    asked = parsed(text)
    named: dict[str, tuple[str, ...]] = {}
    kind, tolerance = "", None
    for role, value in asked.items():
        if role == "kind" and value in answers.KINDS and value not in known:
            kind = value
        elif role == "tolerance" and value not in known and (number := _number(value)) is not None:
            tolerance = number
        else:
            named[role] = _columns(role, value, known, where)
    guessed = {role: names for role in (("question", "answer") if asked else ROLES)
               if role not in asked and (names := _guess(role, known, {n for ns in named.values() for n in ns}))}
    notes = tuple(f"guessed from the names: {role} = {'|'.join(names)}" for role, names in guessed.items())
    named |= guessed
    for role in ("question", "answer"):
        if role not in named:
            raise UsageError(f"{where}: which column is the {role}? Its columns are {_shown(known)}; set "
                             f"{EXAMPLE}")
    one = {role: names[0] for role, names in named.items()}
    return Columns(named["question"], one["answer"], named.get("options", ()), named.get("context", ()),
                   one.get("split", ""), one.get("id", ""), one.get("subject", ""), kind, one.get("kind", ""),
                   tolerance, one.get("tolerance", ""), notes)


def parsed(text: str) -> dict[str, str]:
    """``"question=Problem, options=A|B"`` to {role: value}."""
    found: dict[str, str] = {}
    place = 0
    while place < len(text.rstrip()):
        entry = _ENTRY.match(text, place)
        if entry is None or not (value := (entry[2] if entry[2] is not None else entry[3]).strip()):
            raise UsageError(f"columns: {text[place:place + 60].strip()!r} cannot be read; write {EXAMPLE}")
        role = entry[1].lower()
        if role not in ROLES:
            raise UnknownName("role of a column", role, ROLES)
        if role in found:
            raise UsageError(f"columns: {role} is named twice")
        found[role] = value
        place = entry.end()
    return found


def _columns(role: str, value: str, known: Sequence[str], where: str) -> tuple[str, ...]:
    joint = {"question": "+", "context": "+", "options": "|"}.get(role)
    parts = [value] if value in known or not joint else [part.strip() for part in value.split(joint)]
    for part in parts:
        if part not in known:
            what = f" ({part} is neither a column nor a kind of answer)" if role == "kind" else ""
            raise UsageError(f"{where} has no column {part!r}{what}; its columns: {_shown(known)}")
    return tuple(parts)


def _guess(role: str, known: Sequence[str], taken: set[str]) -> tuple[str, ...]:
    plain = {re.sub(r"[\s_-]", "", name).casefold(): name for name in reversed(known)}
    for name in _NAMES[role].split():
        if name in plain and plain[name] not in taken:
            return (plain[name],)
    if role == "options":
        for before in ("", "option", "choice", "op"):
            letters = [plain[before + letter] for letter in "abcdefghij" if before + letter in plain]
            if len(letters) >= 2 and before + "a" in plain and before + "b" in plain:
                return tuple(letters)
    return ()


def _shown(known: Sequence[str]) -> str:
    """The columns' names for an error: on one line, whatever stands in a header."""
    return " ".join(", ".join(known).split())[:300]


def _number(value: str) -> float | None:
    try:
        number = float(value)
    except ValueError:
        return None
    return number if 0 <= number < 1e9 else None
