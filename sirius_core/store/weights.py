"""Content-addressed checkpoints, training sets with their provenance, updates and the gate's verdicts."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import CheckpointError, Missing
from ..trajectories import digest
from .connection import Connection, dumps, now
from .schema_views import COUNT


@dataclass(frozen=True, slots=True)
class ExampleRow:
    """Where an example came from: turn ``turn`` of ``trajectory``; ``source`` is direct, repaired or edited."""

    trajectory: str
    turn: int
    weight: float
    source: str
    content: str


@dataclass(frozen=True, slots=True)
class UpdateRow:
    """One model's fine-tuning in one round: ``before`` and ``after`` are weight hashes, ``losses`` one per step."""

    round: int
    model: str
    training_set: str
    before: str
    after: str
    steps: int
    tokens: int
    losses: tuple[float, ...]
    seconds: float


class Weights:
    """``store.weights``"""

    def __init__(self, db: Connection) -> None:
        self.db = db

    def put(self, blob: bytes) -> str:
        """Store a checkpoint; returns its SHA-256, by which it is found again."""
        name = hashlib.sha256(blob).hexdigest()
        with self.db.write():
            self.db.insert(
                "weights", [{"hash": name, "bytes": len(blob), "blob": blob, "created_at": now()}], ignore=True
            )
        return name

    def get(self, name: str) -> bytes:
        blob = self.db.value("SELECT blob FROM weights WHERE hash = ?", name)
        if blob is None:
            raise Missing(f"no checkpoint {name[:12]!r} in {self.db.path}")
        if hashlib.sha256(blob).hexdigest() != name:
            raise CheckpointError(f"checkpoint {name[:12]} in {self.db.path} is damaged: its content has another hash")
        return bytes(blob)

    # -- training sets -----------------------------------------------------------------------------------------------
    def add_training_set(self, experiment: str, round: int, model: str, rows: Sequence[ExampleRow]) -> tuple[str, str]:
        """(id, content hash): the hash covers the examples' contents and weights in order, not their origin."""
        content = digest([(row.content, row.weight) for row in rows])
        set_id = digest(experiment, round, model, content)
        with self.db.write():
            if self.db.row("SELECT 1 FROM training_set WHERE id = ?", set_id) is None:
                self.db.insert(
                    "training_set",
                    [
                        {
                            "id": set_id,
                            "experiment": experiment,
                            "round": round,
                            "model": model,
                            "hash": content,
                            "n": len(rows),
                        }
                    ],
                )
                self.db.insert(
                    "example",
                    [
                        {
                            "training_set": set_id,
                            "position": i,
                            "trajectory": r.trajectory,
                            "turn": r.turn,
                            "weight": r.weight,
                            "source": r.source,
                            "content": r.content,
                        }
                        for i, r in enumerate(rows)
                    ],
                )
                self.db.run(f"{COUNT} WHERE id = ?", set_id)
        return set_id, content

    def training_sets(self, experiment: str, round: int | None = None) -> list[dict[str, Any]]:
        """Rows of {id, round, model, hash, n, direct, repaired, edited, distinct_examples, lucky, checked}."""
        where = "" if round is None else " AND round = ?"
        sql = (
            "SELECT id, round, model, hash, n, direct, repaired, edited, distinct_examples, lucky, checked "
            f"FROM training_set WHERE experiment = ?{where} ORDER BY round, model"
        )
        return [dict(row) for row in self.db.rows(sql, *([experiment] if round is None else [experiment, round]))]

    def examples_of(self, training_set: str) -> list[tuple[str, int]]:
        """(trajectory, turn) of a training set's examples in order."""
        sql = "SELECT trajectory, turn FROM example WHERE training_set = ? ORDER BY position"
        return [(row[0], row[1]) for row in self.db.rows(sql, training_set)]

    # -- updates and the gate ----------------------------------------------------------------------------------------
    def add_update(self, experiment: str, u: UpdateRow) -> None:
        with self.db.write():
            self.db.insert(
                "update_step",
                [
                    {
                        "experiment": experiment,
                        "round": u.round,
                        "model": u.model,
                        "training_set": u.training_set,
                        "before": u.before,
                        "after": u.after,
                        "steps": u.steps,
                        "tokens": u.tokens,
                        "losses": dumps([round_to(x) for x in u.losses]),
                        "seconds": u.seconds,
                    }
                ],
                ignore=True,
            )

    def updates(self, experiment: str, round: int | None = None) -> list[UpdateRow]:
        where = "" if round is None else " AND round = ?"
        rows = self.db.rows(
            f"SELECT * FROM update_step WHERE experiment = ?{where} ORDER BY round, model",
            *([experiment] if round is None else [experiment, round]),
        )
        return [
            UpdateRow(
                r["round"],
                r["model"],
                r["training_set"],
                r["before"],
                r["after"],
                r["steps"],
                r["tokens"],
                tuple(json.loads(r["losses"])),
                r["seconds"],
            )
            for r in rows
        ]

    def set_models(self, experiment: str, round: int, models: Mapping[str, str], verdict: Mapping[str, Any]) -> None:
        """Which checkpoint speaks for which role after a round, and what the gate said."""
        with self.db.write():
            self.db.insert(
                "gate",
                [
                    {
                        "experiment": experiment,
                        "round": round,
                        "models": dumps(dict(models)),
                        "verdict": dumps(dict(verdict)),
                    }
                ],
                ignore=True,
            )

    def models(self, experiment: str, round: int) -> tuple[dict[str, str], dict[str, Any]] | None:
        row = self.db.row("SELECT models, verdict FROM gate WHERE experiment = ? AND round = ?", experiment, round)
        return None if row is None else (json.loads(row[0]), json.loads(row[1]))


def round_to(value: float) -> float:
    return float(f"{value:.5g}")
