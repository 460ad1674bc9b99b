"""What reviewing bought: arms at equal steps on the same problems, found again after a stop. No trace elsewhere."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from actors import ActingMachine, act

from sirius_core import frames, review, reviewers, worth
from sirius_core.__main__ import main
from sirius_core.commands.worth import CANCEL, PROGRESS, measure
from sirius_core.errors import Cancelled, UsageError, WaitingForReview
from sirius_core.improve import Run, improve
from sirius_core.store import Store
from sirius_core.training import Library
from sirius_core.worth import ALL, NOBODY, PEOPLE


@pytest.fixture(scope="module")
def paused(tmp_path_factory):
    """A database with an experiment that waits in round 1."""
    path = tmp_path_factory.mktemp("worth") / "paused.db"
    with Store(path) as store:
        act(store, review=True, controls=0, replays=0, planted=0.2, problems=30, heldout=20)
    return path


@pytest.fixture
def run(paused, tmp_path):
    """A run on a copy of it."""
    with Store(paused) as store:
        store.db.run("VACUUM INTO ?", str(tmp_path / "lab.db"))
    with Store(tmp_path / "lab.db") as store:
        experiment = store.experiments.all()[0]
        yield Run(store, experiment, ActingMachine(experiment))


def decide(run, keep=None):
    """Accept the first ``keep`` mended repairs (None: all), reject the other items."""
    left = keep
    for item in review.waiting(run.store, run.experiment.id, 1):
        can = review.shown(run.store, item.id).repair.mended and left != 0
        left = left - 1 if can and left is not None else left
        review.decide(run.store, item.id, "accept" if can else "reject", "ann", seconds=30.0)


def test_the_record_of_a_round(run):
    decide(run, keep=3)
    found = worth.worth(run, 1)
    names = [PEOPLE, ALL, NOBODY]
    assert list(found["arms"]) == names
    assert (found["round"], found["n"], found["equal"]) == (1, 20, True)
    mended = sum(r.mended for r in run.store.repairs.find(run.experiment.id, 1))
    assert [found["arms"][name]["repairs"] for name in names] == [3, mended, 0]
    most = {model: max(found["arms"][name]["earned"][model] for name in names) for model in found["examples"]}
    assert found["examples"] == most
    assert all(arm["steps"] == found["steps"] for arm in found["arms"].values())
    items = review.items(run.store, run.experiment.id, 1)
    real = sum(not item.planted for item in items)
    assert found["decisions"] == {"n": real, "accept": 3, "edit": 0, "reject": real - 3, "authors": 1,
                                  "seconds": 30.0 * real}
    assert [(p["of"], p["over"], p["mode"]) for p in found["pairs"]] == [
        (PEOPLE, ALL, "sampled"), (NOBODY, ALL, "sampled"), (PEOPLE, ALL, "greedy"), (NOBODY, ALL, "greedy")]
    for pair in found["pairs"]:
        of, over = (found["arms"][pair[name]][pair["mode"]] for name in ("of", "over"))
        assert pair["delta"] == pytest.approx((of["correct"] - over["correct"]) / 20)
        assert pair["gained"] - pair["lost"] == of["correct"] - over["correct"]
        assert pair["low"] <= pair["delta"] <= pair["high"] and pair["p"] <= pair["holm"] <= 1
    assert run.store.experiments.measurement(run.experiment.id, "worth") == {"round 1": json.loads(json.dumps(found))}


def test_who_lets_everything_through_bought_exactly_nothing(run):
    decide(run)
    found = worth.worth(run, 1)
    assert found["arms"][PEOPLE]["models"] == found["arms"][ALL]["models"]
    assert [(p["gained"], p["lost"], p["p"]) for p in found["pairs"] if p["of"] == PEOPLE] == [(0, 0, 1.0)] * 2


def test_every_arm_is_dealt_the_same_randomness(run):
    decide(run, keep=3)
    worth.worth(run, 1)
    seeds = {}
    for name in (PEOPLE, ALL, NOBODY):
        played = run.store.episodes.find(run.experiment.id, round=1, phase=f"worth:{name}:sampled")
        seeds[name] = [(t.task, t.turns[0].seed) for t in played]
    assert len(seeds[PEOPLE]) == 20 and seeds[PEOPLE] == seeds[ALL] == seeds[NOBODY]
    assert run.store.check() == []


def test_the_experiment_goes_on_as_if_nothing_had_been_measured(run, tmp_path):
    decide(run, keep=3)
    run.store.db.run("VACUUM INTO ?", str(tmp_path / "other.db"))
    worth.worth(run, 1)

    def rest(store):
        with suppress(WaitingForReview):  # of round 2
            improve(Run(store, run.experiment, ActingMachine(run.experiment)))
        report = store.experiments.reports(run.experiment.id)[1]
        return {key: value for key, value in report.items() if key not in ("seconds", "phases")}

    with Store(tmp_path / "other.db") as other:
        assert rest(run.store) == rest(other)


def test_of_a_round_that_is_closed_the_library_is_built_again(run):
    decide(run, keep=3)
    before = worth.people(run.store, run.experiment.id, 1)
    review.go_on(run.store, run.experiment.id, 1)
    with suppress(WaitingForReview):
        improve(run)
    assert worth.people(run.store, run.experiment.id, 1) == before
    found = worth.worth(run, 1, [before])
    kept = {u.model: u.after for u in run.store.weights.updates(run.experiment.id, 1)}
    assert found["arms"][PEOPLE]["models"] == kept  # what the round itself trained
    assert worth.reviewed(run.store, run.experiment.id) == 1
    assert worth.measured(run.store, run.experiment.id) == json.loads(json.dumps(found))


def test_a_stopped_measurement_goes_on_where_it_was(run):
    decide(run, keep=3)
    tune, tuned = run.machine.tune, []

    def once(jobs, on_step):
        if tuned:
            raise InterruptedError
        tuned.append(len(jobs))
        return tune(jobs, on_step)

    run.machine.tune = once
    with pytest.raises(InterruptedError):
        worth.worth(run, 1)
    assert run.store.experiments.measurement(run.experiment.id, "worth") is None
    again = []
    run.machine.tune = lambda jobs, on_step: again.append(len(jobs)) or tune(jobs, on_step)
    found = worth.worth(run, 1)
    assert len(again) == 2  # two of three arms
    run.machine.tune = once
    assert worth.worth(run, 1) == found  # nothing is left to be done


def test_without_a_decision_there_is_nothing_to_measure(run):
    with pytest.raises(UsageError, match="nobody has decided anything in round 1"):
        worth.worth(run, 1)
    assert worth.reviewed(run.store, run.experiment.id) is worth.measured(run.store, run.experiment.id) is None


def test_an_arm_without_an_example_of_a_role_is_not_called_equal(run, monkeypatch):
    decide(run, keep=3)
    library = run.library
    monkeypatch.setattr(run, "library", lambda round, arm: library(round, arm) if arm[0] else Library(()))
    found = worth.worth(run, 1)
    assert found["equal"] is False and found["arms"][NOBODY]["steps"] == {}


# -- scripted reviewers ------------------------------------------------------------------------------------------------
def test_what_each_scripted_reviewer_does(run):
    found = {name: reviewers.arm(run, 1, name) for name in reviewers.REVIEWERS}
    mended = {r.replay for r in run.store.repairs.find(run.experiment.id, 1) if r.mended}
    caught = {name: arm.caught for name, arm in found.items()}
    planted = caught["oracle"][1]
    assert planted >= 1 and caught["oracle"] == (planted, planted) and caught["sloppy"][0] <= planted / 2
    assert {t.id for t in found["random"].replays} < {t.id for t in found["sloppy"].replays} | mended
    assert len(found["random"].replays) < len(found["sloppy"].replays) <= len(mended)
    assert found["oracle"].edited and not found["sloppy"].edited and not found["random"].edited
    assert all(t.right and t.reward.lucky is False for t in found["oracle"].replays)
    assert run.store.repairs.decisions(run.experiment.id, 1) == {}  # they reviewed copies
    with_people = reviewers.arm(run, 1, "oracle")
    assert with_people == found["oracle"]


@pytest.mark.parametrize("index, said", [(0, "analyst"), (1, "calculator"), (2, "summarizer")])
def test_the_textbook_mends_the_turn_it_writes(run, index, said):
    failed = next(t for t in run.store.episodes.find(run.experiment.id, round=1, phase="propose") if t.right)
    task = run.store.episodes.task(failed.task)
    assert failed.turns[index].role == said
    assert reviewers.canonical(task, failed, index) == failed.turns[index].text


# -- the command -------------------------------------------------------------------------------------------------------
def test_the_command_measures_and_can_be_stopped(run, capsys):
    decide(run, keep=3)
    path, name = run.store.path, run.experiment.id
    heard = []
    found = measure(path, name, machine=ActingMachine(run.experiment), hear=heard.append)
    assert [line for line in heard if "test" in line] == [f"round 1, {n}: test" for n in (PEOPLE, ALL, NOBODY)]
    assert run.store.experiments.measurement(name, PROGRESS)[:1] == [1]
    assert run.store.experiments.measurement(name, CANCEL) is False

    def stop(line):
        run.store.experiments.set_measurement(name, CANCEL, True)

    with pytest.raises(Cancelled):
        measure(path, name, scripted=True, machine=ActingMachine(run.experiment), hear=stop)
    assert run.store.experiments.measurement(name, "worth") == {"round 1": json.loads(json.dumps(found))}
    assert main(["worth", name, "--db", str(path), "--round", "2"]) == 2
    assert "round 2 of tiny-0-1 has nothing to measure yet" in capsys.readouterr().err


def test_a_measurement_as_frames(run):
    decide(run, keep=3)
    assert frames.Frames(run.store).worth().empty and frames.Frames(run.store).worth_arms().empty
    found = worth.worth(run, 1)
    pairs, arms = (getattr(frames.Frames(run.store), name)(run.experiment.id) for name in ("worth", "worth_arms"))
    assert list(zip(pairs["of"], pairs["over"], pairs["mode"], strict=True)) == [
        (p["of"], p["over"], p["mode"]) for p in found["pairs"]]
    assert list(pairs["p"]) == [p["p"] for p in found["pairs"]] and set(pairs["round"]) == {1}
    assert dict(zip(arms["arm"], arms["repairs"], strict=True)) == {n: a["repairs"] for n, a in found["arms"].items()}
    assert list(arms["accuracy"]) == [a[m]["accuracy"] for a in found["arms"].values() for m in ("sampled", "greedy")]
