"""Contrasts: what was planned, what people predicted before it began, what was found, and where the work on one stands.

What was predicted never changes and is closed once an arm exists; a plan only gains seeds, and a verdict with them.
"""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import Locked, Missing, UnknownName, UsageError
from .connection import Connection, dumps, now

PLANNED = "planned"
"""The status of a contrast that nobody has launched yet, or not since it was given more seeds."""


@dataclass(frozen=True, slots=True)
class Contrast:
    """``plan`` is what `contrast.from_dict` reads: arms, seeds, what is held equal."""

    id: str
    name: str
    question: str
    plan: Mapping[str, Any]
    created_at: str


@dataclass(frozen=True, slots=True)
class ContrastJob:
    """Where a contrast stands: ``done`` of ``total`` runs (one for each arm and seed); ``message`` is what it does now,
    or why it does not go on. ``status`` is planned, queued, running, paused, stopped, failed or done."""

    contrast: str
    status: str
    done: int = 0
    total: int = 0
    message: str = ""
    pid: int | None = None
    cancel: bool = False
    seconds: float = 0.0
    log: str = ""
    updated_at: str = ""


@dataclass(frozen=True, slots=True)
class Prediction:
    """Which arm somebody expected ahead ("": no difference), by how many points if they said so, and why."""

    author: str
    arm: str
    points: float | None
    reason: str
    created_at: str


def predictable(arms: Iterable[str], arm: str, points: float | None) -> None:
    """UsageError for an arm that is none of ``arms`` and not "" (no difference), and for points that cannot be."""
    if arm and arm not in (names := list(arms)):
        raise UnknownName("arm", arm, names)
    if points is not None and not (math.isfinite(points) and abs(points) <= 100):
        raise UsageError(f"{points} points: a difference lies between -100 and 100")


class Contrasts:
    """``store.contrasts``"""

    def __init__(self, db: Connection) -> None:
        self.db = db

    def add(self, name: str, question: str, plan: Mapping[str, Any]) -> str:
        """A new contrast, nothing played yet; returns its id, ``contrast-N``."""
        with self.db.write():
            new = f"contrast-{self.db.value('SELECT count(*) FROM contrast') + 1}"
            self.db.insert("contrast", [{"id": new, "name": name, "question": question, "plan": dumps(dict(plan)),
                                         "created_at": now()}])
            self.db.insert("contrast_job", [{"contrast": new, "status": PLANNED, "updated_at": now()}])
        return new

    def get(self, contrast: str) -> Contrast:
        row = self.db.row("SELECT * FROM contrast WHERE id = ? AND plan <> '{}'", contrast)
        if row is None:
            raise Missing(f"no contrast {contrast!r} in {self.db.path}")
        return _contrast(row)

    def all(self) -> list[Contrast]:
        """Newest first. The older first look, which has no plan, is not among them."""
        return [_contrast(row) for row in self.db.rows(
            "SELECT * FROM contrast WHERE plan <> '{}' ORDER BY created_at DESC, rowid DESC")]

    def set_plan(self, contrast: str, plan: Mapping[str, Any]) -> None:
        """The same arms with more seeds, or with other settings that touch no result (see campaign.py)."""
        self.db.run("UPDATE contrast SET plan = ? WHERE id = ?", dumps(dict(plan)), contrast)

    # -- the job -----------------------------------------------------------------------------------------------------
    def job(self, contrast: str) -> ContrastJob:
        row = self.db.row("SELECT * FROM contrast_job WHERE contrast = ?", contrast)
        if row is None:
            raise Missing(f"no contrast {contrast!r} in {self.db.path}")
        return ContrastJob(**{**dict(row), "cancel": bool(row["cancel"])})

    def set_job(self, contrast: str, **changes: Any) -> None:
        names = ", ".join(f"{name} = ?" for name in changes)
        self.db.run(f"UPDATE contrast_job SET {names}, updated_at = ? WHERE contrast = ?", *changes.values(), now(),
                    contrast)

    # -- what people expect ------------------------------------------------------------------------------------------
    def begun(self, contrast: str) -> bool:
        """Whether an arm exists: from then on nobody can predict."""
        return bool(self.db.value("SELECT EXISTS (SELECT 1 FROM experiment WHERE contrast = ?)", contrast))

    def predict(self, contrast: str, author: str, arm: str, points: float | None, reason: str) -> None:
        """Keep what somebody expects; Locked once the contrast has begun. UsageError for an arm that it has not."""
        predictable(self.get(contrast).plan["arms"], arm, points)
        with self.db.write():
            if self.begun(contrast):
                raise Locked(f"{contrast} has begun: what was predicted before stands, and nothing can be added")
            self.db.insert("prediction", [{"contrast": contrast, "author": author, "arm": arm, "points": points,
                                           "reason": reason, "created_at": now()}])

    def predictions(self, contrast: str) -> list[Prediction]:
        """In the order in which they were made."""
        rows = self.db.rows("SELECT author, arm, points, reason, created_at FROM prediction WHERE contrast = ? "
                            "ORDER BY seq", contrast)
        return [Prediction(*row) for row in rows]

    # -- what was found ----------------------------------------------------------------------------------------------
    def add_verdict(self, contrast: str, seeds: int, body: Mapping[str, Any], figure: str) -> None:
        """What ``seeds`` seeds say, with its curves (Plotly JSON). Said again of as many seeds it takes the place of
        what was said: a run that had failed may have come right."""
        self.db.run("INSERT INTO verdict VALUES (?, ?, ?, ?, ?) ON CONFLICT (contrast, seeds) DO UPDATE SET "
                    "body = excluded.body, figure = excluded.figure, created_at = excluded.created_at",
                    contrast, seeds, dumps(dict(body)), figure, now())

    def judged(self, contrast: str) -> list[int]:
        """With how many seeds it has been judged so far, the fewest first."""
        return [row[0] for row in self.db.rows("SELECT seeds FROM verdict WHERE contrast = ? ORDER BY seeds", contrast)]

    def verdict(self, contrast: str) -> dict[str, Any] | None:
        """What the most seeds say: what was stored, with {"seeds", "figure", "created_at"}; None before there is any.

        ``seeds`` is how many seeds the contrast had then, those included that had to be left out.
        """
        row = self.db.row("SELECT * FROM verdict WHERE contrast = ? ORDER BY seeds DESC LIMIT 1", contrast)
        if row is None:
            return None
        return {**json.loads(row["body"]), **{name: row[name] for name in ("seeds", "figure", "created_at")}}


def _contrast(row: sqlite3.Row) -> Contrast:
    return Contrast(row["id"], row["name"], row["question"], json.loads(row["plan"]), row["created_at"])
