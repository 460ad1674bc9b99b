"""A question asked, carried out, killed, asked again: nothing is played twice, and the answer is the same."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from actors import ActingMachine, act

from sirius_core import frames, inquiries, jobs, whatif
from sirius_core.__main__ import main
from sirius_core.errors import Busy, Cancelled, Missing, UnreadableText, UsageError
from sirius_core.store import Store
from sirius_core.store.browse import Browse, Filter
from sirius_core.trajectories import Trajectory
from sirius_core.whatif import Blame, Tries, WhatIf

ROOT = Path(__file__).resolve().parents[1]
DIES = """
import os, signal, sys
sys.path[:0] = [{root!r}, {tests!r}]
from actors import ActingMachine
from sirius_core import inquiries
from sirius_core.store import Store
path, inquiry = sys.argv[1:]
with Store(path) as store:
    machine = ActingMachine(store.experiments.all()[0])
def die(done, total):
    if done == 16:
        os.kill(os.getpid(), signal.SIGKILL)
inquiries.carry_out(path, inquiry, hear=die, machine=machine)
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("inquiries") / "lab.db"
    with Store(path) as store:
        act(store, rounds=2, controls=0)
    return path


@pytest.fixture
def db(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(made, tmp_path / "lab.db"))


@pytest.fixture
def store(db: Path) -> Iterator[Store]:
    with Store(db) as opened:
        yield opened


def machine(store: Store) -> Any:
    return ActingMachine(store.experiments.all()[0])


def slip(store: Store, round: int = 1) -> Trajectory:
    """A try whose analyst took the wrong formula: turn 0 was to blame."""
    return next(t for t in store.episodes.find("tiny-0-1", round=round, phase="propose")
                if t.reward and t.reward.turns == {0: 0.0, 1: 1.0, 2: 1.0})


def right_plan(store: Store, t: Trajectory) -> str:
    return next(other.turns[0].text for other in store.episodes.find("tiny-0-1", task=t.task) if other.right)


def test_what_if_and_its_answer_derived_again(db: Path, store: Store) -> None:
    t = slip(store)
    asked = inquiries.ask(store, t.id, turn=0, text=right_plan(store, t), k=8, author="Ann")
    assert (store.inquiries.get(asked).status, store.inquiries.get(asked).spoken) == ("queued", 0)
    with pytest.raises(Missing, match="16 replays of inquiry"):
        inquiries.answer(store, store.inquiries.get(asked))
    heard: list[tuple[int, int]] = []
    done = inquiries.carry_out(db, asked, hear=lambda d, n: heard.append((d, n)), machine=machine(store))
    assert (done.status, done.done, done.total, done.pid, done.author) == ("done", 16, 16, None, "Ann")
    assert heard[-1] == (16, 16)
    answer = inquiries.answer(store, done)
    assert isinstance(answer, WhatIf) and inquiries.read(done) == answer
    assert answer.edited.right > 4 and answer.unedited == Tries(0, 8) and not answer.was_right
    edited, unedited = (store.episodes.get(whatif.ids(t, v, "whatif:0")[0]) for v in whatif.what_if(
        t, 0, right_plan(store, t), 8))
    assert edited.path == replace(t.path, phase="whatif:0", branch=edited.path.branch)
    assert (edited.parent, dict(edited.edits)) == (t.id, {0: right_plan(store, t)})
    assert [turn.origin for turn in unedited.turns] == ["given", "sampled", "sampled"]
    assert Browse(store.db).count("tiny-0-1", Filter(group="what-ifs")) == 16


def test_blame_falls_on_the_turn_that_went_wrong(db: Path, store: Store) -> None:
    t = slip(store, round=2)
    asked = inquiries.ask(store, t.id, kind="blame", k=16, now=True)
    assert store.inquiries.get(asked).spoken == 2
    done = inquiries.carry_out(db, asked, machine=machine(store))
    answer = inquiries.read(done)
    assert isinstance(answer, Blame) and answer.most == 0
    assert answer.values[1:] == (Tries(0, 16), Tries(0, 16)) and answer.values[0].right > 8
    with frames.open(db) as lab:
        rows = lab.inquiries("tiny-0-1", inquiry=asked)
    assert list(rows["variant"]) == ["0", "1", "2"]
    assert list(rows["right"]) == [v.right for v in answer.values]
    assert list(rows["difference"]) == [share.estimate for share in answer.shares]


def test_killed_at_any_moment_it_goes_on_where_it_was(made: Path, db: Path, store: Store, tmp_path: Path) -> None:
    t = slip(store)
    asked = inquiries.ask(store, t.id, kind="blame", k=8)
    script = DIES.format(root=str(ROOT), tests=str(ROOT / "tests"))
    ended = subprocess.run([sys.executable, "-c", script, str(db), asked], capture_output=True, check=False)
    assert ended.returncode == -9, ended.stderr
    left = inquiries.status(store, asked)
    assert (left.status, left.message, left.done) == ("stopped", inquiries.STOPPED, 16)
    before = {i.id for i in store.episodes.find("tiny-0-1", phase="blame:0")}
    assert len(before) == 16
    assert inquiries.ask(store, t.id, kind="blame", k=8) == asked
    assert store.inquiries.get(asked).status == "queued"
    with jobs.lock(db, asked), pytest.raises(Busy, match=f"inquiry {asked} is being answered by another process"):
        inquiries.carry_out(db, asked, machine=machine(store))
    done = inquiries.carry_out(db, asked, machine=machine(store))
    played = store.episodes.find("tiny-0-1", phase="blame:0")
    assert len(played) == 24 and [p.id in before for p in played] == [True] * 16 + [False] * 8
    whole = Path(shutil.copy(made, tmp_path / "whole.db"))
    with Store(whole) as other:
        assert inquiries.ask(other, t.id, kind="blame", k=8) == asked
        again = inquiries.carry_out(whole, asked, machine=machine(other))
        assert [p.content for p in other.episodes.find("tiny-0-1", phase="blame:0")] == [p.content for p in played]
    assert again.result == done.result


