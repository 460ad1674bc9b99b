"""What a contrast's pages and notebooks tell: the plan as TOML, curves, forest, tables, flips, how long it takes."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from contrasting import APART, SMALL, conduct, planned
from hypothesis import given
from hypothesis import strategies as st

from sirius_core import frames
from sirius_core.contrast import Arm, Plan, curves, telling
from sirius_core.contrast.duration import EPISODE, START, about, episodes
from sirius_core.contrast.plan import parsed
from sirius_core.contrast.writing import toml
from sirius_core.errors import UnknownName
from sirius_core.settings import preset
from sirius_core.statistics import t_interval, wilson
from sirius_core.store import Store
from sirius_core.store.arms import Closed


def closed(arm: str, seed: int, *accuracies: float, n: int = 100) -> list[Closed]:
    return [Closed(f"{arm}-{seed}-1", arm, seed, round, n, round_of(a, n), a, True)
            for round, a in enumerate(accuracies)]


def round_of(accuracy: float, n: int) -> int:
    return int(accuracy * n + 0.5)


# -- the plan as a text ----------------------------------------------------------------------------------------------
SEEDS = st.lists(st.integers(-2**40, 2**40), min_size=1, max_size=4, unique=True) | st.just([0, 1])
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
NAMES = TEXTS.filter(lambda name: name.isprintable() and name.strip())


@given(TEXTS, TEXTS, NAMES, SEEDS, st.sampled_from(["", "calls", "steps"]), st.floats(1e-5, 0.1), st.booleans())
def test_a_plan_is_read_back_from_its_text(
    name: str, question: str, arm: str, seeds: list[int], equal: str, rate: float, gate: bool
) -> None:
    plan = Plan(name, (Arm(arm, {"rate": rate, "gate": gate}), Arm(f"{arm}'", {"critic": "none", "rounds": 1})),
                question, "tiny", tuple(seeds), equal, {"max_solutions": 3})
    assert parsed(tomllib.loads(toml(plan)), "x", Path.cwd(), "x") == plan


def test_a_plan_as_a_text() -> None:
    plan = Plan("critic", (Arm("play again", {"critic": "none"}), Arm("critic", {})), "Does it \"help\"?", "contrast",
                (0, 1, 2), "calls", {"rate": 0.001})
    assert toml(plan) == """name = "critic"
question = "Does it \\"help\\"?"
preset = "contrast"
seeds = 3
equal = "calls"

[settings]
rate = 0.001

[arms."play again"]
critic = "none"

[arms.critic]
"""


# -- means and curves --------------------------------------------------------------------------------------------------
def test_a_mean_of_few_seeds_speaks_of_checkpoints_and_one_of_three_of_the_recipe() -> None:
    two = [*closed("a", 0, 0.5), *closed("a", 1, 0.7)]
    answers, over = wilson(60, 100), telling.mean(two)  # both seeds answered the same hundred problems
    assert (over.estimate, over.low, over.high, over.n) == (0.6, answers.low, answers.high, 2)
    three = [*two, *closed("a", 2, 0.6)]
    assert telling.mean(three) == t_interval([0.5, 0.7, 0.6])
    sure = telling.mean([*closed("a", 0, 0.99), *closed("a", 1, 0.90), *closed("a", 2, 1.0)])
    assert sure.high == 1.0


def test_the_curves_of_two_arms() -> None:
    rows = [*closed("one", 0, 0.5, 0.6), *closed("one", 1, 0.4, 0.5), *closed("<b>two</b>", 0, 0.5, 0.7),
            *closed("<b>two</b>", 1, 0.4)]
    figure = curves.learning(rows, ["one", "<b>two</b>"], 2)
    base, thin, mean, thin2, mean2 = figure["data"]
    assert (base["name"], base["y"], base["line"]["dash"]) == ("untrained base", [0.45, 0.45], "dot")
    assert (thin["x"], thin["y"]) == ([0, 1, None, 0, 1], [0.5, 0.6, None, 0.4, 0.5])
    assert (mean["x"], mean["y"], mean["line"]["width"]) == ([0, 1], [0.45, 0.55], 3)
    assert thin2["y"] == [0.5, 0.7, None, 0.4] and mean2["y"] == [0.45, 0.7]
    assert mean2["name"] == "&lt;b&gt;two&lt;/b&gt;"  # Plotly reads tags
    told = [(t["line"]["color"], t["line"]["dash"], t["marker"]["symbol"]) for t in (mean, mean2)]
    assert all(one != other for one, other in zip(*told, strict=True))
    assert figure["layout"]["xaxis"]["range"] == [-0.15, 2.15]
    assert figure["layout"]["yaxis"]["range"] == pytest.approx([0.35, 0.75])


def test_in_the_end_the_mean_has_its_interval_and_who_learns_nothing_is_carried_on() -> None:
    rows = [*closed("still", 0, 0.5), *closed("learns", 0, 0.5, 0.7)]
    figure = curves.learning(rows, ["still", "learns"], 1, finished=True)
    names = [t["name"] for t in figure["data"]]
    assert names == ["untrained base", "still", "still, interval", "still", "learns", "learns, interval", "learns"]
    still, band = figure["data"][3], figure["data"][5]
    assert (still["x"], still["y"]) == ([0, 1], [0.5, 0.5])
    ends = [wilson(50, 100), wilson(70, 100)]
    assert band["x"] == [0, 1, 1, 0]
    assert band["y"] == [ends[0].high, ends[1].high, ends[1].low, ends[0].low]
    many = [c for arm in "abcd" for c in closed(arm, 0, 0.5, 0.6)]
    bars = curves.learning(many, list("abcd"), 1, finished=True)["data"]
    assert not any("interval" in t["name"] for t in bars)
    assert [t["error_y"]["array"][0] for t in bars if "error_y" in t] == [None] * 4


def test_arms_that_begin_differently_have_no_common_base() -> None:
    rows = [*closed("one", 0, 0.5), *closed("other", 0, 0.2)]
    assert "untrained base" not in [t["name"] for t in curves.learning(rows, ["one", "other"], 1)["data"]]
    assert curves.learning([], ["one", "other"], 1)["data"] == []


def pair(arm: str, against: str, delta: float, different: bool, seed: int | None = None) -> dict[str, Any]:
    return {"arm": arm, "against": against, "delta": delta, "low": delta - 0.03, "high": delta + 0.02, "p": 0.01,
            "p_holm": 0.02, "different": different, "seed": seed}


def test_a_forest_says_by_more_than_colour_what_is_a_difference() -> None:
    figure = curves.forest([pair("b", "a", 0.05, True), pair("c", "a", 0.01, False, 7)])
    sure, unsure = figure["data"]
    assert (sure["y"], sure["x"], sure["marker"]["symbol"]) == (["b over a"], [5.0], "square")
    assert (unsure["y"], unsure["marker"]["symbol"]) == (["c over a, seed 7"], "circle-open")
    assert sure["error_x"]["array"] == pytest.approx([2.0])
    assert sure["error_x"]["arrayminus"] == pytest.approx([3.0])
    assert figure["layout"]["yaxis"]["categoryarray"] == ["c over a, seed 7", "b over a"]
    assert len(curves.forest([pair("b", f"a{i}", 0.1, True) for i in range(50)])["data"][0]["y"]) == curves.MOST


# -- tables ------------------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A contrast of two arms and two seeds, one of which learns."""
    path = tmp_path_factory.mktemp("telling") / "lab.db"
    with Store(path) as store:
        conduct(store, planned(APART, 2, heldout=30, problems=16, max_repairs=16))
    return path


