"""Is this recipe better? At least three seeds: intervals and tests over seeds, and over seeds and items at once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import TYPE_CHECKING

from .drawing import drawn, percentiles, rng
from .intervals import Interval, Values
from .one_checkpoint import wilson
from .quantiles import t_quantile, t_two_sided, z_quantile

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]
    Table = Sequence[Values] | Array  # [seeds][items]


def t_interval(values: Sequence[float], confidence: float = 0.95) -> Interval:
    """Mean over seeds ± t_{S-1} s / sqrt(S). One seed has no interval: minus to plus infinity."""
    if not values:
        raise ValueError("t_interval needs at least one seed")
    mean, count = fmean(values), len(values)
    if count == 1:
        return Interval(mean, -math.inf, math.inf, 1, "one seed")
    half = t_quantile(1 - (1 - confidence) / 2, count - 1) * stdev(values) / math.sqrt(count)
    return Interval(mean, mean - half, mean + half, count, "t over seeds")


@dataclass(frozen=True, slots=True)
class TwoWay:
    """The mean of a table of seeds by items, and where its variance comes from (squared units of the values).

    ``seeds`` is the variance of the mean over other seeds with the same items, ``items`` over other items with the same
    seeds, ``total`` over both, with Satterthwaite's ``freedom``. ``fixed`` is the part that no further seed reduces.
    """

    mean: float
    seeds: float
    items: float
    total: float
    freedom: float
    n_seeds: int
    n_items: int

    @property
    def fixed(self) -> float:
        return max(0.0, self.total - self.seeds)

    def interval(self, confidence: float = 0.95) -> Interval:
        """mean ± t sqrt(total); one seed: no interval; no variation at all: as far as Wilson's of 0 right reaches."""
        if self.n_seeds < 2 or self.n_items < 2:
            return Interval(self.mean, -math.inf, math.inf, self.n_seeds, "one seed")
        if not self.total:
            half = wilson(0, self.n_items, confidence).high
        else:
            half = t_quantile(1 - (1 - confidence) / 2, self.freedom) * math.sqrt(self.total)
        return Interval(self.mean, self.mean - half, self.mean + half, self.n_seeds, "crossed seeds and items")

    @property
    def p(self) -> float:
        """Two-sided, of the hypothesis that the mean is 0. One seed: 1. Every item the same: 2 / 2^items."""
        if not self.mean or self.n_seeds < 2 or self.n_items < 2:
            return 1.0
        return (t_two_sided(self.mean / math.sqrt(self.total), self.freedom) if self.total
                else math.ldexp(2.0, -self.n_items))


def two_way(table: Table, minus: Table | None = None) -> TwoWay:
    """Two crossed random factors without replication; ``minus`` is another arm on the same seeds and items.

    Seeds share items or each has its own or anything between (NaN where an item was not asked; each seed counts the
    same). With C the covariance matrix of the seeds' means when items are drawn again (from each seed's deviations from
    its own mean): items = ΣC / S², seeds = s² / S of the seeds' means, total = seeds + Σ_{s≠t} C_st / (S (S-1)), never
    below the larger of the two. Where all items are shared this is (MS_seeds + MS_items - MS_rest) / (S I) of the
    two-way table; where none are, s² / S. Degrees of freedom by Satterthwaite (1946).
    """
    import numpy as np

    values = _difference(table, minus)
    asked = ~np.isnan(values)
    count = asked.sum(axis=1).astype(float)  # items of each seed
    if not count.all():
        raise ValueError("a seed without any item")
    means = np.where(asked, values, 0).sum(axis=1) / count
    s, i, mean = len(values), int(asked.any(axis=0).sum()), float(means.mean())
    if s < 2 or count.min() < 2:
        return TwoWay(mean, math.inf, math.inf, math.inf, 1.0, s if count.min() > 1 else 1, i)
    rest = np.where(asked, values - means[:, None], 0.0)
    shared = (mask := asked.astype(float)) @ mask.T
    # what remains of a shared item's square once each seed's own mean is taken off; unshared pairs have no covariance
    kept = np.where(shared > 0, 1 - 1 / count[:, None] - 1 / count + shared / np.outer(count, count), 1.0)
    covariance = rest @ rest.T / np.outer(count, count) / kept
    own, all_ = float(np.trace(covariance)), float(covariance.sum())
    seeds, items = float(means.var(ddof=1)) / s, all_ / s**2
    total = max(seeds + (all_ - own) / (s * (s - 1)), seeds, items)
    if total < 1e-18:
        return TwoWay(mean, 0.0, 0.0, 0.0, 1.0, s, i)
    noise = own / s**2 - (all_ - own) / (s**2 * (s - 1))
    cells = max(i - 1, int(count.sum()) - s - i + 1)
    spread = seeds**2 / (s - 1) + items**2 / (i - 1) + noise**2 / cells
    return TwoWay(mean, seeds, items, total, max(1.0, total**2 / spread), s, i)


