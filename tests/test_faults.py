"""The fault matrix over real HTTP on loopback: every fault at 1 %, 20 %, on the first attempts and always.

The rule: a call is lost if, and only if, all its attempts fail or its deadline passes. The server's own log says what
became of each attempt, so the rule is checked call by call; what the database holds must follow from that log alone.
The runs of the matrix wait most of their time, so they all go at once, each in a thread of its own.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from endpoint import FakeEndpoint, Seen
from endpoint_faults import ALWAYS, FAULTS, First, Rate

from sirius_core.calls import DEADLINE
from sirius_core.episodes import Call, play
from sirius_core.errors import ModelError
from sirius_core.models import Sampling, Voices
from sirius_core.models.openai_api import Endpoint, OpenAIModel
from sirius_core.rollout import Limits, Plan, Records, Rollout, Work
from sirius_core.settings import Settings
from sirius_core.store import Store
from sirius_core.teams import Team, roles
from sirius_core.trajectories import SeedPath, Stop, Task, Trajectory

KEY = "sk-canary-0123456789abcdef"
TASK = Task("t", "test", "train", "2 + 2?", "4")
EPISODES, ATTEMPTS = 10, 3
HANGS, DEADLINE_OF_HANGS = ("hang", "trickle"), 12.0  # seconds; a good reply takes milliseconds
PLANS: Mapping[str, Any] = {"1 %": Rate(0.01), "20 %": Rate(0.2), "first": First(1), "first but one": First(2),
                            "first three": First(ATTEMPTS), "always": ALWAYS}
NAMED = {"429": "rate limit", "429 bare": "rate limit", "429 date": "rate limit", "429 ms": "rate limit",
         "500": "server error", "502": "server error", "503": "server error", "408": "server error",
         "409": "server error", "echoed key": "server error", "error in 200": "error body",
         "choices missing": "no choices", "choices null": "no choices", "choices empty": "no choices",
         "null content": "null content", "bad JSON": "bad JSON", "bad UTF-8": "bad UTF-8", "empty body": "bad JSON",
         "html": "bad JSON", "bad head": "bad HTTP", "reset": "reset", "half": "reset", "closed": "reset",
         "cut": "reset", "huge": "too large", "hang": DEADLINE, "trickle": DEADLINE}
CELLS = [(fault, plan) for fault in FAULTS for plan in PLANS
         if fault != "huge" or plan in ("20 %", "first")]  # each of them 32 MB
STOPS = {"refusal": Stop.REFUSED, "tool call": Stop.NO_ANSWER, "truncated": Stop.TRUNCATED,
         "content filter": Stop.REFUSED}


async def chain(task: Task, ask: Any) -> Any:
    first = await ask("left", question=task.question)
    return await ask("right", question=task.question, said=first)


TEAM = Team("chain", roles({("left", "answer"): "Solve: {{question}}",
                            ("right", "answer"): "{{question}} They say: {{said}}"}), chain)


@dataclass(frozen=True)
class Found:
    """What is left of one run: the server's log, the database's rows, the run's error."""

    log: list[Seen]
    episodes: list[Trajectory]
    journalled: int
    faults: Counter[str]
    whys: frozenset[str]
    error: BaseException | None
    kept: bytes  # the whole database, and its log


def run(folder: Path, fault: str, when: Any, number: int) -> Found:
    folder.mkdir()
    limits = Limits(deadline=DEADLINE_OF_HANGS if fault in HANGS else 60.0, attempts=ATTEMPTS)
    error = None
    with FakeEndpoint("four", faults={fault: when}, seed=number) as server, Store(folder / "lab.db") as store:
        store.episodes.add_tasks([TASK])
        experiment = store.experiments.create("e", Settings(), number).id
        endpoint = Endpoint(server.base_url, "KEY", {"KEY": KEY})
        voices = Voices({"*": OpenAIModel(endpoint, "fake")}, Sampling(1.0, 50))

        def work(i: int) -> Work:
            async def go(call: Call) -> Records:
                path = SeedPath(experiment, number, 1, "propose", TASK.id, i)
                return Records((await play(TEAM, TASK, voices, path, call),))

            return Work(str(i), go)

        rollout = Rollout(store, experiment, concurrency=EPISODES, limits=limits)
        try:
            rollout.run(1, "propose", Plan(range(EPISODES), work), lockstep=False)
        except ModelError as caught:
            error = caught
        server.wait(lambda s: not s.in_flight)
        rows = store.db.rows("SELECT experiment, round, phase, model, name, why FROM fault")
        assert {tuple(row)[:4] for row in rows} <= {(experiment, 1, "propose", f"{server.base_url} fake")}
        return Found(
            list(server.log), store.episodes.find(experiment), store.db.value("SELECT count(*) FROM journal"),
            Counter(row["name"] for row in rows), frozenset(row["why"] for row in rows), error,
            b"".join(path.read_bytes() for path in sorted(folder.iterdir())))


