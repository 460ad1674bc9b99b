"""The queue holds what a person can improve, most valuable first; it is read in a few queries and loads no turns."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from reviewing import Desk, desk

from sirius_core import frames, jobs, review
from sirius_core.errors import Missing, UsageError
from sirius_core.review.replays import Evidence
from sirius_core.store import Store
from sirius_core.trajectories import Repair, Trajectory

ORDER = ["not mended", "leaky", "doubtful", "lucky", "mended"]


@pytest.fixture
def paused(tmp_path: Path) -> Iterator[Desk]:
    with desk(tmp_path) as found:
        yield found


def again(d: Desk, repair: Repair, **changes: object) -> Trajectory:
    """A stored replay like a repair's own, with another reward."""
    old = d.store.episodes.get(repair.replay or "")
    assert old.reward is not None
    new = replace(old, path=replace(old.path, draw=99), reward=replace(old.reward, **changes))
    d.store.episodes.add([new])
    return new


# -- what is in it -----------------------------------------------------------------------------------------------------
def test_everything_mended_and_one_repair_of_each_failure_that_was_not(paused: Desk) -> None:
    repairs = paused.store.repairs.find(paused.id, 1)
    mended = {r.failed for r in repairs if r.mended}
    last = {r.failed: r.id for r in repairs if r.turn is not None and r.failed not in mended}
    assert {i.id for i in paused.items()} == {r.id for r in repairs if r.mended} | set(last.values())
    assert {i.id for i in paused.items("not mended")} == set(last.values()) and last
    assert all(i.repair == i.id and i.decision is None and not i.flagged for i in paused.items())


def test_of_several_rewrites_the_last_that_names_a_turn_can_be_edited(paused: Desk) -> None:
    one = paused.store.repairs.get(paused.items("not mended")[0].id)
    added = [replace(one, id="later", regeneration_no=1), replace(one, id="blames nobody", turn=None, replay=None),
             replace(one, id="no rewrite", rephrased="", replay=None)]
    paused.store.repairs.add(paused.id, 1, "repair", added)
    assert [i.id for i in paused.items() if paused.store.repairs.get(i.id).failed == one.failed] == ["no rewrite"]
    assert next(i.why for i in paused.items() if i.id == "no rewrite") == "No rewrite came of the critique."
    shown = review.shown(paused.store, "no rewrite")
    assert (shown.repair, shown.replay, shown.failed.id) == (added[2], None, one.failed)


def test_an_unmended_repair_that_leaks_waits_as_such_only_if_it_is_right(paused: Desk) -> None:
    unmended = [paused.store.repairs.get(i.id) for i in paused.items("not mended")]
    wrong = next(r for r in unmended if r.replay)
    right = again(paused, wrong, value=1.0)
    leaky = [replace(wrong, id="leaky", leak=("a trace",), replay=right.id), replace(wrong, id="wrong", leak=("a",))]
    paused.store.repairs.add(paused.id, 1, "repair", leaky)
    assert [i.id for i in paused.items() if paused.store.repairs.get(i.id).failed == wrong.failed] == ["leaky"]
    assert paused.items("leaky")[0].why == "Right, but the rewrite gives away where it comes from."


def test_a_right_end_by_a_wrong_step_is_suspected_of_luck(paused: Desk) -> None:
    sure = [paused.store.repairs.get(i.id) for i in paused.items("mended")][:3]
    assert len(sure) == 3
    lucky = again(paused, sure[0], lucky=True)
    slipped = again(paused, sure[1], turns={0: 0.0, 1: 1.0}, lucky=None)
    fine = again(paused, sure[2], turns={0: 0.05, 1: 1.0}, lucky=None)
    paused.store.repairs.add(paused.id, 1, "repair", [
        replace(r, id=f"new{n}", replay=t.id) for n, (r, t) in enumerate(zip(sure, (lucky, slipped, fine), strict=True))
    ])
    kinds = {i.id: i.kind for i in paused.items()}
    assert [kinds[f"new{n}"] for n in range(3)] == ["lucky", "lucky", "mended"]


# -- order -------------------------------------------------------------------------------------------------------------
def test_the_order_is_by_value_and_among_equals_the_least_likely_first(paused: Desk) -> None:
    found = paused.items()
    seq = {r.id: n for n, r in enumerate(paused.store.repairs.find(paused.id, 1))}
    rate = {i.id: (right / n if n else 0.0) for i in found for right, n in [review.evidence(paused.store, i.id)[0]]}
    assert found == sorted(found, key=lambda i: (ORDER.index(i.kind), rate[i.id], seq[i.id]))
    assert {"not mended", "doubtful", "mended"} <= {i.kind for i in found}
    assert all(i.why for i in found)


