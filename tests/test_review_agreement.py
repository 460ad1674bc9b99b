"""A second look at decided repairs: who is asked what, what it never does, and how far people agree."""

from __future__ import annotations

import math

import pytest
from actors import act

from sirius_core import frames, review
from sirius_core.errors import UsageError
from sirius_core.review.kappa import cohen_kappa
from sirius_core.store import Store


@pytest.fixture(scope="module")
def paused(tmp_path_factory):
    path = tmp_path_factory.mktemp("agreement") / "paused.db"
    with Store(path) as store:
        act(store, review=True, controls=0, replays=0, planted=0.2, doubled=1.0)
    return path


@pytest.fixture
def lab(paused, tmp_path):
    """(store, experiment, the mended items of the round)."""
    with Store(paused) as store:
        store.db.run("VACUUM INTO ?", str(tmp_path / "lab.db"))
    with Store(tmp_path / "lab.db") as store:
        e = store.experiments.all()[0].id
        yield store, e, [i for i in review.items(store, e, 1) if not i.planted and i.kind != "not mended"]


def seconds(lab, author):
    return [i.id for i in review.second(lab[0], lab[1], 1, author)]


def test_others_look_again_at_what_one_has_decided(lab):
    store, e, mended = lab
    first, *_ = mended
    assert seconds(lab, "ben") == []
    review.decide(store, first.id, "accept", "ann")
    for item in review.items(store, e, 1):
        if item.kind == "not mended" or item.planted:
            review.decide(store, item.id, "reject", "ann")
    assert seconds(lab, "ben") == [first.id] and seconds(lab, "ann") == []
    assert [i.decision for i in review.second(store, e, 1, "ben")] == [None]  # it is not shown
    review.opine(store, first.id, "ben", "reject", reason=review.REASONS[0], seconds=4.0)
    assert seconds(lab, "ben") == [] and seconds(lab, "eve") == [first.id]


def test_an_opinion_admits_and_keeps_out_nothing(lab):
    store, e, mended = lab
    review.decide(store, mended[0].id, "accept", "ann")
    review.decide(store, mended[1].id, "reject", "ann")
    review.close(store, e, 1)
    before = review.admitted(store, e, 1, 1)
    review.opine(store, mended[0].id, "ben", "reject")
    review.opine(store, mended[1].id, "ben", "accept")
    assert review.admitted(store, e, 1, 1) == before and len(before[0]) == 1
    assert review.items(store, e, 1) != [] and [h.author for h in store.repairs.history(mended[0].id)] == ["ann"]


def test_the_share_is_drawn_by_the_seed(lab):
    store, e, mended = lab
    for item in mended:
        review.decide(store, item.id, "accept", "ann")
    everything = seconds(lab, "ben")
    half = store.experiments.get(e).settings.changed({"doubled": 0.5})
    store.experiments.set_settings(e, half)
    some = seconds(lab, "ben")
    assert set(some) < set(everything) == {i.id for i in mended} and seconds(lab, "eve") == some


def test_who_may_not_give_an_opinion(lab):
    store, _, mended = lab
    with pytest.raises(UsageError, match="nobody has decided this"):
        review.opine(store, mended[0].id, "ben", "accept")
    review.decide(store, mended[0].id, "accept", "ann")
    with pytest.raises(UsageError, match="your own decision"):
        review.opine(store, mended[0].id, "ann", "accept")
    with pytest.raises(UsageError, match="accept or reject, not 'edit'"):
        review.opine(store, mended[0].id, "ben", "edit")


def test_reviewer_by_reviewer(lab):
    store, e, (a, b, c, *_) = lab
    for item, verdict in ((a, "accept"), (b, "reject"), (c, "accept")):
        review.decide(store, item.id, verdict, "eve")
    for item, verdict in ((a, "accept"), (b, "reject"), (c, "accept")):
        review.opine(store, item.id, "ann", verdict)
    review.opine(store, c.id, "ann", "reject")  # changed her mind
    review.opine(store, a.id, "ben", "reject")
    assert review.agreement(store, e) == [
        review.Pair("ann", "ben", ((0, 1), (0, 0))),
        review.Pair("ann", "eve", ((1, 0), (1, 1))),
        review.Pair("ben", "eve", ((0, 0), (1, 0))),
    ]
    assert [(p.n, p.agreed) for p in review.agreement(store, e)] == [(1, 0), (3, 2), (1, 0)]
    review.undo(store, c.id, "eve")
    assert review.agreement(store, e)[1] == review.Pair("ann", "eve", ((1, 0), (0, 1)))


@pytest.mark.parametrize("table, kappa, low, high", [
    ([[20, 5], [10, 15]], 0.4, 0.1511, 0.6489),  # o = 0.7, e = 0.5; SE 0.1270, by hand
    ([[10, 0], [0, 10]], 1.0, 0.6777, 1.0),  # Wilson of 20 of 20: 0.8389, of which (0.8389 - 0.5) / 0.5
    ([[0, 5], [5, 0]], -1.0, -1.0, -0.4449),
    ([[9, 1], [1, 0]], -0.1, -0.2379, 0.0379),  # o = 9/11, e = 101/121; SE 0.0703, in fractions by hand
])
def test_kappa_by_hand(table, kappa, low, high):
    found = cohen_kappa(table)
    assert (round(found.estimate, 4), round(found.low, 4), round(found.high, 4)) == (kappa, low, high)
    assert found.n == sum(map(sum, table))


@pytest.mark.parametrize("table", [[[7, 0], [0, 0]], [[0, 0], [0, 0]]])
def test_kappa_is_not_defined_where_there_is_one_answer(table):
    found = cohen_kappa(table)
    assert math.isnan(found.estimate) and (found.low, found.high) == (-1.0, 1.0)


def test_agreement_as_a_frame(lab):
    store, e, (a, *_) = lab
    assert frames.Frames(store).agreement(e).empty
    review.decide(store, a.id, "accept", "ann")
    review.opine(store, a.id, "ben", "reject")
    (row,) = frames.Frames(store).agreement(e).to_dict("records")
    assert row == {"experiment": e, "one": "ann", "other": "ben", "n": 1, "agreed": 0, "kappa": 0.0, "low": 0.0,
                   "high": pytest.approx(0.7935, abs=1e-4)}
