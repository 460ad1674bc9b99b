"""Training examples as rows: page by page, with where each came from and what it went into."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from ..errors import Missing
from .connection import Connection

SOURCES = ("direct", "repaired", "edited")
SHOWN = 500  # characters of a text in a table
LOOKED = 10_000  # examples through which one search for words looks, some 30 ms


@dataclass(frozen=True, slots=True)
class ExampleLine:
    """One line of a library's table. ``prompt`` is the last message that was sent, ``text`` the reply to imitate, both
    cut at `SHOWN` characters."""

    position: int
    trajectory: str
    turn: int
    source: str
    weight: float
    role: str
    task: str
    task_source: str
    prompt: str
    text: str
    lucky: bool | None


@dataclass(frozen=True, slots=True)
class Use:
    """An example's way forward: its place in a training set, the checkpoint that this made, what the gate and the
    next test said. ``before`` and ``after`` are (right, n) of the team on held-out problems, ``p`` is paired."""

    experiment: str
    round: int
    model: str
    training_set: str
    hash: str
    position: int
    examples: int
    source: str
    weight: float
    checkpoint_before: str | None = None
    checkpoint_after: str | None = None
    kept: bool | None = None
    validation: tuple[int, int, int] | None = None  # right before, right after, n
    before: tuple[int, int] | None = None
    after: tuple[int, int] | None = None
    p: float | None = None


class Examples:
    """``store.examples``: nothing here writes."""

    def __init__(self, db: Connection) -> None:
        self.db = db

    def page(
        self, training_set: str, *, source: str = "", words: str = "", after: int = -1, limit: int = 50
    ) -> list[ExampleLine]:
        """The next ``limit`` examples after a position, of one source if it is named, with ``words`` in prompt or
        reply if there are any: then the next `LOOKED` are looked through and no more."""
        terms = ["e.training_set = ?", "e.position > ?"]
        values: list[Any] = [training_set, after]
        if source:
            terms.append("e.source = ?")
            values.append(source)
        if words:
            terms.append("e.position <= ?")
            values.append(after + LOOKED)
            terms.append("(u.text LIKE ? ESCAPE '\\' OR u.messages LIKE ? ESCAPE '\\')")
            values += [_like(words), _like(json.dumps(words, ensure_ascii=False)[1:-1])]  # messages stand as JSON
        lines = _LINES.format(index="INDEXED BY example_source" if source else "")  # or it reads all of the others, too
        rows = self.db.rows(f"{lines} WHERE {' AND '.join(terms)} ORDER BY e.position LIMIT ?", *values, limit)
        return [_line(row) for row in rows]

    def set_of(self, experiment: str, round: int, model: str) -> str | None:
        """The id of a model's training set of a round."""
        sql = "SELECT id FROM training_set WHERE experiment = ? AND round = ? AND model = ?"
        found = self.db.value(sql, experiment, round, model)
        return None if found is None else str(found)

    def count(self, training_set: str, source: str = "") -> int:
        """How many examples a training set has, of one source if it is named."""
        if source and source not in SOURCES:
            sql = "SELECT count(*) FROM example WHERE training_set = ? AND source = ?"
            return int(self.db.value(sql, training_set, source))
        return int(self.db.value(f"SELECT {source or 'n'} FROM training_set WHERE id = ?", training_set) or 0)

    def frequent(self, training_set: str, limit: int = 10) -> list[tuple[ExampleLine, int]]:
        """(example, how often the same prompt with the same reply stands in the training set), most frequent first."""
        kept = json.loads(self.db.value("SELECT frequent FROM training_set WHERE id = ?", training_set) or "[]")
        counts = {position: n for position, n in kept[:limit]}
        sql = f"{_LINES.format(index='')} WHERE e.training_set = ? AND e.position IN (SELECT value FROM json_each(?))"
        found = {row["position"]: _line(row) for row in self.db.rows(sql, training_set, json.dumps(list(counts)))}
        return [(found[position], n) for position, n in counts.items()]

    def place(self, training_set: str, position: int) -> tuple[str, int]:
        """(trajectory, turn) of an example."""
        sql = "SELECT trajectory, turn FROM example WHERE training_set = ? AND position = ?"
        row = self.db.row(sql, training_set, position)
        if row is None:
            raise Missing(f"no example {position} in training set {training_set[:12]!r} of {self.db.path}")
        return row[0], row[1]

    def origins(self, training_set: str, first: int, limit: int) -> list[dict[str, Any]]:
        """Where ``limit`` examples from position ``first`` on came from, as an export says it."""
        rows = self.db.rows(
            "SELECT position, trajectory, turn, source, weight, content, task, parent, repair, critic, mend, "
            "verdict AS decision, author, reason, hash_before, hash_after, checkpoint FROM v_provenance "
            "WHERE training_set = ? AND position BETWEEN ? AND ? ORDER BY position",
            training_set,
            first,
            first + limit - 1,
        )
        return [dict(row) for row in rows]

    def restricted(self, training_set: str) -> int:
        """How many examples are of problems whose licence keeps them in."""
        sql = (
            "SELECT count(*) FROM example e JOIN trajectory t ON t.id = e.trajectory WHERE e.training_set = ? AND "
            "t.task IN (SELECT id FROM task WHERE json_extract(data, '$.restricted'))"
        )
        if not self.db.value("SELECT EXISTS (SELECT 1 FROM task WHERE json_extract(data, '$.restricted'))"):
            return 0
        return int(self.db.value(sql, training_set))

    def with_history(self, training_set: str) -> bool:
        """Whether any example's prompt holds earlier turns of its own speaker, as a debater's does."""
        return bool(self.db.value(
            "SELECT EXISTS (SELECT 1 FROM example e JOIN trajectory t ON t.id = e.trajectory JOIN turn u ON "
            "u.trajectory = t.seq AND u.idx = e.turn WHERE e.training_set = ? AND "
            "instr(u.messages, '[\"assistant\",') > 0)", training_set))

    def labels(self, experiment: str, round: int) -> list[tuple[str, str | None, int]]:
        """(task, what was read as its answer, how many examples) of the episodes that a round's training sets hold."""
        rows = self.db.rows(
            "SELECT t.task, t.read, count(*) FROM training_set s JOIN example e ON e.training_set = s.id "
            "JOIN trajectory t ON t.id = e.trajectory WHERE s.experiment = ? AND s.round = ? "
            "GROUP BY t.task, t.read ORDER BY t.task, t.read",
            experiment,
            round,
        )
        return [(row[0], row[1], row[2]) for row in rows]

    def repair_of(self, trajectory: str) -> str | None:
        """The repair that leads to a replay: the one that was decided last, else the one whose own replay it is."""
        sql = (
            "SELECT v.repair FROM review v WHERE v.replay = ? AND v.verdict IN ('accept', 'edit') "
            "AND v.seq = (SELECT max(seq) FROM review w WHERE w.repair = v.repair) ORDER BY v.seq DESC LIMIT 1"
        )
        found = self.db.value(sql, trajectory) or self.db.value(
            "SELECT id FROM repair WHERE replay = ? ORDER BY seq LIMIT 1", trajectory
        )
        return None if found is None else str(found)

    def uses(self, trajectory: str, turn: int) -> list[Use]:
        """Everything that an example went into, oldest round first."""
        rows = self.db.rows(
            "SELECT s.experiment, s.round, s.model, s.id, s.hash, e.position, s.n, e.source, e.weight, u.* "
            "FROM example e JOIN training_set s ON s.id = e.training_set "
            "LEFT JOIN v_update u ON u.training_set = s.id AND u.experiment = s.experiment AND u.round = s.round "
            "AND u.model = s.model "
            "WHERE e.trajectory = ? AND e.turn = ? ORDER BY s.experiment, s.round, s.model, e.position",
            trajectory,
            turn,
        )
        return [_use(row) for row in rows]


