"""One call: the journal around it, its slot, its deadline and attempts, what it cost, and how it failed.

A call on an endpoint is lost if, and only if, ``attempts`` attempts fail or its deadline passes. The deadline counts
attempts and the time between them, not the wait for a slot. Every attempt asks for the same thing in the same words.
An attempt that finds no connection counts as none, because nothing was asked: it is made again until the deadline, and
then the run stops with ModelError and the task stays pending. A server that is there but has lost its head makes every
call lost; after `pacing.GONE` lost calls in a row the run stops, too, and what was not begun stays pending.
"""

from __future__ import annotations

import asyncio
import inspect
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from .errors import BudgetSpent, Cancelled, ModelError, Stopped, UnreadableText
from .models import Completion, Model, Sampling, TryAgain
from .pacing import Pacer
from .prompts import Message
from .store import Store, now
from .store.together import Together
from .trajectories import Stop, digest

DEADLINE = "deadline"  # the fault of an attempt that was under way when the call's time was over
NO_CONNECTION = "no connection"  # and of one that nobody heard


@dataclass(frozen=True)
class Limits:
    """Bounds of every call and of the whole run; 0 means no limit for the last three.

    A budget is looked at before every attempt; the arms of a contrast have one together. When it is spent, the calls in
    flight (at most ``concurrency``) are waited for and kept, because they are paid; then the run pauses. With
    ``max_cost`` it also pauses at the first reply whose cost is not known; what was paid before the price was known
    counts nothing.
    """

    deadline: float = 120.0  # seconds for one call with all its attempts
    attempts: int = 10
    max_calls: int = 0
    max_tokens: int = 0
    max_cost: float = 0.0  # US dollars


