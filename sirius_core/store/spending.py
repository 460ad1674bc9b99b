"""Read-only queries of what runs took: calls and tokens of a phase, what was answered right, by which problems.

Sums are made in the database: no episode and no turn is read for them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from .connection import Connection, dumps

LEARNT = ("propose", "repair")
"""Phases of which a round learns: its tries and its repairs."""


class Taken(NamedTuple):
    """What an episode, or all that one failure led to, has taken; ``longest`` is the tokens of its longest call."""

    calls: int = 0
    tokens: int = 0
    longest: int = 0


class Spending:
    """``Spending(store.db)``: nothing here writes."""

    def __init__(self, db: Connection) -> None:
        self.db = db

    def closed(self, experiment: str) -> list[int]:
        """The rounds that have a report."""
        return [row[0] for row in self.db.rows("SELECT round FROM report WHERE experiment = ? ORDER BY round",
                                               experiment)]

    def split(self, experiment: str, name: str) -> tuple[str, ...]:
        """The ids of a split's problems in order."""
        return tuple(row[0] for row in self.db.rows(
            "SELECT task FROM membership WHERE experiment = ? AND split = ? ORDER BY position", experiment, name))

    def right(self, experiment: str, round: int, phase: str, threshold: float) -> dict[str, int]:
        """{problem: 1 if it was answered right, else 0} of a phase in which each is asked once."""
        return {row[0]: row[1] for row in self.db.rows(
            "SELECT task, reward > ? FROM trajectory WHERE experiment = ? AND round = ? AND phase = ? "
            "AND reward IS NOT NULL", threshold, experiment, round, phase)}

    def calls(self, experiment: str, round: int, phases: Sequence[str]) -> tuple[int, int]:
        """(calls, tokens read and written) of the replies that models gave in these phases of a round; a turn that a
        replay gave back was no call."""
        row = self.db.row(
            "SELECT count(*), coalesce(sum(u.tokens_in + u.tokens_out), 0) FROM trajectory t JOIN turn u "
            "ON u.trajectory = t.seq WHERE t.experiment = ? AND t.round = ? "
            "AND t.phase IN (SELECT value FROM json_each(?)) AND u.origin = 'sampled' AND u.model <> ''",
            experiment, round, dumps(list(phases)))
        assert row is not None
        return row[0], row[1]

    def answers(self, experiment: str, round: int) -> tuple[int, int, int]:
        """(held-out answers of a round, sampled; calls and tokens that they took)."""
        phase = "evaluate:heldout:sampled"
        n = self.db.value("SELECT count(*) FROM trajectory WHERE experiment = ? AND round = ? AND phase = ?",
                          experiment, round, phase)
        return (n, *self.calls(experiment, round, [phase]))

    def taken(self, experiment: str, round: int, phase: str) -> dict[tuple[str, int], Taken]:
        """{(problem, try): what it took} in a phase; of a repair that is its mend and all replays."""
        rows = self.db.rows(
            "SELECT t.task, t.attempt, count(*), sum(u.tokens_in + u.tokens_out), max(u.tokens_in + u.tokens_out) "
            "FROM trajectory t JOIN turn u ON u.trajectory = t.seq WHERE t.experiment = ? AND t.round = ? "
            "AND t.phase = ? AND u.origin = 'sampled' AND u.model <> '' GROUP BY t.task, t.attempt",
            experiment, round, phase)
        return {(task, attempt): Taken(calls, tokens, longest) for task, attempt, calls, tokens, longest in rows}
