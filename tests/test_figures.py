"""Stored figures are valid Plotly JSON and say what the reports say."""

from __future__ import annotations

import json

import plotly.io
import pytest
from actors import act

from sirius_core import figures
from sirius_core.store import Store


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    with Store(tmp_path_factory.mktemp("figures") / "lab.db") as store:
        experiment = act(store)
        yield store, experiment.id, store.experiments.reports(experiment.id)


def test_every_closed_round_stores_every_figure(finished):
    store, experiment, reports = finished
    for round in range(len(reports)):
        for name in figures.FIGURES:
            plotly.io.from_json(store.experiments.figure(experiment, name, round))
    assert store.experiments.figure(experiment, "accuracy") == json.dumps(figures.accuracy(reports))
    assert store.experiments.figure(experiment, "nothing") is None


def test_the_curve_carries_the_reports_numbers_and_intervals(finished):
    _, _, reports = finished
    sampled, greedy = figures.accuracy(reports)["data"][:2]
    assert sampled["y"] == [r["accuracy"] for r in reports] and greedy["y"] == [r["greedy_accuracy"] for r in reports]
    highs = [y + up for y, up in zip(sampled["y"], sampled["error_y"]["array"], strict=True)]
    assert highs == pytest.approx([r["high"] for r in reports])


def test_pass_at_k_is_drawn_for_base_and_team():
    record = {"k": {"1": [0.2, 0.1, 0.3], "64": [0.9, 0.8, 0.95]}}
    made = figures.pass_at_k({"base": record, "round 4": record})
    assert [t["name"] for t in made["data"]] == ["base", "round 4"] and made["data"][0]["x"] == [1, 64]
    plotly.io.from_json(json.dumps(made))
