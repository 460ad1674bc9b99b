"""Intervals, paired tests and bootstraps: how sure a number is.

Right and wrong are 1 and 0 (or any reward); ``clusters`` names what was sampled together: wordings of one problem,
episodes of one task. Every bootstrap takes its ``seed``. Sentences that must not be mixed:

    wilson, clustered, cluster_bootstrap       how good is this checkpoint?
    difference                                 do these replays differ from those? (independent tries)
    mcnemar, paired_delta, minimum_effect      do these two checkpoints differ? (paired over items)
    t_interval, crossed, seeds_by_items        is this recipe better? (at least three seeds)
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from statistics import NormalDist, fmean, stdev
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

Values = Sequence[float] | Sequence[int] | Sequence[bool]


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with its interval, from ``n`` observations (items, clusters or seeds, as ``method`` says)."""

    estimate: float
    low: float
    high: float
    n: int
    method: str

    def __str__(self) -> str:
        """``82 % (69-90)``"""
        return f"{100 * self.estimate:.0f} % ({100 * self.low:.0f}-{100 * self.high:.0f})"


@dataclass(frozen=True, slots=True)
class Paired:
    """A paired comparison of two 0/1 vectors: ``gained`` items went from wrong to right, ``lost`` the other way."""

    p: float
    gained: int
    lost: int
    n: int
    delta: float


def counted(right: int, n: int) -> str:
    """``counted(41, 50) == "41/50 = 82 % (69-90)"``, with Wilson's interval."""
    return f"{right}/{n} = {wilson(right, n)}" if n else "0/0"


def points(delta: Interval) -> str:
    """A difference in percentage points: ``points(Interval(.06, -.02, .14, 50, "")) == "+6 points (-2 to +14)"``."""
    return f"{100 * delta.estimate:+.0f} points ({100 * delta.low:+.0f} to {100 * delta.high:+.0f})"


# One checkpoint ------------------------------------------------------------------------------------

def wilson(right: int, n: int, confidence: float = 0.95) -> Interval:
    """Wilson's score interval of a share (1927): (p + z²/2n ± z sqrt(p(1-p)/n + z²/4n²)) / (1 + z²/n).

    ``wilson(41, 50)`` is 0.82 (0.69 to 0.90). Without observations the estimate is NaN and the interval 0 to 1.
    """
    if not 0 <= right <= n:
        raise ValueError(f"{right} of {n} is no share")
    if n == 0:
        return Interval(math.nan, 0.0, 1.0, 0, "wilson")
    z, p = _z(1 - (1 - confidence) / 2), right / n
    middle, half = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    low = 0.0 if right == 0 else (middle - half) / scale
    high = 1.0 if right == n else (middle + half) / scale
    return Interval(p, low, high, n, "wilson")


def difference(right: int, n: int, other: int, m: int, confidence: float = 0.95) -> Interval:
    """right / n - other / m of independent tries, with Newcombe's hybrid score interval (1998, method 10):

    d - sqrt((p1 - l1)² + (u2 - p2)²) to d + sqrt((u1 - p1)² + (p2 - l2)²), from the Wilson interval of each share.
    ``difference(56, 70, 48, 80)`` is 0.2 (0.0524 to 0.3339), the paper's own example (a).
    """
    if not n or not m:
        return Interval(math.nan, -1.0, 1.0, 0, "newcombe")
    one, two = wilson(right, n, confidence), wilson(other, m, confidence)
    d = one.estimate - two.estimate
    low = d - math.hypot(one.estimate - one.low, two.high - two.estimate)
    high = d + math.hypot(one.high - one.estimate, two.estimate - two.low)
    return Interval(d, low, high, min(n, m), "newcombe")


def clustered(values: Values, clusters: Sequence[Hashable], confidence: float = 0.95) -> Interval:
    """Mean ± t_{G-1} SE, robust to clusters: SE² = G/(G-1) Σ_g (Σ_{i in g} (x_i - mean))² / n², for G clusters.

    The sandwich estimator of a regression on a constant (Liang and Zeger 1986), cut to 0-1 when the values lie there.
    When every value is 0, or every value 1, the SE is 0 and says nothing: then Wilson's interval, with n = G.
    """
    sums, sizes = _by_cluster(values, clusters)
    mean, count = float(sums.sum() / sizes.sum()), len(sums)
    if plain := _degenerate(values, count, confidence):
        return plain
    if count < 2:
        return Interval(mean, -math.inf, math.inf, count, "one cluster")
    error = math.sqrt(count / (count - 1) * float(((sums - mean * sizes) ** 2).sum())) / float(sizes.sum())
    half = t_quantile(1 - (1 - confidence) / 2, count - 1) * error
    return _within(values, Interval(mean, mean - half, mean + half, count, "cluster-robust"))


