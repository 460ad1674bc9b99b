"""CSV, JSON lines and JSON from a path that a person gives: streamed, and every defect one line with file and row.

Rows are counted as an editor shows them: the first line of the file is row 1, also where it is the header (in a CSV a
quoted field with line breaks is still one row).
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from ..errors import UsageError

LONGEST_ROW = 4_000_000  # characters: what is longer is another format
LARGEST_JSON = 64_000_000  # bytes: JSON that is no JSON lines must be held whole
_NOT_TEXT = {
    b"\xff\xfe": "UTF-16; save it as UTF-8", b"\xfe\xff": "UTF-16; save it as UTF-8",
    b"\x1f\x8b": "compressed (gzip); unpack it first", b"PK\x03\x04": "a zip archive or an Excel file; "
    "unpack it, or save the sheet as CSV (UTF-8)", b"PAR1": "Parquet; save it as CSV or JSON lines",
}


def existing(path: str | Path, wanted: str) -> Path:
    """The path, if something is there; ``wanted`` says what should be."""
    if not str(path).strip():
        raise UsageError(f"no data is named: set data=PATH, {wanted}")
    found = Path(path)
    try:
        found = found.expanduser()
        there = found.exists()
    except (OSError, ValueError, RuntimeError):  # RuntimeError: ~name of nobody
        there = False
    if not there:
        raise UsageError(f"there is no {str(path)!r}: set data=PATH, {wanted}")
    return found


def regular(path: str | Path, wanted: str) -> Path:
    """The path, if it is a file with something in it that may be text."""
    found = existing(path, wanted)
    if found.is_dir():
        raise UsageError(f"{str(path)!r} is a folder: set data=PATH, {wanted}")
    if not found.is_file():
        raise UsageError(f"{str(path)!r} is no ordinary file: set data=PATH, {wanted}")
    try:
        with found.open("rb") as file:
            start = file.read(4)
    except OSError as error:
        raise UsageError(f"{found.name} cannot be read: {error.strerror}") from error
    if not start:
        raise UsageError(f"{found.name} is empty: set data=PATH, {wanted}")
    for magic, what in _NOT_TEXT.items():
        if start.startswith(magic):
            raise UsageError(f"{found.name} is {what}")
    return found


def place(path: Path, row: int) -> str:
    return f"{' '.join(path.name.split())}, row {row}"


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class Csv:
    """The rows of a CSV, one at a time: iterate over (row number, fields). Blank rows are skipped.

    ``columns`` is the number of fields of a file without a header; else the first row is the header, ``names``.
    """

    def __init__(self, path: Path, columns: int | None = None) -> None:
        self.path, self.columns = path, columns
        self.names: tuple[str, ...] = ()
        self.delimiter = "\t" if path.suffix.lower() == ".tsv" else ","
        if columns is None:
            self._read_header()

    def __iter__(self) -> Iterator[tuple[int, list[str]]]:
        wanted = self.columns or len(self.names)
        for number, fields in self._records():
            if number == 1 and self.columns is None:
                continue
            if len(fields) != wanted:
                raise UsageError(f"{place(self.path, number)}: {len(fields)} fields where {wanted} are needed; quote "
                                 "fields that hold a comma, a quote or a line break")
            yield number, fields

    def _read_header(self) -> None:
        with _opened(self.path) as file:
            first = _line(file, self.path, 1)
        if "," not in first and self.delimiter == ",":
            self.delimiter = next((d for d in (";", "\t") if d in first), ",")
        header = next(iter(self._records()), (1, []))[1]
        self.names = tuple(name.strip() for name in header)
        if not any(self.names):
            raise UsageError(f"{place(self.path, 1)}: the header is empty; the first row must name the columns")
        if twice := sorted({name for name in self.names if self.names.count(name) > 1}):
            raise UsageError(f"{place(self.path, 1)}: two columns are named {twice[0]!r}; rename one")

    def _records(self) -> Iterator[tuple[int, list[str]]]:
        row = 0

        def lines() -> Iterator[str]:
            while line := _line(file, self.path, row + 1):
                yield line

        with _opened(self.path) as file:
            reader = csv.reader(lines(), delimiter=self.delimiter, strict=True)
            while True:
                try:
                    fields = next(reader)
                except StopIteration:
                    return
                except csv.Error as error:
                    raise UsageError(f"{place(self.path, row + 1)}: {_explained(str(error))}") from None
                row += 1
                if any(fields):
                    yield row, fields


def _explained(error: str) -> str:
    if "field larger" in error:
        return (f"a field is longer than {csv.field_size_limit():,} characters; most often a quote (\") is not closed "
                "in this row")
    if "unexpected end" in error:
        return 'a quote (") is not closed; close it in this row'
    return f'bad quoting ({error}); write "" for a quote inside a quoted field'


def json_lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """(row number, object) of every line that is not blank."""
    with _opened(path) as file:
        row = 1
        while line := _line(file, path, row):
            if line.strip():
                yield row, _object(_parsed(line, place(path, row)), place(path, row))
            row += 1


def json_list(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """(number, object) of every entry of a JSON list of objects."""
    entries = json_whole(path)
    if not isinstance(entries, list):
        raise UsageError(f"{path.name}: a JSON list of objects is needed, this is {_kind(entries)}")
    for number, entry in enumerate(entries, 1):
        yield number, _object(entry, place(path, number))


def json_whole(path: Path) -> Any:
    """The one JSON value of a file."""
    if path.stat().st_size > LARGEST_JSON:
        raise UsageError(f"{path.name}: JSON of more than {LARGEST_JSON // 10**6} MB must be JSON lines")
    with _opened(path) as file:
        text = file.read()
    _clean(text, path.name)
    return _parsed(text, path.name)


def _parsed(text: str, where: str) -> Any:
    try:
        return json.loads(text, parse_constant=_no_number)
    except json.JSONDecodeError as error:
        at = f", line {error.lineno}" if error.lineno > 1 else ""
        raise UsageError(f"{where}: this is no JSON ({error.msg}{at}, column {error.colno})") from None
    except _NoNumber as error:
        raise UsageError(f"{where}: this is no JSON ({error} is no number)") from None
    except (ValueError, RecursionError):  # a number of more than 4,300 digits; brackets within brackets
        raise UsageError(f"{where}: this JSON cannot be read (a huge number, or too deeply nested)") from None


class _NoNumber(ValueError):
    pass


def _no_number(name: str) -> Any:
    raise _NoNumber(name)


def _object(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise UsageError(f"{where}: a JSON object is needed, this is {_kind(value)}")
    return value


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "a text", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")


def _opened(path: Path) -> IO[str]:
    # Bytes that are no UTF-8 come through as lone surrogates, so that the row in which they stand can be named.
    try:
        return path.open(encoding="utf-8-sig", errors="surrogateescape", newline="")
    except OSError as error:
        raise UsageError(f"{path.name} cannot be read: {error.strerror}") from error


def _line(file: IO[str], path: Path, row: int) -> str:
    line = file.readline(LONGEST_ROW + 1)
    if len(line) > LONGEST_ROW:
        raise UsageError(f"{place(path, row)}: longer than {LONGEST_ROW:,} characters; one row a line is needed")
    _clean(line, place(path, row))
    return line


def _clean(text: str, where: str) -> None:
    if "\0" in text:
        raise UsageError(f"{where}: a NUL byte; save the file as UTF-8 text")
    if not text.isascii():
        try:
            text.encode("utf-8")
        except UnicodeEncodeError:
            raise UsageError(f"{where}: bytes that are no UTF-8; save the file as UTF-8") from None
