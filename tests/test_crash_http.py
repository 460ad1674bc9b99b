"""Killed while replies come over HTTP: the server's own log shows no second call where a reply had arrived.

A reply has **arrived** when its row in the call journal is committed. The server lives in this process and outlives the
experiment's, so its log is the witness: every request that it got, whoever was alive to read the answer.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from chat_actor import ChatActor
from crash_driver import carry_on, deaths, told
from endpoint import FakeEndpoint
from endpoint_faults import Rate

from sirius_core import jobs
from sirius_core.settings import preset
from sirius_core.store import Store

SMALL = {"rounds": 1, "problems": 12, "max_solutions": 2, "max_repairs": 6, "validation": 6, "heldout": 8,
         "new_wordings": 0, "withheld_forms": 0, "controls": 2, "control_calls": 6, "update": "demos", "model": "fake",
         "concurrency": 6}
DICE = random.Random("deaths over HTTP")
POINTS: list[dict[str, Any]] = [
    {"commit": "journal", "nth": 2}, {"after": "journal", "nth": 3}, {"sql": "INSERT INTO journal", "nth": 9},
    {"at": "1 propose", "count": DICE.randint(8, 60)}, {"commit": "trajectory", "nth": 2},
    {"alarm": "journal", "nth": 4, "us": DICE.randint(5, 300)}, {"at": "1 repair", "count": DICE.randint(8, 40)},
    {"after": "work", "nth": 2}, {"commit": "gate"}, {"at": "1 control", "count": DICE.randint(4, 20)},
    {"at": "1 evaluate", "count": DICE.randint(8, 40)}, {"commit": "report"}]


def number(body: Mapping[str, Any]) -> int:
    """What names a call: its seed, as far as a token count can carry it."""
    return int(body["seed"]) % 10**9


@pytest.fixture(scope="module")
def server() -> Iterator[FakeEndpoint]:
    actor = ChatActor(preset("tiny", SMALL), seed=3)

    def reply(messages: Sequence[Mapping[str, Any]], body: Mapping[str, Any]) -> dict[str, Any]:
        return {"content": actor(messages, body), "usage": {"prompt_tokens": number(body), "completion_tokens": 1}}

    with FakeEndpoint(reply, latency=lambda dice: dice.random() * 0.01) as found:
        yield found


def create(path: Path, server: FakeEndpoint) -> str:
    with Store(path) as store:
        return jobs.create(store, "wire", preset("tiny", {**SMALL, "base_url": server.base_url}), 3).id


@pytest.fixture(scope="module")
def undisturbed(server: FakeEndpoint, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    path = tmp_path_factory.mktemp("undisturbed") / "lab.db"
    experiment = create(path, server)
    begun = server.requests
    jobs.run(path, experiment)
    asked = Counter(number(seen.body) for seen in server.log[begun:])
    assert set(asked.values()) == {1} and set(asked) == arrived(path)
    reports = told(path, experiment)
    assert len(reports) == 2 and reports[1]["repairs"] == 6 and sum(reports[1]["library"].values()) > 0
    return reports


def arrived(path: Path) -> set[int]:
    """The calls whose replies are in the journal."""
    with Store(path) as store:
        return {json.loads(row[0])["tokens_in"] for row in store.db.rows("SELECT reply FROM journal")}


@pytest.mark.parametrize("faults, points", [
    pytest.param({}, POINTS, id="a quiet server"),
    pytest.param({"reset": Rate(0.05), "500": Rate(0.05)}, POINTS[3:7], id="a shaky one")])
def test_killed_in_a_row_no_arrived_reply_is_asked_for_again(
        faults: dict[str, Rate], points: list[dict[str, Any]], tmp_path: Path, server: FakeEndpoint,
        undisturbed: list[dict[str, Any]]) -> None:
    path, log = tmp_path / "lab.db", tmp_path / "deaths.log"
    experiment = create(path, server)
    server.faults = faults
    had: set[int] = set()
    for point in [*points, {}]:
        begun = server.requests
        carry_on(path, experiment, "http", log, point)
        server.wait(lambda s: not s.in_flight)
        answered = Counter(number(seen.body) for seen in server.log[begun:] if seen.outcome == "200")
        assert not had & set(answered), "a call whose reply had arrived was made again"
        assert max(answered.values(), default=1) == 1
        had = arrived(path)
        with Store(path) as store:
            assert store.check() == []
    same = [{**report, "faults": {}} for report in told(path, experiment)]
    assert same == undisturbed and len(deaths(log)) == len(points)
    assert set(number(seen.body) for seen in server.log) == had
    with Store(path) as store:
        assert store.experiments.job(experiment).status == "done"
        assert store.episodes.spent(experiment).calls == len(had)
