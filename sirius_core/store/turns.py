"""Turns as they stand in their table: whole, or read when they are looked at."""

from __future__ import annotations

import json
import sqlite3
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from typing import Any, overload

from ..prompts import Message
from ..trajectories import Turn
from .connection import Connection, dumps

RECENT = 64  # episodes whose turns are kept for the next look


class StoredTurns(Sequence[Turn]):
    """The turns of one stored episode, equal to the tuple of them.

    With its turns an episode of an endpoint takes some 20 kB; a round's plays, of which only some are trained on or
    mended, are kept without. To be looked at by the thread that opened the database.
    """

    __slots__ = ("_reader", "_seq")

    def __init__(self, reader: Reader, seq: int) -> None:
        self._reader, self._seq = reader, seq

    def whole(self) -> tuple[Turn, ...]:
        return self._reader.turns(self._seq)

    def __len__(self) -> int:
        return len(self.whole())

    def __iter__(self) -> Iterator[Turn]:
        return iter(self.whole())

    @overload
    def __getitem__(self, index: int) -> Turn: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Turn, ...]: ...
    def __getitem__(self, index: int | slice) -> Turn | tuple[Turn, ...]:
        return self.whole()[index]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, (tuple, StoredTurns)) and self.whole() == tuple(other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return repr(self.whole())


class Reader:
    """Reads the turns of one episode after the other; the last `RECENT` are at hand."""

    def __init__(self, db: Connection) -> None:
        self._db = db
        self._recent: OrderedDict[int, tuple[Turn, ...]] = OrderedDict()

    def turns(self, seq: int) -> tuple[Turn, ...]:
        found = self._recent.pop(seq, None)
        if found is None:
            rows = self._db.rows("SELECT * FROM turn WHERE trajectory = ? ORDER BY idx", seq)
            found = tuple(read_turn(row) for row in rows)
        self._recent[seq] = found
        if len(self._recent) > RECENT:
            self._recent.popitem(last=False)
        return found


def turn_row(seq: int, index: int, t: Turn) -> dict[str, Any]:
    """A turn as a row of its table."""
    return {
        "trajectory": seq,
        "idx": index,
        "role": t.role,
        "prompt": t.prompt,
        "seat": t.seat,
        "messages": dumps(t.messages),
        "slots": dumps(dict(t.slots)),
        "text": t.text,
        "request": t.request,
        "occurrence": t.occurrence,
        "origin": t.origin,
        "finish": t.finish,
        "public": t.public,
        "value": None if t.value is None else dumps(t.value),
        "model": t.model,
        "seed": t.seed,
        "tokens_in": t.tokens_in,
        "tokens_out": t.tokens_out,
        "ms": t.ms,
        "cost": t.cost,
    }


def read_turn(row: sqlite3.Row) -> Turn:
    """A row of the table as a turn."""
    text, public = row["text"], row["public"]
    return Turn(
        row["role"],
        row["prompt"],
        row["seat"],
        tuple(Message(*m) for m in json.loads(row["messages"])),
        json.loads(row["slots"]),
        text,
        row["request"],
        row["occurrence"],
        row["origin"],
        row["finish"],
        text if public == text else public,
        None if row["value"] is None else json.loads(row["value"]),
        row["model"],
        row["seed"],
        row["tokens_in"],
        row["tokens_out"],
        row["ms"],
        row["cost"],
    )
