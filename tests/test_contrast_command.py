"""``sirius contrast``: one object on stdout that keeps to its schema whatever happens; exit codes; words for people."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from sirius_core import campaign
from sirius_core.__main__ import main
from sirius_core.commands import line
from sirius_core.commands.contrasts import lines
from sirius_core.contrast import plan
from sirius_core.errors import WaitingForReview
from sirius_core.store import Store

SCHEMA = json.loads((Path(__file__).parents[1] / "sirius_core" / "contrast.schema.json").read_text("utf-8"))
PLAN = """
question = "Does the critic help?"
preset = "tiny"
seeds = 1
[settings]
rounds = 1
problems = 6
max_solutions = 1
validation = 2
heldout = 8
new_wordings = 0
withheld_forms = 0
controls = 0
gate = false
workers = 1
[arms."play again"]
critic = "none"
[arms.critic]
max_repairs = 4
"""


class Said:
    """What one command gave back."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def object(self) -> dict[str, Any]:
        """The one object on stdout; it keeps to the published schema."""
        found: dict[str, Any] = json.loads(self.out)
        jsonschema.validate(found, SCHEMA)
        return found


@pytest.fixture
def sirius(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    file = tmp_path / "two.toml"
    file.write_text(PLAN)

    def run(*arguments: object) -> Said:
        code = main(["contrast", *map(str, arguments), "--db", str(tmp_path / "lab.db")])
        return Said(code, *capsys.readouterr())

    return run


def test_from_a_file_to_a_sentence_and_on_with_more_seeds(sirius: Any, tmp_path: Path) -> None:
    found = sirius(tmp_path / "two.toml", "--json", "--set", "heldout=6", "--predict", "critic", "--points", 5, "--why",
                   "it explains", "--author", "Ada", "--equal", "steps")
    said = found.object
    assert found.code == 0 and said["status"] == "done" and said["equal"] == "steps"
    assert (said["contrast"], said["name"], said["question"]) == ("contrast-1", "two", "Does the critic help?")
    assert list(said["arms"]) == ["play again", "critic"] and said["seeds"] == [0]
    for arm in said["arms"].values():
        [end] = arm["final"]
        assert end["n"] == 6 and arm["mean"] == end["accuracy"] == end["correct"] / 6
    assert [(p["one"], p["other"], p["items"]) for p in said["pairs"]] == [("play again", "critic", 6)]
    assert said["verdict"]["level"] == "checkpoints" and said["left_out"] == []
    assert [(p["author"], p["arm"], p["points"], p["reason"]) for p in said["predictions"]] == [
        ("Ada", "critic", 5.0, "it explains")]
    assert [line[10:].strip().split(": ")[:-1] for line in found.err.splitlines()] == [
        [], ["1 of 2", "seed 0, play again"], ["2 of 2", "seed 0, critic"], []]
    on = sirius("contrast-1", "--seeds", 2)
    assert on.code == 0 and "3 of 4: seed 1, play again" in on.err and "1 of 4" not in on.err
    assert "play again over" not in on.out and "critic over play again, seed 1: " in on.out
    with Store(tmp_path / "lab.db") as store:
        verdict = store.contrasts.verdict("contrast-1")
    assert verdict is not None and verdict["seeds"] == 2 and verdict["sentence"] in on.out
    late = sirius("contrast-1", "--predict", "critic", "--json")
    assert late.code == 2 and "contrast-1 has begun" in late.err and late.out == ""
    assert sirius("contrast-1", "--seeds", 1).err == "sirius: --seeds 1: contrast-1 has 2 seeds already\n"
    assert sirius("contrast-1", "--equal", "calls").code == 2


@pytest.mark.parametrize("arguments, says", [
    (["nothing.toml"], "cannot read the contrast 'nothing.toml'"),
    (["critic-or-agian"], "there is no file and no lesson 'critic-or-agian'; the lessons are critic-or-again"),
    (["two.toml", "--set", "critic=blind"], "--set critic: arm 'play again' sets it itself"),
    (["two.toml", "--set", "critics=blind"], "did you mean 'critic'"),
    (["two.toml", "--seeds", "0"], "1 to 100 seeds"),
    (["two.toml", "--seeds", "10000000000"], "1 to 100 seeds"),
    (["two.toml", "--equal", "time"], "choose one of calls, tokens, examples, steps"),
    (["contrast-7"], "there is no database"),
])
def test_what_is_wrong_is_said_before_anything_stands(
        sirius: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], says: str) -> None:
    monkeypatch.chdir(tmp_path)
    said = sirius(*arguments, "--json")
    assert said.code == 2 and says in said.err and said.out == "" and len(said.err.splitlines()) == 1


@pytest.mark.parametrize("text, says", [
    ("preset = []", "there is no preset []"), ("seeds = 10000000000", "1 to 100 seeds"),
    ("seeds = [9223372036854775808]", "whole numbers below 2**63"), ("question = 5", "question=5: a text is needed"),
    ('[arms.""]', "every arm needs a name"), (r'[arms."a\nb"]', r"the arm 'a\nb': a name is one line"),
    (f"[arms.{'w' * 61}]", "at most 60 characters"),
])
def test_a_file_that_says_something_else_is_refused_in_one_line(
        sirius: Any, tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "two.toml").write_text(f'{text}\n[arms.critic]\n[arms."play again"]\ncritic = "none"\n')
    said = sirius(tmp_path / "two.toml")
    assert said.code == 2 and says in said.err and len(said.err.splitlines()) == 1


