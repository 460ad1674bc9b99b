"""Beside a repair stand replays of the rewrite, of the turn as it was, and of the turn said afresh: played before the
round waits, resumed like any phase, and never without review."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from actors import ActingMachine, act
from reviewing import WAITS, Desk, desk

from sirius_core import jobs, review
from sirius_core.errors import BudgetSpent, WaitingForReview
from sirius_core.improve import Run, improve
from sirius_core.settings import preset
from sirius_core.store import Store
from sirius_core.trajectories import Reward, Trajectory

K = WAITS["replays"]


@pytest.fixture
def paused(tmp_path: Path) -> Iterator[Desk]:
    with desk(tmp_path) as found:
        yield found


def replays(store: Store, experiment: str) -> list[Trajectory]:
    return store.episodes.find(experiment, round=1, phase="replays")


def test_each_way_is_played_as_often_as_the_settings_say(paused: Desk) -> None:
    found = replays(paused.store, paused.id)
    wanted: set[tuple[str, tuple[tuple[int, str], ...], int | None, int]] = set()
    for item in paused.items():
        r = paused.store.repairs.get(item.id)
        assert r.turn is not None
        follows = r.turn < len(paused.store.episodes.get(r.failed).turns) - 1
        once = K if follows else 1  # where nothing follows there is nothing to draw
        if r.replay:
            wanted |= {(r.failed, ((r.turn, r.rephrased),), None, k) for k in range(once)}
        wanted |= {(r.failed, (), r.turn + 1, k) for k in range(once)}
        wanted |= {(r.failed, (), r.turn, k) for k in range(K)}
        counts = [n for _, n in review.evidence(paused.store, item.id)]
        assert counts == [once if r.replay else 0, once, K]
    assert {(t.parent, tuple(t.edits.items()), t.fresh_from, t.path.draw) for t in found} == wanted
    assert len(found) == len(wanted) and all(t.reward is not None for t in found)


def test_what_is_counted_is_what_was_played(paused: Desk) -> None:
    found = replays(paused.store, paused.id)
    elsewhere = [replace(t, path=replace(t.path, round=2), reward=Reward(1.0, None, "")) for t in found[:20]]
    paused.store.episodes.add(elsewhere)  # of another round's queue, spoken by other checkpoints
    for item in review.items(paused.store, paused.id, 1):
        r = paused.store.repairs.get(item.repair)
        mine = [t for t in found if t.parent == r.failed]
        ways = ([t for t in mine if t.edits == {r.turn: r.rephrased}], [t for t in mine if t.fresh_from == r.turn + 1],
                [t for t in mine if t.fresh_from == r.turn])
        evidence = review.evidence(paused.store, item.id)
        assert evidence == tuple((sum(t.right for t in way), len(way)) for way in ways)
    assert evidence.interval("afresh").n == K


def test_the_turns_before_are_given_back_and_those_after_are_said_afresh(paused: Desk) -> None:
    item = next(i for i in paused.items("mended") if paused.store.repairs.get(i.id).turn == 1)
    failed = paused.store.repairs.get(item.id).failed
    origins = {(bool(t.edits), t.fresh_from): [turn.origin for turn in t.turns]
               for t in replays(paused.store, paused.id) if t.parent == failed}
    assert origins == {(True, None): ["given", "edited", "sampled"], (False, 2): ["given", "given", "sampled"],
                       (False, 1): ["given", "sampled", "sampled"]}


def test_killed_in_the_middle_it_goes_on_as_if_nothing_had_happened(paused: Desk, tmp_path: Path) -> None:
    class Killed(Exception):
        pass

    with Store(tmp_path / "other.db") as store:
        settings = preset("tiny", {**WAITS, "chunk": 16})
        experiment = store.experiments.create("tiny", settings, 0)

        def dies(round: int, phase: str, done: int, total: int) -> None:
            if phase == "replays" and done >= total // 2:
                raise Killed

        with pytest.raises(Killed):
            improve(Run(store, experiment, ActingMachine(experiment), dies))
        half = len(replays(store, experiment.id))
        assert store.people.planted(experiment.id, 1) == []
        with pytest.raises(WaitingForReview):
            improve(Run(store, experiment, ActingMachine(experiment)))
        found = replays(store, experiment.id)
        assert 0 < half < len(found)
        assert {(t.id, t.content) for t in found} == {(t.id, t.content) for t in replays(paused.store, paused.id)}
        assert review.items(store, experiment.id, 1) == review.items(paused.store, paused.id, 1)


def test_more_replays_on_resume_add_to_those_that_stand(paused: Desk) -> None:
    before = {t.id for t in replays(paused.store, paused.id)}
    jobs.change(paused.store, paused.id, {"replays": K + 1})
    experiment = paused.store.experiments.get(paused.id)
    with pytest.raises(WaitingForReview):
        improve(Run(paused.store, experiment, ActingMachine(experiment)))
    after = {t.id for t in replays(paused.store, paused.id)}
    assert before < after
    afresh = {review.evidence(paused.store, i.id).afresh[1] for i in paused.items()}
    assert afresh == {K + 1}
    assert len(paused.planted()) == len(paused.store.people.planted(paused.id, 1))  # no more of them


def test_they_count_in_the_budget(tmp_path: Path) -> None:
    with Store(tmp_path / "lab.db") as store:
        before = preset("tiny", {**WAITS, "replays": 0})
        experiment = store.experiments.create("tiny", before, 0)
        with pytest.raises(WaitingForReview):
            improve(Run(store, experiment, ActingMachine(experiment)))
        spent = store.episodes.spent(experiment.id).calls
        jobs.change(store, experiment.id, {"replays": 3, "max_calls": spent + 1})
        changed = store.experiments.get(experiment.id)
        with pytest.raises(BudgetSpent):
            improve(Run(store, changed, ActingMachine(changed)))
        assert store.experiments.reports(experiment.id)[-1]["round"] == 0


def test_without_review_nothing_of_it_happens(tmp_path: Path) -> None:
    sets = []
    for replays_, planted in ((0, 0.0), (5, 0.5)):
        with Store(tmp_path / f"{replays_}.db") as store:
            e = act(store, controls=0, rounds=1, replays=replays_, planted=planted, blind=planted)
            sets.append([row["hash"] for row in store.weights.training_sets(e.id)])
            phases = {row[0].partition(":")[0] for row in store.db.rows("SELECT DISTINCT phase FROM trajectory")}
            assert phases == {"propose", "repair", "validate", "evaluate"}
            assert store.db.value("SELECT count(*) FROM planted") == 0
            assert store.db.value("SELECT count(*) FROM work WHERE phase IN ('replays', 'planted')") == 0
    assert sets[0] == sets[1] and len(sets[0]) == 3


def test_a_round_that_was_told_to_go_on_plays_none(tmp_path: Path) -> None:
    with Store(tmp_path / "lab.db") as store:
        experiment = store.experiments.create("tiny", preset("tiny", {**WAITS, "rounds": 1}), 0)
        review.go_on(store, experiment.id, 1)
        improve(Run(store, experiment, ActingMachine(experiment)))
        assert replays(store, experiment.id) == [] and store.people.planted(experiment.id, 1) == []
