"""Many episodes at once: what fails is one clear error or a named outcome, and what was not finished stays pending."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from sirius_core.episodes import Call, play
from sirius_core.errors import BudgetSpent, Cancelled, FullDatabase, ModelError
from sirius_core.models import Completion, Model, ScriptedModel, Voices
from sirius_core.models.pocket import Engine
from sirius_core.pocket.pretraining import shape
from sirius_core.pocket.transformer import Shape
from sirius_core.prompts import Message
from sirius_core.rollout import Limits, Plan, Records, Rollout, Work
from sirius_core.settings import Settings
from sirius_core.store import Store
from sirius_core.teams import Team, roles
from sirius_core.trajectories import SeedPath, Stop, Task

TASK = Task("t1", "test", "train", "3 * 4", "1 2")


async def duet(task: Task, ask: Any) -> Any:
    first = await ask("left", question=task.question)
    return await ask("right", question=first)


DUET = Team("duet", roles({("left", "answer"): "{{question}}", ("right", "answer"): "{{question}}"}), duet)


class Lab:
    """A store with one experiment, and plays of `DUET` in it."""

    def __init__(self, path: Path) -> None:
        self.store = Store(path)
        self.store.episodes.add_tasks([TASK])
        self.experiment = self.store.experiments.create("e", Settings(), 0).id

    def run(self, voices: Voices, count: int = 6, lockstep: bool = False, **limits: Any) -> Rollout:
        rollout = Rollout(self.store, self.experiment, 3, 4, Limits(**limits))

        def work(attempt: int) -> Work:
            async def go(call: Call) -> Records:
                path = SeedPath(self.experiment, 0, 1, "propose", "t1", attempt)
                return Records((await play(DUET, TASK, voices, path, call),))

            return Work(str(attempt), go)

        self.rollout = rollout
        rollout.run(1, "propose", [work(i) for i in range(count)], lockstep=lockstep)
        return rollout

    @property
    def outcomes(self) -> list[Any]:
        return [t.outcome.stop or t.outcome.answer for t in self.store.episodes.find(self.experiment)]


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    made = Lab(tmp_path / "lab.db")
    yield made
    made.store.close()


def voices(model: Model) -> Voices:
    return Voices({"*": model})


class Wire(ScriptedModel):
    """A scripted endpoint; ``fail(number of the call)`` may return an exception to raise."""

    def __init__(self, fail: Callable[[int], BaseException | None] = lambda number: None) -> None:
        super().__init__(lambda messages, sampling: "ok")
        self.fail, self.asked = fail, 0

    async def complete(self, messages: Sequence[Message], sampling: Any) -> Completion:
        self.asked += 1
        if (error := self.fail(self.asked)) is not None:
            raise error
        return await super().complete(messages, sampling)


class Dead(Engine):
    """The embedded model's engine; sampling raises ``error`` as long as there is one, then answers with empty texts."""

    def __init__(self, error: BaseException | None) -> None:
        super().__init__()
        self.error = error

    def shape(self, name: str) -> Shape:
        return shape()

    def _sample(self, jobs: Any) -> Any:
        if self.error:
            raise self.error
        from sirius_core.pocket.sampling import Generated

        return [[Generated((), (), "stop") for _ in job] for job in jobs]


def pocket(error: BaseException | None) -> Voices:
    return voices(Dead(error).model("a checkpoint", b""))


class OneWord(Wire):
    """An endpoint whose reply the embedded model can read."""

    dialect = "pocket"


def test_one_failure_of_a_whole_batch_is_one_error(lab: Lab) -> None:
    with pytest.raises(ModelError) as caught:
        lab.run(Voices({"*": Dead(ModelError("a worker ended")).model("c", b"")}), lockstep=True)
    assert str(caught.value) == "a worker ended" and caught.value.__suppress_context__
    assert lab.outcomes == [] and lab.store.episodes.finished(lab.experiment, 1, "propose") == set()


def test_an_error_of_ours_is_told_before_a_bug_and_a_model_that_fails_last(lab: Lab) -> None:
    errors = [RuntimeError("a bug"), ModelError("no key"), FullDatabase("no room"), RuntimeError("another")]
    with pytest.raises(FullDatabase, match=r"^no room$"):
        lab.run(voices(Wire(lambda number: errors[number - 1] if number <= 4 else None)))
    with pytest.raises(RuntimeError, match=r"^a bug$"):
        lab.run(voices(Wire(lambda number: RuntimeError("a bug"))))