def crossed(table: Table, minus: Table | None = None, confidence: float = 0.95) -> Interval:
    """The mean or difference with an interval that holds for few seeds: that of `two_way`."""
    return two_way(table, minus).interval(confidence)


def seeds_by_items(table: Table, minus: Table | None = None, *, seed: int = 0, draws: int = 2000,
                   confidence: float = 0.95) -> Interval:
    """Mean of a [seeds][items] table when seeds and items are both drawn again (Bouthillier et al. 2021).

    ``minus`` is another arm on the same seeds and items: then the mean difference. The draws give the shape; as they
    vary too little with few seeds, and count the noise of one cell three times (Owen 2007), their distances from the
    mean are stretched by t SE / (z SD of the draws), with the SE and the degrees of freedom of `two_way`.
    """
    import numpy as np

    found = two_way(table, minus)
    if not found.total or math.isinf(found.total):
        return found.interval(confidence)
    values = _difference(table, minus)
    asked = ~np.isnan(values)
    random = rng(seed)
    seeds, items = (drawn(size, draws, random) for size in values.shape)
    answered = np.maximum(items @ asked.T.astype(float), 1e-9)
    means = (seeds * (items @ np.where(asked, values, 0.0).T / answered)).sum(axis=1) / found.n_seeds
    upper = 1 - (1 - confidence) / 2
    wider = (t_quantile(upper, found.freedom) * math.sqrt(found.total)
             / (z_quantile(upper) * float(means.std(ddof=1))))
    return percentiles(found.mean, means, found.n_seeds, "seeds by items", confidence, wider)


def seeds_needed(differences: Sequence[float], power: float = 0.8, level: float = 0.05, most: int = 1000, *,
                 fixed: float = 0.0) -> int | None:
    """How many seeds would tell a difference like this one from nothing: the smallest S >= 3 with

    |mean| >= (t_{S-1, 1-level/2} + t_{S-1, power}) sqrt(s² / S + fixed). ``fixed`` is the variance that comes with the
    items and that no seed reduces (`TwoWay.fixed`). None: more than ``most``, or fewer than two seeds given.
    """
    if len(differences) < 2 or not (mean := abs(fmean(differences))):
        return None
    spread = stdev(differences) ** 2
    for count in range(3, most + 1):
        error = math.sqrt(spread / count + fixed)
        if mean >= error * (z_quantile(1 - level / 2) + z_quantile(power)) and \
           mean >= error * (t_quantile(1 - level / 2, count - 1) + t_quantile(power, count - 1)):
            return count
    return None


def _difference(table: Table, minus: Table | None) -> Array:
    import numpy as np

    values = np.asarray(table, dtype=np.float64)
    other = np.zeros_like(values) if minus is None else np.asarray(minus, dtype=np.float64)
    if values.ndim != 2 or values.shape != other.shape or not values.size:
        raise ValueError(f"two arms need the same [seeds][items] shape, got {values.shape} and {other.shape}")
    return values - other
