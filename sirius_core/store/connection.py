"""Opening the file, writing in one transaction, and SQLite's errors as ours."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from ..errors import FullDatabase, NewerDatabase, ReadOnlyDatabase, StoreError
from ..trajectories import json_encoder
from .schema import migrate


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


class Connection:
    """One SQLite connection: WAL, foreign keys, autocommit outside `write`. It belongs to the thread that made it.

    ``trace`` is called with every SQL statement as it starts (used to study crashes); ``max_mb`` caps the file.
    A file that may only be read can be looked at; the first write raises ReadOnlyDatabase.
    """

    def __init__(
        self, path: str | os.PathLike[str], *, max_mb: float = 0, trace: Callable[[str], None] | None = None
    ) -> None:
        self.path = Path(path)
        self._errors = _OurErrors(self.path)
        with self._errors:
            try:
                self.raw = _opened(str(self.path), max_mb)
            except sqlite3.OperationalError:
                log = Path(f"{self.path}-wal")
                if os.access(self.path, os.W_OK) or not self.path.is_file() or (log.exists() and log.stat().st_size):
                    raise
                # no journal can be made beside a file that nobody may write; as it is unchanging, none is needed
                self.raw = _opened(f"{self.path.resolve().as_uri()}?mode=ro&immutable=1", max_mb, uri=True)
        self.raw.row_factory = sqlite3.Row
        self.raw.set_trace_callback(trace)

    def close(self) -> None:
        self.raw.close()

    def rows(self, sql: str, *values: Any) -> list[sqlite3.Row]:
        with self._errors:
            return self.raw.execute(sql, values).fetchall()

    def each(self, sql: str, *values: Any) -> Iterator[sqlite3.Row]:
        """The rows one by one, of a result that need not be in memory at once."""
        with self._errors:
            yield from self.raw.execute(sql, values)

    def row(self, sql: str, *values: Any) -> sqlite3.Row | None:
        with self._errors:
            found: sqlite3.Row | None = self.raw.execute(sql, values).fetchone()
            return found

    def value(self, sql: str, *values: Any) -> Any:
        row = self.row(sql, *values)
        return None if row is None else row[0]

    def run(self, sql: str, *values: Any) -> None:
        with self._errors:
            self.raw.execute(sql, values)

    def insert(self, table: str, rows: Sequence[dict[str, Any]], *, ignore: bool = False) -> None:
        """Rows of equal keys in one executemany (15 times as fast as row by row); ``ignore`` skips those that stand."""
        if not rows:
            return
        names = tuple(rows[0])
        with self._errors:
            self.raw.executemany(_insertion(table, names, ignore), [tuple(map(row.__getitem__, names)) for row in rows])

    @contextlib.contextmanager
    def write(self) -> Iterator[None]:
        """One IMMEDIATE transaction; nested calls join the outer one. Everything lands, or nothing does."""
        if self.raw.in_transaction:
            yield
            return
        with self._errors:
            self.raw.execute("BEGIN IMMEDIATE")
            try:
                yield
                self.raw.execute("COMMIT")
            except BaseException:
                if self.raw.in_transaction:
                    self.raw.execute("ROLLBACK")
                raise


class _OurErrors:
    """``with`` it: SQLite's errors come out as ours."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is None:
            return
        if isinstance(error, sqlite3.OperationalError):
            text = str(error)
            if "full" in text:
                raise FullDatabase(
                    f"no room left for {self.path}: free some space, then resume (nothing is lost)"
                ) from None
            if self.path.is_dir():
                raise StoreError(f"{self.path} is a folder, not a database") from None
            if not self.path.parent.is_dir():
                raise StoreError(f"there is no folder {self.path.parent} for a database {self.path.name}") from None
            if "readonly" in text or "unable to open" in text or "read-only" in text:
                raise ReadOnlyDatabase(
                    f"cannot write {self.path}: check that the file and its folder are writable"
                ) from None
            if "locked" in text:
                raise StoreError(f"{self.path} is held by another program for over 30 s; close it and resume") from None
            raise StoreError(f"{self.path}: {text}") from error
        if isinstance(error, sqlite3.DatabaseError):
            if "not a database" in str(error) or "malformed" in str(error):
                raise StoreError(f"{self.path} is not a usable SQLite database ({error}); open another file") from None
            raise StoreError(f"{self.path}: {error}") from error
        if isinstance(error, UnicodeEncodeError):
            half = error.object[error.start]
            raise StoreError(f"a text holds half of a character ({half!r}), which {self.path} cannot store") from None
        if isinstance(error, OverflowError):
            raise StoreError(f"a number is too large for {self.path}: at most 9,223,372,036,854,775,807") from None


@cache
def _insertion(table: str, names: tuple[str, ...], ignore: bool) -> str:
    sql = f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' for _ in names)})"
    # unlike OR IGNORE this does not swallow a missing value or a broken rule
    return f"{sql} ON CONFLICT DO NOTHING" if ignore else sql


def _opened(name: str, max_mb: float, uri: bool = False) -> sqlite3.Connection:
    raw = sqlite3.connect(name, timeout=30, isolation_level=None, uri=uri)
    try:
        migrate(raw)
        raw.execute("PRAGMA foreign_keys = ON")
        raw.execute("PRAGMA synchronous = NORMAL")
        if max_mb:
            size = raw.execute("PRAGMA page_size").fetchone()[0]
            raw.execute(f"PRAGMA max_page_count = {max(1, int(max_mb * 2**20 / size))}")
    except BaseException:
        raw.close()
        raise
    return raw


dumps = json_encoder(sort_keys=False)
"""Compact JSON, as it stands in every JSON column."""


__all__ = ["Connection", "NewerDatabase", "dumps", "now"]