def test_the_tables_of_a_finished_contrast(finished: Path) -> None:
    with Store(finished) as store:
        rows = {name: telling.rows(store, name, "contrast-1") for name in telling.ROWS}
        with pytest.raises(UnknownName):
            telling.rows(store, "nothing", "contrast-1")
        reports = {e.id: store.experiments.reports(e.id) for e in store.experiments.of_contrast("contrast-1")}
    ended = {name: found[-1]["accuracy"] for name, found in reports.items()}
    every = [(e, report["round"]) for e, found in reports.items() for report in found]
    assert [(row["experiment"], row["round"]) for row in rows["runs"]] == every
    assert sorted(v for row in rows["board"] for k, v in row.items() if k != "arm") == sorted(ended.values())
    best, other = rows["arms"]
    assert (best["arm"], other["arm"]) == ("learns", "never learns")
    assert best["accuracy"] == sum(a for e, a in ended.items() if "never" not in e) / 2
    assert {p["seed"] for p in rows["pairs"]} == {0, 1} and all(p["delta"] >= 0 for p in rows["pairs"])
    assert [row["runs"] for row in rows["costs"]] == [2, 2] and rows["costs"][0]["calls"] == 0


def test_flips_lead_to_both_episodes(finished: Path) -> None:
    with Store(finished) as store:
        found = telling.flips(store, "contrast-1", "never learns", "learns", 1)
        assert found is not None
        assert (found.test.gained, found.test.lost) == tuple(
            sum(row["right"] == arm for row in found.rows) for arm in ("learns", "never learns"))
        for row in found.rows:
            ids = telling.flipped(store, found, row["task"])
            assert ids is not None
            earned = [store.episodes.get(i).right for i in ids]
            assert earned == [row["right"] == "never learns", row["right"] == "learns"]
        assert telling.flipped(store, found, "no such task") is None
        assert telling.flips(store, "contrast-1", "never learns", "learns", 99) is None
        few = telling.flips(store, "contrast-1", "never learns", "learns", 1, most=2)
        assert few is not None and len(few.rows) == 2


def test_a_contrast_is_one_line_of_the_list(finished: Path, tmp_path: Path) -> None:
    with frames.open(finished) as lab:
        row = lab.listing().to_dict("records")
        assert [(r["id"], r["name"], r["runs"], r["status"]) for r in row] == [
            ("contrast-1", "critic or again", 4, "done")]
        assert list(lab.contrast_figure("forest", "contrast-1").data[0].y)
        with pytest.raises(UnknownName):
            lab.contrast_figure("nothing", "contrast-1")


# -- how long ----------------------------------------------------------------------------------------------------------
def test_how_long_it_takes_is_told_by_runs_of_its_size_or_by_what_was_measured(finished: Path, tmp_path: Path) -> None:
    plan = planned(APART, 3, heldout=30, problems=16, max_repairs=16)
    with Store(finished) as store:
        assert about(store, plan) == (3 * (20.0 + 20.0), 4)  # as tests/contrasting.py leaves them
    with Store(tmp_path / "lab.db") as store:
        each = [START + EPISODE * episodes(plan.settings_of(arm)) for arm in plan.arms]
        assert about(store, plan) == (3 * sum(each), 0)
        at_endpoint = planned(seeds=1, model="m", base_url="http://127.0.0.1:9/v1")
        assert about(store, at_endpoint) == (None, 0)


def test_the_measured_constant_fits_the_presets() -> None:
    small = preset("tiny", SMALL)
    # one round: 8 tries, 16 of repairs, 8 of validation; two tests of 12, sampled and greedy
    assert episodes(small) == 8 + 16 + 8 + 2 * (12 + 12)
    assert 40 < START + EPISODE * episodes(preset("quickstart")) < 80