@pytest.mark.parametrize("lockstep", [False, True])
def test_ctrl_c_inside_a_batch_ends_it_and_the_rest_stays_pending(
        lab: Lab, lockstep: bool, caplog: pytest.LogCaptureFixture) -> None:
    interrupted = pocket(KeyboardInterrupt()) if lockstep else voices(
        Wire(lambda number: KeyboardInterrupt() if number == 6 else None))
    with pytest.raises(KeyboardInterrupt):
        lab.run(interrupted, lockstep=lockstep)
    assert not lab.store.db.raw.in_transaction and len(lab.outcomes) < 6
    gc.collect()
    assert caplog.records == []  # no "Task exception was never retrieved"
    lab.run(voices(Wire()))
    assert lab.outcomes == ["ok"] * 6


def test_an_empty_reply_is_no_answer_and_stays_in_the_count(lab: Lab) -> None:
    lab.run(pocket(None), lockstep=True)
    assert lab.outcomes == [Stop.NO_ANSWER] * 6


def test_a_connection_that_comes_back_costs_nothing_and_one_that_does_not_is_a_lost_call(lab: Lab) -> None:
    shaky = Wire(lambda number: ConnectionError("reset") if number == 2 else None)
    lab.run(voices(shaky), count=2)
    assert lab.outcomes == ["ok", "ok"] and shaky.asked == 5
    dead = Wire(lambda number: TimeoutError("no route"))
    lab.run(voices(dead), count=3, attempts=1)
    assert lab.outcomes == ["ok", "ok", Stop.LOST] and dead.asked == 1
    lost = lab.store.episodes.find(lab.experiment)[-1]
    assert lost.outcome.why == "TimeoutError: no route" and [t.finish for t in lost.turns] == [Stop.LOST]


def test_a_reply_that_takes_too_long_is_a_lost_call(lab: Lab) -> None:
    class Slow(Wire):
        async def complete(self, messages: Sequence[Message], sampling: Any) -> Completion:
            await asyncio.sleep(60)
            raise AssertionError

    lab.run(voices(Slow()), count=2, deadline=0.05)
    assert lab.outcomes == [Stop.LOST] * 2


def test_a_team_of_the_embedded_model_and_an_endpoint_plays_together(lab: Lab) -> None:
    engine = Dead(None)
    lab.run(Voices({"left": OneWord(), "right": engine.model("c", b"")}), lockstep=True)
    assert lab.outcomes == [Stop.UNREADABLE] * 6  # "ok" is no word of the pocket model
    assert [len(t.turns) for t in lab.store.episodes.find(lab.experiment)] == [2] * 6
    assert lab.store.db.value("SELECT count(*) FROM journal") == 6


def test_budgets_and_stops_leave_what_was_not_finished_pending(lab: Lab) -> None:
    with pytest.raises(BudgetSpent, match=r"has spent its budget of 5 \(max_calls\)"):
        lab.run(voices(Wire()), max_calls=5)
    landed = len(lab.outcomes)
    assert landed < 6 and lab.store.episodes.spent(lab.experiment)[0] >= 5

    def stop(number: int) -> None:
        lab.rollout.cancel()

    with pytest.raises(Cancelled, match="sirius resume e-0-1"):
        lab.run(voices(Wire(stop)))
    lab.run(voices(Wire()))
    assert lab.outcomes == ["ok"] * 6
    assert lab.store.episodes.spent(lab.experiment)[0] == 12 == lab.store.db.value("SELECT count(*) FROM journal")


def test_a_plan_makes_its_work_when_its_turn_comes(lab: Lab) -> None:
    made: list[int] = []

    def work(number: int) -> Work:
        made.append(number)

        async def go(call: Call) -> Records:
            return Records()

        return Work(str(number), go)

    plan = Plan(range(100), work)
    assert (len(plan), made) == (100, [])
    assert ([w.id for w in plan[10:13]], plan[-1].id, made) == (["10", "11", "12"], "99", [10, 11, 12, 99])
    with pytest.raises(IndexError):
        plan[100]
    Rollout(lab.store, lab.experiment, chunk=40).run(1, "planned", plan[:90], lockstep=True)
    assert lab.store.episodes.finished(lab.experiment, 1, "planned") == {str(n) for n in range(90)}
