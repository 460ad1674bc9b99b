"""Many episodes: a phase's plan carried out, stored as it goes, stopped and resumed without loss.

On a lockstep model (the embedded one) the plan is cut into fixed chunks in plan order; a chunk runs in step and lands
whole or not at all. On an endpoint every item lands by itself as it finishes, with at most ``concurrency`` calls in
flight, and every reply goes to the journal before it is used (see calls.py): a resumed run never pays twice.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, overload

from .calls import Calls, Limits
from .episodes import Call
from .errors import ModelError, SiriusError
from .models.pocket import run_in_step
from .store import Store
from .trajectories import Repair, Trajectory

__all__ = ["Limits", "Plan", "Records", "Rollout", "Work"]


@dataclass(frozen=True)
class Records:
    """What one item of a plan brought: stored together, in one transaction."""

    trajectories: tuple[Trajectory, ...] = ()
    repairs: tuple[Repair, ...] = ()


@dataclass(frozen=True)
class Work:
    """One item of a plan: ``id`` is its place in the phase; ``play`` does it with the call that it is handed."""

    id: str
    play: Callable[[Call], Awaitable[Records]]


class Plan(Sequence[Work]):
    """The work for each of ``items``, made when its turn comes: a plan of 100,000 needs no memory but theirs."""

    def __init__(self, items: Sequence[Any], work: Callable[[Any], Work]) -> None:
        self._items, self._work = items, work

    def __len__(self) -> int:
        return len(self._items)

    @overload
    def __getitem__(self, index: int) -> Work: ...
    @overload
    def __getitem__(self, index: slice) -> Plan: ...
    def __getitem__(self, index: int | slice) -> Work | Plan:
        return Plan(self._items[index], self._work) if isinstance(index, slice) else self._work(self._items[index])


@dataclass
class Rollout:
    """Carries out the phases of one experiment. ``on_progress(done, total)`` after every commit; `cancel` stops it."""

    store: Store
    experiment: str
    chunk: int = 400
    concurrency: int = 32
    limits: Limits = field(default_factory=Limits)
    on_progress: Callable[[int, int], None] = lambda done, total: None

    def __post_init__(self) -> None:
        self.calls = Calls(self.store, self.experiment, self.concurrency, self.limits)

    def cancel(self) -> None:
        """Stop at the next call; what is committed stays. Safe from a signal handler."""
        self.calls.cancel()

    def check(self) -> None:
        """Raise Cancelled or BudgetSpent if this run may not go on."""
        self.calls.check()

    def run(self, round: int, phase: str, plan: Sequence[Work], *, lockstep: bool) -> None:
        """Carry out what is not stored yet. Read the results from the store: resumed or not, they are the same."""

        async def drain() -> None:
            async for _ in self.carry_out(round, phase, plan, lockstep=lockstep):
                pass

        self.check()
        run_in_step(drain())

    async def carry_out(
        self, round: int, phase: str, plan: Sequence[Work], *, lockstep: bool
    ) -> AsyncIterator[Records]:
        """The same as an async iterator over what lands, one item or chunk after the other."""
        self._place, self._together = (round, phase), self.calls.begin(round, phase)
        done = self.store.episodes.finished(self.experiment, round, phase)
        try:
            count = sum(work.id in done for work in plan) if done else 0
            self.on_progress(count, len(plan))
            items = self._in_chunks(plan, done) if lockstep else self._one_by_one(plan, done, len(plan) - count)
            async with contextlib.aclosing(items):
                async for found in items:
                    count += len(found)
                    self.on_progress(count, len(plan))
                    for records in found:
                        yield records
        finally:
            await self.calls.end()

    async def _in_chunks(self, plan: Sequence[Work], done: set[str]) -> AsyncGenerator[list[Records], None]:
        for chunk in (plan[i : i + self.chunk] for i in range(0, len(plan), self.chunk)):
            if all(work.id in done for work in chunk):
                continue
            async with _one_error(), asyncio.TaskGroup() as group:
                tasks = [group.create_task(_as_coroutine(work.play(self.calls))) for work in chunk]
            found = [task.result() for task in tasks]
            with self.store.write():
                self._write(chunk, found)
            yield found

    async def _one_by_one(
        self, plan: Sequence[Work], done: set[str], todo: int
    ) -> AsyncGenerator[list[Records], None]:
        landed: asyncio.Queue[Records] = asyncio.Queue()
        live = asyncio.Semaphore(2 * self.concurrency)

        async def one(work: Work) -> None:
            try:
                records = await work.play(self.calls)
                await self._together.land(lambda: self._write([work], [records]))
                landed.put_nowait(records)
            finally:
                live.release()

        async def feed(group: asyncio.TaskGroup) -> None:
            for work in plan:
                if work.id not in done:
                    await live.acquire()
                    group.create_task(one(work))

        async with _one_error(), asyncio.TaskGroup() as group:
            watcher = group.create_task(self._watch())
            group.create_task(feed(group))
            for _ in range(todo):
                yield [await landed.get()]
            watcher.cancel()

    async def _watch(self) -> None:
        """A stop does not wait for the slowest call in flight: those are dropped, and asked again on resume."""
        while True:
            await asyncio.sleep(0.1)
            if self.calls.cancelled:
                self.check()

    def _write(self, items: Sequence[Work], found: Sequence[Records]) -> None:
        self.store.episodes.add([t for records in found for t in records.trajectories])
        self.store.repairs.add(self.experiment, *self._place, [r for records in found for r in records.repairs])
        self.store.episodes.finish(self.experiment, *self._place, [work.id for work in items])


async def _as_coroutine(records: Awaitable[Records]) -> Records:
    return await records


class _one_error:
    """Out of a TaskGroup's exception group, the one error that a person should read."""

    async def __aenter__(self) -> None:
        return None

    async def __aexit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if not isinstance(error, BaseExceptionGroup):
            return
        leaves: list[BaseException] = [error]
        while any(isinstance(leaf, BaseExceptionGroup) for leaf in leaves):
            leaves = [
                inner
                for leaf in leaves
                for inner in (leaf.exceptions if isinstance(leaf, BaseExceptionGroup) else (leaf,))
            ]
        ours = [leaf for leaf in leaves if isinstance(leaf, SiriusError)]
        raise min(ours or leaves, key=lambda leaf: (isinstance(leaf, ModelError), str(leaf))) from None
