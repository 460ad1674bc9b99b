"""A model behind a wire: what was paid for is never paid for twice, however often the process is killed.

A reply has **arrived** when its row in the call journal is committed. The endpoint writes its own log of every call
that it hears. A call is made again only if the process died before that commit: while the call was on its way, between
reply and commit, or inside the commit itself; never after it.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from pathlib import Path

import pytest
from crash_driver import EndpointMachine, carry_on, deaths, know, told

from sirius_core import jobs
from sirius_core.errors import BudgetSpent
from sirius_core.settings import Settings
from sirius_core.store import Store
from sirius_core.trajectories import digest

SMALL = Settings().changed({"rounds": 2, "problems": 8, "max_solutions": 2, "max_repairs": 6, "validation": 6,
                            "heldout": 8, "new_wordings": 3, "withheld_forms": 3, "controls": 2, "control_calls": 6})


def create(path: Path, seed: int = 5, **changes: object) -> str:
    with Store(path) as store:
        experiment = jobs.create(store, "wire", SMALL.changed(changes), seed).id
        know(store, experiment)
    return experiment


def journalled(path: Path) -> set[int]:
    """The numbers of the calls whose replies have arrived."""
    with Store(path) as store:
        return {json.loads(row[0])["tokens_in"] for row in store.db.rows("SELECT reply FROM journal")}


def sent(log: Path) -> list[int]:
    return [int(line.split()[1]) for line in log.read_text().splitlines() if line.startswith("sent")]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> list[dict]:
    """The reports of a run that nothing disturbed, in this process."""
    path = tmp_path_factory.mktemp("undisturbed") / "lab.db"
    experiment = create(path)
    jobs.run(path, experiment, machine=EndpointMachine())
    reports = told(path, experiment)
    assert [r["round"] for r in reports] == [0, 1, 2] and set(reports[1]["library"]) == {
        "analyst", "calculator", "summarizer"} and reports[1]["repaired"] > 0
    return reports


def seeded(seed: int) -> list[dict]:
    """Eight deaths in a row at points that only the seed knows: in statements, commits and right after them."""
    dice = random.Random(f"deaths/{seed}")
    kinds = [("sql", "INSERT INTO journal"), ("commit", "journal"), ("after", "journal"), ("alarm", "journal"),
             ("commit", "trajectory"), ("sql", "INSERT INTO turn"), ("commit", "work"), ("after", "work")]
    dice.shuffle(kinds)
    # replies that come together share a commit: there are fewer commits than statements
    most = {"sql": 60, "commit": 8, "after": 8, "alarm": 8}
    return [{kind: what, "nth": dice.randint(2, most[kind]), "us": dice.randint(5, 400)} for kind, what in kinds]


@pytest.mark.parametrize("points", [
    pytest.param(seeded(1), id="seed 1"),
    pytest.param(seeded(2), id="seed 2"),
    pytest.param([{"count": n} for n in random.Random(3).sample(range(60, 700), 7)], id="statements"),
    pytest.param([{"commit": "report"}, {"after": "report"}, {"commit": "repair"}, {"after": "training_set"},
                  {"commit": "update_step"}, {"after": "update_step"}, {"commit": "gate"}, {"after": "gate"},
                  {"alarm": "report", "us": 60}],
                 id="training and reports"),
])
def test_killed_in_a_row_no_arrived_reply_is_asked_for_again(
        points: list[dict], tmp_path: Path, undisturbed: list[dict]) -> None:
    path, log = tmp_path / "lab.db", tmp_path / "wire.log"
    experiment = create(path)
    arrived: set[int] = set()
    in_doubt: Counter[int] = Counter()  # calls sent and not arrived, once per death
    for point in [*points, {}]:
        begun = len(sent(log)) if log.exists() else 0
        carry_on(path, experiment, "endpoint", log, point)
        new = sent(log)[begun:]
        assert not arrived & set(new), "a call whose reply had arrived was made again"
        assert max(Counter(new).values(), default=1) == 1
        arrived = journalled(path)
        if point:
            in_doubt.update(set(sent(log)) - arrived)
    assert told(path, experiment) == undisturbed
    made = Counter(sent(log))
    assert set(made) == arrived and all(made[call] <= 1 + in_doubt[call] for call in made)
    assert len(deaths(log)) == len(points)
    with Store(path) as store:
        assert store.check() == [] and store.experiments.job(experiment).status == "done"
        assert store.episodes.spent(experiment)[0] == len(arrived)


def test_every_call_of_an_undisturbed_run_is_made_once(tmp_path: Path, undisturbed: list[dict]) -> None:
    path, log = tmp_path / "lab.db", tmp_path / "wire.log"
    experiment = create(path)
    carry_on(path, experiment, "endpoint", log, {})
    assert set(Counter(sent(log)).values()) == {1} and set(sent(log)) == journalled(path)
    assert told(path, experiment) == undisturbed


@pytest.mark.parametrize("concurrency", [1, 3, 16])
def test_the_report_does_not_depend_on_concurrency_or_on_whose_reply_comes_first(
        concurrency: int, tmp_path: Path, undisturbed: list[dict]) -> None:
    path = tmp_path / "lab.db"
    experiment = create(path, concurrency=concurrency)
    jobs.run(path, experiment, machine=EndpointMachine(slowest=0.004 if concurrency > 1 else 0, shuffle=concurrency))
    assert told(path, experiment) == undisturbed


def test_the_same_seed_twice_in_one_database_gives_one_and_the_same_report(
        tmp_path: Path, undisturbed: list[dict]) -> None:
    path = tmp_path / "lab.db"
    create(path, seed=6)  # ids and rows before theirs
    for _ in range(2):
        experiment = create(path)
        jobs.run(path, experiment, machine=EndpointMachine(slowest=0))
        assert told(path, experiment) == undisturbed
    other = create(path, seed=6)
    jobs.run(path, other, machine=EndpointMachine(slowest=0))
    assert digest(told(path, other)) != digest(undisturbed)


def test_a_budget_counts_every_reply_that_arrived_and_is_never_exceeded(
        tmp_path: Path, undisturbed: list[dict]) -> None:
    path = tmp_path / "lab.db"
    experiment = create(path, max_calls=40, concurrency=7)
    for _ in range(3):  # resuming without a larger budget makes no further call
        with pytest.raises(BudgetSpent, match="max_calls=N"):
            jobs.run(path, experiment, machine=EndpointMachine())
        assert 40 <= len(journalled(path)) <= 40 + 7
    with Store(path) as store:
        assert store.experiments.job(experiment).status == "paused"
        jobs.change(store, experiment, {"max_calls": 0})
    jobs.run(path, experiment, machine=EndpointMachine())
    assert told(path, experiment) == undisturbed


def test_more_rounds_on_resume_are_the_rounds_of_a_longer_run(tmp_path: Path, undisturbed: list[dict]) -> None:
    path = tmp_path / "lab.db"
    experiment = create(path, rounds=1)
    jobs.run(path, experiment, machine=EndpointMachine(slowest=0))
    assert told(path, experiment) == undisturbed[:2]
    with Store(path) as store:
        jobs.change(store, experiment, {"rounds": 2})
    jobs.run(path, experiment, machine=EndpointMachine(slowest=0))
    assert told(path, experiment) == undisturbed
