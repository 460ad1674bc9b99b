"""What a model costs, as far as somebody has said so: the one table of prices that a person may change at any time.

A call's cost is fixed when its reply arrives; a later change of price changes no stored cost.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from ..errors import UsageError
from .connection import Connection, dumps, now


class PriceRow(NamedTuple):
    """US dollars per million tokens read, written, and read from a cache (None: as ``input``)."""

    model: str
    input: float
    output: float
    cached: float | None = None
    note: str = ""
    updated_at: str = ""


class Prices:
    """``store.prices``: a model without a row has no known price, and its calls no known cost."""

    def __init__(self, db: Connection) -> None:
        self.db = db

    def get(self, model: str) -> PriceRow | None:
        row = self.db.row("SELECT * FROM price WHERE model = ?", model)
        return None if row is None else PriceRow(*row)

    def all(self) -> list[PriceRow]:
        return [PriceRow(*row) for row in self.db.rows("SELECT * FROM price ORDER BY model")]

    def set(self, model: str, input: float, output: float, cached: float | None = None, note: str = "") -> None:
        if not model.strip():
            raise UsageError("a price needs the name of a model")
        for name, value in (("input", input), ("output", output), ("cached", cached)):
            if value is not None and not (math.isfinite(value) and 0 <= value <= 1e6):
                raise UsageError(f"price of {model}, {name}={value}: dollars per million tokens, 0 to 1,000,000")
        with self.db.write():
            self.db.run("DELETE FROM price WHERE model = ?", model)
            row = PriceRow(model, input, output, cached, note, now())
            self.db.insert("price", [row._asdict()])

    def remove(self, model: str) -> None:
        self.db.run("DELETE FROM price WHERE model = ?", model)


class Notes:
    """What a remote service called the work that it was given (a file, a job): found again after a crash."""

    def __init__(self, db: Connection, experiment: str) -> None:
        self.db, self.experiment = db, experiment

    def get(self, key: str) -> dict[str, Any] | None:
        body = self.db.value("SELECT body FROM note WHERE experiment = ? AND key = ?", self.experiment, key)
        return None if body is None else dict(json.loads(body))

    def put(self, key: str, body: Mapping[str, Any]) -> None:
        """Committed when this returns; what stands is replaced."""
        with self.db.write():
            self.db.run("DELETE FROM note WHERE experiment = ? AND key = ?", self.experiment, key)
            row = {"experiment": self.experiment, "key": key, "body": dumps(dict(body)), "created_at": now()}
            self.db.insert("note", [row])
