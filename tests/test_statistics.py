"""Statistics against scipy and statsmodels on random tables, and coverage and size by simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.api import OLS
from statsmodels.stats.contingency_tables import mcnemar as reference_mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from sirius_core.statistics import (
    Interval,
    Paired,
    balanced_accuracy,
    cluster_bootstrap,
    clustered,
    counted,
    crossed,
    difference,
    holm,
    mcnemar,
    minimum_effect,
    paired_delta,
    pass_at_k,
    pass_at_k_mean,
    points,
    seeds_by_items,
    seeds_needed,
    significantly_lower,
    t_interval,
    t_quantile,
    wilson,
)

bits = st.integers(0, 1)
pairs = st.lists(st.tuples(bits, bits), min_size=1, max_size=200)


# The sentences ---------------------------------------------------------------------------------------

def test_a_share_is_shown_with_its_counts_and_interval() -> None:
    assert counted(41, 50) == "41/50 = 82 % (69-90)"
    assert counted(0, 0) == "0/0"


def test_a_difference_is_shown_in_points() -> None:
    assert points(Interval(0.06, -0.02, 0.14, 50, "")) == "+6 points (-2 to +14)"


# One checkpoint --------------------------------------------------------------------------------------

@given(st.integers(1, 2000), st.floats(0, 1), st.sampled_from([0.8, 0.95, 0.99]))
def test_wilson_agrees_with_statsmodels(n: int, share: float, confidence: float) -> None:
    right = round(share * n)
    ours = wilson(right, n, confidence)
    low, high = proportion_confint(right, n, 1 - confidence, method="wilson")
    assert (ours.estimate, ours.n) == (right / n, n)
    assert (ours.low, ours.high) == pytest.approx((low, high), abs=1e-12)


def test_wilson_without_observations_knows_nothing() -> None:
    found = wilson(0, 0)
    assert math.isnan(found.estimate)
    assert (found.low, found.high, found.n) == (0.0, 1.0, 0)
    with pytest.raises(ValueError, match="3 of 2"):
        wilson(3, 2)


@given(st.lists(st.tuples(bits, st.integers(0, 7)), min_size=4, max_size=80))
def test_clustered_agrees_with_the_sandwich_of_statsmodels(rows: list[tuple[int, int]]) -> None:
    values, groups = [v for v, _ in rows], [g for _, g in rows]
    if len(set(values)) == 1 or len(set(groups)) < 2:
        return
    ours = clustered(values, groups)
    fit = OLS(values, np.ones(len(values))).fit()
    robust = fit.get_robustcov_results("cluster", groups=np.array(groups), use_t=True)
    low, high = robust.conf_int()[0]
    assert ours.estimate == pytest.approx(float(robust.params[0]))
    assert (ours.low, ours.high) == pytest.approx((max(0, low), min(1, high)), abs=1e-9)


def test_clusters_widen_the_interval() -> None:
    values = [1] * 50 + [0] * 50
    alone, tied = clustered(values, range(100)), clustered(values, [i // 10 for i in range(100)])
    assert tied.high - tied.low > 2 * (alone.high - alone.low)
    loose, strict = cluster_bootstrap(values), cluster_bootstrap(values, [i // 10 for i in range(100)])
    assert strict.high - strict.low > 2 * (loose.high - loose.low)


def test_all_right_is_no_certainty() -> None:
    expected = wilson(5, 5)
    for found in (clustered([1] * 20, [i // 4 for i in range(20)]),
                  cluster_bootstrap([1] * 20, [i // 4 for i in range(20)])):
        assert found == Interval(1.0, expected.low, 1.0, 5, "wilson over clusters")


def test_the_bootstrap_is_seeded_and_close_to_wilson() -> None:
    values = [1] * 120 + [0] * 80
    first, again, other = (cluster_bootstrap(values, seed=s) for s in (1, 1, 2))
    assert first == again != other
    assert (first.low, first.high) == pytest.approx((wilson(120, 200).low, wilson(120, 200).high), abs=0.015)
    with pytest.raises(ValueError, match="at least one"):
        cluster_bootstrap([])


@given(st.integers(1, 12), st.data())
def test_pass_at_k_is_the_share_of_all_draws(n: int, data: st.DataObject) -> None:
    right, k = data.draw(st.integers(0, n)), data.draw(st.integers(1, n))
    expected = 1 - stats.hypergeom(n, right, k).pmf(0)
    assert pass_at_k(n, right, k) == pytest.approx(expected)


def test_pass_at_k_over_problems() -> None:
    found = pass_at_k_mean([(4, 1), (4, 4), (4, 0)], 2)
    assert found.estimate == pytest.approx((0.5 + 1 + 0) / 3)
    assert found.low <= found.estimate <= found.high and found.n == 3
    with pytest.raises(ValueError, match="pass@5"):
        pass_at_k(4, 1, 5)


def test_balanced_accuracy_gives_a_constant_answer_its_share_of_classes() -> None:
    truths = ["yes"] * 8 + ["no"] * 4 + ["maybe"]
    assert balanced_accuracy(truths, ["yes"] * 13) == pytest.approx(1 / 3)
    assert balanced_accuracy(["a", "b"], [None, "b"]) == 0.5
    assert math.isnan(balanced_accuracy([], []))


# Two checkpoints -------------------------------------------------------------------------------------

@given(pairs)
def test_mcnemar_agrees_with_statsmodels(rows: list[tuple[int, int]]) -> None:
    before, after = [a for a, _ in rows], [b for _, b in rows]
    table = [[rows.count((a, b)) for b in (0, 1)] for a in (0, 1)]
    ours = mcnemar(before, after)
    assert ours.p == pytest.approx(reference_mcnemar(table, exact=True).pvalue)
    assert (ours.gained, ours.lost, ours.n) == (table[0][1], table[1][0], len(rows))
    assert ours.delta == pytest.approx(np.mean(after) - np.mean(before))
    if changed := ours.gained + ours.lost:
        for alternative, hits in (("lower", ours.lost), ("higher", ours.gained)):
            expected = stats.binomtest(hits, changed, alternative="greater").pvalue
            assert mcnemar(before, after, alternative).p == pytest.approx(expected)


def test_mcnemar_by_hand() -> None:
    assert mcnemar([0] * 6, [1] * 6) == Paired(0.03125, 6, 0, 6, 1.0)
    assert mcnemar([1, 0], [1, 0]) == Paired(1.0, 0, 0, 2, 0.0)
    with pytest.raises(ValueError, match="right"):
        mcnemar([0.5], [1])
    with pytest.raises(ValueError):
        mcnemar([0, 1], [1])


def test_the_gate_holds_back_a_worse_checkpoint_only() -> None:
    assert significantly_lower([1] * 5, [0] * 5)
    assert not significantly_lower([1] * 4, [0] * 4)
    assert not significantly_lower([0] * 50, [1] * 50)


def test_paired_delta_is_tighter_than_two_intervals() -> None:
    before = [1] * 100 + [0] * 100
    after = [1] * 100 + [1] * 10 + [0] * 90
    found = paired_delta(before, after)
    assert found.estimate == pytest.approx(0.05)
    assert 0.02 < found.low < 0.05 < found.high < 0.09


def test_a_difference_that_never_varies_is_no_certainty() -> None:
    found = paired_delta([1] * 20, [1] * 20)
    assert (found.low, found.estimate, found.high) == (-wilson(0, 20).high, 0.0, wilson(0, 20).high)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_agrees_with_statsmodels(ps: list[float]) -> None:
    assert holm(ps) == pytest.approx(tuple(multipletests(ps, method="holm")[1]))


def test_minimum_effect_is_what_a_simulation_finds() -> None:
    n, discordant = 500, 0.2
    effect = minimum_effect(n, discordant)
    assert effect == pytest.approx(0.0559, abs=1e-4)
    rng = np.random.default_rng(0)
    draws = rng.multinomial(n, [(discordant + effect) / 2, (discordant - effect) / 2, 1 - discordant], size=1500)
    found = np.mean([stats.binomtest(g, g + b).pvalue <= 0.05 for g, b, _ in draws.tolist()])
    assert 0.74 < found < 0.84  # the exact test is a little conservative
    assert minimum_effect(3, 0.0) == 1.0


# Several seeds ---------------------------------------------------------------------------------------

@given(st.integers(1, 300), st.floats(0.001, 0.999))
def test_t_quantile_agrees_with_scipy(df: int, p: float) -> None:
    assert t_quantile(p, df) == pytest.approx(stats.t.ppf(p, df), rel=1e-6, abs=1e-9)


def test_t_interval_agrees_with_scipy() -> None:
    values = [0.61, 0.66, 0.58]
    low, high = stats.t.interval(0.95, 2, np.mean(values), stats.sem(values))
    found = t_interval(values)
    assert (found.low, found.high, found.n) == (pytest.approx(low), pytest.approx(high), 3)
    assert t_interval([0.5]) == Interval(0.5, -math.inf, math.inf, 1, "one seed")


def test_seeds_by_items_is_seeded_and_compares_arms_on_the_same_items() -> None:
    rng = np.random.default_rng(1)
    first = (rng.random((8, 60)) < 0.5).astype(int).tolist()
    second = (rng.random((8, 60)) < 0.7).astype(int).tolist()
    assert seeds_by_items(first, seed=3) == seeds_by_items(first, seed=3)
    gain = seeds_by_items(second, first)
    assert gain.estimate == pytest.approx(np.mean(second) - np.mean(first))
    assert gain.low > 0
    assert seeds_by_items(first, first).estimate == 0
    with pytest.raises(ValueError, match="same"):
        seeds_by_items(first, first[:2])


def test_crossed_without_variation_or_seeds_claims_nothing() -> None:
    assert crossed([[1, 0, 1]]).high == math.inf
    same = crossed([[0] * 30] * 3, [[0] * 30] * 3)
    assert (same.low, same.high) == (-wilson(0, 30).high, wilson(0, 30).high)


def test_seeds_needed_says_how_many_more() -> None:
    assert seeds_needed([0.05, 0.06, 0.055]) == 3
    assert seeds_needed([0.03, 0.01, -0.02]) == 114
    assert seeds_needed([0.03, -0.03]) is None
    assert seeds_needed([0.03]) is None


# What the intervals and tests promise ----------------------------------------------------------------

def two_arms(rng: np.random.Generator, seeds: int, items: int, between_seeds: float) -> list[np.ndarray]:
    """Two equal recipes: items of their own difficulty, seeds of their own luck."""
    difficulty = rng.normal(0, 1, items)
    return [(rng.random((seeds, items)) < 1 / (1 + np.exp(-difficulty - rng.normal(0, between_seeds, (seeds, 1)))))
            .astype(int) for _ in range(2)]


@pytest.mark.parametrize("between_seeds", [0.0, 1.0])
def test_crossed_covers_a_difference_of_nothing_with_three_seeds(between_seeds: float) -> None:
    rng = np.random.default_rng(5)
    covered = [(found := crossed(*two_arms(rng, 3, 60, between_seeds))).low <= 0 <= found.high
               for _ in range(400)]
    assert np.mean(covered) > 0.92


def test_seeds_by_items_covers_with_twelve_seeds() -> None:
    rng = np.random.default_rng(6)
    covered = [(found := seeds_by_items(*two_arms(rng, 12, 60, 0.5), draws=300)).low <= 0 <= found.high
               for _ in range(200)]
    assert np.mean(covered) > 0.88


def test_intervals_of_an_accuracy_cover_it_when_items_come_in_clusters() -> None:
    rng = np.random.default_rng(7)
    groups = [i // 5 for i in range(200)]
    robust, drawn = [], []
    for _ in range(300):
        chance = rng.beta(2, 1, 40).repeat(5)  # mean 2/3
        values = (rng.random(200) < chance).astype(int).tolist()
        robust.append(clustered(values, groups))
        drawn.append(cluster_bootstrap(values, groups, draws=300))
    for found in (robust, drawn):
        assert 0.91 < np.mean([one.low <= 2 / 3 <= one.high for one in found]) < 0.985


def test_the_exact_test_keeps_its_level() -> None:
    rng = np.random.default_rng(8)
    before, after = rng.integers(0, 2, (2, 1500, 40))
    rejected = [mcnemar(b, a).p <= 0.05 for b, a in zip(before.tolist(), after.tolist())]
    assert 0.01 < np.mean(rejected) <= 0.05
    held_back = [significantly_lower(b, a) for b, a in zip(before.tolist(), after.tolist())]
    assert 0.01 < np.mean(held_back) <= 0.06


def test_newcombe_gives_the_papers_own_example() -> None:
    """Newcombe (1998), Table II, contrasts (a) and (e), method 10: 56/70 - 48/80 and 10/10 - 0/10."""
    found = difference(56, 70, 48, 80)
    assert (round(found.estimate, 4), round(found.low, 4), round(found.high, 4)) == (0.2, 0.0524, 0.3339)
    whole = difference(10, 10, 0, 10)
    assert (whole.estimate, round(whole.low, 4), whole.high) == (1.0, 0.6075, 1.0)
    assert math.isnan(difference(0, 0, 1, 2).estimate)
