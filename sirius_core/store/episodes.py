"""Tasks, trajectories with their turns, finished work and the call journal."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterable, Mapping, Sequence
from sys import intern
from typing import Any, NamedTuple

from ..errors import Missing
from ..trajectories import Outcome, Reward, SeedPath, Stop, Task, Trajectory, Turn
from .connection import Connection, dumps, now
from .turns import Reader, StoredTurns, read_turn, turn_row


class Result(NamedTuple):
    """The judged end of one episode."""

    phase: str
    task: str
    attempt: int
    reward: float
    stop: str | None
    lucky: bool | None  # None where steps cannot be checked
    turns: Mapping[int, float]


class Spent(NamedTuple):
    """``cost`` is in US dollars, None where a call's is not known."""

    calls: int
    tokens: int
    cost: float | None


class Episodes:
    """``store.episodes``: an episode and its turns land together or not at all."""

    def __init__(self, db: Connection) -> None:
        self.db = db

    def add_tasks(self, tasks: Iterable[Task]) -> None:
        rows = [
            {
                "id": t.id,
                "source": t.source,
                "split": t.split,
                "question": t.question,
                "answer": t.answer,
                "kind": t.kind,
                "grp": t.group,
                "data": dumps(dict(t.data)),
            }
            for t in tasks
        ]
        with self.db.write():
            self.db.insert("task", rows, ignore=True)

    def task(self, task_id: str) -> Task:
        found = self.tasks([task_id])
        if not found:
            raise Missing(f"no task {task_id!r} in {self.db.path}")
        return found[task_id]

    def tasks(self, ids: Sequence[str]) -> dict[str, Task]:
        """{id: task} of those that stand here."""
        rows = self.db.rows(
            "SELECT * FROM task WHERE id IN (SELECT value FROM json_each(?))",
            dumps(list(ids)),
        )
        return {
            row["id"]: Task(
                row["id"],
                row["source"],
                row["split"],
                row["question"],
                row["answer"],
                row["kind"],
                row["grp"],
                json.loads(row["data"]),
            )
            for row in rows
        }

    def add(self, trajectories: Sequence[Trajectory]) -> None:
        """Store trajectories; one that stands already is left as it is (its id is its place in the experiment)."""
        if not trajectories:
            return
        with self.db.write():
            fresh = {t.id: t for t in trajectories}
            for known in self._known(list(fresh)):
                del fresh[known]
            first = (self.db.value("SELECT max(seq) FROM trajectory") or 0) + 1
            numbered = list(enumerate(fresh.items(), first))
            self.db.insert("trajectory", [_trajectory_row(seq, name, t) for seq, (name, t) in numbered])
            turns = [turn_row(seq, i, turn) for seq, (_, t) in numbered for i, turn in enumerate(t.turns)]
            self.db.insert("turn", turns)

    def _known(self, ids: list[str]) -> list[str]:
        if len(ids) == 1:  # as an endpoint's episodes come
            rows = self.db.rows("SELECT id FROM trajectory WHERE id = ?", ids[0])
        else:
            rows = self.db.rows("SELECT id FROM trajectory WHERE id IN (SELECT value FROM json_each(?))", dumps(ids))
        return [row[0] for row in rows]

    def get(self, trajectory_id: str) -> Trajectory:
        found = self._load("id = ?", [trajectory_id])
        if not found:
            raise Missing(f"no trajectory {trajectory_id!r} in {self.db.path}")
        return found[0]

    def many(self, ids: Sequence[str]) -> dict[str, Trajectory]:
        found = self._load("id IN (SELECT value FROM json_each(?))", [dumps(list(ids))])
        return {t.id: t for t in found}

    def find(
        self,
        experiment: str,
        *,
        round: int | None = None,
        phase: str | None = None,
        task: str | None = None,
        parent: str | None = None,
        min_reward: float | None = None,
        whole: bool = True,
    ) -> list[Trajectory]:
        """Trajectories in the order in which they were stored; ``phase`` may end in ``%``.

        ``whole`` False leaves their turns in the database until they are looked at: see `StoredTurns`.
        """
        terms, values = ["experiment = ?"], [experiment]  # type: tuple[list[str], list[Any]]
        for term, value in (
            ("round = ?", round),
            ("phase LIKE ?", phase),
            ("task = ?", task),
            ("parent = ?", parent),
            ("reward >= ?", min_reward),
        ):
            if value is not None:
                terms.append(term if "%" in str(value) else term.replace("LIKE", "="))
                values.append(value)
        where = " AND ".join(terms)
        if whole:
            return self._load(where, values)
        reader, sql = Reader(self.db), f"SELECT * FROM trajectory WHERE {where} ORDER BY seq"
        return [_trajectory(row, StoredTurns(reader, row["seq"])) for row in self.db.each(sql, *values)]

    def phases(self, experiment: str, head: str) -> list[tuple[int, str]]:
        """(round, phase) of every phase whose name begins with ``head`` that has episodes."""
        sql = ("SELECT DISTINCT round, phase FROM trajectory WHERE experiment = ? AND substr(phase, 1, ?) = ? "
               "ORDER BY round, phase")
        return [(row[0], row[1]) for row in self.db.rows(sql, experiment, len(head), head)]

    def tries(self, experiment: str, phase: str, tasks: Collection[str]) -> dict[str, int]:
        """{task: how often it was played in a phase, replays not counted}; tasks that never were are left out."""
        rows = self.db.rows(
            "SELECT task, count(*) FROM trajectory WHERE experiment = ? AND phase = ? AND parent IS NULL "
            "AND task IN (SELECT value FROM json_each(?)) GROUP BY task",
            experiment,
            phase,
            dumps(list(tasks)),
        )
        return {row[0]: row[1] for row in rows}

    def _load(self, where: str, values: Sequence[Any]) -> list[Trajectory]:
        heads = self.db.rows(f"SELECT * FROM trajectory WHERE {where} ORDER BY seq", *values)
        turns: dict[int, list[Turn]] = {row["seq"]: [] for row in heads}
        chosen = f"SELECT seq FROM trajectory WHERE {where}"
        sql = f"SELECT * FROM turn WHERE trajectory IN ({chosen}) ORDER BY trajectory, idx"
        for row in self.db.each(sql, *values):
            if row["trajectory"] in turns:  # or it has landed since the first query
                turns[row["trajectory"]].append(read_turn(row))
        return [_trajectory(row, tuple(turns[row["seq"]])) for row in heads]

    # -- finished work and the journal -------------------------------------------------------------------------------
    def finished(self, experiment: str, round: int, phase: str) -> set[str]:
        sql = "SELECT item FROM work WHERE experiment = ? AND round = ? AND phase = ?"
        return {row[0] for row in self.db.rows(sql, experiment, round, phase)}

    def finish(self, experiment: str, round: int, phase: str, items: Iterable[str]) -> None:
        rows = [{"experiment": experiment, "round": round, "phase": phase, "item": item} for item in items]
        self.db.insert("work", rows, ignore=True)

    def journal_get(self, key: str) -> dict[str, Any] | None:
        reply = self.db.value("SELECT reply FROM journal WHERE key = ?", key)
        return None if reply is None else dict(json.loads(reply))

    def journal_put(self, key: str, experiment: str, model: str, reply: Mapping[str, Any]) -> None:
        """Keep a reply; one that stands already stays. It is arrived when the transaction around this is committed."""
        sql = (
            "INSERT INTO journal (key, experiment, model, reply, created_at) VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT DO NOTHING"
        )
        self.db.run(sql, key, experiment, model, dumps(reply), now())

    def add_fault(self, experiment: str, round: int, phase: str, model: str, name: str, why: str, at: str) -> None:
        """One failed attempt at a call: ``name`` is short and stable (see models/chat_completions.py)."""
        sql = "INSERT INTO fault (experiment, round, phase, model, name, why, at) VALUES (?, ?, ?, ?, ?, ?, ?)"
        self.db.run(sql, experiment, round, phase, model, name, why, at)

    def results(self, experiment: str, round: int, phase: str) -> list[Result]:
        """What the rewards of a phase's plays say, in stored order; ``phase`` may end in ``%``. No turn is read."""
        rows = self.db.rows(
            "SELECT phase, task, attempt, reward, stop, lucky, reward_turns FROM trajectory WHERE experiment = ? "
            f"AND round = ? AND phase {'LIKE' if '%' in phase else '='} ? AND reward IS NOT NULL ORDER BY seq",
            experiment,
            round,
            phase,
        )
        return [
            Result(
                r["phase"],
                r["task"],
                r["attempt"],
                r["reward"],
                r["stop"],
                None if r["lucky"] is None else bool(r["lucky"]),
                {int(k): v for k, v in json.loads(r["reward_turns"]).items()},
            )
            for r in rows
        ]

    def spent(self, experiment: str) -> Spent:
        """What an experiment has paid: the replies in its journal, and its turns of models that need no journal.

        A reply that an earlier run of the same calls had paid costs nothing here.
        """
        calls, tokens, cost, priced = self._paid(experiment)
        return Spent(calls, tokens, cost if priced == calls else None)

    def known_cost(self, experiment: str) -> float:
        """US dollars of those calls whose cost is known."""
        return self._paid(experiment)[2]

    def _paid(self, experiment: str) -> tuple[int, int, float, int]:
        row = self.db.row(
            "WITH call(tokens, cost) AS ("
            "SELECT json_extract(reply, '$.tokens_in') + json_extract(reply, '$.tokens_out'), "
            "json_extract(reply, '$.cost') FROM journal WHERE experiment = ?1 UNION ALL "
            "SELECT tokens_in + tokens_out, cost FROM turn JOIN trajectory ON seq = trajectory WHERE experiment = ?1 "
            "AND origin = 'sampled' AND model NOT IN ('', 'person') "
            "AND model NOT IN (SELECT DISTINCT model FROM journal)) "
            "SELECT count(*), coalesce(sum(tokens), 0), coalesce(sum(cost), 0.0), count(cost) FROM call",
            experiment,
        )
        assert row is not None
        return row[0], row[1], row[2], row[3]


