"""Killed anywhere on the embedded model, resumed, killed again: the reports are those of a run that nothing disturbed.

Equal means every number of every report, with the hashes of training sets and checkpoints in it; only what the clock
says is left out. The deaths are SIGKILL at seeded SQL statements of every phase, at COMMIT (all of a transaction is
lost), right after it (all of it stands), some microseconds into it (either, and never a half), and in the middle of a
role's fine-tuning.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from crash_driver import carry_on, deaths, told

from sirius_core import jobs
from sirius_core.finetune.pocket import PocketMachine
from sirius_core.models.pocket import Engine
from sirius_core.settings import preset
from sirius_core.store import Store

CHANGES = {"rounds": 1, "problems": 16, "max_repairs": 10, "validation": 8, "heldout": 10, "new_wordings": 4,
           "withheld_forms": 4, "controls": 3, "control_calls": 6, "chunk": 12, "batch": 4}
DICE = random.Random("crashes")


def create(path: Path, **changes: object) -> str:
    with Store(path) as store:
        return jobs.create(store, "tiny", preset("tiny", {**CHANGES, **changes}), 3).id


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> list[dict]:
    path = tmp_path_factory.mktemp("undisturbed") / "lab.db"
    experiment = create(path)
    jobs.run(path, experiment, machine=PocketMachine(Engine(0), "misled"))
    reports = told(path, experiment)
    first = reports[1]
    assert len(reports) == 2 and set(first["library"]) == {"analyst", "calculator", "summarizer"}
    assert all(steps >= 3 for steps in first["steps"].values()) and first["repairs"] == 10 and first["validation"]
    assert set(first["controls"]) == {"again", "blind", "critic"} and len(set(first["training_sets"].values())) == 3
    return reports


PHASES = ("0 evaluate", "1 propose", "1 repair", "1 train", "0 validate", "1 validate", "1 control", "1 evaluate")
IN_PHASES = [{"at": phase, "count": DICE.randint(2, 6)} if phase != "1 train" else {"train": DICE.randint(4, 7)}
             for phase in PHASES]
IN_COMMITS = [
    {"commit": "trajectory", "nth": 2}, {"alarm": "trajectory", "nth": 2, "us": DICE.randint(20, 900)},
    {"after": "work"}, {"commit": "repair"}, {"alarm": "training_set", "us": DICE.randint(20, 300)},
    {"train": DICE.randint(1, 3)}, {"commit": "update_step"}, {"after": "update_step"}, {"train": 2},
    {"alarm": "weights", "us": DICE.randint(50, 900)}, {"commit": "gate"}, {"after": "gate"}, {"commit": "report"},
    {"alarm": "report", "us": DICE.randint(20, 300)}]
IN_STATEMENTS = [{"count": DICE.randint(120, 260)} for _ in range(5)]


def killed(path: Path, log: Path, points: list[dict], kind: str = "pocket") -> str:
    """Carry a new experiment on to every point in turn, then to its end."""
    experiment = create(path)
    for point in points:
        carry_on(path, experiment, kind, log, point)
        with Store(path) as store:
            assert store.check() == [] and jobs.status(store, experiment).status == "stopped"
    carry_on(path, experiment, kind, log, {})
    assert len(deaths(log)) == len(points)
    with Store(path) as store:
        assert store.check() == [] and store.experiments.job(experiment).status == "done"
        lonely = "SELECT count(*) FROM trajectory LEFT JOIN turn ON trajectory = seq WHERE idx IS NULL"
        assert store.db.value(lonely) == 0
    return experiment


def test_killed_in_every_phase_one_after_the_other(tmp_path: Path, undisturbed: list[dict]) -> None:
    experiment = killed(tmp_path / "lab.db", tmp_path / "log", IN_PHASES)
    assert told(tmp_path / "lab.db", experiment) == undisturbed
    assert deaths(tmp_path / "log") == list(PHASES)


def test_killed_inside_every_kind_of_commit_and_in_the_middle_of_fine_tuning(
        tmp_path: Path, undisturbed: list[dict]) -> None:
    experiment = killed(tmp_path / "lab.db", tmp_path / "log", IN_COMMITS)
    assert told(tmp_path / "lab.db", experiment) == undisturbed


def test_killed_at_seeded_statements(tmp_path: Path, undisturbed: list[dict]) -> None:
    experiment = killed(tmp_path / "lab.db", tmp_path / "log", IN_STATEMENTS)
    assert told(tmp_path / "lab.db", experiment) == undisturbed


@pytest.mark.parametrize("workers", [1, 2])
def test_the_same_report_from_one_worker_process_and_from_two(
        workers: int, tmp_path: Path, undisturbed: list[dict]) -> None:
    path = tmp_path / "lab.db"
    create(path)  # another experiment of the same name and seed in the same file
    experiment = create(path, workers=workers)
    jobs.run(path, experiment)
    assert told(path, experiment) == undisturbed


def test_killed_while_two_processes_fine_tune(tmp_path: Path, undisturbed: list[dict]) -> None:
    experiment = killed(tmp_path / "lab.db", tmp_path / "log", [{"train": 3}], "workers")
    assert told(tmp_path / "lab.db", experiment) == undisturbed
    assert deaths(tmp_path / "log") == ["1 train"]
