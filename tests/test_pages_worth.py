"""The card that says what reviewing bought: before, while and after it is measured."""

from __future__ import annotations

import pytest

pytest.importorskip("streamlit")

import pandas as pd
from actors import ActingMachine, act
from app_pages import opened, text_of

from sirius_core import review, worth
from sirius_core.commands.worth import measure
from sirius_core.improve import Run, improve
from sirius_core.store import Store
from view import background
from view import worth as view_worth


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A finished experiment whose one round was reviewed."""
    path = tmp_path_factory.mktemp("worth") / "lab.db"
    with Store(path) as store:
        e = act(store, review=True, controls=0, replays=0, rounds=1, heldout=20)
        for n, item in enumerate(review.waiting(store, e.id, 1)):
            can = n % 2 and review.shown(store, item.id).repair.mended
            review.decide(store, item.id, "accept" if can else "reject", "ann", seconds=20.0)
        improve(Run(store, e, ActingMachine(e)))
        store.experiments.set_job(e.id, status="done")
    return path, e


def test_nothing_is_said_where_nobody_has_decided(tmp_path, monkeypatch):
    with Store(tmp_path / "lab.db") as store:
        act(store, controls=0, rounds=1)
    assert "What reviewing bought" not in text_of(opened(tmp_path / "lab.db", "overview", monkeypatch))


def test_it_is_offered_started_and_stopped(finished, monkeypatch):
    path, e = finished
    started, running = [], []
    monkeypatch.setattr(background, "start", lambda *words: started.append(words))
    monkeypatch.setattr(background, "running", lambda name: name in running)
    at = opened(path, "overview", monkeypatch)
    assert "at equal steps" in text_of(at)
    at.button(key="worth_measure").click().run()
    assert started == [(f"{e.id}.worth", "worth", e.id, "--round", "1")]
    running.append(f"{e.id}.worth")
    at.run()
    at.button(key="worth_stop").click().run()
    with Store(path) as store:
        assert store.experiments.measurement(e.id, "worth:cancel") is True


@pytest.mark.parametrize("page", ["overview", "review"])
def test_the_card_says_difference_interval_p_n_and_time(finished, monkeypatch, page):
    path, e = finished
    measure(path, e.id, machine=ActingMachine(e))
    with Store(path) as store:
        found = worth.measured(store, e.id)
    at = opened(path, page, monkeypatch)
    text = text_of(at)
    head, took = view_worth.said(found)
    assert head in text and took in text
    assert "(corrected for 2 pairs), n = 20 held-out problems, round 1" in head
    assert f"{found['decisions']['n']} decisions of 1 reviewer" in took
    (arms, pairs) = (frame.value for frame in at.dataframe if "arm" in frame.value or "of" in frame.value)
    assert len(arms) == 6 and len(pairs) == 4
    cells = [element.value for element in at.get("code") if "lab.worth" in element.value]
    for shown, cell in zip((arms, pairs), cells, strict=True):
        *before, last = cell.split("\n")
        names: dict[str, object] = {}
        exec("\n".join(before), names)
        pd.testing.assert_frame_equal(eval(last, names), shown, check_dtype=False)
    assert at.button(key="worth_measure").label == "Measure again"


def record(delta, low, high, p, **changes):
    pair = {"of": "people", "over": "accept all", "mode": "sampled", "delta": delta, "low": low, "high": high, "p": p,
            "holm": p}
    return {"round": 2, "n": 400, "equal": True, "pairs": [pair],
            "decisions": {"n": 62, "authors": 1, "seconds": 1260.0}, **changes}


def test_the_sentences():
    assert view_worth.said(record(0.042, 0.01, 0.074, 0.02)) == [
        "**+4.2 points** (+1.0 to +7.4) over accepting everything, p = 0.020, n = 400 held-out problems, round 2.",
        "62 decisions of 1 reviewer, 21 minutes: +12 points per hour (+3 to +21).",
    ]
    assert view_worth.said(record(0.0, -0.01, 0.01, 1.0, equal=False)) == [
        "**0 points** (-1.0 to +1.0) over accepting everything, p = 1.00, n = 400 held-out problems, round 2. "
        "Reviewing and accepting everything cannot be told apart here. The steps are **not equal**: an arm had no "
        "example for some role, which stayed as it was.",
        "62 decisions of 1 reviewer, 21 minutes.",
    ]
    assert view_worth.said(record(0.1, 0.0, 0.2, 0.01, pairs=[])) == [
        "Nobody had decided anything when the arms below were measured (400 held-out problems, round 2)."]
