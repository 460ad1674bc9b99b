"""A file of traces, read twice and never held: once to find every defect and to count, once to take it over.

Beside ``NAME.jsonl`` may stand ``NAME.provenance.jsonl``, as an export writes it: line i says where line i came from.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from .. import answers
from ..errors import SiriusError, UnknownName, UsageError
from ..tasks.files import json_lines, place, regular, sha256
from ..tasks.guessing import Reading, read_from
from .traces import Trace, trace, whole

WANTED = "a JSONL file of traces"
LOOKED_AT, GUESSED_FROM = 2000, 200  # lines, and answers in them, from which the kind of the answers is guessed
Hear = Callable[[int], None]  # lines read so far


@dataclass(frozen=True)
class Survey:
    """What one reading of the whole file tells. ``reading`` is how answers are read whose lines name no kind."""

    path: Path
    sha256: str  # of the file and of its provenance
    state: tuple[int, int]  # bytes and time of the file when it was read
    traces: int
    forms: Mapping[str, int]
    reading: Reading
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Preview:
    """The first traces of a file as they are understood; ``error`` is the first defect among them."""

    traces: tuple[Trace, ...]
    notes: tuple[str, ...] = ()
    error: str = ""


def opened(path: str | os.PathLike[str]) -> Path:
    """The file, if it is one; UsageError otherwise."""
    return regular(os.fspath(path), WANTED)


def provenance_of(path: Path) -> Path | None:
    """The file beside it that tells where its lines came from."""
    beside = path.with_name(f"{path.name.removesuffix('.jsonl')}.provenance.jsonl")
    return beside if beside.is_file() and beside != path else None


def traces(path: Path, reading: Reading) -> Iterator[Trace]:
    """The trace of every line that is not blank, its answer and kind resolved. UsageError names file, row and key."""
    for row, made in _traces(path):
        yield _resolved(made, reading, place(path, row))


def survey(path: Path, kind: str = "", hear: Hear = lambda lines: None) -> Survey:
    """Read the whole file. UsageError names the first defect, so that of a broken file nothing is taken over."""
    before, forms, unread = state_of(path), Counter[str](), Counter[str]()
    reading, count = _reading(path, kind), 0
    for count, made in enumerate(traces(path, reading), 1):
        forms[made.form] += 1
        unread.update(made.unread[:20])
        if len(unread) > 1000:  # keys that are data
            unread = Counter(dict(unread.most_common(20)))
        if count % 500 == 0:
            hear(count)
    if not count:
        raise UsageError(f"{path.name} has no rows")
    hear(count)
    content, notes = sha256(path), reading.notes
    if beside := provenance_of(path):
        content = hashlib.sha256(f"{content} {sha256(beside)}".encode()).hexdigest()
        notes += (f"{beside.name} says where each line came from",)
    if unread:
        names = ", ".join(repr(key[:40]) for key, _ in unread.most_common(5))
        notes += (f"not read: {names}{' and more' if len(unread) > 5 else ''}",)
    if state_of(path) != before:
        raise UsageError(f"{path.name} changes while it is read: wait until it is written")
    return Survey(path, content, before, count, dict(forms), reading, notes)


def preview(path: Path, count: int = 5, kind: str = "") -> Preview:
    """The first traces; of the rest only the lines are read from which the kind of the answers is told."""
    found: list[Trace] = []
    try:
        reading = _reading(path, kind)
        found += islice(traces(path, reading), count)
    except UsageError as error:
        return Preview(tuple(found), error=str(error))
    return Preview(tuple(found), reading.notes, "" if found else f"{path.name} has no rows")


def state_of(path: Path) -> tuple[int, int]:
    """(bytes, time of the last change)"""
    stat = path.stat()
    return stat.st_size, stat.st_mtime_ns


# -- one line after the other ------------------------------------------------------------------------------------------
def _traces(path: Path) -> Iterator[tuple[int, Trace]]:
    beside = provenance_of(path)
    origins = iter(json_lines(beside)) if beside else iter(())
    for row, line in json_lines(path):
        try:
            made = trace(line)
        except UsageError as error:
            raise UsageError(f"{place(path, row)}, {error}") from None
        if beside:
            made = _from_export(made, line, next(origins, None), place(path, row), beside)
        yield row, made
    if beside and next(origins, None) is not None:
        raise UsageError(f"{beside.name} tells of more lines than {path.name} has: they do not belong together")


def _from_export(
    made: Trace, line: Mapping[str, Any], origin: tuple[int, dict[str, Any]] | None, where: str, beside: Path
) -> Trace:
    """The trace with what its line of provenance says: whose turn it is, and that its last reply is the example."""
    said = origin[1] if origin else {}
    written = json.dumps(line, ensure_ascii=False).encode("utf-8", "replace")
    if said.get("sha256") != hashlib.sha256(written).hexdigest():
        raise UsageError(f"{where}: {beside.name} tells of another line (its sha256 differs); move that file away to "
                         "import the lines without it")
    last, role, speaker = made.said[-1], said.get("role") or said.get("model"), said.get("speaker")
    turn = replace(last, role=whole(role) if isinstance(role, str) and role not in ("", "*") else last.role,
                   model=whole(speaker) if isinstance(speaker, str) else "")
    kept = {whole(key): whole(value) if isinstance(value, str) else value for key, value in said.items()
            if isinstance(value, str | int | float)}
    learned = made.better is None and made.reward is None and not made.answer
    return replace(made, said=(turn,), reward=1.0 if learned else made.reward, origin=kept)


# -- the kind of the answers -------------------------------------------------------------------------------------------
def _reading(path: Path, kind: str) -> Reading:
    """How answers are read whose lines do not say: as told, else as the first of them look."""
    if kind and kind not in answers.KINDS:
        raise UnknownName("kind of answer", kind, answers.KINDS)
    seen: list[tuple[str, tuple[str, ...]]] = []
    with suppress(UsageError):  # whoever reads the whole file meets the defect again
        first = (made.answer for _, made in islice(_traces(path), LOOKED_AT) if made.answer and not made.kind)
        for answer in islice(first, GUESSED_FROM):
            seen.append((answer, ()))
    return read_from(seen, kind or ("" if seen else "text"))


def _resolved(made: Trace, reading: Reading, where: str) -> Trace:
    """The trace with its answer as it is compared, and the kind."""
    if not made.answer:
        return replace(made, kind="")
    kind = made.kind or reading.kind
    answer = made.answer if made.kind else reading.answer(made.answer, (), where)
    try:
        answers.known(answer, kind)
    except SiriusError as error:
        raise UsageError(f"{where}, answer: {error}; \"kind\" says how it is compared") from None
    return replace(made, answer=answer, kind=kind)
