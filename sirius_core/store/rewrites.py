"""Rewritten instructions (facts about a writer's work) and people's append-only decisions about them."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import Missing
from .connection import Connection, now


@dataclass(frozen=True, slots=True)
class Rewrite:
    """An instruction of one of ``model``'s roles in new words: ``before`` is the text in force when it was written,
    ``why`` the writer's analysis, ``writer`` the trajectory that holds its calls."""

    id: str
    experiment: str
    round: int
    model: str
    before: str
    after: str
    why: str
    writer: str


@dataclass(frozen=True, slots=True)
class RewriteReview:
    """One decision: ``verdict`` is accept, edit, reject or undo; ``text`` is the instruction that it admits."""

    rewrite: str
    author: str
    verdict: str
    reason: str = ""
    text: str = ""
    seconds: float = 0.0
    created_at: str = ""


_IN_FORCE = (
    "SELECT r.* FROM rewrite_review r JOIN (SELECT rewrite, max(seq) AS seq FROM rewrite_review GROUP BY rewrite) "
    "USING (seq) JOIN rewrite w ON w.id = r.rewrite WHERE r.verdict <> 'undo' AND w.experiment = ?"
)


class Rewrites:
    """``store.rewrites``"""

    def __init__(self, db: Connection) -> None:
        self.db = db

    def add(self, rewrites: Sequence[Rewrite]) -> None:
        """Store them; those that stand already are left as they are."""
        rows = [{"id": r.id, "experiment": r.experiment, "round": r.round, "model": r.model, "before": r.before,
                 "after": r.after, "why": r.why, "writer": r.writer} for r in rewrites]
        with self.db.write():
            self.db.insert("rewrite", rows, ignore=True)

    def get(self, rewrite_id: str) -> Rewrite:
        row = self.db.row("SELECT * FROM rewrite WHERE id = ?", rewrite_id)
        if row is None:
            raise Missing(f"no rewritten instruction {rewrite_id!r} in {self.db.path}")
        return _rewrite(row)

    def find(self, experiment: str, round: int | None = None, model: str | None = None) -> list[Rewrite]:
        """Rewrites in the order in which they were stored."""
        sql, values = "SELECT * FROM rewrite WHERE experiment = ?", [experiment]  # type: tuple[str, list[str | int]]
        for term, value in (("round", round), ("model", model)):
            if value is not None:
                sql, values = f"{sql} AND {term} = ?", [*values, value]
        return [_rewrite(row) for row in self.db.rows(f"{sql} ORDER BY seq", *values)]

    def seen(self, rewrite: Rewrite) -> list[tuple[str, int]]:
        """(trajectory, turn) of the evidence that was put before the writer of this model."""
        sql = ("SELECT e.trajectory, e.turn FROM example e JOIN training_set s ON s.id = e.training_set "
               "WHERE s.experiment = ? AND s.round = ? AND s.model = ? ORDER BY s.id, e.position")
        return [(row[0], row[1]) for row in self.db.rows(sql, rewrite.experiment, rewrite.round, rewrite.model)]

    # -- decisions ---------------------------------------------------------------------------------------------------
    def decide(self, review: RewriteReview) -> None:
        with self.db.write():
            self.db.insert("rewrite_review", [{
                "rewrite": review.rewrite, "author": review.author, "verdict": review.verdict, "reason": review.reason,
                "text": review.text, "seconds": review.seconds, "created_at": review.created_at or now()}])

    def decisions(self, experiment: str, round: int | None = None) -> dict[str, RewriteReview]:
        """The decision in force for each rewrite: the last row, unless that is an undo."""
        rows = self.db.rows(_IN_FORCE + (" AND w.round = ?" if round is not None else ""),
                            *([experiment] if round is None else [experiment, round]))
        return {row["rewrite"]: _review(row) for row in rows}

    def history(self, rewrite_id: str) -> list[RewriteReview]:
        sql = "SELECT * FROM rewrite_review WHERE rewrite = ? ORDER BY seq"
        return [_review(row) for row in self.db.rows(sql, rewrite_id)]


def _rewrite(row: sqlite3.Row) -> Rewrite:
    return Rewrite(row["id"], row["experiment"], row["round"], row["model"], row["before"], row["after"], row["why"],
                   row["writer"])


def _review(row: sqlite3.Row) -> RewriteReview:
    return RewriteReview(row["rewrite"], row["author"], row["verdict"], row["reason"], row["text"], row["seconds"],
                         row["created_at"])