def test_a_larger_k_plays_only_what_is_new(db: Path, store: Store) -> None:
    t = slip(store)
    few, many = (inquiries.ask(store, t.id, kind="blame", k=k) for k in (8, 16))
    assert few != many
    for asked, total in ((few, 24), (many, 48)):
        inquiries.carry_out(db, asked, machine=machine(store))
        assert len(store.episodes.find("tiny-0-1", phase="blame:0")) == total
    first, second = (inquiries.read(store.inquiries.get(i)) for i in (few, many))
    assert isinstance(first, Blame) and isinstance(second, Blame)
    assert all(0 <= b.right - a.right <= 8 for a, b in zip(first.values, second.values, strict=True))


def test_one_that_is_stopped_can_be_asked_again(db: Path, store: Store) -> None:
    t = slip(store)
    asked = inquiries.ask(store, t.id, kind="blame", k=8)
    inquiries.cancel(db, asked)
    assert store.inquiries.get(asked).status == "stopped"

    class Impatient(ActingMachine):
        def model(self, name: str, blob: bytes) -> Any:
            raise Cancelled("somebody asked")

    inquiries.ask(store, t.id, kind="blame", k=8)
    with pytest.raises(Cancelled):
        inquiries.carry_out(db, asked, machine=Impatient(store.experiments.all()[0]))
    stopped = store.inquiries.get(asked)
    assert (stopped.status, stopped.message) == ("stopped", "stopped; ask again to go on")
    assert inquiries.carry_out(db, asked, machine=machine(store)).status == "done"


def test_what_cannot_be_asked_is_said_in_one_line(store: Store) -> None:
    t = slip(store)
    right = next(x for x in store.episodes.find("tiny-0-1", round=1, phase="propose") if x.right)
    mend = next(x for x in store.episodes.find("tiny-0-1", round=1, phase="repair") if x.team.endswith(":mend"))
    for question, said in (
        ({"turn": 3, "text": "x"}, "turn 3: the episode has turns 0 to 2"),
        ({"turn": 0, "text": " "}, "what should the turn have said? The text is empty"),
        ({"turn": 0, "text": t.turns[0].text}, "this is what the turn said: change something"),
        ({"kind": "guess"}, "an inquiry is a whatif or a blame, not 'guess'"),
        ({"kind": "blame", "k": 0}, "k = 0: between 1 and 1,000 replays"),
    ):
        with pytest.raises(UsageError) as refused:
            inquiries.ask(store, t.id, **question)  # type: ignore[arg-type]
        assert str(refused.value) == said
    with pytest.raises(UsageError, match="this episode came right: no turn is to blame"):
        inquiries.ask(store, right.id, kind="blame")
    with pytest.raises(UsageError, match="only what the team said can be played again"):
        inquiries.ask(store, mend.id, turn=0, text="1")
    with pytest.raises(UnreadableText, match="quark"):
        inquiries.ask(store, t.id, turn=0, text="quark")
    settings = store.experiments.get("tiny-0-1").settings
    store.experiments.set_settings("tiny-0-1", replace(settings, recipe="imported"))
    with pytest.raises(UsageError, match="were imported: the team that spoke them is not here"):
        inquiries.ask(store, t.id, kind="blame")
    assert store.inquiries.find() == []


def test_who_spoke_then(store: Store) -> None:
    def at(phase: str, round: int) -> int:
        t = slip(store)
        return inquiries.then(store, replace(t, path=replace(t.path, phase=phase, round=round)))

    assert [at("propose", 1), at("repair", 2), at("control:again", 2), at("replays", 2), at("pilot", 0)] == [
        0, 1, 1, 1, 0]
    assert [at("evaluate:heldout:sampled", 0), at("evaluate:heldout:greedy", 2), at("pass", 2)] == [0, 2, 2]
    assert [at("whatif:1", 2), at("blame:0", 2)] == [1, 0]


def test_questions_take_no_part_in_a_rounds_report(db: Path, store: Store) -> None:
    before = Browse(store.db).usage("tiny-0-1", 1)
    t = slip(store)
    inquiries.carry_out(db, inquiries.ask(store, t.id, kind="blame", k=8), machine=machine(store))
    assert Browse(store.db).usage("tiny-0-1", 1) == before


def test_the_command_line_says_the_answer(db: Path, store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    t = slip(store)
    asked = inquiries.ask(store, t.id, kind="blame", k=8)
    inquiries.carry_out(db, asked, machine=machine(store))
    answer = inquiries.read(store.inquiries.get(asked))
    assert main(["blame", t.id, "-k", "8", "--db", str(db), "--json"]) == 0
    assert answer is not None and json.loads(capsys.readouterr().out) == {
        "inquiry": asked, "experiment": "tiny-0-1", "trajectory": t.id, "kind": "blame", "turn": None, "k": 8,
        "spoken": 0, "result": answer.as_dict(), "says": answer.says()}
    assert main(["inquire", asked, "--db", str(db)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"{answer.says()}." and len(lines) == 5
    assert lines[-1] == f"Spoken by the checkpoints in force after round 0; inquiry {asked}."
    assert main(["what-if", t.id, "--turn", "9", "--text", "x", "--db", str(db)]) == 2
    assert capsys.readouterr().err == "sirius: turn 9: the episode has turns 0 to 2\n"
