"""Experiments (arms and seeds of a contrast), their jobs, reports, figures and log lines."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import Missing, StoreError
from ..settings import Settings
from .connection import Connection, dumps, now

ACTIVE = ("queued", "running")


@dataclass(frozen=True, slots=True)
class Experiment:
    """A recipe with settings and a seed; ``contrast`` and ``arm`` place it among others."""

    id: str
    name: str
    seed: int
    settings: Settings
    contrast: str | None = None
    arm: str = ""
    machine: Mapping[str, Any] | None = None
    created_at: str = ""


@dataclass(frozen=True, slots=True)
class Job:
    """Where a run stands (the one mutable row): ``status`` is queued, running, paused, stopped, failed or done."""

    experiment: str
    status: str
    round: int = 0
    phase: str = ""
    done: int = 0
    total: int = 0
    message: str = ""
    pid: int | None = None
    cancel: bool = False
    seconds: float = 0.0
    log: str = ""
    updated_at: str = ""


class Experiments:
    """``store.experiments``"""

    def __init__(self, db: Connection) -> None:
        self.db = db

    def create(
        self,
        name: str,
        settings: Settings,
        seed: int,
        *,
        contrast: str | None = None,
        arm: str = "",
        machine: Mapping[str, Any] | None = None,
    ) -> Experiment:
        """A new experiment, its id the name, the seed and a running number: ``quickstart-0-1``."""
        with self.db.write():
            words = "".join(c if c.isalnum() or c in "-_" else " " for c in name).split()
            stem = "-".join(words)[:40].strip("-") or "experiment"  # never like an option of the command line
            count = self.db.value("SELECT count(*) FROM experiment WHERE name = ? AND seed = ?", name, seed)
            ids = {row[0] for row in self.db.rows("SELECT id FROM experiment")}
            number = count + 1
            while (new := f"{stem}-{seed}-{number}") in ids:
                number += 1
            self.db.insert(
                "experiment",
                [
                    {
                        "id": new,
                        "name": name,
                        "recipe": settings.recipe,
                        "seed": seed,
                        "contrast": contrast,
                        "arm": arm,
                        "settings": dumps(settings.as_dict()),
                        "machine": dumps(dict(machine or {})),
                        "created_at": now(),
                    }
                ],
            )
            self.db.insert("job", [{"experiment": new, "status": "queued", "updated_at": now()}])
        return self.get(new)

    def add_contrast(self, name: str, question: str) -> str:
        """A new contrast; returns its id, ``contrast-N``."""
        with self.db.write():
            new = f"contrast-{self.db.value('SELECT count(*) FROM contrast') + 1}"
            self.db.insert("contrast", [{"id": new, "name": name, "question": question, "created_at": now()}])
        return new

    def of_contrast(self, contrast: str) -> list[Experiment]:
        """Its arms and seeds in the order in which they were made."""
        rows = self.db.rows("SELECT * FROM experiment WHERE contrast = ? ORDER BY created_at, rowid", contrast)
        return [_experiment(row) for row in rows]

    def arms_with(self, experiment_id: str) -> list[str]:
        """The ids of all arms of the contrast that an experiment belongs to; of one that stands alone its own."""
        sql = "SELECT a.id FROM experiment a JOIN experiment e USING (contrast) WHERE e.id = ? ORDER BY a.rowid"
        return [row[0] for row in self.db.rows(sql, experiment_id)] or [experiment_id]

    def get(self, experiment_id: str) -> Experiment:
        row = self.db.row("SELECT * FROM experiment WHERE id = ?", experiment_id)
        if row is None:
            known = ", ".join(r[0] for r in self.db.rows("SELECT id FROM experiment ORDER BY created_at DESC LIMIT 5"))
            raise Missing(
                f"no experiment {experiment_id!r} in {self.db.path}" + (f"; newest: {known}" if known else "")
            )
        return _experiment(row)

    def set_splits(self, experiment: str, splits: Mapping[str, Sequence[str]]) -> None:
        """Record which tasks (ids) stand in which split. StoreError if others did when the experiment began."""
        had = self.splits(experiment)
        if had and had != {name: tuple(ids) for name, ids in splits.items() if ids}:
            raise StoreError(
                f"the problems of {experiment} are not those with which it began: its dataset has changed, or the "
                "lab reads it in another way; start a new experiment"
            )
        if had:
            return
        with self.db.write():
            self.db.insert(
                "membership",
                [
                    {"experiment": experiment, "split": name, "position": i, "task": task}
                    for name, ids in splits.items()
                    for i, task in enumerate(ids)
                ],
            )

    def splits(self, experiment: str) -> dict[str, tuple[str, ...]]:
        """{split: ids of its tasks in order}; empty before the experiment began."""
        found: dict[str, list[str]] = {}
        for split, task in self.db.rows(
            "SELECT split, task FROM membership WHERE experiment = ? ORDER BY split, position", experiment
        ):
            found.setdefault(split, []).append(task)
        return {split: tuple(ids) for split, ids in found.items()}

    def split_of(self, experiment: str, task: str) -> str:
        """Where a task stands in this experiment; where that was not recorded, in its source."""
        found: str | None = self.db.value(
            "SELECT coalesce((SELECT split FROM membership WHERE experiment = ?1 AND task = ?2 LIMIT 1), "
            "(SELECT split FROM task WHERE id = ?2))", experiment, task)
        return found or ""

    def set_settings(self, experiment: str, settings: Settings) -> None:
        """Replace the settings (jobs.change allows only those that do not touch stored results)."""
        self.db.run("UPDATE experiment SET settings = ? WHERE id = ?", dumps(settings.as_dict()), experiment)

    def set_machine(self, experiment: str, machine: Mapping[str, Any]) -> None:
        """Record what the run plays and learns on (NumPy, BLAS, threads): results repeat on an equal machine."""
        self.db.run("UPDATE experiment SET machine = ? WHERE id = ?", dumps(dict(machine)), experiment)

    def all(self) -> list[Experiment]:
        """Newest first."""
        return [_experiment(r) for r in self.db.rows("SELECT * FROM experiment ORDER BY created_at DESC, rowid DESC")]

    # -- jobs --------------------------------------------------------------------------------------------------------
    def job(self, experiment: str) -> Job:
        row = self.db.row("SELECT * FROM job WHERE experiment = ?", experiment)
        if row is None:
            raise Missing(f"no experiment {experiment!r} in {self.db.path}")
        return Job(
            row["experiment"],
            row["status"],
            row["round"],
            row["phase"],
            row["done"],
            row["total"],
            row["message"],
            row["pid"],
            bool(row["cancel"]),
            row["seconds"],
            row["log"],
            row["updated_at"],
        )

    def set_job(self, experiment: str, **changes: Any) -> None:
        names = ", ".join(f"{name} = ?" for name in changes)
        self.db.run(
            f"UPDATE job SET {names}, updated_at = ? WHERE experiment = ?", *changes.values(), now(), experiment
        )

    def log(self, experiment: str, text: str) -> None:
        self.db.insert("event", [{"experiment": experiment, "at": now(), "text": text}])

    def events(self, experiment: str, limit: int = 200) -> list[tuple[str, str]]:
        """(time, text), newest first."""
        rows = self.db.rows(
            "SELECT at, text FROM event WHERE experiment = ? ORDER BY seq DESC LIMIT ?", experiment, limit
        )
        return [(row[0], row[1]) for row in rows]

    # -- reports and figures -----------------------------------------------------------------------------------------
    def add_report(self, experiment: str, round: int, body: Mapping[str, Any], figures: Mapping[str, str]) -> None:
        """A round closes: its report and its figures (Plotly JSON) land together."""
        with self.db.write():
            self.db.insert(
                "report",
                [{"experiment": experiment, "round": round, "body": dumps(dict(body)), "created_at": now()}],
                ignore=True,
            )
            self.db.insert(
                "figure",
                [
                    {"experiment": experiment, "round": round, "name": name, "body": figure}
                    for name, figure in figures.items()
                ],
                ignore=True,
            )

    def reports(self, experiment: str) -> list[dict[str, Any]]:
        """One dictionary per closed round, round 0 (the base) first."""
        sql = "SELECT body FROM report WHERE experiment = ? ORDER BY round"
        return [json.loads(row[0]) for row in self.db.rows(sql, experiment)]

    def figure(self, experiment: str, name: str, round: int | None = None) -> str | None:
        """Plotly JSON of a stored figure, of the last closed round unless one is named."""
        sql = "SELECT body FROM figure WHERE experiment = ? AND name = ?"
        if round is None:
            return _text(self.db.value(sql + " ORDER BY round DESC LIMIT 1", experiment, name))
        return _text(self.db.value(sql + " AND round = ?", experiment, name, round))

    def set_measurement(self, experiment: str, name: str, body: Any) -> None:
        with self.db.write():
            self.db.run("INSERT OR REPLACE INTO measurement VALUES (?, ?, ?, ?)", experiment, name, dumps(body), now())

    def measurement(self, experiment: str, name: str) -> Any:
        body = self.db.value("SELECT body FROM measurement WHERE experiment = ? AND name = ?", experiment, name)
        return None if body is None else json.loads(body)


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _experiment(row: sqlite3.Row) -> Experiment:
    return Experiment(
        row["id"],
        row["name"],
        row["seed"],
        Settings().changed(json.loads(row["settings"])),
        row["contrast"],
        row["arm"],
        json.loads(row["machine"]),
        row["created_at"],
    )