def _trajectory_row(seq: int, name: str, t: Trajectory) -> dict[str, Any]:
    path, reward = t.path, t.reward
    return {
        "seq": seq,
        "id": name,
        "experiment": path.experiment,
        "seed": path.seed,
        "round": path.round,
        "phase": path.phase,
        "task": path.task,
        "attempt": path.attempt,
        "branch": path.branch,
        "draw": path.draw,
        "team": t.team,
        "parent": t.parent,
        "edits": dumps({str(k): v for k, v in t.edits.items()}),
        "fresh_from": t.fresh_from,
        "answer": t.outcome.answer,
        "stop": t.outcome.stop and str(t.outcome.stop),
        "why": t.outcome.why,
        "reward": reward and reward.value,
        "read": reward and reward.read,
        "reward_why": reward and reward.why,
        "lucky": None if reward is None or reward.lucky is None else int(reward.lucky),
        "reward_turns": reward and dumps({str(k): v for k, v in reward.turns.items()}),
        "content": t.content,
    }


def _trajectory(row: sqlite3.Row, turns: Sequence[Turn]) -> Trajectory:
    path = SeedPath(
        intern(row["experiment"]),
        row["seed"],
        row["round"],
        intern(row["phase"]),
        intern(row["task"]),
        row["attempt"],
        intern(row["branch"]),
        row["draw"],
    )
    outcome = Outcome(row["answer"], None if row["stop"] is None else Stop(row["stop"]), row["why"])
    reward = None
    if row["reward"] is not None:
        per_turn = {int(k): v for k, v in json.loads(row["reward_turns"]).items()}
        lucky = None if row["lucky"] is None else bool(row["lucky"])
        reward = Reward(row["reward"], row["read"], row["reward_why"], per_turn, lucky)
    edits = {int(k): v for k, v in json.loads(row["edits"]).items()}
    return Trajectory(path, intern(row["team"]), turns, outcome, row["parent"], edits, row["fresh_from"], reward)