_LINES = f"""
  SELECT e.position, e.trajectory, e.turn, e.source, e.weight, u.role, t.task, k.source AS task_source, t.lucky,
         substr(json_extract(u.messages, '$[#-1][1]'), 1, {SHOWN}) AS prompt, substr(u.text, 1, {SHOWN}) AS text
  FROM example e {{index}} JOIN trajectory t ON t.id = e.trajectory
  JOIN turn u ON u.trajectory = t.seq AND u.idx = e.turn JOIN task k ON k.id = t.task"""


def _like(words: str) -> str:
    return "%" + words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"


def _line(row: Any) -> ExampleLine:
    return ExampleLine(
        row["position"],
        row["trajectory"],
        row["turn"],
        row["source"],
        row["weight"],
        row["role"],
        row["task"],
        row["task_source"],
        row["prompt"] or "",
        row["text"],
        None if row["lucky"] is None else bool(row["lucky"]),
    )


def _use(row: Any) -> Use:
    experiment, round, model, training_set, content, position, n, source, weight = tuple(row)[:9]
    made = row["checkpoint_after"] is not None
    return Use(
        experiment,
        round,
        model,
        training_set,
        content,
        position,
        n,
        source,
        weight,
        row["checkpoint_before"],
        row["checkpoint_after"],
        None if row["kept"] is None else bool(row["kept"]),
        (row["validation_right_before"], row["validation_right_after"], row["validation_n"])
        if made and row["validation_n"] is not None
        else None,
        (row["correct_before"], row["n_before"]) if row["n_before"] is not None else None,
        (row["correct_after"], row["n_after"]) if row["n_after"] is not None else None,
        row["p_paired"],
    )