def cluster_bootstrap(values: Values, clusters: Sequence[Hashable] | None = None, *, seed: int = 0, draws: int = 2000,
                      confidence: float = 0.95) -> Interval:
    """Percentile interval of the mean when whole clusters are drawn again (Efron 1979); no clusters: every item is one.

    When every value is the same the bootstrap cannot vary: then Wilson's interval, with n = the number of clusters.
    """
    sums, sizes = _by_cluster(values, range(len(values)) if clusters is None else clusters)
    mean, count = float(sums.sum() / sizes.sum()), len(sums)
    if plain := _degenerate(values, count, confidence):
        return plain
    weights = _resampled(count, draws, _rng(seed))
    return _percentiles(mean, (weights @ sums) / (weights @ sizes), count, "cluster bootstrap", confidence)


def pass_at_k(n: int, right: int, k: int) -> float:
    """Chance that one of k replies drawn from n is right: 1 - C(n-c, k) / C(n, k), unbiased (Chen et al. 2021).

    ``pass_at_k(4, 1, 2) == 0.5``. Not 1 - (1 - c/n)^k, which is biased low.
    """
    if not 0 <= right <= n or not 1 <= k <= n:
        raise ValueError(f"pass@{k} needs at least {k} replies with 0 to all of them right; got {right} of {n}")
    return 1 - math.comb(n - right, k) / math.comb(n, k)


def pass_at_k_mean(counts: Sequence[tuple[int, int]], k: int, *, seed: int = 0, draws: int = 2000) -> Interval:
    """Mean of pass@k over problems, each ``(n, right)``; problems are drawn again for the interval."""
    return cluster_bootstrap([pass_at_k(n, right, k) for n, right in counts], seed=seed, draws=draws)


def balanced_accuracy(truths: Sequence[Hashable], reads: Sequence[Hashable | None]) -> float:
    """Mean over the classes of the share read rightly: "always yes" earns 1/3 of three classes. None is wrong."""
    pairs = list(zip(truths, reads, strict=True))
    if not pairs:
        return math.nan
    return fmean(fmean(read == truth for truth, read in pairs if truth == name) for name in dict.fromkeys(truths))


# Two checkpoints on the same items -----------------------------------------------------------------

def mcnemar(before: Values, after: Values,
            alternative: Literal["two-sided", "lower", "higher"] = "two-sided") -> Paired:
    """McNemar's exact test (1947): of the items that changed, is the share that was gained one half?

    With X ~ Binomial(gained + lost, 1/2): two-sided p = min(1, 2 P(X <= min(gained, lost))); "lower" (after is worse)
    p = P(X >= lost); "higher" p = P(X >= gained). ``mcnemar([0]*6, [1]*6).p == 0.03125``. Nothing changed: p = 1.
    """
    pairs = [(_bit(a), _bit(b)) for a, b in zip(before, after, strict=True)]
    gained, lost = pairs.count((0, 1)), pairs.count((1, 0))
    if alternative == "two-sided":
        p = min(1.0, 2 * _at_least(max(gained, lost), gained + lost))
    else:
        p = _at_least(lost if alternative == "lower" else gained, gained + lost)
    return Paired(p, gained, lost, len(pairs), (gained - lost) / len(pairs) if pairs else math.nan)


def significantly_lower(before: Values, after: Values, level: float = 0.05) -> bool:
    """The gate of a checkpoint: is ``after`` worse than ``before`` by the one-sided exact test?"""
    return mcnemar(before, after, "lower").p <= level


def paired_delta(before: Values, after: Values, clusters: Sequence[Hashable] | None = None, *, seed: int = 0,
                 draws: int = 2000, confidence: float = 0.95) -> Interval:
    """``after - before`` on the same items, with a percentile interval over clusters drawn again.

    A difference that is the same in every cluster leaves nothing to draw: then the interval reaches as far as Wilson's
    of 0 right in as many clusters as there are.
    """
    change = [b - a for a, b in zip(before, after, strict=True)]
    sums, sizes = _by_cluster(change, range(len(change)) if clusters is None else clusters)
    weights = _resampled(len(sums), draws, _rng(seed))
    mean, means = float(sums.sum() / sizes.sum()), (weights @ sums) / (weights @ sizes)
    if float(abs(sums / sizes - mean).max()) < 1e-12:
        half = wilson(0, len(sums), confidence).high
        return Interval(mean, mean - half, mean + half, len(sums), "wilson over clusters")
    return _percentiles(mean, means, len(sums), "paired bootstrap", confidence)


