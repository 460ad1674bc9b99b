"""What the intervals and tests promise, by enumeration where that can be done and else by simulation.

A simulated share may miss its promise by 3.5 standard errors of the simulation, no more. Several seeds: items of their
own difficulty, seeds of their own luck, two equal arms, so that the difference to cover is 0.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from functools import cache
from itertools import product

import numpy as np
import pytest
from scipy import stats

from sirius_core.statistics import (
    Interval,
    changed,
    cluster_bootstrap,
    clustered,
    difference,
    holm,
    mcnemar,
    minimum_effect,
    paired_delta,
    pass_at_k_mean,
    seeds_by_items,
    significantly_lower,
    t_interval,
    two_way,
    wilson,
)


def covers(intervals: Iterable[Interval], truth: float, least: float = 0.95, most: float = 1.0) -> None:
    """The simulated coverage is not below ``least`` nor above ``most`` by more than the simulation's error."""
    found = [one.low <= truth <= one.high for one in intervals]
    share = float(np.mean(found))
    assert least - error(least, len(found)) <= share <= most + error(most, len(found)), share


def rejects(found: Sequence[bool], most: float = 0.05, least: float = 0.0) -> None:
    share = float(np.mean(found))
    assert least - error(least, len(found)) <= share <= most + error(most, len(found)), share


def error(share: float, n: int) -> float:
    """3.5 standard errors of a share of ``n``."""
    return 3.5 * math.sqrt(share * (1 - share) / n)


# One checkpoint ------------------------------------------------------------------------------------

def coverage_of_wilson(n: int, share: float) -> float:
    """Exactly, over all n + 1 outcomes."""
    chances = stats.binom(n, share).pmf(range(n + 1))
    return float(sum(p for right, p in enumerate(chances) if (one := wilson(right, n)).low <= share <= one.high))


@pytest.mark.parametrize("n", [20, 60, 200])
def test_wilson_covers_on_average_and_seldom_much_less(n: int) -> None:
    found = [coverage_of_wilson(n, share) for share in np.linspace(0.05, 0.95, 61)]
    assert 0.945 < np.mean(found) < 0.96
    assert min(found) > 0.91


def test_the_difference_of_independent_tries_covers() -> None:
    n, m, shares = 30, 40, (0.1, 0.3, 0.5, 0.8, 0.95)
    intervals = {(a, b): difference(a, n, b, m) for a in range(n + 1) for b in range(m + 1)}
    found = []
    for one, two in product(shares, shares):
        chance = np.outer(stats.binom(n, one).pmf(range(n + 1)), stats.binom(m, two).pmf(range(m + 1)))
        found.append(sum(chance[at] for at, i in intervals.items() if i.low <= one - two <= i.high))
    assert 0.945 < np.mean(found) < 0.965
    assert min(found) > 0.92


@cache
def clusters_of_problems(count: int, runs: int) -> list[list[int]]:
    """Right or wrong of 5 tries at each of ``count`` problems, whose chances differ and are 2/3 on average."""
    rng = np.random.default_rng(7)
    chances = rng.beta(2, 1, (runs, count)).repeat(5, axis=1)
    return (rng.random(chances.shape) < chances).astype(int).tolist()


