"""Records from a path or the hub: objects with named fields, whatever the format, each with its place and part."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from ..errors import UsageError
from .files import Csv, existing, json_lines, json_list, regular

Numbered = Callable[[], Iterator[tuple[int, dict[str, Any]]]]
PARTS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("validation", "valid", "val", "dev", "development"), "validation"),
    **dict.fromkeys(("test", "testing", "eval", "evaluation", "heldout", "held-out", "held_out"), "test"),
}
"""What a split may be called."""
LOOKED_AT = 200  # rows of JSON whose keys count as the columns
_SUFFIXES = (".csv", ".tsv", ".jsonl", ".ndjson", ".json")


@dataclass(frozen=True)
class Part:
    """One file or one split of the hub: ``read`` gives (number, record), ``where`` what an error calls it."""

    name: str
    where: str
    read: Numbered
    columns: tuple[str, ...]


@dataclass(frozen=True)
class Records:
    """Iterate over (part, number, where, record); ``columns`` are the names of the first part."""

    parts: tuple[Part, ...]
    files: tuple[Path, ...] = ()
    notes: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[tuple[str, int, str, dict[str, Any]]]:
        for part in self.parts:
            for number, record in part.read():
                yield part.name, number, f"{part.where}, row {number}", record

    @property
    def columns(self) -> tuple[str, ...]:
        return self.parts[0].columns


def opened(data: str, wanted: str, names: Mapping[str, str] | None = None) -> Records:
    """The records at ``hf://owner/name``, in one file, or in a folder with a file for each part.

    ``names`` says how the parts' files are called; without it they are train.csv, test.jsonl and so on.
    """
    if data.startswith("hf://"):
        from .hub import opened as from_hub

        return from_hub(data)
    path = existing(data, wanted)
    if not path.is_dir():
        return Records((_part("", regular(path, wanted)),), (path,))
    found = _in_folder(path, names)
    if not found:
        raise UsageError(f"there is no {_expected(names)} in {data!r}: set data=PATH, {wanted}")
    notes = () if {"train", "test"} <= set(found) else (f"only {', '.join(p.name for p in found.values())} is there",)
    return Records(tuple(_part(name, regular(p, wanted)) for name, p in found.items()), tuple(found.values()), notes)


def _expected(names: Mapping[str, str] | None) -> str:
    return " or ".join(names.values()) if names else "train.csv, test.csv (or .jsonl)"


def _in_folder(folder: Path, names: Mapping[str, str] | None) -> dict[str, Path]:
    if names:
        return {part: folder / name for part, name in names.items() if (folder / name).is_file()}
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        part = PARTS.get(path.stem.lower())
        if part and path.suffix.lower() in _SUFFIXES and path.is_file():
            if part in found:
                raise UsageError(f"{found[part].name} and {path.name} are both the {part} part; set data=FILE")
            found[part] = path
    return found


def _part(name: str, path: Path) -> Part:
    if _format(path) == "csv":
        table = Csv(path)

        def rows() -> Iterator[tuple[int, dict[str, Any]]]:
            for number, fields in table:
                yield number, dict(zip(table.names, fields, strict=True))

        return Part(name, path.name, rows, table.names)
    read = json_list if _format(path) == "list" else json_lines
    names = dict.fromkeys(key for _, record in islice(read(path), LOOKED_AT) for key in record)
    if not names:
        raise UsageError(f"{path.name} has no rows")
    return Part(name, path.name, lambda: read(path), tuple(names))


def _format(path: Path) -> str:
    """csv, lines or list: by the name, or where that says nothing by the first sign."""
    suffix = path.suffix.lower()
    if suffix in (".csv", ".tsv"):
        return "csv"
    if suffix in (".jsonl", ".ndjson"):
        return "lines"
    with path.open("rb") as file:
        start = file.read(4096).removeprefix(b"\xef\xbb\xbf").lstrip()
    return {b"[": "list", b"{": "lines"}.get(start[:1], "lines" if suffix == ".json" else "csv")
