"""The second look: what its card shows, what a press records, and what it never shows."""

from __future__ import annotations

import pytest

pytest.importorskip("streamlit")

from actors import ActingMachine, act
from app_pages import opened, text_of

from sirius_core import review
from sirius_core.improve import Run, improve
from sirius_core.store import Store
from view import actions


@pytest.fixture
def reviewed(tmp_path, monkeypatch):
    """A finished experiment in which ann decided everything and half of it is looked at twice."""
    monkeypatch.setattr(actions, "DWELL", 0.0)
    path = tmp_path / "lab.db"
    with Store(path) as store:
        e = act(store, review=True, controls=0, replays=0, planted=0, blind=0, rounds=1, heldout=8, doubled=1.0)
        for item in review.waiting(store, e.id, 1):
            can = review.shown(store, item.id).repair.mended
            review.decide(store, item.id, "accept" if can else "reject", "ann")
        improve(Run(store, e, ActingMachine(e)))
        store.experiments.set_job(e.id, status="done")
    return path, e


def test_a_second_reviewer_looks_without_seeing_the_decision(reviewed, monkeypatch):
    path, e = reviewed
    with Store(path) as store:
        left = review.second(store, e.id, 1, "a person")
    at = opened(path, "review", monkeypatch)
    assert "Do reviewers agree?" in text_of(at) and "Known when a second reviewer" in text_of(at)
    assert at.toggle(key="second").label == f"Look at {len(left)} decided repairs once more"
    at.toggle(key="second").set_value(True).run()
    assert "Decided by" not in text_of(at) and not at.exception
    at.button(key="second_reject").click().run()
    at.button(key="second_accept").click().run()
    with Store(path) as store:
        assert store.people.opinions(e.id) == [(left[0].id, "a person", "reject"), (left[1].id, "a person", "accept")]
        (pair,) = review.agreement(store, e.id)
    assert (pair.one, pair.other, pair.n, pair.agreed) == ("a person", "ann", 2, 1)
    (table,) = (frame.value for frame in at.dataframe if "kappa" in frame.value)
    assert list(table["n"]) == [2] and f'lab.agreement("{e.id}")' in text_of(at)
