"""With review on nothing enters the library without a decision; decisions are rows, made once, whoever comes first."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from actors import ActingMachine, act
from reviewing import WAITS, Desk, desk

from sirius_core import jobs, review
from sirius_core.errors import Decided, Missing, UnreadableText, UsageError
from sirius_core.improve import Run, improve
from sirius_core.pocket.notation import fill
from sirius_core.store import Store
from sirius_core.tasks.formulas import problem
from sirius_core.trajectories import digest


@pytest.fixture
def paused(tmp_path: Path) -> Iterator[Desk]:
    with desk(tmp_path) as found:
        yield found


def repaired_in(d: Desk) -> set[str]:
    return {
        row[0]
        for row in d.store.db.rows(
            "SELECT DISTINCT e.trajectory FROM example e JOIN training_set s ON s.id = e.training_set "
            "WHERE s.experiment = ? AND s.round = 1 AND e.source <> 'direct'",
            d.id,
        )
    }


# -- what enters -------------------------------------------------------------------------------------------------------
def test_the_round_waits_and_says_what_to_do(paused: Desk) -> None:
    job, waiting = paused.store.experiments.job(paused.id), review.waiting(paused.store, paused.id, 1)
    assert job.status == "paused" and job.message.startswith(f"{paused.id}: {len(waiting)} repairs of round 1 wait;")
    assert waiting == paused.items() and len(waiting) > 10
    assert len(paused.store.experiments.reports(paused.id)) == 1


def test_only_what_was_accepted_enters(paused: Desk) -> None:
    one, two, three = paused.mended()[:3]
    review.decide(paused.store, one.id, "accept", "ann", seconds=2.5)
    review.decide(paused.store, two.id, "reject", "ann", reason=review.REASONS[1])
    paused.go_on()
    assert [r["round"] for r in paused.store.experiments.reports(paused.id)] == [0, 1]
    kept, _ = review.admitted(paused.store, paused.id, 1, 1)
    assert [t.id for t in kept] == [one.replay]
    assert {t.id for t in paused.run.library(1).tried if t.parent} == {one.replay}
    assert repaired_in(paused) <= {one.replay}  # drawn or not: a problem may have other successes
    with pytest.raises(UsageError, match="has been trained already"):
        review.decide(paused.store, three.id, "accept", "ann")


def test_nothing_decided_means_nothing_repaired_enters(paused: Desk) -> None:
    paused.go_on()
    assert repaired_in(paused) == set()


def test_accepting_what_was_mended_trains_as_without_review(paused: Desk, tmp_path: Path) -> None:
    for repair in paused.mended():
        review.decide(paused.store, repair.id, "accept", "ann")
    paused.go_on()
    with Store(tmp_path / "other.db") as store:
        act(store, **{**WAITS, "review": False, "rounds": 1})
        sets = {row["model"]: row["hash"] for row in store.weights.training_sets("tiny-0-1", 1)}
    assert paused.trained() == sets and len(sets) == 3


def test_the_last_decision_lets_the_round_go_on_and_undo_takes_one_back(paused: Desk) -> None:
    store, first = paused.store, paused.mended()[0]
    for item in paused.items():
        review.decide(store, item.id, "accept" if item.id == first.id else "reject", "ann")
    assert review.waiting(store, paused.id, 1) == []
    review.undo(store, first.id, "bob")
    assert [item.id for item in review.waiting(store, paused.id, 1)] == [first.id]
    assert [(d.author, d.verdict) for d in store.repairs.history(first.id)] == [("ann", "accept"), ("bob", "undo")]
    with pytest.raises(UsageError, match="nothing to take back"):
        review.undo(store, first.id, "bob")


def test_once_training_has_begun_decisions_stand(paused: Desk) -> None:
    one, two = paused.mended()[:2]
    review.decide(paused.store, one.id, "accept", "ann")
    review.go_on(paused.store, paused.id, 1)

    def dies(jobs, on_step):
        raise InterruptedError  # as a kill in the middle of fine-tuning

    paused.run.machine.tune = dies
    with suppress(InterruptedError):
        improve(paused.run)
    assert paused.trained() and paused.store.weights.models(paused.id, 1) is None
    for change in (lambda: review.undo(paused.store, one.id, "ann"),
                   lambda: review.decide(paused.store, two.id, "reject", "ann")):
        with pytest.raises(UsageError, match="has been trained already"):
            change()


def test_review_that_is_turned_on_while_a_round_learns_does_not_hold_it_up(paused: Desk) -> None:
    jobs.change(paused.store, paused.id, {"review": False, "rounds": 1})
    run = Run(paused.store, paused.store.experiments.get(paused.id), ActingMachine(paused.run.experiment))

    def dies(jobs, on_step):
        raise InterruptedError

    run.machine.tune = dies
    with suppress(InterruptedError):
        improve(run)
    before = paused.trained()
    jobs.change(paused.store, paused.id, {"review": True})
    improve(Run(paused.store, paused.store.experiments.get(paused.id), ActingMachine(paused.run.experiment)))
    assert paused.trained() == before and len(paused.store.experiments.reports(paused.id)) == 2


def test_a_round_keeps_the_rule_under_which_it_was_closed(paused: Desk) -> None:
    store, one = paused.store, paused.mended()[0]
    review.decide(store, one.id, "accept", "ann")
    paused.go_on()
    jobs.change(store, paused.id, {"review": False})
    improve(Run(store, store.experiments.get(paused.id), ActingMachine(paused.run.experiment)))
    kept, _ = review.admitted(store, paused.id, 1, 2)
    assert [t.id for t in kept if t.path.round == 1] == [one.replay]
    mended = {r.replay for r in store.repairs.find(paused.id, 2) if r.mended}
    assert mended and {t.id for t in kept if t.path.round == 2} == mended


# -- one decision each -------------------------------------------------------------------------------------------------
def test_a_decision_keeps_author_reason_seconds_and_both_hashes(paused: Desk) -> None:
    one, two = paused.mended()[:2]
    review.decide(paused.store, one.id, "reject", "ann", reason="unclear", seconds=3.5)
    edited = paused.right_edit(two)
    review.decide(paused.store, two.id, "edit", "bob", edited=edited)
    kept = paused.store.repairs.decisions(paused.id, 1)
    assert {(d.author, d.verdict, d.reason, d.seconds, d.replay) for d in kept.values()} == {
        ("ann", "reject", "unclear", 3.5, one.replay), ("bob", "edit", "", 0.0, edited.id)}
    assert [(d.before, d.after) for d in (kept[one.id], kept[two.id])] == [
        (digest(r.rephrased), digest(r.rephrased)) for r in (one, two)]


def test_a_second_decision_is_told_who_was_first(paused: Desk) -> None:
    one = paused.mended()[0]
    review.decide(paused.store, one.id, "accept", "ann")
    with pytest.raises(Decided, match="ann has decided this meanwhile: accept") as caught:
        review.decide(paused.store, one.id, "reject", "bob")
    assert (caught.value.author, caught.value.verdict, caught.value.exit_code) == ("ann", "accept", 2)
    assert len(paused.store.repairs.history(one.id)) == 1
    for item in (one.id, paused.planted()[0].id):
        with pytest.raises(UsageError, match="accept, edit or reject, not 'undo'"):
            review.decide(paused.store, item, "undo", "ann")
    with pytest.raises(Missing, match="no item 'nobody'"):
        review.decide(paused.store, "nobody", "reject", "ann")


def test_of_two_windows_that_decide_one_item_exactly_one_wins(paused: Desk, tmp_path: Path) -> None:
    items = [r.id for r in paused.mended()[:4]] + [paused.planted()[0].id]
    for item in items:
        won, lost, together = [], [], threading.Barrier(4)

        def window(author, item=item, won=won, lost=lost, together=together):
            with Store(tmp_path / "lab.db") as store:
                together.wait()
                try:
                    review.decide(store, item, "accept", author)
                    won.append(author)
                except Decided as error:
                    lost.append(error.author)

        windows = [threading.Thread(target=window, args=(f"window {n}",)) for n in range(4)]
        for thread in windows:
            thread.start()
        for thread in windows:
            thread.join()
        assert len(won) == 1 and lost == won * 3
    assert len(paused.store.repairs.decisions(paused.id, 1)) == 4
    assert len(paused.store.people.planted_decisions(paused.id, 1)) == 1


def test_what_the_round_goes_on_with_stands_before_it_is_trained(paused: Desk) -> None:
    store, (one, two, *_) = paused.store, [r.id for r in paused.mended()]
    review.decide(store, one, "accept", "ann")
    branch = review.try_edit(store, two, store.repairs.get(two).rephrased, **paused.how())
    review.go_on(store, paused.id, 1)
    paused.run.wait_for_people(1)  # it has looked at what there is, and trains next
    for late in (lambda: review.decide(store, two, "accept", "bob"), lambda: review.undo(store, one, "bob")):
        with pytest.raises(UsageError, match="goes on already"):
            late()
    assert store.people.place(review.send(store, branch.id, "bob")) == (paused.id, 2)
    paused.run.wait_for_people(1)
    assert [t.id for t in review.admitted(store, paused.id, 1, 1)[0]] == [store.repairs.get(one).replay]


def test_many_are_decided_and_taken_back_together(paused: Desk) -> None:
    store, (one, two, three, *_) = paused.store, [r.id for r in paused.mended()]
    batch = review.decide_many(store, [one, two, paused.planted()[0].id], "accept", "ann")
    assert len(batch.planted) == 1 and not batch.planted[0].caught
    assert {(d.author, d.created_at) for d in store.repairs.decisions(paused.id, 1).values()} == {
        ("ann", batch.created_at)}
    review.undo(store, one, "bob")
    review.decide(store, one, "reject", "bob")
    assert review.undo_many(store, batch, "ann") == 2  # what bob decided since is his
    assert {k: d.author for k, d in store.repairs.decisions(paused.id, 1).items()} == {one: "bob"}
    with pytest.raises(Decided):
        review.decide_many(store, [two, three, one], "reject", "ann")
    assert {*store.repairs.decisions(paused.id, 1)} == {one}, "all or none"
    with pytest.raises(UsageError, match="accepted or rejected together"):
        review.decide_many(store, [two], "edit", "ann")


def test_what_is_wrong_cannot_be_accepted(paused: Desk) -> None:
    for item in paused.items("not mended"):
        with pytest.raises(UsageError, match="it can be edited or rejected"):
            review.decide(paused.store, item.id, "accept", "ann")


def test_an_item_is_held_by_one_reviewer_for_a_while(paused: Desk) -> None:
    people, item = paused.store.people, paused.items()[0].id
    assert people.lease(item, "ann", 300) and people.lease(item, "ann", 300)
    assert not people.lease(item, "bob", 300) and people.leases() == {item: "ann"}
    people.release(item, "bob")
    assert people.leases() == {item: "ann"}
    people.release(item, "ann")
    assert people.lease(item, "bob", -1), "one that has expired already"
    assert people.leases() == {} and people.lease(item, "ann", 300)


# -- edits -----------------------------------------------------------------------------------------------------------
def test_an_edit_is_replayed_and_enters_only_if_it_succeeds(paused: Desk) -> None:
    repair = next(r for r in paused.mended() if r.role == "analyst")
    failed = paused.store.episodes.get(repair.failed)
    wrong = review.try_edit(paused.store, repair.id, failed.turns[0].text, **paused.how())
    assert not wrong.right and wrong.path.phase == "review" and wrong.parent == failed.id
    with pytest.raises(UsageError, match="does not lead to the right answer"):
        review.decide(paused.store, repair.id, "edit", "ann", edited=wrong)
    with pytest.raises(UsageError, match="try it first"):
        review.decide(paused.store, repair.id, "edit", "ann")
    right = paused.right_edit(repair)
    assert [t.origin for t in right.turns] == ["edited", "sampled", "sampled"]
    review.decide(paused.store, repair.id, "edit", "ann", edited=right)
    paused.go_on()
    library = paused.run.library(1)
    assert {t.id for t in library.tried if t.parent} == library.edited == {right.id}


def test_what_could_not_be_mended_can_be_edited_and_enters(paused: Desk) -> None:
    for item in paused.items("not mended"):
        repair = paused.store.repairs.get(item.id)
        p = problem(paused.store.episodes.task(repair.task))
        plan = f"{p.formula} : {fill(p.formula, p.x, p.y, p.z)}" if repair.turn == 0 else repair.rephrased
        edited = review.try_edit(paused.store, item.id, plan, **paused.how())
        if edited.right:
            break
    review.decide(paused.store, item.id, "edit", "ann", edited=edited)
    assert paused.entered() == ({edited.id}, {edited.id})


def test_words_that_the_model_cannot_read_are_named_with_the_nearest(paused: Desk) -> None:
    item, count = paused.items()[0].id, paused.store.db.value("SELECT count(*) FROM trajectory")
    for say in (review.try_edit, review.advise):
        with pytest.raises(UnreadableText, match="does not know 'flibber'"):
            say(paused.store, item, "x * y : flibber", **paused.how())
        with pytest.raises(UsageError, match="is empty"):
            say(paused.store, item, "  ", **paused.how())
    assert paused.store.db.value("SELECT count(*) FROM trajectory") == count
