"""Statistics against scipy and statsmodels on random tables, and by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.api import OLS
from statsmodels.formula.api import ols
from statsmodels.stats.anova import anova_lm
from statsmodels.stats.contingency_tables import mcnemar as reference_mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestPower
from statsmodels.stats.proportion import proportion_confint

from sirius_core.statistics import (
    Interval,
    Paired,
    TwoWay,
    balanced_accuracy,
    changed,
    cluster_bootstrap,
    clustered,
    counted,
    crossed,
    detectable,
    difference,
    holm,
    kendall_tau,
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
    t_two_sided,
    two_way,
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


@settings(max_examples=6, deadline=None)  # multipletests collects garbage in every call, a twentieth of a second
@given(st.lists(st.floats(0, 1), min_size=1, max_size=40))
def test_holm_agrees_with_statsmodels(ps: list[float]) -> None:
    assert holm(ps) == pytest.approx(tuple(multipletests(ps, method="holm")[1]))


def test_minimum_effect_by_hand() -> None:
    assert minimum_effect(500, 0.2) == pytest.approx(0.0559, abs=1e-4)
    assert minimum_effect(3, 0.0) == 1.0


@given(st.integers(0, 60), st.integers(0, 60), st.integers(0, 200), st.sampled_from([0.9, 0.95]))
def test_the_interval_of_what_changed_is_wald_s_with_two_more_items(
        a: int, b: int, same: int, confidence: float) -> None:
    """Bonett and Price (2012): Wald's interval after one gained and one lost item more; numbers by NumPy."""
    if not (n := a + b + same):
        return
    change = np.repeat([1.0, -1.0, 0.0], [a + 1, b + 1, same])
    half = stats.norm.ppf(1 - (1 - confidence) / 2) * change.std() / math.sqrt(n + 2)
    found = changed(a, b, n, confidence)
    assert found.estimate == (a - b) / n
    assert (found.low, found.high) == pytest.approx((max(-1, change.mean() - half), min(1, change.mean() + half)))


def test_what_cannot_have_changed() -> None:
    with pytest.raises(ValueError, match="of 3 items 2 were gained and 2 lost"):
        changed(2, 2, 3)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=2, max_size=20))
def test_kendall_s_tau_agrees_with_scipy(rows: list[tuple[int, int]]) -> None:
    one, other = zip(*rows)
    assert kendall_tau(one, other) == pytest.approx(stats.kendalltau(one, other).statistic, nan_ok=True)


def test_kendall_s_tau_by_hand() -> None:
    assert kendall_tau([1, 2, 3, 4], [1, 2, 4, 3]) == pytest.approx(2 / 3)
    assert kendall_tau([1, 2, 3], [3, 2, 1]) == -1
    with pytest.raises(ValueError, match="not 2 and 3"):
        kendall_tau([1, 2], [1, 2, 3])


# Several seeds ---------------------------------------------------------------------------------------

@given(st.one_of(st.integers(1, 300), st.floats(1, 1e5)), st.floats(0.001, 0.999))
def test_t_quantile_agrees_with_scipy(df: float, p: float) -> None:
    assert t_quantile(p, df) == pytest.approx(stats.t.ppf(p, df), rel=1e-8, abs=1e-9)


@given(st.one_of(st.integers(1, 300), st.floats(1, 1e5)), st.floats(-60, 60))
def test_the_p_of_a_t_agrees_with_scipy(df: float, t: float) -> None:
    assert t_two_sided(t, df) == pytest.approx(2 * stats.t.sf(abs(t), df), rel=1e-8, abs=1e-290)


def test_the_ends_of_t() -> None:
    assert (t_two_sided(0, 3), t_two_sided(math.inf, 3), t_quantile(0.5, 4)) == (1.0, 0.0, 0.0)


@given(st.lists(st.floats(-1, 1, width=16), min_size=2, max_size=12), st.sampled_from([0.8, 0.95]))
def test_t_interval_agrees_with_scipy(values: list[float], confidence: float) -> None:
    found = t_interval(values, confidence)
    if np.std(values) < 1e-9:
        assert found.high - found.low < 1e-7
        return
    low, high = stats.t.interval(confidence, len(values) - 1, np.mean(values), stats.sem(values))
    assert (found.low, found.high, found.n) == (pytest.approx(low), pytest.approx(high), len(values))


def test_one_seed_has_no_interval() -> None:
    assert t_interval([0.5]) == Interval(0.5, -math.inf, math.inf, 1, "one seed")
    with pytest.raises(ValueError, match="at least one seed"):
        t_interval([])


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 5), st.integers(2, 7), st.integers(0, 2**32 - 1))
def test_two_crossed_factors_agree_with_the_mean_squares_of_statsmodels(s: int, i: int, seed: int) -> None:
    table = np.random.default_rng(seed).normal(0.3, 1, (s, i)) + np.random.default_rng(seed + 1).normal(0, 1, i)
    rows = {"y": table.ravel(), "seed": np.repeat(range(s), i), "item": np.tile(range(i), s)}
    seeds, items, rest = (anova_lm(ols("y ~ C(seed) + C(item)", rows).fit())["mean_sq"] / (s * i)).tolist()
    found, fixed = two_way(table), max(0, items - rest)
    assert (found.seeds, found.items, found.fixed) == pytest.approx((seeds, items, fixed))
    over_items = stats.t.ppf(0.975, i - 1) ** 2
    half = math.sqrt(max(stats.t.ppf(0.975, s - 1) ** 2 * seeds + over_items * fixed, over_items * items))
    mean = float(table.mean())
    assert found.interval() == Interval(
        pytest.approx(mean), pytest.approx(mean - half), pytest.approx(mean + half), s, "crossed seeds and items")
    assert found.half(found.p) == pytest.approx(abs(mean), rel=1e-6)  # the p-value is where the interval reaches 0