@pytest.mark.parametrize("evidence, doubtful", [
    (Evidence((4, 4), (0, 4)), False),
    (Evidence((3, 4), (2, 4)), False),
    (Evidence((2, 4), (0, 4)), True),   # at most half
    (Evidence((3, 4), (3, 4)), True),   # no better than the turn as it was
    (Evidence((1, 1), (0, 1)), False),  # nothing follows the last turn
    (Evidence((1, 1), (3, 4)), False),
    (Evidence(), False),                # not played
    (Evidence((3, 4)), False),
])
def test_doubtful(evidence: Evidence, doubtful: bool) -> None:
    assert evidence.doubtful is doubtful


def test_decisions_do_not_move_anything(paused: Desk) -> None:
    before = [i.id for i in review.items(paused.store, paused.id, 1)]
    for name in random.Random(0).sample(before, len(before) // 2):
        review.decide(paused.store, name, "reject", "ann")
    after = review.items(paused.store, paused.id, 1)
    assert [i.id for i in after] == before and sum(i.decision is not None for i in after) == len(before) // 2


def test_it_is_read_in_a_few_queries_that_touch_no_turn(paused: Desk, tmp_path: Path) -> None:
    said: list[str] = []
    with Store(tmp_path / "lab.db", trace=said.append) as store:
        said.clear()
        review.items(store, paused.id, 1)
    assert len(said) <= 7 and not [sql for sql in said if " turn " in sql]
    plan = paused.store.db.rows("EXPLAIN QUERY PLAN " + next(sql for sql in said if "'replays'" in sql))
    assert [row["detail"] for row in plan] == [
        "SEARCH trajectory USING COVERING INDEX trajectory_replays (experiment=? AND round=?)"]


# -- what people add ---------------------------------------------------------------------------------------------------
def test_it_is_over_when_nothing_but_planted_ones_is_undecided(paused: Desk) -> None:
    for item in paused.items():
        assert not review.over(paused.store, paused.id, 1)
        review.decide(paused.store, item.id, "reject", "ann")
    assert review.over(paused.store, paused.id, 1) and review.waiting(paused.store, paused.id, 1) == []


def test_go_on_empties_what_waits_and_not_the_queue(paused: Desk) -> None:
    before = review.items(paused.store, paused.id, 1)
    review.go_on(paused.store, paused.id, 1)
    assert review.over(paused.store, paused.id, 1)
    assert review.waiting(paused.store, paused.id, 1) == [] and review.items(paused.store, paused.id, 1) == before


def test_flags_go_up_and_down_and_decide_nothing(paused: Desk) -> None:
    real, planted = paused.items()[2].id, paused.planted()[0].id
    for item in (real, planted):
        review.flag(paused.store, item, "ann", note="look again")
    review.flag(paused.store, real, "bob", raised=False)
    assert [i.id for i in review.items(paused.store, paused.id, 1) if i.flagged] == [planted]
    assert real in [i.id for i in review.waiting(paused.store, paused.id, 1)]
    with pytest.raises(Missing):
        review.flag(paused.store, "nobody", "ann")


def test_a_blind_share_belongs_to_the_items(paused: Desk) -> None:
    blind = {share: {i.id for i in review.items(paused.store, paused.id, 1) if i.blind}
             for share in (0.0, 0.3, 0.6, 1.0) if not set_blind(paused, share)}
    assert blind[0.0] == set() and blind[0.3] < blind[0.6] < blind[1.0]
    assert len(blind[1.0]) == len(review.items(paused.store, paused.id, 1))


def set_blind(d: Desk, share: float) -> None:
    e = d.store.experiments.get(d.id)
    d.store.experiments.set_settings(d.id, e.settings.changed({"blind": share}))


def test_how_often_the_critic_blames_the_same_turn(paused: Desk) -> None:
    one, two, three = paused.mended()[:3]
    for repair, turn in ((one, one.turn), (two, 1 - (two.turn or 0)), (three, None), (one, 2)):
        review.judge(paused.store, repair.id, "ann", turn, 4.0)  # of the first only the first word counts
    item = paused.planted()[0]  # it counts, too: a count that stood still would tell what it is
    review.judge(paused.store, item.id, "ann", paused.store.repairs.get(item.repair).turn)
    review.judge(paused.store, one.id, "bob", one.turn)
    assert review.blind_agreement(paused.store, paused.id) == {"ann": (2, 4), "bob": (1, 1)}
    assert review.judged(paused.store, one.id, "ann") and not review.judged(paused.store, two.id, "bob")


def test_progress_counts_what_is_shown(paused: Desk) -> None:
    total = len(review.items(paused.store, paused.id, 1))
    assert review.progress(paused.store, paused.id, 1) == review.Progress(total, 0, 0, 0, total, None)
    one, two, three = paused.mended()[:3]
    review.decide(paused.store, one.id, "accept", "ann", seconds=2)
    review.decide(paused.store, two.id, "reject", "ann", seconds=9)
    review.decide(paused.store, paused.planted()[0].id, "reject", "ann", seconds=4)
    review.decide(paused.store, three.id, "edit", "ann", edited=paused.right_edit(three), seconds=5)
    assert review.progress(paused.store, paused.id, 1) == review.Progress(total, 1, 1, 2, total - 4, 4.5)
    assert review.dwell(paused.store, paused.id) == [2, 9, 4, 5]
    batch = review.decide_many(paused.store, [r.id for r in paused.mended()[3:]], "accept", "ann")
    done = 4 + len(batch.items)
    assert review.progress(paused.store, paused.id, 1) == review.Progress(total, done - 3, 1, 2, total - done, 4.5)


# -- branches that were sent -------------------------------------------------------------------------------------------
def test_a_branch_is_sent_once_and_enters_if_somebody_accepts_it(paused: Desk) -> None:
    branch = paused.right_edit(next(r for r in paused.mended() if r.role == "analyst"))
    name = review.send(paused.store, branch.id, "ann", "a kept branch")
    assert review.send(paused.store, branch.id, "bob") == name
    item, = paused.items("sent")
    assert (item.id, item.why) == (name, "A person sent this branch.")
    made = paused.store.repairs.get(name)
    assert (made.failed, made.replay, made.critic, made.critique, made.turn, made.rephrased) == (
        branch.parent, branch.id, "person", "a kept branch", 0, branch.edits[0])
    assert review.shown(paused.store, name).replay == paused.store.episodes.get(branch.id)
    review.decide(paused.store, name, "accept", "bob")
    assert paused.entered() == ({branch.id}, {branch.id})


def test_what_was_sent_stays_out_undecided_even_where_nothing_is_reviewed(paused: Desk) -> None:
    mended = paused.mended()
    review.send(paused.store, paused.right_edit(next(r for r in mended if r.role == "analyst")).id, "ann")
    assert review.admitted(paused.store, paused.id, 1, 1) == ([], frozenset())
    jobs.change(paused.store, paused.id, {"review": False})
    kept, _ = review.admitted(paused.store, paused.id, 1, 1)
    assert {t.id for t in kept} == {r.replay for r in mended}


def test_a_branch_joins_the_round_that_is_open(paused: Desk) -> None:
    branch = paused.right_edit(next(r for r in paused.mended() if r.role == "analyst"))
    paused.go_on()
    assert paused.store.repairs.place(review.send(paused.store, branch.id, "ann")) == (paused.id, 2)


def test_only_edits_of_training_problems_can_be_sent(paused: Desk) -> None:
    store, repair = paused.store, paused.mended()[0]
    heldout = store.episodes.find(paused.id, phase="evaluate:heldout:sampled")[0]
    turn = heldout.turns[0]
    branch = replace(heldout, path=replace(heldout.path, phase="whatif:0", branch="x"), parent=heldout.id,
                     edits={0: turn.text})
    store.episodes.add([branch])
    with pytest.raises(UsageError, match="this problem is a heldout one"):
        review.send(store, branch.id, "ann")
    unedited = next(t for t in store.episodes.find(paused.id, phase="replays") if not t.edits)
    for name in (repair.failed, unedited.id):
        with pytest.raises(UsageError, match="only a replay in which one turn was edited"):
            review.send(store, name, "ann")


def test_what_was_imported_waits_like_the_rest(paused: Desk) -> None:
    one = replace(paused.mended()[0], id="from elsewhere", critic="imported", mended=False)
    paused.store.repairs.add(paused.id, 1, "sent", [one])
    assert [(i.id, i.kind, i.why) for i in paused.items("imported")] == [
        ("from elsewhere", "imported", "It was imported.")]


def test_the_queue_as_a_frame(paused: Desk, tmp_path: Path) -> None:
    pytest.importorskip("pandas")
    one = paused.mended()[0].id
    review.decide(paused.store, one, "accept", "ann")
    with frames.open(tmp_path / "lab.db") as lab:
        found = lab.queue(paused.id, 1)
    assert [*zip(found["item"], found["kind"], found["why"], strict=True)] == [
        (i.id, i.kind, i.why) for i in paused.items()]
    assert found.set_index("item").loc[one, "verdict"] == "accept"
    ways = ("rewritten", "unedited", "afresh")
    assert [[(row[f"{way}_right"], row[f"{way}_n"]) for way in ways] for row in found.to_dict("records")] == [
        [*review.evidence(paused.store, i.id)] for i in paused.items()]
