"""How many calls go at once, in a time of their own: the clock jumps to the next event, so nothing is waited for.

The servers are simulated: a number of slots, a latency, a way of refusing. What is measured is exact and repeatable.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jumping import seconds as run

from sirius_core.errors import ModelError
from sirius_core.pacing import GONE, LONGEST_QUIET, START, Pacer


@dataclass
class Server:
    """``slots`` at a time; a refusal takes ``refusal`` seconds, a reply ``latency``."""

    slots: float = float("inf")
    latency: Callable[[], float] = lambda: 0.2
    refusal: float = 0.004
    retry_after: float | None = None
    open_from: float = 0.0
    requests: int = 0
    busy: int = 0
    most: int = 0
    lost: int = 0
    attempts: dict[int, int] = field(default_factory=dict)

    async def ask(self, pacer: Pacer, call: int, again: bool) -> float | None:
        """One attempt in a slot of its own; after a refusal how long to wait, None when a reply came."""
        await pacer.enter(again)
        loop = asyncio.get_running_loop()
        self.requests += 1
        self.attempts[call] = self.attempts.get(call, 0) + 1
        await asyncio.sleep(self.refusal / 2)
        if self.busy >= self.slots or loop.time() < self.open_from:
            await asyncio.sleep(self.refusal / 2)
            return pacer.refused(self.retry_after)
        self.busy += 1
        self.most = max(self.most, self.busy)
        await asyncio.sleep(self.latency())
        self.busy -= 1
        await asyncio.sleep(self.refusal / 2)
        pacer.accepted()
        return None

    async def episodes(self, pacer: Pacer, count: int) -> None:
        """Three calls each, one after the other; a refused call waits as it is told, and is lost the fourth time."""

        async def one(i: int, live: asyncio.Semaphore) -> None:
            for call in range(3 * i, 3 * i + 3):
                for attempt in range(4):
                    wait = await self.ask(pacer, call, attempt > 0)
                    if wait is None:
                        break
                    await asyncio.sleep(max(wait, 0.4 * 2**attempt))
                else:
                    self.lost += 1
                    break
            live.release()

        live = asyncio.Semaphore(2 * pacer.most)
        async with asyncio.TaskGroup() as group:
            for i in range(count):
                await live.acquire()
                group.create_task(one(i, live))


def lognormal() -> Callable[[], float]:
    dice = random.Random(7)
    return lambda: dice.lognormvariate(-1.2, 0.5)


@pytest.mark.parametrize("slots", [1, 4, 10, 32, 100])
@pytest.mark.parametrize("retry_after", [None, 1.0])
def test_a_server_with_few_slots_is_kept_busy_and_seldom_has_to_refuse(slots: int, retry_after: float | None) -> None:
    server, pacer = Server(slots, retry_after=retry_after), Pacer(128)
    seconds = run(server.episodes(pacer, 20 * slots))
    assert server.most == slots and seconds <= 1.5 * 60 * 0.204
    assert server.lost == 0 and server.requests <= 1.1 * 60 * slots + max(0, START - slots)
    assert slots - 1 <= pacer.limit <= slots + 1


def test_a_server_without_a_limit_soon_has_all_that_is_allowed() -> None:
    server, pacer = Server(latency=lognormal()), Pacer(256)
    ours = run(server.episodes(pacer, 900))
    assert server.most == 256 == pacer.limit and server.requests == 2700
    at_once = Pacer(256)
    at_once._limit, at_once._rising = 256.0, False
    assert ours <= 1.05 * run(Server(latency=lognormal()).episodes(at_once, 900))


def test_one_that_refuses_everything_is_asked_by_few_until_it_opens_and_loses_no_call_that_waits_as_told() -> None:
    server, pacer = Server(open_from=30.0, retry_after=10.0), Pacer(64)
    run(server.episodes(pacer, 1000))
    assert server.lost == 0 and server.requests - 3000 <= 4 * START
    assert pacer.limit > START  # and it has recovered


def test_one_that_refuses_everything_and_names_no_time_is_asked_less_and_less_often() -> None:
    server, pacer = Server(open_from=100.0), Pacer(64)
    run(server.episodes(pacer, 1000))
    assert server.lost <= 2 * START and pacer.limit > START


def test_a_time_to_wait_that_is_too_long_is_cut() -> None:
    async def work() -> None:
        pacer = Pacer(1)
        await pacer.enter()
        pacer.refused(86_400.0)
        await pacer.enter()
        pacer.accepted()

    assert run(work()) == pytest.approx(LONGEST_QUIET)


def test_slots_are_given_in_the_order_in_which_they_were_asked_for() -> None:
    async def work() -> None:
        pacer, order = Pacer(2), list[int]()

        async def one(i: int) -> None:
            await pacer.enter()
            order.append(i)
            await asyncio.sleep(1 + i % 3)
            pacer.accepted()

        await asyncio.gather(*(one(i) for i in range(20)))
        assert order == list(range(20)) and pacer.in_flight == 0

    run(work())


def test_who_is_cancelled_while_waiting_takes_no_slot_along() -> None:
    async def work() -> None:
        pacer = Pacer(1)
        await pacer.enter()
        waiting = [asyncio.ensure_future(pacer.enter()) for _ in range(3)]
        await asyncio.sleep(0)
        waiting[1].cancel()
        await asyncio.sleep(0)
        pacer.accepted()
        waiting[0].cancel()  # in the moment in which it was given the slot
        await asyncio.sleep(0)
        await waiting[2]
        pacer.accepted()
        assert pacer.in_flight == 0 and waiting[0].cancelled() and waiting[1].cancelled()

    run(work())


def test_after_many_lost_calls_in_a_row_nobody_is_asked_any_more() -> None:
    async def work() -> None:
        pacer = Pacer(2)
        for _ in range(GONE - 1):
            pacer.lost("reset: no")
        await pacer.enter()
        pacer.accepted()  # one reply, and it is not gone
        for _ in range(GONE):
            await pacer.enter()
            pacer.left()
            pacer.lost("reset: no")
        with pytest.raises(ModelError, match=rf"^the last {GONE} calls were lost \(reset: no\); what is not done"):
            await pacer.enter()
        assert pacer.in_flight == 0

    run(work())


@given(st.lists(st.tuples(st.sampled_from(["accepted", "refused", "left", "cancel"]), st.floats(0, 3),
                          st.sampled_from([None, 0.0, 0.5, 30.0])), max_size=60), st.integers(1, 70))
def test_however_calls_end_every_slot_comes_back_and_everybody_gets_one(
        ends: list[tuple[str, float, float | None]], most: int) -> None:
    async def work() -> None:
        pacer, done = Pacer(most), list[str]()

        async def one(end: str, seconds: float, wait: float | None) -> None:
            await pacer.enter()
            assert 0 < pacer.in_flight <= most
            try:
                await asyncio.sleep(seconds)
            except asyncio.CancelledError:
                pacer.left()
                raise
            done.append(end)
            if end == "refused":
                pacer.refused(wait)
            else:
                pacer.accepted() if end == "accepted" else pacer.left()

        tasks = [asyncio.ensure_future(one(*end)) for end in ends]
        for task, (end, *_) in zip(tasks, ends, strict=True):
            if end == "cancel":
                asyncio.get_running_loop().call_later(1.0, task.cancel)
        await asyncio.gather(*tasks, return_exceptions=True)
        assert pacer.in_flight == 0 and len(done) >= sum(end != "cancel" for end, *_ in ends)

    run(work())
