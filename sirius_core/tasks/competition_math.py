"""MATH (Hendrycks et al. 2021) in its two formats: the folder ``MATH/{train,test}/SUBJECT/N.json`` with {problem,
level, type, solution}, and MATH-500's jsonl with {problem, solution, answer, subject, level, unique_id}.

The answer is the last ``\\boxed{}`` of the solution. ``subjects`` are types (algebra, ...) and levels (level 1, ...).
The folder's split is the official one; a jsonl is split 2:1 here. The repository says MIT; the data was taken off the
Hugging Face hub in January 2025 on a notice of the problems' owner, so check that you may use it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..errors import UsageError
from ..settings import Settings
from .files import existing, json_lines, json_whole, place, regular
from .rows import Dataset, Row, check_subjects, subjects_of

WANTED = "the folder MATH with train/SUBJECT/N.json and test/SUBJECT/N.json, or MATH-500's test.jsonl"
_BOX = re.compile(r"\\(?:boxed|fbox)\s*")
LICENCE = "MIT by its repository; taken off the Hugging Face hub in 2025"


def dataset(settings: Settings, seed: int) -> Dataset:
    path = existing(settings.data, WANTED)
    wanted = subjects_of(settings.subjects)
    files: tuple[Path, ...]
    if path.is_dir():
        root = next((p for p in (path, path / "MATH") if any((p / part).is_dir() for part in ("train", "test"))), None)
        if root is None:
            raise UsageError(f"there is no train/ or test/ in {str(path)!r}: set data=PATH, {WANTED}")
        found = [(part, p) for part in ("train", "test") for p in sorted((root / part).glob("*/*.json"), key=_order)]
        if not found:
            raise UsageError(f"there is no SUBJECT/N.json in {str(path)!r}: set data=PATH, {WANTED}")

        def entries() -> Iterator[tuple[str, str, str, dict[str, Any]]]:
            for part, p in found:
                name = f"{part}/{p.parent.name}/{p.name}"
                entry = json_whole(regular(p, WANTED))
                if not isinstance(entry, dict):
                    raise UsageError(f"{name}: a JSON object is needed")
                yield part, name, name, entry

        files = tuple(p for _, p in found)
    else:
        file = regular(path, WANTED)

        def entries() -> Iterator[tuple[str, str, str, dict[str, Any]]]:
            for number, entry in json_lines(file):
                yield "", str(entry.get("unique_id", number)), place(file, number), entry

        files = (file,)
    if wanted:
        check_subjects(wanted, {name for *_, entry in entries() for name in _labels(entry)}, "subject or level of MATH")

    def rows() -> Iterator[Row]:
        for part, name, where, entry in entries():
            if _chosen(entry, wanted):
                yield _row(part, name, where, entry)

    return Dataset(LICENCE, rows, files)


def boxed(solution: str) -> str | None:
    """What stands in the last ``\\boxed{...}`` (or ``\\boxed 5``) of a solution."""
    marks = list(_BOX.finditer(solution))
    if not marks:
        return None
    rest = solution[marks[-1].end():]
    if not rest.startswith("{"):
        return (re.match(r"[^\s$]*", rest) or [""])[0] or None
    depth = 0
    for i, letter in enumerate(rest):
        depth += (letter == "{") - (letter == "}")
        if depth == 0:
            return rest[1:i].strip() or None
    return None


def _order(path: Path) -> tuple[str, int, str]:
    return path.parent.name, int(path.stem) if path.stem.isdecimal() else 0, path.stem


def _labels(entry: dict[str, Any]) -> tuple[str, str]:
    subject, level = str(entry.get("subject") or entry.get("type") or ""), str(entry.get("level", ""))
    return subject.casefold(), level.casefold() if "level" in level.casefold() else f"level {level}"


def _chosen(entry: dict[str, Any], wanted: tuple[str, ...]) -> bool:
    """Whether one of the wanted subjects and one of the wanted levels fit; where none is named, any does."""
    subject, level = _labels(entry)
    levels = [name for name in wanted if name.startswith("level")]
    subjects = [name for name in wanted if name not in levels]
    return (not levels or level in levels) and (not subjects or subject in subjects)


def _row(part: str, name: str, where: str, entry: dict[str, Any]) -> Row:
    problem, solution = entry.get("problem"), entry.get("solution")
    if not isinstance(problem, str) or not isinstance(solution, str):
        raise UsageError(f"{where}: the texts 'problem' and 'solution' are needed; set data=PATH, {WANTED}")
    answer = str(entry["answer"]) if entry.get("answer") is not None else boxed(solution)
    if not answer:
        raise UsageError(f"{where}: the solution has no \\boxed{{...}} with the answer")
    subject, level = _labels(entry)
    return Row(name, problem.strip(), answer, "latex", where, part,
               data={"subject": subject, "level": level, "licence": LICENCE})
