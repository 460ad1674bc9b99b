"""Records by id, with some bytes each: in memory, or where a folder is given in files that outlive the server."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..errors import UsageError

Record = dict[str, Any]


class Kept:
    """``folder`` gets ``ID.json`` and ``ID.bin`` for every record; a file is there whole or not at all."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._records: dict[str, Record] = {}
        self._content: dict[str, bytes] = {}
        if folder is None:
            return
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for path in sorted(folder.glob("*.json")):
                self._records[path.stem] = json.loads(path.read_bytes())
        except OSError as error:
            raise UsageError(f"folder {folder} cannot be used: {error.strerror}") from None
        except ValueError as error:
            raise UsageError(f"{path} is damaged ({error}): move it away") from None

    def __iter__(self) -> Iterator[Record]:
        """All records, oldest first."""
        return iter(sorted(self._records.values(), key=lambda r: (r.get("created_at", 0), r["id"])))

    def get(self, key: str) -> Record | None:
        return self._records.get(key)

    def content(self, key: str) -> bytes:
        if key in self._content:
            return self._content[key]
        assert self._folder is not None
        return (self._folder / f"{key}.bin").read_bytes()

    def put(self, key: str, record: Record, content: bytes | None = None) -> None:
        """Keep a record, its content first: a record whose file exists can be read whole."""
        if self._folder is None:
            if content is not None:
                self._content[key] = content
        else:
            if content is not None:
                self._write(f"{key}.bin", content)
            self._write(f"{key}.json", json.dumps(record).encode())
        self._records[key] = record

    def drop(self, key: str) -> None:
        self._records.pop(key, None)
        self._content.pop(key, None)
        if self._folder is not None:
            for name in (f"{key}.json", f"{key}.bin"):
                (self._folder / name).unlink(missing_ok=True)

    def _write(self, name: str, content: bytes) -> None:
        assert self._folder is not None
        part = self._folder / f"{name}.part"
        part.write_bytes(content)
        os.replace(part, self._folder / name)
