"""TheoremQA (Chen et al. 2023; MIT): ``theoremqa_test.json``, a list of 800 objects with native JSON answers.

``subjects`` are fields (Physics, Math, EECS, Finance) or subfields. Rows that need a picture are kept, as the paper
keeps them (17 of its 131 physics questions), and flagged. No official split. Lists are compared in any order, numbers
within 4 % where the official answer type is float, as the official judge does.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..answers import FLOAT_TOLERANCE
from ..errors import UsageError
from ..settings import Settings
from .files import existing, json_list, place, regular
from .rows import Dataset, Row, check_subjects, subjects_of

NAME = "theoremqa_test.json"
WANTED = f"the file {NAME} or its folder"
KINDS: dict[str, tuple[str, type | tuple[type, ...]]] = {
    "integer": ("number", int), "float": ("number", (int, float)), "list of integer": ("list", list),
    "list of float": ("list", list), "bool": ("boolean", bool), "option": ("letter", str),
}


def dataset(settings: Settings, seed: int) -> Dataset:
    path = existing(settings.data, WANTED)
    path = regular(path / NAME if path.is_dir() else path, WANTED)
    subjects = subjects_of(settings.subjects)
    entries = list(json_list(path))
    check_subjects(subjects, {str(row.get(key)) for _, row in entries for key in ("field", "subfield")},
                   "field of TheoremQA")
    pictures = sum(row.data.get("needs_picture", False) for row in _rows(path, subjects))
    notes = (f"{pictures} questions need a picture that a text model does not see; they are kept and flagged",)
    return Dataset("MIT", lambda: _rows(path, subjects), (path,), notes=notes if pictures else ())


def _rows(path: Path, subjects: tuple[str, ...]) -> Iterator[Row]:
    for number, row in json_list(path):
        where = place(path, number)
        for key in ("Question", "Answer", "Answer_type", "id"):
            if row.get(key) is None:
                raise UsageError(f"{where}: no {key!r}; set data=PATH, {WANTED}")
        if subjects and not {str(row.get(key)).casefold() for key in ("field", "subfield")} & set(subjects):
            continue
        kind, answer = _answer(row, where)
        data: dict[str, Any] = {"subject": row.get("field"), "subfield": row.get("subfield"), "licence": "MIT"}
        if kind in ("number", "list"):
            data["tolerance"] = FLOAT_TOLERANCE if "float" in row["Answer_type"] else 0.0
        if row.get("Picture") is not None:
            data.update(needs_picture=True, picture=str(row["Picture"]))
        yield Row(str(row["id"]), str(row["Question"]).strip(), answer, kind, where, data=data)


def _answer(row: dict[str, Any], where: str) -> tuple[str, str]:
    """(kind, answer as text). True is no integer here, although it is one in Python."""
    name, value = row["Answer_type"], row["Answer"]
    kind, types = KINDS.get(str(name), ("", ()))
    if not kind:
        raise UsageError(f"{where}: Answer_type {str(name)[:40]!r} is unknown; known: {', '.join(KINDS)}")
    if not isinstance(value, types) or (isinstance(value, bool) and types is not bool):
        raise UsageError(f"{where}: an Answer of type {name!r} is needed, this is {str(value)[:40]!r}")
    return kind, json.dumps(value) if isinstance(value, list) else str(value)