@given(st.integers(2, 6), st.integers(2, 9), st.integers(0, 2**32 - 1))
def test_items_of_each_seed_s_own_leave_the_t_test_over_seeds(s: int, i: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    table, means = np.full((s, s * i), np.nan), []
    for row in range(s):
        table[row, row * i : (row + 1) * i] = rng.normal(rng.normal(0, 5), 1, i)
        means.append(float(np.nanmean(table[row])))
    found = two_way(table)
    assert found.mean == pytest.approx(np.mean(means))
    assert (found.seeds, found.fixed) == (pytest.approx(stats.sem(means) ** 2), 0)
    over_items = 2 * stats.t.sf(abs(found.mean) / math.sqrt(found.items), s * i - 1)
    assert found.p == pytest.approx(max(stats.ttest_1samp(means, 0).pvalue, over_items))


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


def test_two_way_needs_two_seeds_and_two_items() -> None:
    assert two_way([[1, 0, 1]]).p == 1 == two_way([[1], [1], [0]]).p
    assert two_way([[1], [1], [0]]).interval() == Interval(2 / 3, -math.inf, math.inf, 1, "one seed")
    with pytest.raises(ValueError, match="without any item"):
        two_way([[math.nan, math.nan], [1, 0]])


@given(st.floats(1e-18, 50), st.floats(1e-4, 1), st.floats(1e-9, 1), st.integers(2, 12), st.integers(3, 3000))
def test_the_p_of_a_table_is_the_level_at_which_its_interval_reaches_nothing(
        mean: float, seeds: float, fixed: float, s: int, i: int) -> None:
    found = TwoWay(mean, seeds, 1e-12, fixed, s, i)
    low, high = sorted(2 * stats.t.sf(mean / math.sqrt(seeds + fixed), n - 1) for n in (s, i))
    assert low * (1 - 1e-6) - 1e-12 <= found.p <= high * (1 + 1e-6)
    if 1e-11 < found.p < 0.999:
        assert found.half(found.p) == pytest.approx(mean, rel=1e-6)


def test_every_item_gained_with_every_seed_is_as_sure_as_the_items_are_many() -> None:
    assert two_way([[1] * 8] * 3).p == 2 / 2**8
    assert two_way([[0] * 8] * 3).p == 1


@settings(max_examples=40, deadline=None)
@given(st.floats(0.5, 3), st.floats(0.5, 0.95))
def test_seeds_needed_agrees_with_the_power_of_statsmodels(ratio: float, power: float) -> None:
    """Within a seed or two: the formula adds two quantiles of t where the power of the t test is of a noncentral t."""
    spread = math.sqrt(0.5)  # of 0 and 1
    mean = spread / ratio
    needed = seeds_needed([mean - 0.5, mean + 0.5], power)
    exact = TTestPower().solve_power(1 / ratio, power=power, alpha=0.05)
    assert needed is not None and max(3, math.ceil(exact)) <= needed <= max(3, math.ceil(exact)) + 2


def test_what_some_seeds_can_detect() -> None:
    assert detectable(0.02, 5) == pytest.approx(0.02 / math.sqrt(5) * (stats.t.ppf(0.975, 4) + stats.t.ppf(0.8, 4)))
    assert detectable(0.0, 4, fixed=0.01**2, power=0.5) == pytest.approx(0.01 * stats.norm.ppf(0.975))


def test_more_seeds_do_not_help_where_the_problems_are_too_few() -> None:
    assert seeds_needed([0.05, 0.06, 0.055], fixed=0.01**2) == 3
    assert seeds_needed([0.05, 0.06, 0.055], fixed=0.02**2) is None


def test_seeds_needed_says_how_many_more() -> None:
    assert seeds_needed([0.05, 0.06, 0.055]) == 3
    assert seeds_needed([0.03, 0.01, -0.02]) == 114
    assert seeds_needed([0.03, -0.03]) is None
    assert seeds_needed([0.03]) is None


def test_newcombe_gives_the_papers_own_example() -> None:
    """Newcombe (1998), Table II, contrasts (a) and (e), method 10: 56/70 - 48/80 and 10/10 - 0/10."""
    found = difference(56, 70, 48, 80)
    assert (round(found.estimate, 4), round(found.low, 4), round(found.high, 4)) == (0.2, 0.0524, 0.3339)
    whole = difference(10, 10, 0, 10)
    assert (whole.estimate, round(whole.low, 4), whole.high) == (1.0, 0.6075, 1.0)
    assert math.isnan(difference(0, 0, 1, 2).estimate)