def minimum_effect(n: int, discordant: float, power: float = 0.8, level: float = 0.05) -> float:
    """The smallest difference of accuracies that a paired test on ``n`` items finds with this power (Connor 1987).

    Solves d sqrt(n) = z_{1-level/2} sqrt(q) + z_power sqrt(q - d²), where q is the share of ``discordant`` items (or d
    itself where d is larger). ``minimum_effect(500, 0.2)`` is 0.056: five or six points. At most 1.
    """
    if n < 1 or not 0 <= discordant <= 1:
        raise ValueError("minimum_effect needs items and a share of discordant ones from 0 to 1")
    low, high = 0.0, 1.0
    for _ in range(60):
        d = (low + high) / 2
        q = max(d, discordant)
        enough = d * math.sqrt(n) >= _z(1 - level / 2) * math.sqrt(q) + _z(power) * math.sqrt(max(0.0, q - d * d))
        low, high = (low, d) if enough else (d, high)
    return high


def holm(ps: Sequence[float]) -> tuple[float, ...]:
    """Holm's step-down correction (1979): sorted p_(i) becomes max over j <= i of min(1, (m - j + 1) p_(j)).

    ``holm([0.01, 0.04, 0.03]) == (0.03, 0.06, 0.06)``
    """
    adjusted, running = [0.0] * len(ps), 0.0
    for rank, index in enumerate(sorted(range(len(ps)), key=lambda i: ps[i])):
        running = max(running, min(1.0, (len(ps) - rank) * ps[index]))
        adjusted[index] = running
    return tuple(adjusted)


# Several seeds -------------------------------------------------------------------------------------

def t_interval(values: Sequence[float], confidence: float = 0.95) -> Interval:
    """Mean over seeds ± t_{S-1} s / sqrt(S). One seed has no interval: minus to plus infinity."""
    if not values:
        raise ValueError("t_interval needs at least one seed")
    mean, count = fmean(values), len(values)
    if count == 1:
        return Interval(mean, -math.inf, math.inf, 1, "one seed")
    half = t_quantile(1 - (1 - confidence) / 2, count - 1) * stdev(values) / math.sqrt(count)
    return Interval(mean, mean - half, mean + half, count, "t over seeds")


def seeds_by_items(table: Sequence[Values], minus: Sequence[Values] | None = None, *, seed: int = 0, draws: int = 2000,
                   confidence: float = 0.95) -> Interval:
    """Mean of a [seeds][items] table when seeds and items are both drawn again (Bouthillier et al. 2021).

    ``minus`` is another arm on the same seeds and items: then the mean difference. With fewer than about eight seeds
    the resampled seeds vary too little and the interval is too narrow (3 seeds that differ: 78 % instead of 95 %):
    report `crossed`.
    """
    values = _difference(table, minus)
    rng = _rng(seed)
    seeds, items = (_resampled(size, draws, rng) for size in values.shape)
    means = ((seeds @ values) * items).sum(axis=1) / values.size
    return _percentiles(float(values.mean()), means, len(values), "seeds by items", confidence)


def crossed(table: Sequence[Values], minus: Sequence[Values] | None = None, confidence: float = 0.95) -> Interval:
    """The same mean or difference with an interval that holds for few seeds: two crossed random factors.

    From the mean squares of a two-way table without replication: SE² = (MS_seeds + MS_items - MS_rest) / (S I), never
    below the larger of the first two, and Satterthwaite's degrees of freedom (1946), rounded down. One seed: no
    interval. A table that never varies: as far as Wilson's interval of 0 right in I items reaches.
    """
    values = _difference(table, minus)
    s, i = values.shape
    mean = float(values.mean())
    if s < 2 or i < 2:
        return Interval(mean, -math.inf, math.inf, s, "one seed")
    rows, columns = values.mean(axis=1, keepdims=True), values.mean(axis=0, keepdims=True)
    seeds = float(i * ((rows - mean) ** 2).sum() / (s - 1))
    items = float(s * ((columns - mean) ** 2).sum() / (i - 1))
    rest = float(((values - rows - columns + mean) ** 2).sum() / ((s - 1) * (i - 1)))
    total = max(seeds + items - rest, seeds, items)
    if total < 1e-12:
        half = wilson(0, i, confidence).high
    else:
        spread = seeds**2 / (s - 1) + items**2 / (i - 1) + rest**2 / ((s - 1) * (i - 1))
        freedom = max(1, int(total**2 / spread))
        half = t_quantile(1 - (1 - confidence) / 2, freedom) * math.sqrt(total / (s * i))
    return Interval(mean, mean - half, mean + half, s, "crossed seeds and items")


