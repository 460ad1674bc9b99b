"""Read-only queries about the arms of contrasts: what their rounds ended with, which experiments belong together.

Curves are drawn from reports alone; no episode is read for them.
"""

from __future__ import annotations

from dataclasses import dataclass

from .connection import Connection


@dataclass(frozen=True, slots=True)
class Closed:
    """A closed round of one arm with one seed, as its report tells it; ``done`` if the run is."""

    experiment: str
    arm: str
    seed: int
    round: int
    n: int
    correct: int
    accuracy: float
    done: bool


@dataclass(frozen=True, slots=True)
class Group:
    """A planned contrast as one line of a list: its runs, and how many of them are done."""

    contrast: str
    name: str
    status: str
    runs: int
    done: int
    created_at: str


class Arms:
    """``Arms(store.db)``: nothing here writes."""

    def __init__(self, db: Connection) -> None:
        self.db = db

    def closed(self, contrast: str) -> list[Closed]:
        """Every closed round of a contrast, in the order in which its runs were made."""
        rows = self.db.rows(
            "SELECT e.id, e.arm, e.seed, r.round, json_extract(r.body, '$.n'), json_extract(r.body, '$.correct'), "
            "json_extract(r.body, '$.accuracy'), j.status = 'done' FROM experiment e "
            "JOIN report r ON r.experiment = e.id JOIN job j ON j.experiment = e.id "
            "WHERE e.contrast = ? ORDER BY e.created_at, e.rowid, r.round", contrast)
        return [Closed(experiment, arm, seed, round, n, correct, accuracy, bool(done))
                for experiment, arm, seed, round, n, correct, accuracy, done in rows]

    def groups(self) -> list[Group]:
        """Planned contrasts, newest first."""
        rows = self.db.rows(
            "SELECT c.id, c.name, coalesce((SELECT status FROM contrast_job WHERE contrast = c.id), 'planned'), "
            "count(j.experiment), coalesce(sum(j.status = 'done'), 0), c.created_at FROM contrast c "
            "LEFT JOIN experiment e ON e.contrast = c.id LEFT JOIN job j ON j.experiment = e.id "
            "WHERE c.plan <> '{}' GROUP BY c.id ORDER BY c.created_at DESC, c.rowid DESC")
        return [Group(*row) for row in rows]

    def runs(self, contrast: str) -> list[str]:
        """The ids of its experiments in the order in which they were made."""
        sql = "SELECT id FROM experiment WHERE contrast = ? ORDER BY created_at, rowid"
        return [row[0] for row in self.db.rows(sql, contrast)]

    def at_work(self, contrast: str) -> str | None:
        """The run that is being played, as far as its row says."""
        found = self.db.value("SELECT e.id FROM experiment e JOIN job j ON j.experiment = e.id WHERE e.contrast = ? "
                              "AND j.status = 'running' ORDER BY e.rowid DESC LIMIT 1", contrast)
        return None if found is None else str(found)

    def pace(self, contrast: str) -> float | None:
        """Seconds of a finished run of it, on average."""
        found = self.db.value("SELECT avg(j.seconds) FROM experiment e JOIN job j ON j.experiment = e.id "
                              "WHERE e.contrast = ? AND j.status = 'done'", contrast)
        return None if found is None else float(found)

    def ends(self, experiment: str) -> tuple[float | None, float | None]:
        """Held-out accuracy of the first and of the last closed round; None before there is one."""
        sql = "SELECT json_extract(body, '$.accuracy') FROM report WHERE experiment = ? ORDER BY round"
        first, last = (self.db.value(f"{sql}{way} LIMIT 1", experiment) for way in ("", " DESC"))
        return first, last

    def planned(self) -> set[str]:
        """The ids of planned contrasts; a first look is none."""
        return {row[0] for row in self.db.rows("SELECT id FROM contrast WHERE plan <> '{}'")}

    def episode(self, experiment: str, round: int, phase: str, task: str) -> str | None:
        """The first episode at a task in a phase of a round."""
        found = self.db.value("SELECT id FROM trajectory WHERE experiment = ? AND task = ? AND +round = ? AND +phase = "
                              "? ORDER BY seq LIMIT 1", experiment, task, round, phase)
        return None if found is None else str(found)
