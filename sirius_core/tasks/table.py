"""Any CSV, JSON lines or JSON list of objects, or a data set of the hub: one row, one problem.

`columns` says which column is what. With a split column, or a folder with train and test files, that split counts;
else the rows are split 2:1 here. What was guessed (columns, kind of answer, what an option's number means) is stated.
"""

from __future__ import annotations

import json
import re
import string
from collections.abc import Iterator
from itertools import islice
from typing import Any

from .. import answers
from ..errors import UnknownName, UsageError
from ..settings import Settings
from .columns import Columns, mapped
from .guessing import Reading, read_from
from .records import PARTS, opened
from .rows import Dataset, Row, check_subjects, subjects_of

WANTED = "a CSV or JSONL file, a folder with train and test files, or hf://owner/name"
LOOKED_AT = 200  # rows from which the kind of the answers is guessed
Record = dict[str, Any]


def dataset(settings: Settings, seed: int) -> Dataset:
    records = opened(settings.data, WANTED)
    columns = mapped(settings.columns, records.columns, records.parts[0].where)
    for part in records.parts[1:]:
        mapped(settings.columns, part.columns, part.where)
    first = list(islice(records, LOOKED_AT))
    if not first:
        raise UsageError(f"{records.parts[0].where} has no rows")
    notes = [*records.notes, *columns.notes]
    seen = [(_text(record.get(columns.answer), where), _options(record, columns.options, where))
            for _, _, where, record in first]
    reading = read_from(seen, columns.kind, bool(columns.kind_column))
    notes += reading.notes
    wanted, name = subjects_of(settings.subjects), columns.subject
    if wanted and name:
        check_subjects(wanted, {_text(record.get(name), where) for _, _, where, record in records}, "subject")
    elif wanted:
        raise UsageError(f"subjects={settings.subjects}: no column holds subjects; say which: columns=subject=...")

    def rows() -> Iterator[Row]:
        for part, number, where, record in records:
            row = _row(part, number, where, record, columns, reading)
            if not wanted or str(row.data.get("subject", "")).casefold() in wanted:
                yield row

    return Dataset("not stated: ask the owner of the data", rows, records.files, notes=tuple(notes))


def _row(part: str, number: int, where: str, record: Record, columns: Columns, reading: Reading) -> Row:
    question = _joined([_value(record, name, where) for name in columns.question], where)
    answer = _text(_value(record, columns.answer, where), where)
    options = _options(record, columns.options, where)
    if answer:
        answer = reading.answer(answer, options, where)
    kind, tolerance, data = reading.kind, columns.tolerance, Record()
    if context := _joined([record.get(name) for name in columns.context], where):
        data["context"] = context
    if columns.subject:
        data["subject"] = _text(record.get(columns.subject), where)
    if columns.kind_column:
        kind = _text(_value(record, columns.kind_column, where), where)
        if kind not in answers.KINDS:
            raise UsageError(f"{where}: {UnknownName('kind of answer', kind[:40], answers.KINDS)}")
    if columns.tolerance_column:
        tolerance = _tolerance(_text(_value(record, columns.tolerance_column, where), where), where)
    if tolerance is not None:
        data["tolerance"] = tolerance
    if columns.split:
        part = _part(_text(_value(record, columns.split, where), where), where)
    row = f"{part or 'row'}/{number}"
    if columns.id:
        row += f"/{_text(record.get(columns.id), where)}"
    return Row(row, question, answer, kind, where, part, "", options, data)


def _joined(values: list[Any], where: str) -> str:
    """Cells as one text, each on its own line, empty ones left out."""
    return "\n".join([text for value in values if (text := _text(value, where))])


def _value(record: Record, name: str, where: str) -> Any:
    if name not in record:
        raise UsageError(f"{where}: no {name!r}; every row needs the columns that are named")
    return record[name]


def _text(value: Any, where: str) -> str:
    """A cell as text: lists as JSON, nothing as the empty text."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, dict) or (isinstance(value, list) and any(isinstance(v, dict | list) for v in value)):
        raise UsageError(f"{where}: a cell holds an object where a text, a number or a list of them is needed")
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list) else str(value)


def _part(value: str, where: str) -> str:
    part = PARTS.get(value.lower())
    if part is None:
        raise UsageError(f"{where}: the split {value[:40]!r} is unknown; use train, validation or test")
    return part


def _tolerance(value: str, where: str) -> float | None:
    if not value:
        return None
    try:
        number = float(value)
    except ValueError:
        number = -1.0
    if not 0 <= number < 1e9:
        raise UsageError(f"{where}: the tolerance {value[:40]!r} is no number of 0 or more")
    return number


def _options(record: Record, names: tuple[str, ...], where: str) -> tuple[str, ...]:
    if not names:
        return ()
    if len(names) > 1:  # later columns may be empty: questions with fewer options
        texts = [_text(_value(record, name, where), where) for name in names]
        while texts and not texts[-1]:
            texts.pop()
        if not all(texts):
            raise UsageError(f"{where}: option {string.ascii_uppercase[texts.index('')]} is empty")
        return tuple(texts)
    value = _value(record, names[0], where)
    if isinstance(value, str) and value.strip():
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            value = [part.strip() for part in re.split(r"[|;\n]", value)]
    if value in (None, ""):
        return ()
    if not isinstance(value, list):
        raise UsageError(f"{where}: the options must be a list, or texts with | between them")
    return tuple(_text(option, where) for option in value)