@pytest.mark.parametrize("count, least", [(10, 0.925), (40, 0.94)])
def test_accuracies_of_clusters_are_covered(count: int, least: float) -> None:
    groups = [i // 5 for i in range(5 * count)]
    runs = clusters_of_problems(count, 600)
    covers([clustered(run, groups) for run in runs], 2 / 3, least, 0.96)
    covers([cluster_bootstrap(run, groups, draws=200, seed=i) for i, run in enumerate(runs)], 2 / 3, least, 0.96)


def test_clusters_taken_for_items_of_their_own_do_not_cover() -> None:
    """Why ``clusters`` is an argument."""
    found = [one.low <= 2 / 3 <= one.high for run in clusters_of_problems(40, 600)
             if (one := wilson(sum(run), len(run)))]
    assert np.mean(found) < 0.88


def test_a_share_near_one_of_few_clusters_is_covered_less_and_wilson_holds_there() -> None:
    """The regime that the docstring of `clustered` names: 45 of 50, each by itself; exactly."""
    chances = stats.binom(50, 0.9).pmf(range(51))
    made = [clustered([1] * right + [0] * (50 - right), range(50)) for right in range(51)]
    found = sum(p for p, one in zip(chances, made) if one.low <= 0.9 <= one.high)
    assert 0.87 < found < 0.89
    assert coverage_of_wilson(50, 0.9) > 0.95


def test_pass_at_k_is_covered() -> None:
    rng = np.random.default_rng(9)
    counts = rng.binomial(4, rng.beta(1, 1, (500, 40)))
    truth = 1 - 1 / 3  # the mean of 1 - (1 - p)² over uniform p
    covers([pass_at_k_mean([(4, int(c)) for c in run], 2, draws=200, seed=i) for i, run in enumerate(counts)], truth,
           0.93, 0.97)


# Two checkpoints -----------------------------------------------------------------------------------

@cache
def outcomes(n: int) -> list[tuple[int, int]]:
    return [(gained, lost) for gained in range(n + 1) for lost in range(n + 1 - gained)]


@pytest.mark.parametrize("gain, loss", [(0.02, 0.02), (0.05, 0.02), (0.1, 0.1), (0.2, 0.05), (0.4, 0.1), (0.3, 0.3)])
def test_the_interval_of_what_changed_covers(gain: float, loss: float) -> None:
    n = 50
    chances = stats.multinomial(n, [gain, loss, 1 - gain - loss]).pmf([(g, l, n - g - l) for g, l in outcomes(n)])
    found = sum(p for (g, l), p in zip(outcomes(n), chances) if (i := changed(g, l, n)).low <= gain - loss <= i.high)
    assert found > 0.943


@pytest.mark.parametrize("clusters", [None, [i // 5 for i in range(100)]])
def test_the_paired_difference_is_covered(clusters: list[int] | None) -> None:
    """Items of one problem change together."""
    rng = np.random.default_rng(11)
    gain = rng.beta(1, 4, (500, 20)).repeat(5, axis=1)  # 0.2 on average
    where, draw = rng.random((2, 500, 100))
    before, after = np.where(draw < gain, [[0]], where < 0.5), np.where(draw < gain, [[1]], where < 0.5)
    if clusters is None:
        order = rng.permuted(np.arange(500 * 100)).reshape(500, 100)  # each item by itself
        before, after = before.ravel()[order], after.ravel()[order]
    covers([paired_delta(b, a, clusters, draws=200, seed=i)
            for i, (b, a) in enumerate(zip(before.astype(int).tolist(), after.astype(int).tolist()))], 0.2, 0.93, 0.97)


def test_the_exact_test_keeps_its_level() -> None:
    """Exactly: whatever the number that changed, at most 5 % of equal checkpoints are told apart."""
    for n in (*range(1, 40), 100, 400):
        chances = stats.binom(n, 0.5).pmf(range(n + 1))
        two_sided = [mcnemar([0] * g + [1] * (n - g), [1] * g + [0] * (n - g)).p <= 0.05 for g in range(n + 1)]
        worse = [significantly_lower([0] * g + [1] * (n - g), [1] * g + [0] * (n - g)) for g in range(n + 1)]
        assert chances @ two_sided <= 0.05 + 1e-12 and chances @ worse <= 0.05 + 1e-12
        assert n < 100 or min(chances @ two_sided, chances @ worse) > 0.03


def test_the_smallest_effect_is_found_with_the_power_that_is_said() -> None:
    n, discordant = 500, 0.2
    effect = minimum_effect(n, discordant)
    draws = np.random.default_rng(0).multinomial(
        n, [(discordant + effect) / 2, (discordant - effect) / 2, 1 - discordant], size=2000)
    share = np.mean([mcnemar([0] * g + [1] * b, [1] * g + [0] * b).p <= 0.05 for g, b, _ in draws.tolist()])
    assert 0.77 - error(0.8, 2000) < share < 0.8 + error(0.8, 2000)  # the exact test is a little conservative


# Several at once -----------------------------------------------------------------------------------

@pytest.mark.parametrize("real", [0, 3])
def test_holm_calls_a_true_nothing_different_in_at_most_five_families_of_a_hundred(real: int) -> None:
    """Ten comparisons, ``real`` of them of something, the others equal and sharing an arm, so that they are related."""
    rng = np.random.default_rng(4)
    z = (rng.normal(0, 1, (2000, 10)) + rng.normal(0, 1, (2000, 1))) / math.sqrt(2)
    z[:, :real] += 5
    ps = (2 * stats.norm.sf(abs(z))).tolist()
    rejects([min(holm(family)[real:]) < 0.05 for family in ps])
    rejects([min(family[real:]) < 0.05 for family in ps], most=0.5, least=0.2)  # what it is for


# Several seeds -------------------------------------------------------------------------------------

def null(rng: np.random.Generator, seeds: int, items: int, of_seeds: float, of_items: float, each: str) -> np.ndarray:
    """[seeds][items] differences of two equal arms on the logit scale: every seed of every arm has its luck, every item
    its difficulty and an arm that it suits. ``each`` seed has the "same" items, "own" ones, or a random "half" of them.
    """
    columns = {"same": items, "own": seeds * items, "half": 2 * items}[each]
    difficulty, suits = rng.normal(0, 1, columns), rng.normal(0, of_items, (2, 1, columns))
    luck = rng.normal(0, of_seeds, (2, seeds, 1))
    right = rng.random((2, seeds, columns)) < 1 / (1 + np.exp(-0.5 - difficulty - suits - luck))
    table = right[1].astype(float) - right[0]
    if each == "own":
        table[np.arange(columns) // items != np.arange(seeds)[:, None]] = np.nan
    if each == "half":
        table[rng.permuted(np.tile(np.arange(columns), (seeds, 1)), axis=1) >= items] = np.nan
    return table


SEEDS = (3, 5, 10)
REGIMES = {"luck of seeds": (0.9, 0.0), "both": (0.3, 0.7), "problems": (0.0, 0.7), "noise": (0.0, 0.0)}


@pytest.mark.parametrize("each", ["same", "own", "half"])
@pytest.mark.parametrize("seeds", SEEDS)
def test_a_difference_over_seeds_and_problems_is_covered(seeds: int, each: str) -> None:
    """So its test keeps its level: the p-value is below .05 where the interval leaves out 0 (tests/test_verdict.py)."""
    rng, every = np.random.default_rng(5), []
    for regime in REGIMES.values():
        found = [two_way(null(rng, seeds, 60, *regime, each)).interval() for _ in range(200)]
        covers(found, 0)
        every += found
    covers(every, 0)


@pytest.mark.parametrize("noise", [1, 3, 10, 30])
def test_luck_some_times_the_noise_is_covered_with_three_seeds(noise: float) -> None:
    """Where Satterthwaite's degrees of freedom promise too much: seeds that now and then seem to agree."""
    rng = np.random.default_rng(noise)
    tables = (rng.normal(0, math.sqrt(noise / 30), (800, 3, 1)) + rng.normal(0, 0.18, (800, 1, 30))
              + rng.normal(0, 1, (800, 3, 30)))
    covers([two_way(table).interval() for table in tables], 0, most=0.99)


@pytest.mark.parametrize("regime", ["luck of seeds", "both", "problems"])
@pytest.mark.parametrize("seeds", SEEDS)
def test_the_bootstrap_over_seeds_and_problems_covers_with_few_seeds(seeds: int, regime: str) -> None:
    rng = np.random.default_rng(6)
    covers([seeds_by_items(null(rng, seeds, 60, *REGIMES[regime], "same"), draws=150, seed=i) for i in range(250)], 0)


def test_the_bootstrap_covers_problems_that_each_seed_has_for_itself() -> None:
    rng = np.random.default_rng(12)
    covers([seeds_by_items(null(rng, 5, 30, 0.3, 0.3, "own"), draws=150, seed=i) for i in range(250)], 0)


@pytest.mark.parametrize("seeds", SEEDS)
def test_seeds_alone_are_covered_but_not_the_problems_that_they_share(seeds: int) -> None:
    rng = np.random.default_rng(13)
    means = rng.normal(0, 1, (1000, seeds)).tolist()
    covers([t_interval(run) for run in means], 0, most=0.95)
    shared = [t_interval(null(rng, seeds, 60, 0.0, 1.0, "same").mean(axis=1).tolist()) for _ in range(300)]
    assert np.mean([one.low <= 0 <= one.high for one in shared]) < 0.93
