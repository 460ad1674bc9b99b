"""Questions that people ask about an episode: what if a turn had said something else, which turn was to blame.

What was asked never changes; how far the answer is, and whether a branch is kept, does.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import Missing
from .connection import Connection, dumps, now


@dataclass(frozen=True, slots=True)
class Inquiry:
    """One question. ``spoken`` is the round after whose close the checkpoints that speak were in force; ``status`` is
    queued, running, stopped, failed or done; ``result`` what came of it (see whatif.py)."""

    id: str
    experiment: str
    trajectory: str
    kind: str
    turn: int | None
    text: str
    k: int
    spoken: int
    author: str
    kept: bool
    status: str
    done: int
    total: int
    message: str
    pid: int | None
    result: Mapping[str, Any] | None
    created_at: str
    updated_at: str

    @property
    def phase(self) -> str:
        """The phase of its replays."""
        return f"{self.kind}:{self.spoken}"


class Inquiries:
    """``store.inquiries``"""

    def __init__(self, db: Connection) -> None:
        self.db = db

    def add(self, inquiry: str, experiment: str, trajectory: str, kind: str, turn: int | None, text: str, k: int,
            spoken: int, author: str) -> None:
        """A question that waits for an answer; one that was asked before stays as it is."""
        row = {"id": inquiry, "experiment": experiment, "trajectory": trajectory, "kind": kind, "turn": turn,
               "text": text, "k": k, "spoken": spoken, "author": author, "status": "queued", "created_at": now(),
               "updated_at": now()}
        self.db.insert("inquiry", [row], ignore=True)

    def get(self, inquiry: str) -> Inquiry:
        row = self.db.row("SELECT * FROM inquiry WHERE id = ?", inquiry)
        if row is None:
            raise Missing(f"no inquiry {inquiry!r} in {self.db.path}")
        return _read(row)

    def of(self, trajectory: str) -> list[Inquiry]:
        """Everything that was asked about an episode, newest first."""
        rows = self.db.rows("SELECT * FROM inquiry WHERE trajectory = ? ORDER BY created_at DESC, rowid DESC",
                            trajectory)
        return [_read(row) for row in rows]

    def find(self, experiment: str | None = None) -> list[Inquiry]:
        """Everything that was asked about an experiment (or all), oldest first."""
        rows = self.db.rows("SELECT * FROM inquiry WHERE ?1 IS NULL OR experiment = ?1 ORDER BY created_at, rowid",
                            experiment)
        return [_read(row) for row in rows]

    def set(self, inquiry: str, **changes: Any) -> None:
        """Change status, done, total, message, pid, kept or result."""
        if "result" in changes and changes["result"] is not None:
            changes["result"] = dumps(changes["result"])
        names = ", ".join(f"{name} = ?" for name in changes)
        self.db.run(f"UPDATE inquiry SET {names}, updated_at = ? WHERE id = ?", *changes.values(), now(), inquiry)


def _read(row: sqlite3.Row) -> Inquiry:
    result = row["result"]
    return Inquiry(row["id"], row["experiment"], row["trajectory"], row["kind"], row["turn"], row["text"], row["k"],
                   row["spoken"], row["author"], bool(row["kept"]), row["status"], row["done"], row["total"],
                   row["message"], row["pid"], None if result is None else json.loads(result), row["created_at"],
                   row["updated_at"])
