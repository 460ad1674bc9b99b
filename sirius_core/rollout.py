"""Many episodes: a phase's plan carried out, stored as it goes, stopped and resumed without loss.

On a lockstep model (the embedded one) the plan is cut into fixed chunks in plan order; a chunk runs in step and lands
whole or not at all. On an endpoint every item lands by itself as it finishes, with ``concurrency`` calls in flight,
and every reply goes to the journal before it is used: a resumed run never pays twice.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from .episodes import Call
from .errors import BudgetSpent, Cancelled, ModelError, SiriusError, Stopped, UnreadableText
from .models import Completion, Model, Sampling
from .models.pocket import run_in_step
from .prompts import Message
from .store import Store
from .trajectories import Repair, Stop, Trajectory, digest


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


@dataclass(frozen=True)
class Limits:
    """Bounds of every call and of the whole run; 0 means no limit for the last two."""

    deadline: float = 120.0  # seconds for one call with all its attempts
    attempts: int = 4
    max_calls: int = 0
    max_tokens: int = 0


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
        self._cancelled = False
        self._calls, self._tokens = self.store.episodes.spent(self.experiment)

    def cancel(self) -> None:
        """Stop at the next call; what is committed stays. Safe from a signal handler."""
        self._cancelled = True

    def check(self) -> None:
        """Raise Cancelled or BudgetSpent if this run may not go on."""
        if self._cancelled:
            raise Cancelled(f"{self.experiment} was stopped; resume it with: sirius resume {self.experiment}")
        for spent, most, name in (
            (self._calls, self.limits.max_calls, "max_calls"),
            (self._tokens, self.limits.max_tokens, "max_tokens"),
        ):
            if most and spent >= most:
                raise BudgetSpent(
                    f"{self.experiment} has spent its budget of {most:,} ({name}); "
                    f"go on with: sirius resume {self.experiment} --set {name}=N"
                )

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
        done = self.store.episodes.finished(self.experiment, round, phase)
        total, count = len(plan), sum(work.id in done for work in plan)
        self.on_progress(count, total)
        place = (round, phase)
        self._slots = asyncio.Semaphore(self.concurrency)
        if lockstep:
            for chunk in (plan[i : i + self.chunk] for i in range(0, total, self.chunk)):
                if all(work.id in done for work in chunk):
                    continue
                async with _one_error(), asyncio.TaskGroup() as group:
                    tasks = [group.create_task(_as_coroutine(work.play(self._call))) for work in chunk]
                found = [task.result() for task in tasks]
                self._commit(place, chunk, found)
                count += len(chunk)
                self.on_progress(count, total)
                for records in found:
                    yield records
        else:
            todo = [work for work in plan if work.id not in done]
            landed: asyncio.Queue[Records] = asyncio.Queue()
            live = asyncio.Semaphore(2 * self.concurrency)

            async def one(work: Work) -> None:
                try:
                    records = await work.play(self._call)
                    self._commit(place, [work], [records])
                    landed.put_nowait(records)
                finally:
                    live.release()

            async def feed(group: asyncio.TaskGroup) -> None:
                for work in todo:
                    await live.acquire()
                    group.create_task(one(work))

            async with _one_error(), asyncio.TaskGroup() as group:
                watcher = group.create_task(self._watch())
                group.create_task(feed(group))
                for _ in todo:
                    records = await landed.get()
                    count += 1
                    self.on_progress(count, total)
                    yield records
                watcher.cancel()

    async def _watch(self) -> None:
        """A stop does not wait for the slowest call in flight: those are dropped, and asked again on resume."""
        while True:
            await asyncio.sleep(0.1)
            if self._cancelled:
                self.check()

    def _commit(self, place: tuple[int, str], items: Sequence[Work], found: Sequence[Records]) -> None:
        with self.store.write():
            self.store.episodes.add([t for records in found for t in records.trajectories])
            self.store.repairs.add(self.experiment, *place, [r for records in found for r in records.repairs])
            self.store.episodes.finish(self.experiment, *place, [work.id for work in items])

    async def _call(
        self, model: Model, messages: Sequence[Message], sampling: Sampling, place: Callable[[], object]
    ) -> Completion:
        self.check()
        if model.lockstep:
            try:
                said = await model.complete(messages, sampling)
            except UnreadableText as error:
                raise Stopped(Stop.UNREADABLE, str(error)) from None
            return self._count(said)
        settings = (sampling.temperature, sampling.max_tokens, sampling.seed)
        key = digest(model.name, messages, settings, place())
        if (kept := self.store.episodes.journal_get(key)) is not None:
            return Completion(**kept)  # `spent` has counted it
        async with self._slots:
            said = await self._ask(model, messages, sampling)
            self.store.episodes.journal_put(
                key,
                self.experiment,
                model.name,
                {
                    "text": said.text,
                    "finish": said.finish,
                    "tokens_in": said.tokens_in,
                    "tokens_out": said.tokens_out,
                    "ms": said.ms,
                },
            )
        return self._count(said)

    def _count(self, said: Completion) -> Completion:
        self._calls += 1
        self._tokens += said.tokens_in + said.tokens_out
        return said

    async def _ask(self, model: Model, messages: Sequence[Message], sampling: Sampling) -> Completion:
        """One reply within the deadline, in at most ``attempts`` tries; then the call is lost, which is an outcome."""
        why = "no attempt was made"
        try:
            async with asyncio.timeout(self.limits.deadline):
                for attempt in range(self.limits.attempts):
                    self.check()
                    try:
                        return await model.complete(messages, sampling)
                    except (ConnectionError, OSError) as error:
                        why = f"{type(error).__name__}: {error}"
                        jitter = random.Random(sampling.seed + attempt).uniform(0.5, 1.0)
                        await asyncio.sleep(min(8.0, 0.25 * 2**attempt) * jitter)
        except TimeoutError:
            why = f"no reply within {self.limits.deadline:g} s"
        raise Stopped(Stop.LOST, why)


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
