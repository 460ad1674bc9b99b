"""One call: how long it may take, how often it is tried and how exactly, what it costs, and when a budget is spent.

Time is the loop's own (see jumping.py), so what is asserted about seconds is exact.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from endpoint import FakeEndpoint
from endpoint_faults import First
from jumping import seconds

from sirius_core.calls import Calls, Limits
from sirius_core.episodes import Call, play
from sirius_core.errors import BudgetSpent, FullDatabase, ModelError, Stopped, UnreadableText
from sirius_core.models import Completion, Model, Sampling, TryAgain, Voices
from sirius_core.models.openai_api import Endpoint, OpenAIModel, Price
from sirius_core.pacing import GONE
from sirius_core.prompts import Message
from sirius_core.rollout import Plan, Records, Rollout, Work
from sirius_core.settings import Settings
from sirius_core.store import Store
from sirius_core.store.together import Together
from sirius_core.teams import Team, roles
from sirius_core.trajectories import SeedPath, Stop, Task

TASK = Task("t1", "test", "train", "2 + 2?", "4")
ASKED = (Message("user", "2 + 2?"),)


async def duet(task: Task, ask: Any) -> Any:
    first = await ask("left", question=task.question)
    return await ask("right", question=first)


DUET = Team("duet", roles({("left", "answer"): "{{question}}", ("right", "answer"): "{{question}}?"}), duet)


class Wire:
    """A model behind a wire: ``steps[n]`` becomes of attempt n (seconds to wait, an exception), the last for good."""

    dialect, lockstep = "chat", False

    def __init__(self, *steps: Any, name: str = "wire") -> None:
        self.steps, self.name = steps, name
        self.asked: list[tuple[float, tuple[Message, ...], Sampling]] = []
        self.most = self.now = self.closed = 0

    async def complete(self, messages: Sequence[Message], sampling: Sampling) -> Completion:
        self.asked.append((asyncio.get_running_loop().time(), tuple(messages), sampling))
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            for step in self.steps[min(len(self.asked), len(self.steps)) - 1]:
                if isinstance(step, float):
                    await asyncio.sleep(step)
                elif isinstance(step, BaseException):
                    raise step
            return Completion("four", "stop", 3, 1, 0.0, 0.25)
        finally:
            self.now -= 1

    async def close(self) -> None:
        self.closed += 1


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "lab.db") as made:
        made.episodes.add_tasks([TASK])
        made.experiments.create("e", Settings(), 0)
        yield made


def many(store: Store, model: Model, count: int = 1, at_once: int = 4, **limits: Any) -> tuple[list[Any], float]:
    """(the replies or errors of ``count`` calls made together, seconds)."""
    found: list[Any] = []

    async def work() -> None:
        calls = Calls(store, "e-0-1", at_once, Limits(**limits))
        calls.begin(1, "propose")
        try:
            found.extend(await asyncio.gather(
                *(calls(model, ASKED, Sampling(seed=i), lambda i=i: (i,)) for i in range(count)),
                return_exceptions=True))
        finally:
            await calls.end()

    return found, seconds(work())


def faults(store: Store) -> list[tuple[str, str]]:
    return [(row[0], row[1]) for row in store.db.rows("SELECT name, why FROM fault ORDER BY seq")]


# -- attempts and time ------------------------------------------------------------------------------------------------
def test_every_attempt_asks_for_the_same_thing_and_waits_longer_than_the_one_before(store: Store) -> None:
    wire = Wire([TryAgain("reset", "no")], [OSError("gone")], [ConnectionRefusedError(111, "no")], [])
    [said], took = many(store, wire)
    assert said == Completion("four", "stop", 3, 1, 0.0, 0.25)
    assert len({(messages, sampling) for _, messages, sampling in wire.asked}) == 1
    times = [at for at, _, _ in wire.asked]
    waits = [b - a for a, b in pairwise(times)]
    assert [0.125 * 2**i <= wait <= 0.25 * 2**i for i, wait in enumerate(waits)] == [True] * 3 and took == times[-1]
    assert faults(store) == [("reset", "reset: no"), ("system error", "OSError: gone"),
                             ("no connection", "ConnectionRefusedError: [Errno 111] no")]


@pytest.mark.parametrize("attempts", [1, 2, 5])
def test_a_call_whose_attempts_all_fail_is_lost(store: Store, attempts: int) -> None:
    wire = Wire([TimeoutError("no route")])
    [lost], _ = many(store, wire, attempts=attempts)
    assert isinstance(lost, Stopped) and (lost.stop, lost.why) == (Stop.LOST, "TimeoutError: no route")
    assert len(wire.asked) == attempts and faults(store) == [("timeout", "TimeoutError: no route")] * attempts


def test_a_call_whose_time_is_over_is_lost_in_the_middle_of_an_attempt(store: Store) -> None:
    wire = Wire([1.0, TryAgain("reset", "no")], [50.0])
    [lost], took = many(store, wire, deadline=10.0)
    assert (lost.stop, lost.why, took) == (Stop.LOST, "no reply within 10 s", 10.0)
    assert [name for name, _ in faults(store)] == ["reset", "deadline"]


def test_a_wait_that_is_too_long_ends_with_the_deadline_and_is_no_attempt(store: Store) -> None:
    wire = Wire([TryAgain("rate limit", "slow down", 3600.0)])
    [lost], took = many(store, wire, deadline=10.0)
    assert (lost.why, took, len(wire.asked)) == ("no reply within 10 s", 10.0, 1)
    assert faults(store) == [("rate limit", "rate limit: slow down")]


def test_a_server_is_asked_again_when_it_said_and_a_little_later(store: Store) -> None:
    wire = Wire([TryAgain("rate limit", "", 5.0)], [])
    many(store, wire)
    assert 5.0 < wire.asked[1][0] < 5.1


def test_waiting_for_a_slot_is_no_part_of_the_deadline(store: Store) -> None:
    wire = Wire([2.0])
    found, took = many(store, wire, count=12, at_once=3, deadline=3.0)
    assert [said.text for said in found] == ["four"] * 12 and (took, wire.most) == (8.0, 3)


def test_what_reads_no_prompt_is_an_outcome_and_what_cannot_be_asked_an_error(store: Store) -> None:
    found, _ = many(store, Wire([UnreadableText(["flux"], [None])], [ModelError("no key")]), count=2)
    assert (found[0].stop, str(found[1])) == (Stop.UNREADABLE, "no key")
    assert faults(store) == [] and store.db.value("SELECT count(*) FROM journal") == 0


def test_a_server_that_is_away_loses_nothing(store: Store) -> None:
    back = Wire(*[[ConnectionRefusedError("closed")]] * 7, [TryAgain("reset", "gone")], [])
    (said,), took = many(store, back, attempts=2, deadline=60.0)
    assert (said.text, len(back.asked)) == ("four", 9) and 10 < took < 60
    assert [name for name, _ in faults(store)] == ["no connection"] * 7 + ["reset"]
    away = Wire([ConnectionRefusedError("closed")], name="away")
    found, took = many(store, away, count=9, attempts=2, deadline=30.0)
    assert {str(error) for error in found} == {
        "away could not be reached for 30 s (ConnectionRefusedError: closed); what is not done stays pending: "
        "see to the server, then resume"}
    assert {type(error) for error in found} == {ModelError} and 29.9 < took < 39


def test_after_many_lost_calls_in_a_row_the_rest_is_not_asked(store: Store) -> None:
    wire = Wire([ConnectionError("gone")])
    found, _ = many(store, wire, count=GONE + 50, at_once=8, attempts=1)
    lost = [error for error in found if isinstance(error, Stopped)]
    left = [error for error in found if isinstance(error, ModelError)]
    assert len(lost) == len(wire.asked) == GONE and len(left) == 50
    assert str(left[0]).startswith(f"the last {GONE}") and "ConnectionError: gone" in str(left[0])


# -- together ---------------------------------------------------------------------------------------------------------
def test_replies_that_come_together_share_a_transaction_and_are_used_after_it(tmp_path: Path) -> None:
    said: list[str] = []
    with Store(tmp_path / "lab.db", trace=said.append) as store:
        store.episodes.add_tasks([TASK])
        store.experiments.create("e", Settings(), 0)
        said.clear()
        many(store, Wire([1.0]), count=10, at_once=10)
    inserts = [i for i, statement in enumerate(said) if statement.startswith("INSERT INTO journal")]
    assert len(inserts) == 10 and said.count("COMMIT") == 1 and said.index("COMMIT") > inserts[-1]


def test_a_write_that_fails_is_heard_by_all_who_share_it_and_nothing_of_it_stands(store: Store) -> None:
    def fail() -> None:
        raise FullDatabase("no room")

    async def work() -> list[Any]:
        together = Together(store.db)
        put = [lambda i=i: store.episodes.journal_put(f"k{i}", "e", "m", {"n": i}) for i in range(3)]
        first = await asyncio.gather(together.land(put[0]), together.land(fail), together.land(put[1]),
                                     return_exceptions=True)
        dropped = asyncio.ensure_future(together.land(put[2]))
        await asyncio.sleep(0)
        dropped.cancel()
        together.flush()
        return first

    found = asyncio.run(work())
    assert [str(error) for error in found] == ["no room"] * 3
    assert [row[0] for row in store.db.rows("SELECT key FROM journal")] == ["k2"]  # who is cancelled loses nothing


def test_a_note_without_a_listener_fails_where_it_is_flushed(store: Store) -> None:
    async def work() -> None:
        together = Together(store.db)
        together.later(lambda: store.db.run("INSERT INTO fault (seq) VALUES (1)"))
        together.flush()

    with pytest.raises(Exception, match="NOT NULL"):
        asyncio.run(work())


# -- phases -----------------------------------------------------------------------------------------------------------
def rollout(store: Store, model: Model, count: int = 6, at_once: int = 4, price: Any = None, **limits: Any) -> Rollout:
    voices = Voices({"*": model}, Sampling(1.0, 20))
    made = Rollout(store, "e-0-1", concurrency=at_once, limits=Limits(**limits))

    def work(attempt: int) -> Work:
        async def go(call: Call) -> Records:
            return Records((await play(DUET, TASK, voices, SeedPath("e-0-1", 0, 1, "p", "t1", attempt), call),))

        return Work(str(attempt), go)

    made.run(1, "p", Plan(range(count), work), lockstep=False)
    return made


@pytest.mark.parametrize("name, most, spent", [("max_cost", 1.2, 5), ("max_calls", 5, 5), ("max_tokens", 19, 5)])
def test_a_budget_that_is_spent_pauses_and_what_was_paid_is_kept(
        store: Store, name: str, most: float, spent: int) -> None:
    wire = Wire([0.002])
    with pytest.raises(BudgetSpent, match=rf"^e-0-1 has spent its budget of {most} \({name}\); .* {name}=N$"):
        rollout(store, wire, **{name: most})
    assert spent <= len(wire.asked) <= spent + 3  # at most those in flight
    assert store.episodes.spent("e-0-1") == (len(wire.asked), 4 * len(wire.asked), 0.25 * len(wire.asked))
    again = Wire([])
    with pytest.raises(BudgetSpent):
        rollout(store, again, **{name: most})
    assert again.asked == []
    rollout(store, again)
    assert len(wire.asked) + len(again.asked) == 12
    assert len({sampling.seed for _, _, sampling in wire.asked + again.asked}) == 12


def test_a_budget_in_money_that_cannot_be_counted_pauses(store: Store) -> None:
    class Unpriced(Wire):
        async def complete(self, messages: Sequence[Message], sampling: Sampling) -> Completion:
            return replace(await super().complete(messages, sampling), cost=None)

    with pytest.raises(BudgetSpent, match="what a call costs is not known; set the model's price, or go on with"):
        rollout(store, first := Unpriced([]), max_cost=5.0)
    assert store.episodes.spent("e-0-1").cost is None and 0 < len(first.asked) < 12
    with pytest.raises(BudgetSpent, match=r"budget of 0.5 \(max_cost\)"):  # what was paid before counts nothing
        rollout(store, priced := Wire([]), max_cost=0.5)
    assert priced.asked and store.episodes.known_cost("e-0-1") == 0.25 * len(priced.asked)
    rollout(store, Unpriced([]))


def test_models_are_closed_at_the_end_of_a_phase_however_it_ends(store: Store) -> None:
    class Inside(Wire):
        def __init__(self, inner: Any) -> None:
            super().__init__([])
            self.inner = inner

    wire = Wire([])
    outer = Inside(wire)
    rollout(store, outer)
    assert (outer.closed, wire.closed) == (1, 1)
    with pytest.raises(ModelError):
        rollout(store, failing := Wire([ModelError("no key")], name="other"), count=8)
    assert failing.closed == 1


def test_over_http_nothing_is_left_open_and_a_stopped_run_repeats_nothing(store: Store) -> None:
    with FakeEndpoint("four", faults={"500": First(1)}) as server:
        for most in (5, 9, 0):
            model = OpenAIModel(Endpoint(server.base_url), "fake", price=Price(1.0, 1.0))
            try:
                rollout(store, model, max_calls=most)
            except BudgetSpent:
                assert most
        server.wait(lambda s: not s.in_flight)
    gc.collect()  # what is left open would warn, and warnings are errors
    answered = [seen.body["seed"] for seen in server.log if seen.outcome == "200"]
    assert len(answered) == len(set(answered)) == 12
    assert len(faults(store)) == sum(seen.outcome == "500" for seen in server.log)
    assert [t.outcome.answer for t in store.episodes.find("e-0-1")] == ["four"] * 6


def test_replies_that_had_arrived_stand_when_another_call_ends_the_run(store: Store) -> None:
    wire = Wire([0.001], [0.001], [0.001, ModelError("no key")], [60.0])
    with pytest.raises(ModelError):
        rollout(store, wire)
    assert store.db.value("SELECT count(*) FROM journal") == 2


def test_a_repeated_experiment_pays_nothing(store: Store) -> None:
    rollout(store, Wire([]))
    other = store.experiments.create("e", Settings(), 0).id
    again = Wire([])
    voices = Voices({"*": again}, Sampling(1.0, 20))

    async def go(call: Call) -> Records:
        return Records((await play(DUET, TASK, voices, SeedPath(other, 0, 1, "p", "t1", 3), call),))

    Rollout(store, other).run(1, "p", [Work("3", go)], lockstep=False)
    assert again.asked == [] and store.episodes.spent(other) == (0, 0, 0.0)
    [kept] = store.episodes.find(other)
    assert [turn.cost for turn in kept.turns] == [0.25, 0.25]
