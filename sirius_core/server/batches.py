"""Requests that must be answered together, as one batch of the engine.

NumPy's matrix products depend on the composition of a batch, so equal replies need equal batches. A client that wants
the replies of a run without a server says with every request which batch it belongs to:

    X-Sirius-Batch: ID/INDEX/SIZE        request INDEX (from 0) of the SIZE requests of batch ID

A batch runs when all its requests have arrived; one that was refused (unknown words, say) counts as arrived. If
nothing more arrives for `PATIENCE` seconds, every request of the batch that waits is refused with 503 and the code
``batch_incomplete``: the header asks for replies of this very batch, and those of a smaller one would be silently
different. Send the batch again under another ID; the same seeds give the same replies. Requests without the header
are answered with whatever waits beside them, and never wait for a batch.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from ..errors import ModelError
from ..models import Completion, Sampling
from ..models.pocket import Engine
from .protocol import Refused

HEADER = "x-sirius-batch"
LARGEST = 20_000  # requests of one batch
PATIENCE = 20.0  # seconds without an arrival, at most; at least half of them
_PLACE = re.compile(r"([A-Za-z0-9_-]{1,64})/(\d{1,6})/(\d{1,6})")

Row = tuple[str, tuple[int, ...], Sampling]  # checkpoint, prompt, how


class Seat:
    """One request's place: in a batch, or by itself."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def replies(self, rows: Sequence[Row]) -> list[Completion]:
        return list(await asyncio.gather(*[self._engine.submit(*row) for row in rows]))


class _Held(Seat):
    def __init__(self, batch: _Batch, index: int) -> None:
        self._batch, self._index = batch, index

    async def replies(self, rows: Sequence[Row]) -> list[Completion]:
        return await self._batch.arrive(self._index, rows)


class _Batch:
    def __init__(self, desk: Batches, id: str, size: int) -> None:
        self.desk, self.id, self.size = desk, id, size
        self.arrived: dict[int, tuple[Sequence[Row], asyncio.Future[list[Completion]]] | None] = {}
        self._loop = asyncio.get_running_loop()
        self._quiet = 0
        self._timer = self._loop.call_later(desk.patience / 2, self._tick)

    def _tick(self) -> None:
        # Twice: after a long batch of somebody else the first tick may come before the requests that were waiting to
        # be read.
        self._quiet += 1
        if self._quiet > 1:
            self.refuse(f"{len(self.arrived)} of {self.size} requests of batch {self.id} came; send it again")
        else:
            self._timer = self._loop.call_later(self.desk.patience / 2, self._tick)

    def arrive(self, index: int, rows: Sequence[Row]) -> asyncio.Future[list[Completion]]:
        future: asyncio.Future[list[Completion]] = self._loop.create_future()
        self._count(index, (rows, future))
        return future

    def absent(self, index: int) -> None:
        """Its request was refused: the others need not wait for it."""
        if index not in self.arrived:
            self._count(index, None)

    def _count(self, index: int, entry: tuple[Sequence[Row], asyncio.Future[list[Completion]]] | None) -> None:
        earlier, self.arrived[index] = self.arrived.get(index), entry
        if earlier is not None:
            _end(earlier[1], Refused("This request was sent again.", status=409, code="sent_again"))
        self._quiet = 0
        if len(self.arrived) == self.size:
            self.desk.close(self)
            self._timer.cancel()
            self._run()

    def _run(self) -> None:
        engine, waiting = self.desk.engine, [self.arrived[i] for i in sorted(self.arrived)]
        engine.flush()  # what waits by itself must not share the batch
        asked = [([engine.submit(*row) for row in rows], future) for rows, future in filter(None, waiting)]
        engine.flush()
        for parts, future in asked:
            if failed := [error for part in parts if (error := part.exception()) is not None]:
                _end(future, failed[0])
            elif not future.done():
                future.set_result([part.result() for part in parts])

    def refuse(self, why: str) -> None:
        self.desk.close(self)
        self._timer.cancel()
        for entry in self.arrived.values():
            if entry is not None:
                _end(entry[1], Refused(why, status=503, code="batch_incomplete", kind="server_error"))


class Batches:
    """The batches that are incomplete. ``patience`` in seconds, as in the module's text; ``largest`` in requests."""

    def __init__(self, engine: Engine, patience: float = PATIENCE, largest: int = LARGEST) -> None:
        self.engine, self.patience, self._largest = engine, patience, largest
        self._open: dict[str, _Batch] = {}

    @contextmanager
    def seat(self, header: str | None) -> Iterator[Seat]:
        """The place of the request that is handled inside the block; leaving it without replies counts as arrival."""
        if header is None:
            yield Seat(self.engine)
            return
        batch, index = self._place(header)
        try:
            yield _Held(batch, index)
        finally:
            batch.absent(index)

    def _place(self, header: str) -> tuple[_Batch, int]:
        found = _PLACE.fullmatch(header)
        if found is None:
            raise Refused(f"{HEADER}: {header[:100]!r} is not ID/INDEX/SIZE.", param=HEADER)
        id, index, size = found[1], int(found[2]), int(found[3])
        if not index < size <= self._largest:
            raise Refused(
                f"{HEADER}: INDEX must be below SIZE, and SIZE at most {self._largest:,}, the connections that this "
                "server may hold open.",
                param=HEADER,
            )
        batch = self._open.get(id)
        if batch is None:
            if sum(b.size for b in self._open.values()) + size > 2 * self._largest:
                raise Refused("Too many batches are incomplete.", status=503, kind="server_error")
            batch = self._open[id] = _Batch(self, id, size)
        if batch.size != size:
            raise Refused(f"{HEADER}: batch {id} has {batch.size} requests, not {size}.", param=HEADER)
        return batch, index

    def close(self, batch: _Batch) -> None:
        self._open.pop(batch.id, None)

    def refuse_all(self) -> None:
        """The server ends: nobody waits any longer."""
        for batch in list(self._open.values()):
            batch.refuse("the server was stopped")


def _end(future: asyncio.Future[list[Completion]], error: BaseException) -> None:
    if not future.done():
        future.set_exception(error if isinstance(error, Refused) else ModelError(str(error)))
        future.exception()  # whoever asked may be gone
