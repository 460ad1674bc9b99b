"""MMLU (Hendrycks et al. 2021; MIT): ``data/{dev,val,test}/SUBJECT_{dev,val,test}.csv``, UTF-8, no header, six columns:
question, four options, letter.

``data`` is the official folder (then all rows of the test files are taken and split 2:1 here, as the paper does), one
of its three subfolders, or one CSV. ``subjects`` are the file names' subjects, e.g. college_physics. Each subject is
split on its own. What stands in the parts that are not taken is only compared, for the report of overlaps.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from ..errors import UsageError
from ..settings import Settings
from .files import Csv, existing, place, regular
from .rows import Dataset, Row, check_subjects, subjects_of

WANTED = "MMLU's folder data/ with test/SUBJECT_test.csv, one of its subfolders, or one such CSV"
PARTS = ("test", "val", "dev")


class _File(NamedTuple):
    path: Path
    subject: str
    part: str


def dataset(settings: Settings, seed: int) -> Dataset:
    path = existing(settings.data, WANTED)
    subjects = subjects_of(settings.subjects)
    files = [_named(regular(path, WANTED))] if not path.is_dir() else _files(_folder(path))
    check_subjects(subjects, {f.subject for f in files}, "MMLU subject")
    files = [f for f in files if not subjects or f.subject.casefold() in subjects]
    beside = [other for f in files for other in _siblings(f)]
    part = files[0].part or "only"
    return Dataset("MIT", lambda: _rows(files), tuple(f.path for f in files), lambda: _rows(beside, official=True),
                   (f"all rows of the {part} files, each subject split 2:1 by question text",))


def _folder(path: Path) -> Path:
    for folder in (path / "data" / "test", path / "test", path):
        if folder.is_dir() and any(folder.glob("*.csv")):
            return folder
    raise UsageError(f"there is no CSV in {str(path)!r}: set data=PATH, {WANTED}")


def _files(folder: Path) -> list[_File]:
    """The files of one part: of the first in PARTS where the folder mixes them."""
    found = [_named(regular(path, WANTED)) for path in sorted(folder.glob("*.csv"))]
    first = next((part for part in PARTS if any(f.part == part for f in found)), "")
    return [f for f in found if f.part == first]


def _named(path: Path) -> _File:
    name = re.fullmatch(r"(.+)_(dev|val|test)", path.stem)
    return _File(path, *name.groups()) if name else _File(path, path.stem, "")


def _siblings(file: _File) -> Iterator[_File]:
    for part in PARTS:
        name = f"{file.subject}_{part}.csv"
        for path in (file.path.parent.parent / part / name, file.path.parent / name):
            if file.part and part != file.part and path.is_file():
                yield _File(path, file.subject, part)
                break


def _rows(files: Sequence[_File], official: bool = False) -> Iterator[Row]:
    for path, subject, part in files:
        for number, (question, *options, letter) in Csv(path, columns=6):
            yield Row(f"{subject}/{part or path.stem}/{number}", question.strip(), letter.strip(), "letter",
                      place(path, number), part if official else "", subject, tuple(map(str.strip, options)),
                      {"subject": subject, "licence": "MIT"})
