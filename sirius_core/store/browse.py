"""Read-only queries of the pages: episodes by filter (see filters.py), and what hangs together with one of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from . import filters
from .connection import Connection, dumps
from .filters import COUNTED, GROUPS, OUTCOMES, Filter, places


@dataclass(frozen=True)
class Row:
    """One line of the table: an episode without its turns."""

    seq: int
    id: str
    round: int
    phase: str
    attempt: int
    question: str
    gold: str
    source: str
    answer: str | None
    stop: str | None
    read: str | None
    right: bool
    lucky: bool
    mended: bool
    parent: str | None
    data: Mapping[str, Any] = field(default_factory=dict)


_COLUMNS = """
  SELECT t.seq, t.id, t.round, t.phase, t.attempt, k.question, k.answer AS gold, k.source, t.answer, t.stop, t.read,
         t.reward, t.lucky, t.parent, k.data,
         EXISTS (SELECT 1 FROM repair r WHERE r.failed = t.id AND r.mended) AS mended
  FROM trajectory t JOIN task k ON k.id = t.task
"""


TABLES: Mapping[str, str] = {
    "experiments": """
        SELECT e.id AS experiment, e.name, e.recipe, e.seed, e.contrast, e.arm, j.status,
               (SELECT max(0, count(*) - 1) FROM report r WHERE r.experiment = e.id) AS rounds, j.seconds, e.created_at
        FROM experiment e JOIN job j ON j.experiment = e.id
        WHERE :e IS NULL OR e.id = :e ORDER BY e.created_at DESC, e.rowid DESC""",
    "trajectories": """
        SELECT t.id AS trajectory, t.experiment, t.seed, t.round, t.phase, t.task, t.attempt, t.branch, t.draw, t.team,
               t.parent, k.split, k.question, k.answer AS gold, t.answer, t.stop, t.reward, t.reward_why, t.lucky,
               t.content
        FROM trajectory t JOIN task k ON k.id = t.task WHERE :e IS NULL OR t.experiment = :e ORDER BY t.seq""",
    "turns": """
        SELECT t.id AS trajectory, t.experiment, t.round, t.phase, u.idx AS turn, u.role, u.seat, u.prompt, u.text,
               u.origin, u.finish, u.model, u.tokens_in, u.tokens_out, u.ms, u.cost,
               json_extract(t.reward_turns, '$.' || u.idx) AS mark
        FROM turn u JOIN trajectory t ON t.seq = u.trajectory WHERE :e IS NULL OR t.experiment = :e
        ORDER BY t.seq, u.idx""",
    "repairs": """
        SELECT id AS repair, experiment, round, phase, task, failed, mend, replay, critic, critique, turn, role,
               feedback, raw, rephrased, leak, mended, critique_no, regeneration_no, calls
        FROM repair WHERE :e IS NULL OR experiment = :e ORDER BY seq""",
    "decisions": """
        SELECT r.repair, p.experiment, p.round, r.author, r.verdict, r.reason, r.text, r.replay, r.seconds,
               r.created_at, EXISTS (SELECT 1 FROM v_decision d WHERE d.seq = r.seq) AS in_force
        FROM review r JOIN repair p ON p.id = r.repair WHERE :e IS NULL OR p.experiment = :e ORDER BY r.seq""",
    "flags": """
        SELECT f.repair AS item, i.experiment, i.round, f.author, f.raised, f.note,
               f.seq = (SELECT max(seq) FROM flag WHERE repair = f.repair) AS in_force, f.created_at
        FROM flag f
        JOIN (SELECT id, experiment, round FROM repair UNION ALL SELECT id, experiment, round FROM planted) i
          ON i.id = f.repair WHERE :e IS NULL OR i.experiment = :e ORDER BY f.seq""",
    "planted": """
        SELECT p.id AS planted, p.experiment, p.round, p.repair, p.rule, p.text, r.author, r.verdict,
               r.verdict <> 'accept' AS caught, r.seconds, r.created_at
        FROM planted p LEFT JOIN planted_review r
          ON r.planted = p.id AND r.verdict <> 'undo' AND r.seq = (
            SELECT min(seq) FROM planted_review WHERE planted = p.id AND author = r.author AND verdict <> 'undo')
        WHERE :e IS NULL OR p.experiment = :e ORDER BY p.experiment, p.round, p.id, r.seq""",
    "examples": """
        SELECT * FROM v_provenance WHERE :e IS NULL OR experiment = :e ORDER BY experiment, round, model, position""",
}
"""Whole tables with the names that frames.py gives their columns; ``:e`` is an experiment, or NULL for all."""


class Browse:
    """``Browse(store.db)``: nothing here writes."""

    def __init__(self, db: Connection) -> None:
        self.db = db

    def table(self, name: str, experiment: str | None = None) -> tuple[list[str], list[tuple[Any, ...]]]:
        """(columns, rows) of one of `TABLES`."""
        cursor = self.db.raw.execute(TABLES[name], {"e": experiment})
        return [column[0] for column in cursor.description], [tuple(row) for row in cursor]

    def episodes(self, experiment: str, wanted: Filter, *, after: int = 0, limit: int = 50) -> list[Row]:
        """The next ``limit`` judged episodes after ``seq``, in the order in which they were stored."""
        found = filters.page(self.db, experiment, wanted, after, limit)
        return [_row(row) for row in self.db.rows(f"{_COLUMNS} WHERE t.seq IN ({','.join(map(str, found))}) "
                                                  "ORDER BY t.seq")]

    def count(self, experiment: str, wanted: Filter) -> int:
        """How many episodes fit, at most `COUNTED`."""
        return filters.count(self.db, experiment, wanted)

    def mended(self, experiment: str, limit: int = 1, *, beyond: Sequence[str] = ()) -> list[str]:
        """Ids of failed episodes that a repair mended, clear stories first.

        A clear story: the first turn was rewritten, so that later turns changed, too. ``beyond`` leaves ids out.
        """
        rows = self.db.rows(
            "SELECT failed FROM repair WHERE experiment = ? AND phase = 'repair' AND mended "
            "AND failed NOT IN (SELECT value FROM json_each(?)) ORDER BY turn <> 0, seq LIMIT ?",
            experiment,
            dumps(list(beyond)),
            limit,
        )
        return [row[0] for row in rows]

    def any_mended(self, experiment: str) -> bool:
        """Whether there is a mended failure to show."""
        sql = "SELECT EXISTS (SELECT 1 FROM repair WHERE experiment = ? AND phase = 'repair' AND mended)"
        return bool(self.db.value(sql, experiment))

    def same_problem(self, experiment: str, task: str, phase: str) -> list[Row]:
        """The first try at the same task in the same phase, one per round."""
        sql = (
            f"{_COLUMNS} WHERE t.experiment = ? AND t.task = ? AND +t.phase = ? AND t.attempt = 0 AND t.branch = '' "
            "ORDER BY +t.round, t.seq"  # not along the index of places
        )
        return [_row(row) for row in self.db.rows(sql, experiment, task, phase)]

    def repair_phases(self, trajectory: str) -> dict[str, str]:
        """{repair id: phase} of a failed episode: ``repair`` is the round's own work, ``control`` the comparison's."""
        return {
            row[0]: row[1]
            for row in self.db.rows("SELECT id, phase FROM repair WHERE failed = ? ORDER BY seq", trajectory)
        }

    def of_mend(self, experiment: str, round: int, mend: str) -> list[str]:
        """Ids of the repairs that were written in a mend, the critic's and the writers' own episode."""
        sql = "SELECT id FROM repair WHERE +experiment = ? AND +round = ? AND mend = ? ORDER BY seq"  # along mends
        rows = self.db.rows(sql, experiment, round, mend)
        return [row[0] for row in rows]

    def learned(self, experiment: str, phase: str = "evaluate:heldout:greedy") -> str | None:
        """The base's try at a test problem that was wrong then and is right after the last closed round."""
        last = self.closed(experiment) - 1
        sql = """
            SELECT a.id FROM trajectory a JOIN trajectory b
              ON b.experiment = a.experiment AND b.task = a.task AND b.phase = a.phase AND b.round = ?
            WHERE a.experiment = ? AND a.round = 0 AND a.phase = ? AND a.reward <= 0.5 AND a.stop IS NULL
              AND b.reward > 0.5 ORDER BY a.seq LIMIT 1"""
        found = self.db.value(sql, last, experiment, phase) if last > 0 else None
        return None if found is None else str(found)

    def replays(self, trajectory: str) -> list[Row]:
        """Replays of an episode, oldest first."""
        return [_row(row) for row in self.db.rows(f"{_COLUMNS} WHERE t.parent = ? ORDER BY t.seq", trajectory)]

    def rewards(self, ids: Sequence[str]) -> dict[str, float]:
        """{id: reward} of judged episodes."""
        sql = ("SELECT id, reward FROM trajectory WHERE id IN (SELECT value FROM json_each(?)) "
               "AND reward IS NOT NULL")
        return {row[0]: row[1] for row in self.db.rows(sql, dumps(list(ids)))}

    def closed(self, experiment: str) -> int:
        """How many rounds are closed, round 0 included."""
        return int(self.db.value("SELECT count(*) FROM report WHERE experiment = ?", experiment))

    def rounds(self, experiment: str) -> list[int]:
        """Rounds that have episodes."""
        return sorted({round for round, _ in places(self.db, experiment)})

    def families(self, experiment: str) -> list[str]:
        """Families of the problems that an experiment played, where its tasks have families."""
        return self._said_of_tasks(experiment, "family")

    def subjects(self, experiment: str) -> list[str]:
        """Subjects of the problems that an experiment played, where its dataset names any."""
        return self._said_of_tasks(experiment, "subject")

    def _said_of_tasks(self, experiment: str, name: str) -> list[str]:
        """From one value to the next in the index of tasks, those that the experiment played."""
        said = f"json_extract(data, '$.{name}')"
        rows = self.db.rows(
            f"WITH RECURSIVE said(x) AS (SELECT min({said}) FROM task WHERE source = ?1 UNION ALL "
            f"SELECT (SELECT min({said}) FROM task WHERE source = ?1 AND {said} > x) FROM said WHERE x IS NOT NULL) "
            f"SELECT x FROM said WHERE x IS NOT NULL AND EXISTS (SELECT 1 FROM task k CROSS JOIN trajectory t "
            f"ON t.experiment = ?2 AND t.task = k.id WHERE k.source = ?1 AND {said} = x)",
            self.source(experiment),
            experiment,
        )
        return [str(row[0]) for row in rows]

    def source(self, experiment: str) -> str | None:
        """Where the problems come from that an experiment played; None before its first episode."""
        sql = ("SELECT k.source FROM trajectory t JOIN task k ON k.id = t.task WHERE t.experiment = ? AND t.round = 0 "
               "LIMIT 1")
        found = self.db.value(sql, experiment)
        return None if found is None else str(found)

    def origin(self, experiment: str, content: str) -> str | None:
        """An episode that gave an experiment's training sets the example with this content."""
        sql = ("SELECT e.trajectory FROM training_set s JOIN example e ON e.training_set = s.id WHERE s.experiment = ? "
               "AND e.content = ? LIMIT 1")
        found = self.db.value(sql, experiment, content)
        return None if found is None else str(found)

    def stops(self, experiment: str) -> list[str]:
        """The kinds of `Stop` that occurred."""
        next_one = "SELECT min(stop) FROM trajectory WHERE experiment = ?1 AND stop IS NOT NULL AND reward IS NOT NULL"
        rows = self.db.rows(
            f"WITH RECURSIVE kind(x) AS ({next_one} UNION ALL "
            f"SELECT ({next_one} AND stop > x) FROM kind WHERE x IS NOT NULL) SELECT x FROM kind WHERE x IS NOT NULL",
            experiment,
        )
        return [str(row[0]) for row in rows]

    def usage(self, experiment: str, round: int) -> dict[str, Any]:
        """What a round's own calls took: calls, tokens_in, tokens_out, cost (US dollars; None if any is unknown).

        People's questions are none of them."""
        row = self.db.row(
            "SELECT count(*) AS calls, coalesce(sum(u.tokens_in), 0) AS tokens_in, "
            "coalesce(sum(u.tokens_out), 0) AS tokens_out, sum(u.cost) AS cost, count(u.cost) AS priced "
            "FROM turn u JOIN trajectory t ON t.seq = u.trajectory "
            "WHERE t.experiment = ? AND t.round = ? AND u.origin = 'sampled' AND t.phase NOT GLOB 'whatif:*' "
            "AND t.phase NOT GLOB 'blame:*' AND t.phase NOT GLOB 'worth:*' AND t.phase NOT GLOB 'credit:*' "
            "AND t.phase NOT GLOB 'cross:*' AND t.phase <> 'human'",
            experiment,
            round,
        )
        assert row is not None
        found = {name: row[name] for name in ("calls", "tokens_in", "tokens_out", "cost")}
        return found if row["priced"] == row["calls"] else {**found, "cost": None}

    def faults(self, experiment: str, round: int) -> dict[str, int]:
        """{name of a fault: attempts at calls that failed by it} in a round."""
        sql = ("SELECT name, count(*) FROM fault WHERE experiment = ? AND round = ? AND phase <> 'cross' "
               "GROUP BY name ORDER BY name")
        return {name: n for name, n in self.db.rows(sql, experiment, round)}

    def right(
        self, experiment: str, round: int, phase: str, *, threshold: float = 0.5, form_decides: bool | None = None
    ) -> dict[str, int]:
        """{task: 1 if some episode of the phase was right, else 0}; ``form_decides`` keeps tasks of one kind only."""
        # +task: grouped in the index of tasks, the query would read every episode of the experiment
        only = "" if form_decides is None else " AND json_extract(k.data, '$.form_decides') = ?"
        rows = self.db.rows(
            "SELECT t.task, max(t.reward > ?) FROM trajectory t JOIN task k ON k.id = t.task WHERE t.experiment = ? "
            f"AND t.round = ? AND t.phase = ? AND t.reward IS NOT NULL{only} GROUP BY +t.task",
            threshold,
            experiment,
            round,
            phase,
            *([] if form_decides is None else [int(form_decides)]),
        )
        return {row[0]: row[1] for row in rows}

    def mended_tasks(self, experiment: str, round: int, critic: str, phase: str = "control") -> set[str]:
        """Tasks that a critic ("gold" or "blind") mended in a phase of a round."""
        return {
            row[0]
            for row in self.db.rows(
                "SELECT DISTINCT task FROM repair WHERE experiment = ? AND round = ? AND phase = ? AND critic = ? "
                "AND mended",
                experiment,
                round,
                phase,
                critic,
            )
        }


def _row(row: Any) -> Row:
    return Row(
        row["seq"],
        row["id"],
        row["round"],
        row["phase"],
        row["attempt"],
        row["question"],
        row["gold"],
        row["source"],
        row["answer"],
        row["stop"],
        row["read"],
        (row["reward"] or 0) > 0.5,
        bool(row["lucky"]),
        bool(row["mended"]),
        row["parent"],
        json.loads(row["data"]),
    )


__all__ = ["COUNTED", "GROUPS", "OUTCOMES", "TABLES", "Browse", "Filter", "Row"]
