"""GPQA (Rein et al. 2023; CC BY 4.0): ``gpqa_{diamond,main,extended}.csv`` from the authors' password-protected zip.

A CSV with header. Its authors ask that no example be shown in plain text online: every task is marked ``restricted``,
and what is restricted is kept out of exports, bundles and logs. Only the columns named here are read, so the canary
string is never stored. The options are shuffled by a seed that belongs to the task (its Record ID).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random

from ..errors import UsageError
from ..settings import Settings
from .files import Csv, existing, place, regular
from .rows import Dataset, Row, check_subjects, subjects_of

WANTED = "gpqa_diamond.csv (or main, extended), unpacked from the authors' zip with the password of their README"
OPTIONS = ("Correct Answer", "Incorrect Answer 1", "Incorrect Answer 2", "Incorrect Answer 3")
NEEDED = ("Question", *OPTIONS, "Record ID", "High-level domain", "Subdomain")
FILES = ("gpqa_diamond.csv", "gpqa_main.csv", "gpqa_extended.csv")


def dataset(settings: Settings, seed: int) -> Dataset:
    path = existing(settings.data, WANTED)
    notes: tuple[str, ...] = ()
    if path.is_dir():
        found = next((p for name in FILES for p in (path / name, path / "dataset" / name) if p.is_file()), None)
        if found is None:
            raise UsageError(f"there is no {FILES[0]} in {str(path)!r}: set data=PATH, {WANTED}")
        path, notes = found, (f"{found.name} was taken from the folder",)
    path = regular(path, WANTED)
    subjects = subjects_of(settings.subjects)
    if subjects:
        check_subjects(subjects, {name for _, row in _records(path) for name in _subjects(row)}, "GPQA domain")
    notes = (*notes, "options are in an order of each task's own; the text stays out of exports, bundles and logs")
    return Dataset("CC BY 4.0; its authors ask that no example be published", lambda: _rows(path, subjects), (path,),
                   notes=notes, restricted=True)


def _records(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    table = Csv(path)
    if missing := [name for name in NEEDED if name not in table.names]:
        raise UsageError(f"{place(path, 1)}: no column {missing[0]!r}; set data=PATH, {WANTED}")
    places = [(name, table.names.index(name)) for name in NEEDED]
    for number, fields in table:
        yield number, {name: fields[i].strip() for name, i in places}


def _subjects(row: dict[str, str]) -> tuple[str, str]:
    return row["High-level domain"], row["Subdomain"]


def _rows(path: Path, subjects: tuple[str, ...]) -> Iterator[Row]:
    for number, row in _records(path):
        if subjects and not any(name.casefold() in subjects for name in _subjects(row)):
            continue
        if not all(row[name] for name in OPTIONS) or not row["Record ID"]:
            raise UsageError(f"{place(path, number)}: an option or the Record ID is empty; fill it in, or delete it")
        order = list(OPTIONS)
        Random(f"gpqa/{row['Record ID']}").shuffle(order)
        data = {"subject": row["High-level domain"], "subdomain": row["Subdomain"], "licence": "CC BY 4.0",
                "restricted": True}
        yield Row(row["Record ID"], row["Question"], "ABCD"[order.index(OPTIONS[0])], "letter", place(path, number),
                  "", "", tuple(row[name] for name in order), data)
