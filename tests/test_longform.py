"""The experiment of long replies: long, wrong in a known place, mended in every way that a review knows, repeatable."""

from __future__ import annotations

import re
from pathlib import Path

import longform
import longform_physics as physics
import pytest

from sirius_core import review
from sirius_core.store import Store
from sirius_core.trajectories import Trajectory


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    store = Store(tmp_path_factory.mktemp("longform") / "lab.db")
    longform.act(store)
    return store


def said(store: Store) -> list[Trajectory]:
    return store.episodes.find("longform-0-1")


def test_it_is_played_to_its_end(store: Store) -> None:
    job = store.experiments.job("longform-0-1")
    reports = store.experiments.reports("longform-0-1")
    assert (job.status, job.message, [r["round"] for r in reports]) == ("done", "", [0, 1, 2])
    assert reports[2]["correct"] > reports[0]["correct"]


def test_everybody_talks_at_length(store: Store) -> None:
    counts = [len(turn.text.split()) for trajectory in said(store) for turn in trajectory.turns]
    assert (min(counts) >= 200, max(counts) <= 900, max(counts) > 800) == (True, True, True)


def test_replies_are_written_as_models_write(store: Store) -> None:
    texts = "\n".join(turn.text for trajectory in said(store)[:6] for turn in trajectory.turns)
    signs = {"display": r"\\\[\n.*\n\\\]", "inline": r"\\\(.*?\\\)", "dollars": r"\$\$", "code": r"```python\n",
             "table": r"\|:---\|", "list": r"\n1\. .*\n2\. ", "heading": r"^## ",
             "unit": r"\d N \|", "beyond ASCII": "[é→Δ✓]"}
    assert {name for name, sign in signs.items() if not re.search(sign, texts, re.MULTILINE)} == set()


def test_a_failure_has_the_known_wrong_step_or_a_slip_after_it(store: Store) -> None:
    failed = [t for t in said(store) if t.path.phase == "propose" and not t.right]
    faults = {t.id: longform.fault_of(t.task) for t in failed}
    with_it = [t for t in failed if faults[t.id][1] in t.turns[faults[t.id][0]].text]
    assert len(with_it) >= 0.8 * len(failed) > 0
    elsewhere = [t.id for t in failed for i, turn in enumerate(t.turns)
                 if i != faults[t.id][0] and faults[t.id][1] in turn.text]
    assert elsewhere == []


def test_repairs_of_every_kind_occur(store: Store) -> None:
    kinds = set()
    for repair in store.repairs.find("longform-0-1"):
        replay = store.episodes.get(repair.replay or "")
        assert replay.reward is not None
        kinds.add("leaky" if repair.leak and replay.right else "not mended" if not repair.mended
                  else "lucky" if replay.reward.lucky else "mended")
    assert kinds == {"leaky", "lucky", "mended", "not mended"}


def test_the_queue_of_a_review_has_every_kind_and_known_bad_ones(tmp_path: Path) -> None:
    with Store(tmp_path / "lab.db") as store:
        made = longform.act(store, review=True)
        items = review.items(store, made.id, 1)
    assert {item.kind for item in items} == {"not mended", "leaky", "doubtful", "lucky", "mended"}
    assert any(item.planted for item in items) and any(item.blind for item in items)


def test_it_waits_for_people_if_asked_and_goes_on(tmp_path: Path) -> None:
    with Store(tmp_path / "lab.db") as store:
        made = longform.act(store, review=True, problems=9, rounds=1)
        assert store.experiments.job(made.id).status == "paused"
        store.episodes.finish(made.id, 1, "review", ["go on"])
        longform.carry_on(store, made)
        assert store.experiments.job(made.id).status == "done"


def test_it_is_the_same_every_time(tmp_path: Path) -> None:
    found = []
    for name in ("one", "two"):
        with Store(tmp_path / f"{name}.db") as store:
            made = longform.act(store, seed=3, problems=9, rounds=1)
            found.append({t.id: t.content for t in store.episodes.find(made.id)})
    assert found[0] == found[1] and found[0]


def test_other_texts_come_in_by_a_door(tmp_path: Path) -> None:
    talker = longform.Talker(decorate=lambda role, text: f"<b>{role}</b>\n\n{text}")
    with Store(tmp_path / "lab.db") as store:
        made = longform.act(store, talker=talker, problems=9, rounds=0)
        turns = [turn for t in store.episodes.find(made.id) for turn in t.turns]
        assert all(turn.text.startswith(f"<b>{turn.role}</b>") for turn in turns) and turns


def test_every_question_is_read_back_as_its_problem() -> None:
    problems = [physics.made(number) for number in range(120)]
    assert [physics.asked(p.question) for p in problems] == problems
    assert len({p.question for p in problems}) == len(problems)
