"""Games against people: who sat where, and which of them may be learned from. Rows are added and never change."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from ..trajectories import Task, Trajectory
from .connection import Connection, now
from .episodes import Episodes

TAKEN = "human"  # of the work rows that say which round learns from a game


@dataclass(frozen=True, slots=True)
class HumanGame:
    """``seat``: where the person sat (0 or 1); ``learn``: whether the person asked that the game be learned from."""

    trajectory: str
    experiment: str
    author: str
    seat: int
    learn: bool
    created_at: str


class HumanGames:
    """``store.human_games``"""

    def __init__(self, db: Connection) -> None:
        self.db = db

    def add(self, task: Task, trajectory: Trajectory, author: str, seat: int, learn: bool) -> None:
        """Keep a game that is over, with its task, in one transaction; one that stands already stays as it is."""
        episodes = Episodes(self.db)
        with self.db.write():
            episodes.add_tasks([task])
            episodes.add([trajectory])
            self.db.insert("human_game", [{
                "trajectory": trajectory.id, "experiment": trajectory.path.experiment, "author": author, "seat": seat,
                "learn": int(learn), "created_at": now()}], ignore=True)

    def get(self, trajectory: str) -> HumanGame | None:
        """Who sat in this game; None where nobody did."""
        row = self.db.row("SELECT * FROM human_game WHERE trajectory = ?", trajectory)
        return None if row is None else _read(row)

    def all(self, experiment: str) -> list[HumanGame]:
        """Every game that people played against an experiment's checkpoints, oldest first."""
        sql = "SELECT * FROM human_game WHERE experiment = ? ORDER BY created_at, rowid"
        return [_read(row) for row in self.db.rows(sql, experiment)]

    def learnable(self, experiment: str) -> list[str]:
        """The trajectories of those that may be learned from, oldest first."""
        return [game.trajectory for game in self.all(experiment) if game.learn]

    def take(self, experiment: str, round: int) -> None:
        """What may be learned from, and what no earlier round has taken, belongs to this round."""
        episodes = Episodes(self.db)
        before = {game for r in range(1, round) for game in episodes.finished(experiment, r, TAKEN)}
        episodes.finish(experiment, round, TAKEN, [game for game in self.learnable(experiment) if game not in before])

    def taken(self, experiment: str, first: int, last: int) -> list[Trajectory]:
        """The games that rounds ``first`` to ``last`` learn from."""
        episodes = Episodes(self.db)
        found = [game for r in range(first, last + 1) for game in episodes.finished(experiment, r, TAKEN)]
        return list(episodes.many(found).values()) if found else []


def _read(row: sqlite3.Row) -> HumanGame:
    return HumanGame(row["trajectory"], row["experiment"], row["author"], row["seat"], bool(row["learn"]),
                     row["created_at"])