class Loud(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(self.format(record))


@pytest.fixture(scope="module")
def matrix(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[tuple[str, str], Future[Found]]]:
    folder, loud = tmp_path_factory.mktemp("matrix"), Loud()
    logging.getLogger().addHandler(loud)
    cells = [(fault, plan, when, 100 * i + j) for i, fault in enumerate(FAULTS)
             for j, (plan, when) in enumerate(PLANS.items()) if (fault, plan) in CELLS]
    with ThreadPoolExecutor(20) as pool:
        runs = {(fault, plan): pool.submit(run, folder / str(number), fault, when, number)
                for fault, plan, when, number in sorted(cells, key=lambda cell: cell[0] not in HANGS)}
        yield runs
    logging.getLogger().removeHandler(loud)
    assert loud.said == []  # no traceback, no "never retrieved"


def by_call(log: list[Seen]) -> dict[int, list[str]]:
    """{the call's seed: what became of its attempts, in order}."""
    calls: dict[int, list[str]] = {}
    for seen in log:
        calls.setdefault(seen.body["seed"], []).append(seen.outcome)
    return calls


@pytest.mark.parametrize("fault, plan", [cell for cell in CELLS if FAULTS[cell[0]].kind == "again"])
def test_a_call_is_lost_if_and_only_if_its_attempts_fail_or_its_deadline_passes(
        fault: str, plan: str, matrix: dict[tuple[str, str], Future[Found]]) -> None:
    found = matrix[fault, plan].result()
    attempts = by_call(found.log)
    most = 1 if fault in HANGS else ATTEMPTS  # a hang takes what time there is
    for outcomes in attempts.values():
        assert outcomes == [fault] * (len(outcomes) - 1) + outcomes[-1:]
        assert outcomes[-1] == "200" or len(outcomes) == most
        assert len(outcomes) <= most
    lost = {seed for seed, outcomes in attempts.items() if outcomes[-1] != "200"}
    answered = set(attempts) - lost
    assert found.error is None and len(found.episodes) == EPISODES and found.journalled == len(answered)
    assert {turn.seed for t in found.episodes for turn in t.turns if turn.finish == "stop"} == answered
    stopped = [t for t in found.episodes if t.outcome.stop is not None]
    assert len(stopped) == len(lost) and {t.outcome.stop for t in stopped} <= {Stop.LOST}
    assert all(t.outcome.answer == "four" for t in found.episodes if t not in stopped)
    failed = sum(outcome != "200" for outcomes in attempts.values() for outcome in outcomes)
    assert found.faults == ({NAMED[fault]: failed} if failed else {})
    said = f"no reply within {DEADLINE_OF_HANGS:g} s" if fault in HANGS else NAMED[fault]
    assert all(t.outcome.why.startswith(said) and "\n" not in t.outcome.why for t in stopped)
    assert (len(lost) == EPISODES) == (plan == "always" or plan == "first three" or (
        fault in HANGS and plan.startswith("first")))
    if plan in ("first", "first but one") and fault not in HANGS:
        assert {len(outcomes) for outcomes in attempts.values()} == {2 if plan == "first" else 3}


@pytest.mark.parametrize("fault, plan", [cell for cell in CELLS if FAULTS[cell[0]].kind in ("outcome", "fine")])
def test_a_reply_is_a_reply_even_where_the_model_fails(
        fault: str, plan: str, matrix: dict[tuple[str, str], Future[Found]]) -> None:
    found = matrix[fault, plan].result()
    assert all(len(outcomes) == 1 for outcomes in by_call(found.log).values())
    assert found.error is None and found.faults == {} and found.journalled == len(found.log)
    met = sum(seen.outcome == fault for seen in found.log)
    stops = Counter(t.outcome.stop for t in found.episodes)
    assert len(found.episodes) == EPISODES and stops[None] == EPISODES - (met if fault in STOPS else 0)
    assert set(stops) <= {None, STOPS.get(fault)}


@pytest.mark.parametrize("fault, plan", [cell for cell in CELLS if FAULTS[cell[0]].kind == "fatal"])
def test_a_refused_request_stops_the_run_and_its_tasks_stay_pending(
        fault: str, plan: str, matrix: dict[tuple[str, str], Future[Found]]) -> None:
    found = matrix[fault, plan].result()
    met = sum(seen.outcome == fault for seen in found.log)
    assert (found.error is not None) == (met > 0) and found.faults == {}
    assert all(len(outcomes) == 1 for outcomes in by_call(found.log).values())
    assert len(found.episodes) <= EPISODES - met and all(t.outcome.answer == "four" for t in found.episodes)
    if found.error is not None:
        assert str(found.error).startswith("http://127.0.0.1:") and "\n" not in str(found.error)
        assert KEY not in str(found.error) and "'fake'" in str(found.error)


def test_the_key_is_in_no_database(matrix: dict[tuple[str, str], Future[Found]]) -> None:
    for found in (future.result() for future in matrix.values()):
        assert all(KEY in seen.headers["authorization"] for seen in found.log)
        assert KEY.encode() not in found.kept and KEY[3:15].encode() not in found.kept
        assert not any(KEY[3:15] in why for why in found.whys)