def seeds_needed(differences: Sequence[float], power: float = 0.8, level: float = 0.05, most: int = 1000) -> int | None:
    """How many seeds would tell a difference like this one from nothing: the smallest S >= 3 with

    |mean| sqrt(S) / s >= t_{S-1, 1-level/2} + t_{S-1, power}. None: more than ``most``, or fewer than two seeds given.
    """
    if len(differences) < 2 or not (mean := abs(fmean(differences))):
        return None
    ratio = stdev(differences) / mean
    for count in range(3, most + 1):
        if math.sqrt(count) >= ratio * (t_quantile(1 - level / 2, count - 1) + t_quantile(power, count - 1)):
            return count
    return None


# Under the hood ------------------------------------------------------------------------------------

def t_quantile(p: float, df: int) -> float:
    """Student's t with ``df`` (an integer) degrees of freedom, by bisection: ``t_quantile(0.975, 2)`` is 4.303."""
    if p < 0.5:
        return -t_quantile(1 - p, df)
    low, high = 0.0, math.pi / 2
    for _ in range(60):  # over the angle atan(t / sqrt(df)), which is bounded
        middle = (low + high) / 2
        low, high = (middle, high) if (1 + _t_inside(middle, df)) / 2 < p else (low, middle)
    return math.sqrt(df) * math.tan((low + high) / 2)


def _t_inside(angle: float, df: int) -> float:
    """P(|T| <= sqrt(df) tan(angle)): the finite series 26.7.3 and 26.7.4 of Abramowitz and Stegun."""
    sine, cosine = math.sin(angle), math.cos(angle)
    term, total = (cosine if df % 2 else 1.0), 0.0
    for j in range(df // 2):
        total += term
        term *= cosine * cosine * ((2 * j + 2) / (2 * j + 3) if df % 2 else (2 * j + 1) / (2 * j + 2))
    return 2 / math.pi * (angle + sine * total) if df % 2 else sine * total


def _z(p: float) -> float:
    return NormalDist().inv_cdf(p)


def _bit(value: float) -> int:
    if value not in (0, 1):
        raise ValueError(f"a paired test compares right (1) and wrong (0), not {value!r}")
    return int(value)


def _at_least(k: int, n: int) -> float:
    """P(X >= k) for X ~ Binomial(n, 1/2), in whole numbers until the last division."""
    ways: int = sum(math.comb(n, i) for i in range(k, n + 1))
    return ways / (1 << n)


def _by_cluster(values: Values, clusters: Sequence[Hashable]) -> tuple[Array, Array]:
    """Sum and size of each cluster, in order of first appearance."""
    import numpy as np

    if not len(values):
        raise ValueError("an interval needs at least one value")
    sums: dict[Hashable, float] = {}
    sizes: dict[Hashable, int] = {}
    for value, name in zip(values, clusters, strict=True):
        sums[name] = sums.get(name, 0.0) + value
        sizes[name] = sizes.get(name, 0) + 1
    return np.array(list(sums.values()), dtype=np.float64), np.array(list(sizes.values()), dtype=np.float64)


def _degenerate(values: Values, clusters: int, confidence: float) -> Interval | None:
    first = values[0]
    if first not in (0, 1) or any(value != first for value in values):
        return None
    plain = wilson(int(first) * clusters, clusters, confidence)
    return Interval(plain.estimate, plain.low, plain.high, clusters, "wilson over clusters")


def _within(values: Values, found: Interval) -> Interval:
    if min(values) < 0 or max(values) > 1:
        return found
    return Interval(found.estimate, max(0.0, found.low), min(1.0, found.high), found.n, found.method)


def _difference(table: Sequence[Values], minus: Sequence[Values] | None) -> Array:
    import numpy as np

    values = np.asarray(table, dtype=np.float64)
    other = np.zeros_like(values) if minus is None else np.asarray(minus, dtype=np.float64)
    if values.ndim != 2 or values.shape != other.shape or not values.size:
        raise ValueError(f"two arms need the same [seeds][items] shape, got {values.shape} and {other.shape}")
    return values - other


def _rng(seed: int) -> Any:
    import numpy as np

    return np.random.default_rng(seed)


def _resampled(size: int, draws: int, rng: Any) -> Array:
    """[draws, size] how often each of ``size`` things is drawn when ``size`` are drawn with replacement."""
    counts: Array = rng.multinomial(size, [1 / size] * size, size=draws).astype("float64")
    return counts


def _percentiles(estimate: float, means: Array, n: int, method: str, confidence: float) -> Interval:
    import numpy as np

    tail = (1 - confidence) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    return Interval(estimate, float(low), float(high), n, method)