def test_with_a_prediction_that_cannot_be_kept_nothing_is_made(sirius: Any, tmp_path: Path) -> None:
    said = sirius(tmp_path / "two.toml", "--predict", "critics")
    assert (said.code, said.out, said.err) == (2, "", "sirius: there is no arm 'critics'; did you mean 'critic'?\n")
    assert sirius(tmp_path / "two.toml", "--predict", "critic", "--points", 101).code == 2
    with Store(tmp_path / "lab.db") as store:
        assert store.contrasts.all() == []


def test_it_pauses_where_a_budget_is_spent_and_goes_on_with_a_larger_one(sirius: Any, tmp_path: Path) -> None:
    paused = sirius(tmp_path / "two.toml", "--json", "--set", "max_calls=30")
    assert paused.code == 3 and paused.object["status"] == "paused" and paused.object["verdict"] is None
    assert paused.object["message"].startswith("contrast-1 has spent its budget of 30 (max_calls); ")
    assert paused.object["message"].endswith("go on with: sirius contrast contrast-1 --set max_calls=N")
    assert f"--set max_calls=N --db {tmp_path / 'lab.db'}" in paused.err
    stopped = sirius("contrast-1", "--set", "rate=0.1")
    assert stopped.code == 2 and "setting rate is part of the contrast" in stopped.err
    with Store(tmp_path / "lab.db") as store:  # somebody asks it to stop before its process is up
        store.contrasts.set_job("contrast-1", status="queued", cancel=1)
    stopped = sirius("contrast-1", "--set", "max_calls=0", "--json")
    assert stopped.code == 130 and stopped.object["status"] == "stopped"
    assert f"go on with: sirius contrast contrast-1 --db {tmp_path / 'lab.db'}" in stopped.err
    done = sirius("contrast-1", "--json")
    assert done.code == 0 and done.object["status"] == "done" and done.object["verdict"] is not None


def test_in_a_process_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "two.toml").write_text(PLAN)
    command = [sys.executable, "-m", "sirius_core", "contrast", tmp_path / "two.toml", "--db", tmp_path / "lab.db"]
    done = subprocess.run([*command, "--detach", "--json", "--set", "rounds=0"], capture_output=True, text=True,
                          env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])})
    begun = Said(done.returncode, done.stdout, done.stderr)
    assert begun.code == 0 and begun.object["status"] in ("queued", "running") and begun.object["verdict"] is None
    with Store(tmp_path / "lab.db") as store:
        while (job := campaign.status(store, "contrast-1")).status in ("queued", "running"):
            time.sleep(0.1)
        assert (job.status, job.done, job.message) == ("done", 2, "")
        assert "comparing" in Path(job.log).read_text()


def test_what_a_terminal_shows() -> None:
    end = {"seed": 0, "n": 100, "correct": 62, "accuracy": 0.62}
    delta = {"estimate": -0.04, "low": -0.1, "high": 0.02}
    pair = {"one": "a", "other": "b", "delta": delta, "p": 0.25, "p_holm": 0.5, "seeds": 1, "items": 100, "gained": 3,
            "lost": 7, "more": None, "different": False, "seed": 0}
    found = {"contrast": "contrast-3", "status": "stopped", "message": "go on", "left_out": ["'c' is left out."],
             "arms": {"a": {"final": [end, {**end, "accuracy": 0.5}], "mean": 0.56, "low": 0.5, "high": 0.6},
                      "c": {"final": [], "mean": None, "low": None, "high": None}},
             "pairs": [pair, {**pair, "seed": None, "different": True}], "fairness": ["Not equal: calls."],
             "verdict": {"sentence": "Cannot tell.", "why": "Exact."},
             "predictions": [{"author": "Ada", "arm": "a", "points": 5.0, "reason": "so", "came": "open: no"},
                             {"author": "", "arm": "", "points": None, "reason": "", "came": None}]}
    assert lines(found) == [
        "a                    56.0% (50.0% to 60.0%) over 2 seeds, 200 answers: 62.0 50.0",
        "c                    not finished with any seed",
        "b over a, seed 0: -4.0 points (-10.0 to +2.0), +3 -7, p = 0.25 (0.5 after Holm): cannot be told apart",
        "b over a: -4.0 points (-10.0 to +2.0), +3 -7, p = 0.25 (0.5 after Holm): different",
        "", "Cannot tell.", "Exact.", "'c' is left out.", "Not equal: calls.",
        "Ada predicted 'a' ahead by 5 points, because so: open: no", "somebody predicted no difference",
        "contrast-3 is stopped: go on"]


def test_every_command_that_an_error_names_has_the_database() -> None:
    error = WaitingForReview("15 repairs wait; decide them, or go on without: sirius resume a-0-1 --go-on; then: "
                             "sirius contrast contrast-1")
    args = argparse.Namespace(db=Path("my lab.db"))
    assert line(error, args) == ("sirius: 15 repairs wait; decide them, or go on without: sirius resume a-0-1 --go-on "
                                 "--db 'my lab.db'; then: sirius contrast contrast-1 --db 'my lab.db'")
    assert line(error, argparse.Namespace(db=Path("lab.db"))) == f"sirius: {error}"


def test_a_contrast_is_stopped_like_an_experiment(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "two.toml").write_text(PLAN)
    with Store(tmp_path / "lab.db") as store:
        contrast = campaign.create(store, plan.read(tmp_path / "two.toml"))
        assert main(["stop", contrast, "--json", "--db", str(tmp_path / "lab.db")]) == 0
        assert Said(0, *capsys.readouterr()).object["status"] == "planned"
        assert store.contrasts.job(contrast).cancel
    assert main(["stop", "contrast-9", "--db", str(tmp_path / "lab.db")]) == 1
    assert capsys.readouterr().err.startswith("sirius: no contrast 'contrast-9' in ")