class Calls:
    """The calls of one experiment: an `episodes.Call`. `begin` a phase before the first, `end` it after the last."""

    def __init__(self, store: Store, experiment: str, concurrency: int, limits: Limits) -> None:
        self._store, self._experiment, self._limits = store, experiment, limits
        self._concurrency, self.cancelled = concurrency, False
        # The arms of a contrast share a budget: whoever gives five dollars to four arms does not mean twenty. Where
        # there is none, nothing is added up: a contrast has up to 1,600 runs.
        bounded = limits.max_calls or limits.max_tokens or limits.max_cost
        arms = store.experiments.arms_with(experiment) if bounded else []
        self._calls = sum(store.episodes.spent(arm).calls for arm in arms)
        self._tokens = sum(store.episodes.spent(arm).tokens for arm in arms)
        self._cost, self._unpriced = sum(store.episodes.known_cost(arm) for arm in arms), False
        self._pacers: dict[str, Pacer] = {}
        self._place, self._used = (0, ""), dict[int, Any]()
        self._flying = 0

    def begin(self, round: int, phase: str) -> Together:
        """A phase in the running event loop. What is handed to the result lands with the replies that come with it."""
        self._place, self._flying = (round, phase), 0
        self._together, self._landed = Together(self._store.db), asyncio.Event()
        for pacer in self._pacers.values():
            pacer.begin()
        return self._together

    async def end(self) -> None:
        """Land what has arrived, and end what the phase's models hold open, in the loop that opened it."""
        used, self._used = list(self._used.values()), {}
        try:
            self._together.flush()
        finally:
            for model in used:
                while model is not None:
                    close = getattr(model, "aclose", None) or getattr(model, "close", None)
                    if inspect.iscoroutinefunction(close):
                        await close()
                    model = getattr(model, "inner", None)

    def cancel(self) -> None:
        """Stop at the next call; what is committed stays. Safe from a signal handler."""
        self.cancelled = True

    def check(self) -> None:
        """Raise Cancelled or BudgetSpent if this run may not go on."""
        if self.cancelled:
            raise Cancelled(f"{self._experiment} was stopped; resume it with: sirius resume {self._experiment}")
        limits, resume = self._limits, f"sirius resume {self._experiment} --set"
        for spent, most, name in (
            (self._calls, limits.max_calls, "max_calls"),
            (self._tokens, limits.max_tokens, "max_tokens"),
            (self._cost, limits.max_cost, "max_cost"),
        ):
            if most and spent >= most:
                raise BudgetSpent(f"{self._experiment} has spent its budget of {most:,} ({name}); {spent:,.10g} so "
                                  f"far; go on with: {resume} {name}=N")
        if limits.max_cost and self._unpriced:
            raise BudgetSpent(f"{self._experiment} cannot keep its budget of {limits.max_cost:,} (max_cost): what a "
                              f"call costs is not known; set the model's price, or go on with: {resume} max_cost=0")

    async def __call__(
        self, model: Model, messages: Sequence[Message], sampling: Sampling, place: Callable[[], object]
    ) -> Completion:
        self._used[id(model)] = model
        try:
            if model.lockstep:
                self.check()
                return self._count(await model.complete(messages, sampling))
            settings = (sampling.temperature, sampling.max_tokens, sampling.seed)
            key = digest(model.name, messages, settings, place())
            if (kept := self._store.episodes.journal_get(key)) is not None:
                return Completion(**kept)  # `spent` has counted it, where it was paid
            said = await self._ask(model, messages, sampling)
            self._flying += 1
            try:
                await self._together.land(lambda: self._journal(key, model.name, said))
            finally:
                self._left()
            return said
        except UnreadableText as error:
            raise Stopped(Stop.UNREADABLE, str(error)) from None
        except BudgetSpent:
            while self._flying:  # they are paid
                self._landed.clear()
                await self._landed.wait()
            raise

    def _count(self, said: Completion) -> Completion:
        self._calls += 1
        self._tokens += said.tokens_in + said.tokens_out
        if said.cost is None:
            self._unpriced = True
        else:
            self._cost += said.cost
        return said

    async def _ask(self, model: Model, messages: Sequence[Message], sampling: Sampling) -> Completion:
        """One reply within the deadline and ``attempts`` tries; else the call is lost, which is an outcome."""
        pacer = self._pacers.setdefault(_lane(model), Pacer(self._concurrency))
        left, why, loop = self._limits.deadline, "no attempt was made", asyncio.get_running_loop()
        late = f"no reply within {self._limits.deadline:g} s"
        refused, unheard, attempt = False, 0, 0
        while attempt < self._limits.attempts:
            await pacer.enter(refused)
            said: Completion | _Fault | None = None
            pause, refused, begun = 0.0, False, loop.time()
            self._flying += 1
            try:
                self.check()
                said = await _attempt(model, messages, sampling, left)
            finally:
                if isinstance(said, Completion):
                    pacer.accepted()
                elif said is not None and said.refused:
                    pause, refused = pacer.refused(said.wait), True
                else:
                    pacer.left()
                self._left()
            if isinstance(said, Completion):
                return self._count(said)
            self._note(model.name, said)
            why = said.why
            gone = said.name == NO_CONNECTION
            attempt, unheard = attempt + (not gone), unheard + gone
            backoff = _backoff(attempt + unheard, sampling.seed)
            if not refused:
                pause = backoff
            elif said.wait is None:
                pause = max(pause, 2 * backoff)
            else:
                pause += 0.1 * backoff  # a little later than asked for, and not all at once
            left -= loop.time() - begun
            if attempt < self._limits.attempts and said.name != DEADLINE:
                await asyncio.sleep(max(0.0, min(pause, left)))
                left -= pause
            if gone and left <= 0:
                raise ModelError(f"{_lane(model) or model.name} could not be reached for {self._limits.deadline:g} s "
                                 f"({why}); what is not done stays pending: see to the server, then resume")
            if said.name == DEADLINE or left <= 0:
                why = late
                break
        pacer.lost(why)
        raise Stopped(Stop.LOST, why)

    def _left(self) -> None:
        self._flying -= 1
        self._landed.set()

    def _journal(self, key: str, model: str, said: Completion) -> None:
        reply = {"text": said.text, "finish": said.finish, "tokens_in": said.tokens_in, "tokens_out": said.tokens_out,
                 "ms": said.ms, "cost": said.cost}
        self._store.episodes.journal_put(key, self._experiment, model, reply)

    def _note(self, model: str, fault: _Fault) -> None:
        row = (self._experiment, *self._place, model, fault.name, fault.why, now())
        self._together.later(lambda: self._store.episodes.add_fault(*row))


@dataclass(frozen=True)
class _Fault:
    """A failed attempt. ``refused``: the server wants fewer calls at once, ``wait`` seconds from now."""

    name: str
    why: str
    wait: float | None = None

    @property
    def refused(self) -> bool:
        return self.name == "rate limit" or self.wait is not None


async def _attempt(model: Model, messages: Sequence[Message], sampling: Sampling, left: float) -> Completion | _Fault:
    """The reply, or what kept it away; at most ``left`` seconds."""
    try:
        async with asyncio.timeout(left):
            try:
                return await model.complete(messages, sampling)
            except TryAgain as fault:
                return _Fault(fault.name, str(fault), fault.wait)
            except OSError as error:
                return _Fault(_kind(error), f"{type(error).__name__}: {error}"[:200])
    except TimeoutError:
        return _Fault(DEADLINE, f"no reply within the last {left:.3g} s")


def _backoff(tries: int, seed: int) -> float:
    """Seconds before the next attempt, after ``tries`` that failed."""
    return min(8.0, 0.25 * 2.0 ** min(tries - 1, 5)) * random.Random(seed + tries).uniform(0.5, 1.0)


def _kind(error: OSError) -> str:
    if isinstance(error, TimeoutError):
        return "timeout"
    if isinstance(error, ConnectionRefusedError):
        return NO_CONNECTION
    return "reset" if isinstance(error, ConnectionError) else "system error"


def _lane(model: Any) -> str:
    """What limits a model's calls: its endpoint, where it has one."""
    while (inner := getattr(model, "inner", None)) is not None:
        model = inner
    return str(getattr(model, "lane", ""))
