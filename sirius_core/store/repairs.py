"""Repairs (facts about a critic's work) and reviews (append-only decisions of people)."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from ..errors import Missing
from ..trajectories import Repair
from .connection import Connection, dumps, now


@dataclass(frozen=True, slots=True)
class Review:
    """One decision: ``verdict`` is accept, edit, reject or undo; ``before`` and ``after`` are hashes of the text."""

    repair: str
    author: str
    verdict: str
    reason: str = ""
    text: str = ""
    before: str = ""
    after: str = ""
    replay: str | None = None
    seconds: float = 0.0
    created_at: str = ""


class Candidate(NamedTuple):
    """What the queue must know of a repair and of the end of its replay; ``branch`` is the replay's."""

    id: str
    failed: str
    phase: str
    critic: str
    turn: int | None
    leak: str
    mended: int
    reward: float | None
    slipped: int | None  # 1 where some turn of the replay is known to be wrong
    branch: str | None


class Repairs:
    """``store.repairs``"""

    def __init__(self, db: Connection) -> None:
        self.db = db

    def add(self, experiment: str, round: int, phase: str, repairs: Sequence[Repair]) -> None:
        rows = [{"id": r.id, "experiment": experiment, "round": round, "phase": phase, "task": r.task,
                 "failed": r.failed, "mend": r.mend, "critic": r.critic, "critique": r.critique, "turn": r.turn,
                 "role": r.role, "feedback": r.feedback, "raw": r.raw, "rephrased": r.rephrased,
                 "leak": dumps(list(r.leak)), "replay": r.replay, "mended": int(r.mended),
                 "critique_no": r.critique_no, "regeneration_no": r.regeneration_no, "calls": r.calls} for r in repairs]
        with self.db.write():
            self.db.insert("repair", rows, ignore=True)

    def get(self, repair_id: str) -> Repair:
        row = self.db.row("SELECT * FROM repair WHERE id = ?", repair_id)
        if row is None:
            raise Missing(f"no repair {repair_id!r} in {self.db.path}")
        return _repair(row)

    def place(self, repair_id: str) -> tuple[str, int]:
        """(experiment, round) of a repair."""
        row = self.db.row("SELECT experiment, round FROM repair WHERE id = ?", repair_id)
        if row is None:
            raise Missing(f"no repair {repair_id!r} in {self.db.path}")
        return row[0], row[1]

    def find(self, experiment: str, round: int | None = None, phase: str = "repair") -> list[Repair]:
        sql = "SELECT * FROM repair WHERE experiment = ? AND phase = ?"
        values: list[Any] = [experiment, phase]
        if round is not None:
            sql, values = sql + " AND round = ?", [*values, round]
        return [_repair(row) for row in self.db.rows(sql + " ORDER BY seq", *values)]

    def of_failed(self, trajectory_id: str) -> list[Repair]:
        return [_repair(r) for r in self.db.rows("SELECT * FROM repair WHERE failed = ? ORDER BY seq", trajectory_id)]

    def of_replay(self, trajectory_id: str) -> list[Repair]:
        return [_repair(r) for r in self.db.rows("SELECT * FROM repair WHERE replay = ? ORDER BY seq", trajectory_id)]

    def candidates(self, experiment: str, round: int) -> list[Candidate]:
        """The repairs of a round that people may see, in stored order: its own and those that were sent."""
        sql = (
            "SELECT r.id, r.failed, r.phase, r.critic, r.turn, r.leak, r.mended, t.reward, "
            "t.lucky IS 1 OR t.reward_turns GLOB '*:0.0[,}]*', t.branch "
            "FROM repair r LEFT JOIN trajectory t ON t.id = r.replay "
            "WHERE r.experiment = ? AND r.round = ? AND r.phase IN ('repair', 'sent') ORDER BY r.seq"
        )
        return [Candidate(*row) for row in self.db.rows(sql, experiment, round)]

    def tallies(self, experiment: str, round: int, threshold: float) -> dict[tuple[str, int | str], tuple[int, int]]:
        """(right, n) of the phase ``replays``: {(failure, fresh_from): ...} where no turn is edited, else
        {(failure, branch): ...}."""
        rows = self.db.rows(
            "SELECT parent, coalesce(fresh_from, branch), sum(reward > ?3), count(*) FROM trajectory "
            "WHERE experiment = ?1 AND round = ?2 AND phase = 'replays' GROUP BY parent, fresh_from, branch",
            experiment, round, threshold)
        return {(parent, way): (right, n) for parent, way, right, n in rows}

    def tallies_of(self, failed: str, round: int, threshold: float) -> dict[int | str, tuple[int, int]]:
        """The same of one failure: {fresh_from or branch: (right, n)}. In another round other checkpoints spoke."""
        rows = self.db.rows("SELECT coalesce(fresh_from, branch), sum(reward > ?3), count(*) FROM trajectory "
                            "WHERE parent = ?1 AND round = ?2 AND phase = 'replays' GROUP BY fresh_from, branch",
                            failed, round, threshold)
        return {row[0]: (row[1], row[2]) for row in rows}

    def branch(self, repair_id: str) -> str | None:
        """The branch of the repair's own replay: every further draw of the same rewrite has it, too."""
        value: str | None = self.db.value(
            "SELECT t.branch FROM repair r JOIN trajectory t ON t.id = r.replay WHERE r.id = ?", repair_id)
        return value

    # -- decisions ---------------------------------------------------------------------------------------------------
    def decide(self, review: Review) -> None:
        with self.db.write():
            self.db.insert("review", [{
                "repair": review.repair, "author": review.author, "verdict": review.verdict, "reason": review.reason,
                "before": review.before, "after": review.after, "text": review.text, "replay": review.replay,
                "seconds": review.seconds, "created_at": review.created_at or now()}])

    def decisions(self, experiment: str, round: int | None = None) -> dict[str, Review]:
        """The decision in force for each repair: the last row, unless that is an undo."""
        sql = ("SELECT d.* FROM repair r JOIN review d ON d.seq = (SELECT max(seq) FROM review WHERE repair = r.id) "
               "WHERE r.experiment = ? AND d.verdict <> 'undo'" + (" AND r.round = ?" if round is not None else ""))
        rows = self.db.rows(sql, *([experiment] if round is None else [experiment, round]))
        return {row["repair"]: _review(row) for row in rows}

    def decision(self, repair_id: str) -> Review | None:
        """The decision in force for one repair."""
        row = self.db.row("SELECT * FROM review WHERE repair = ? ORDER BY seq DESC LIMIT 1", repair_id)
        return None if row is None or row["verdict"] == "undo" else _review(row)

    def history(self, repair_id: str) -> list[Review]:
        return [_review(row) for row in self.db.rows("SELECT * FROM review WHERE repair = ? ORDER BY seq", repair_id)]


def _repair(row: sqlite3.Row) -> Repair:
    return Repair(row["id"], row["failed"], row["mend"], row["task"], row["critique"], row["critic"], row["turn"],
                  row["role"], row["feedback"], row["raw"], row["rephrased"], tuple(json.loads(row["leak"])),
                  row["replay"], bool(row["mended"]), row["critique_no"], row["regeneration_no"], row["calls"])


def _review(row: sqlite3.Row) -> Review:
    return Review(row["repair"], row["author"], row["verdict"], row["reason"], row["text"], row["before"],
                  row["after"], row["replay"], row["seconds"], row["created_at"])
