"""A rollout under load, over real HTTP: as many calls in flight as are allowed, and no memory for what is done."""

from __future__ import annotations

import threading
import weakref
from pathlib import Path
from typing import Any

from endpoint import FakeEndpoint

from sirius_core.episodes import Call, play
from sirius_core.models import ScriptedModel, Voices
from sirius_core.models.openai_api import Endpoint, OpenAIModel
from sirius_core.rollout import Plan, Records, Rollout, Work
from sirius_core.settings import Settings
from sirius_core.store import Store
from sirius_core.teams import Team, roles
from sirius_core.trajectories import SeedPath, Task

TASK = Task("t1", "test", "train", "two and two", "4")


async def solo(task: Task, ask: Any) -> Any:
    return await ask("solver", question=task.question)


SOLO = Team("solo", roles({("solver", "answer"): "{{question}}"}), solo)


class Alive:
    """How many of the Records that it is shown were in memory at most whenever some had landed."""

    def __init__(self) -> None:
        self.now = self.most = 0

    def show(self, records: Records) -> None:
        self.now += 1
        weakref.finalize(records, self._gone)

    def _gone(self) -> None:
        self.now -= 1

    def progress(self, done: int, total: int) -> None:
        self.most = max(self.most, self.now)


def carry_out(path: Path, voices: Voices, count: int, concurrency: int) -> tuple[int, Alive]:
    """Play ``count`` episodes in a new store at ``path``; how many gave the answer, and what was in memory."""
    seen = Alive()
    with Store(path) as store:
        store.episodes.add_tasks([TASK])
        experiment = store.experiments.create("load", Settings(), 0).id
        rollout = Rollout(store, experiment, concurrency=concurrency, on_progress=seen.progress)

        def work(number: int) -> Work:
            async def go(call: Call) -> Records:
                where = SeedPath(experiment, 0, 1, "propose", TASK.id, number)
                records = Records((await play(SOLO, TASK, voices, where, call),))
                seen.show(records)
                return records

            return Work(str(number), go)

        rollout.run(1, "propose", Plan(range(count), work), lockstep=False)
        return store.db.value("SELECT count(*) FROM trajectory WHERE answer = '4'"), seen


def test_with_256_calls_allowed_256_are_in_flight(tmp_path: Path) -> None:
    answers = []
    with FakeEndpoint("4", held=True) as server:
        voices = Voices({"*": OpenAIModel(Endpoint(server.base_url), "fake")})
        run = threading.Thread(target=lambda: answers.append(carry_out(tmp_path / "lab.db", voices, 400, 256)[0]))
        run.start()
        try:
            server.wait(lambda s: s.in_flight == 256)
        finally:
            server.release()
            run.join()
    assert answers == [400]
    assert (server.most_in_flight, server.outcomes) == (256, {"200": 400})


def test_what_has_landed_takes_no_memory(tmp_path: Path) -> None:
    most = []
    for count in (100, 1000):
        voices = Voices({"*": ScriptedModel(lambda messages, sampling: "4")})
        answers, seen = carry_out(tmp_path / f"{count}.db", voices, count, 8)
        assert answers == count
        most.append(seen.most)
    assert 0 < most[1] <= most[0] + 8
