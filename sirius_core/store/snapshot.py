"""A copy of the whole file while others write, and what the file holds.

A snapshot is one moment of the database, made by ``VACUUM INTO``: no log beside it, nothing half written, free pages
left out. It is written under another name and put in its place when it is whole; nothing that stands there is ever
overwritten.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import NamedTuple

from ..errors import FullDatabase, StoreError, UsageError
from .connection import Connection


class Disk(NamedTuple):
    """What a file holds: ``size`` and ``log`` (written, not yet moved into the file) in bytes."""

    size: int
    log: int
    experiments: int
    trajectories: int
    turns: int
    decisions: int


def disk(db: Connection) -> Disk:
    """Sizes and counts; the counts read indexes, some milliseconds for a million turns."""
    log = Path(f"{db.path}-wal")
    counts = (db.value(f"SELECT count(*) FROM {table}") for table in ("experiment", "trajectory", "turn", "review"))
    return Disk(db.path.stat().st_size, log.stat().st_size if log.exists() else 0, *counts)


def snapshot(db: Connection, target: str | os.PathLike[str]) -> Path:
    """Copy the database into ``target``, a new file in a folder that exists; UsageError if something stands there."""
    path = Path(target).expanduser()
    if path.is_dir():
        raise UsageError(f"{str(path)!r} is a folder: name a file in it")
    if not path.parent.is_dir():
        raise UsageError(f"there is no folder {str(path.parent)!r} for a snapshot")
    if os.path.lexists(path):
        raise UsageError(f"{str(path)!r} exists already: a snapshot overwrites nothing")
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        _copy(db, part)
        os.link(part, path)  # unlike a rename this never replaces what somebody has put there meanwhile
    except FileExistsError:
        raise UsageError(f"{str(path)!r} exists already: a snapshot overwrites nothing") from None
    except OSError as error:
        raise StoreError(f"cannot write {str(path)!r}: {error.strerror}") from None
    finally:
        part.unlink(missing_ok=True)
    return path


def _copy(db: Connection, part: Path) -> None:
    try:
        db.raw.execute("VACUUM INTO ?", (str(part),))
        copy = sqlite3.connect(part, isolation_level=None)
        try:
            copy.execute("PRAGMA journal_mode = WAL")  # it may be worked with like the file that it is a copy of
        finally:
            copy.close()
    except sqlite3.Error as error:
        if "full" in str(error):
            raise FullDatabase(f"no room left for a snapshot beside {part.parent}: free some space") from None
        raise StoreError(f"cannot write a snapshot into {str(part.parent)!r}: {error}") from None
