"""With review on nothing enters the library without a decision; edits are replayed first; decisions are rows."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

import pytest
from actors import ActingMachine, act

from sirius_core import jobs, review
from sirius_core.errors import UnreadableText, UsageError, WaitingForReview
from sirius_core.improve import Run, improve
from sirius_core.pocket.vocabulary import encode
from sirius_core.store import Store


@pytest.fixture
def paused(tmp_path):
    """An experiment that waits for decisions in round 1: (store, experiment, run, what waits)."""
    with Store(tmp_path / "lab.db") as store:
        experiment = act(store, review="true", controls=0)
        run = Run(store, experiment, ActingMachine(experiment))
        mended = [i for i in review.waiting(store, experiment.id, 1) if i.kind not in ("not mended", "leaky")]
        yield store, experiment.id, run, [store.repairs.get(item.id) for item in mended]


def go_on(run):
    review.go_on(run.store, run.experiment.id, run.round)
    with suppress(WaitingForReview):  # of round 2
        improve(run)
    return run.store.experiments.reports(run.experiment.id)


def try_edit(run, repair, text, draw=0):
    voices = run.voices(run.models_after(0))
    return review.try_edit(
        run.store, repair.id, text, team=run.recipe.team, judge=run.recipe.judge, voices=voices, draw=draw, check=encode
    )


def repaired_in(store, experiment):
    return {
        row[0]
        for row in store.db.rows(
            "SELECT DISTINCT e.trajectory FROM example e JOIN training_set s ON s.id = e.training_set "
            "WHERE s.experiment = ? AND s.round = 1 AND e.source <> 'direct'",
            experiment,
        )
    }


def test_the_round_waits_and_says_what_to_do(paused):
    store, experiment, _, waiting = paused
    job = store.experiments.job(experiment)
    every = review.waiting(store, experiment, 1)
    assert job.status == "paused" and f"{len(every)} repairs of round 1 wait" in job.message
    assert len(waiting) >= 4 and all(r.mended for r in waiting)
    assert len(store.experiments.reports(experiment)) == 1


def test_only_what_was_accepted_enters(paused):
    store, experiment, run, waiting = paused
    review.decide(store, waiting[0].id, "accept", "ann", seconds=2.5)
    review.decide(store, waiting[1].id, "reject", "ann", reason=review.REASONS[1])
    reports = go_on(run)
    assert [r["round"] for r in reports] == [0, 1]
    kept, _ = review.admitted(store, experiment, 1, 1)
    assert [t.id for t in kept] == [waiting[0].replay]
    assert {t.id for t in run.library(1).tried if t.parent} == {waiting[0].replay}
    assert repaired_in(store, experiment) <= {waiting[0].replay}  # drawn or not: a problem may have other successes
    with pytest.raises(UsageError, match="has been trained already"):
        review.decide(store, waiting[2].id, "accept", "ann")


def test_the_last_decision_lets_the_round_go_on_and_undo_takes_one_back(paused):
    store, experiment, _, waiting = paused
    for repair in waiting:
        review.decide(store, repair.id, "accept", "ann")
    for item in review.waiting(store, experiment, 1):
        review.decide(store, item.id, "reject", "ann")
    assert review.waiting(store, experiment, 1) == []
    review.undo(store, waiting[0].id, "ann")
    assert [r.id for r in review.waiting(store, experiment, 1)] == [waiting[0].id]
    assert [d.verdict for d in store.repairs.history(waiting[0].id)] == ["accept", "undo"]


def test_an_edit_is_replayed_and_enters_only_if_it_succeeds(paused):
    store, experiment, run, waiting = paused
    repair = next(r for r in waiting if r.role == "analyst")
    failed = store.episodes.get(repair.failed)
    wrong = try_edit(run, repair, failed.turns[0].text)
    assert not wrong.right and wrong.path.phase == "review" and wrong.parent == failed.id
    with pytest.raises(UsageError, match="does not lead to the right answer"):
        review.decide(store, repair.id, "edit", "ann", edited=wrong)
    right = try_edit(run, repair, repair.rephrased, draw=1)
    assert [t.origin for t in right.turns] == ["edited", "sampled", "sampled"]
    assert right.turns[0].text == repair.rephrased
    if not right.right:  # the successors act for themselves: try another draw, as a person would
        right = next(t for t in (try_edit(run, repair, repair.rephrased, draw=k) for k in range(2, 40)) if t.right)
    review.decide(store, repair.id, "edit", "ann", edited=right)
    go_on(run)
    library = run.library(1)
    assert {t.id for t in library.tried if t.parent} == library.edited == {right.id}
    decision = store.repairs.decisions(experiment, 1)[repair.id]
    assert (decision.verdict, decision.replay, decision.text) == ("edit", right.id, repair.rephrased)


def test_words_that_the_model_cannot_read_are_named_with_the_nearest(paused):
    store, _, run, waiting = paused
    count = store.db.value("SELECT count(*) FROM trajectory")
    with pytest.raises(UnreadableText, match="does not know 'flibber'"):
        try_edit(run, waiting[0], "x * y : flibber")
    with pytest.raises(UsageError, match="empty"):
        try_edit(run, waiting[0], "  ")
    assert store.db.value("SELECT count(*) FROM trajectory") == count


def test_nothing_decided_means_nothing_repaired_enters(paused):
    store, experiment, run, _ = paused
    go_on(run)
    assert repaired_in(store, experiment) == set()


def test_once_training_has_begun_decisions_stand(paused):
    store, experiment, run, waiting = paused
    review.decide(store, waiting[0].id, "accept", "ann")
    review.go_on(store, experiment, 1)

    def dies(jobs, on_step):
        raise InterruptedError  # as a kill in the middle of fine-tuning

    run.machine.tune = dies
    with suppress(InterruptedError):
        improve(run)
    assert store.weights.training_sets(experiment, 1) and store.weights.models(experiment, 1) is None
    with pytest.raises(UsageError, match="has been trained already"):
        review.undo(store, waiting[0].id, "ann")
    with pytest.raises(UsageError, match="has been trained already"):
        review.decide(store, waiting[1].id, "reject", "ann")


def test_a_round_keeps_the_rule_under_which_it_was_closed(paused):
    store, experiment, run, waiting = paused
    review.decide(store, waiting[0].id, "accept", "ann")
    go_on(run)
    jobs.change(store, experiment, {"review": False})
    last = Run(store, store.experiments.get(experiment), ActingMachine(run.experiment))
    improve(last)
    kept, _ = review.admitted(store, experiment, 1, 2)
    assert [t.id for t in kept if t.path.round == 1] == [waiting[0].replay]
    mended = {r.replay for r in store.repairs.find(experiment, 2) if r.mended}
    assert mended and {t.id for t in kept if t.path.round == 2} == mended


def test_an_unmended_repair_waits_only_if_it_leaks_and_is_right(paused):
    store, experiment, _, waiting = paused
    wrong = next(r for r in store.repairs.find(experiment, 1) if r.replay and not store.episodes.get(r.replay).right)
    right = waiting[0]
    leaky = [replace(r, id=f"leaky{n}", leak=("a trace",), mended=False) for n, r in enumerate((wrong, right))]
    store.repairs.add(experiment, 1, "repair", leaky)
    assert [i.id for i in review.items(store, experiment, 1) if i.kind == "leaky"] == ["leaky1"]
