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
from .quantiles import t_beyond, t_quantile, t_two_sided, z_quantile

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
    seeds, ``fixed`` what the shared items add to ``seeds`` and no further seed takes away.
    """

    mean: float
    seeds: float
    items: float
    fixed: float
    n_seeds: int
    n_items: int

    def half(self, p: float) -> float:
        """Half an interval of level 1 - p: the t interval over seeds, and what the shared items add, in squares:

        sqrt(t²_{S-1} seeds + t²_{I-1} fixed), and never less than the seeds by themselves leave: t_{I-1} sqrt(items).
        """
        over_items = t_beyond(p, self.n_items - 1) ** 2
        over_seeds = t_beyond(p, self.n_seeds - 1) ** 2 * self.seeds + over_items * self.fixed
        return math.sqrt(max(over_seeds, over_items * self.items))

    def interval(self, confidence: float = 0.95) -> Interval:
        """mean ± half; one seed: no interval; no variation at all: as far as Wilson's of 0 right in I items reaches."""
        if self.n_seeds < 2 or self.n_items < 2:
            return Interval(self.mean, -math.inf, math.inf, self.n_seeds, "one seed")
        half = self.half(1 - confidence) if self.items + self.seeds else wilson(0, self.n_items, confidence).high
        return Interval(self.mean, self.mean - half, self.mean + half, self.n_seeds, "crossed seeds and items")

    @property
    def p(self) -> float:
        """Two-sided, of the hypothesis that the mean is 0: the level at which the interval just reaches it.

        One seed: 1. Every item the same with every seed: 2 / 2^items.
        """
        if not self.mean or self.n_seeds < 2 or self.n_items < 2:
            return 1.0
        if not self.items + self.seeds:
            return math.ldexp(2.0, -self.n_items)
        return max(self._over_seeds(), _p_of_t(self.mean, self.items, self.n_items - 1))

    def _over_seeds(self) -> float:
        """The p at which t²_{S-1} seeds + t²_{I-1} fixed is mean², between the p of either t: regula falsi in log p."""
        total, s, i = self.seeds + self.fixed, self.n_seeds - 1, self.n_items - 1
        least, most = sorted(_p_of_t(self.mean, total, df) for df in (s, i))
        if not self.fixed:
            return _p_of_t(self.mean, total, s)
        if most < 1e-12 or most - least < 1e-9 * most:  # quantiles have no digits there; nothing lies between
            return most

        def short(log_p: float) -> float:
            """How far the interval of that level is from reaching the mean; grows with p."""
            p = math.exp(log_p)
            return 2 * math.log(abs(self.mean)) - math.log(
                t_beyond(p, s) ** 2 * self.seeds + t_beyond(p, i) ** 2 * self.fixed)

        low, high = math.log(max(least, 1e-14)), math.log(most)
        below, above = short(low), short(high)
        middle = low if below >= 0 else high
        while below < 0 < above:
            middle, before = (low * above - high * below) / (above - below), middle
            error = short(middle)
            if abs(middle - before) < 1e-10 or not error:
                break
            if error < 0:
                low, below, above = middle, error, above / 2 if before < middle else above
            else:
                high, above, below = middle, error, below / 2 if before > middle else below
        return math.exp(middle)


def two_way(table: Table, minus: Table | None = None) -> TwoWay:
    """Two crossed random factors without replication; ``minus`` is another arm on the same seeds and items.

    Seeds share items, or each has its own, or anything between (NaN where an item was not asked; each seed counts the
    same). With C the covariance matrix of the seeds' means when items are drawn again, from each seed's deviations from
    its own mean: seeds = s² / S of the seeds' means, items = ΣC / S², fixed = Σ_{s≠t} C_st / (S (S-1)), at least 0.
    Where all items are shared these are MS_seeds, MS_items and MS_items - MS_rest of the two-way table, each by S I.

    The interval covers 95 to 99 % with 3 seeds or more, also where either factor has no effect. Satterthwaite's degrees
    of freedom for seeds + fixed do not: with 3 seeds whose variance is some ten times the noise, 92 to 93 %.
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
        return TwoWay(mean, math.inf, math.inf, 0.0, s if count.min() > 1 else 1, i)
    rest = np.where(asked, values - means[:, None], 0.0)
    shared = (mask := asked.astype(float)) @ mask.T
    # what remains of a shared item's square once each seed's own mean is taken off; unshared pairs have no covariance
    kept = np.where(shared > 0, 1 - 1 / count[:, None] - 1 / count + shared / np.outer(count, count), 1.0)
    covariance = rest @ rest.T / np.outer(count, count) / kept
    between = float((covariance * ~np.eye(s, dtype=bool)).sum())  # exactly 0 where no item is shared
    seeds, items = float(means.var(ddof=1)) / s, float(covariance.sum()) / s**2
    fixed = max(0.0, between / (s * (s - 1)))
    if max(seeds, items) < 1e-18:  # rounding
        return TwoWay(mean, 0.0, 0.0, 0.0, s, i)
    return TwoWay(mean, seeds, items, fixed, s, i)


def crossed(table: Table, minus: Table | None = None, confidence: float = 0.95) -> Interval:
    """The mean or difference with an interval that holds for few seeds: that of `two_way`."""
    return two_way(table, minus).interval(confidence)


def seeds_by_items(table: Table, minus: Table | None = None, *, seed: int = 0, draws: int = 2000,
                   confidence: float = 0.95) -> Interval:
    """Mean of a [seeds][items] table when seeds and items are both drawn again (Bouthillier et al. 2021).

    ``minus`` is another arm on the same seeds and items: then the mean difference. The draws give the shape. With few
    seeds they vary too little (as they are they cover 76 to 78 % with 3 seeds, 85 with 5), and they count the noise of
    one cell three times (Owen 2007): so their distances from the mean are stretched by half / (z SD of the draws), with
    the half of `TwoWay`.
    """
    import numpy as np

    found = two_way(table, minus)
    if not found.seeds + found.items or math.isinf(found.seeds):
        return found.interval(confidence)
    values = _difference(table, minus)
    asked = ~np.isnan(values)
    random = rng(seed)
    seeds, items = (drawn(size, draws, random) for size in values.shape)
    answered = np.maximum(items @ asked.T.astype(float), 1e-9)
    means = (seeds * (items @ np.where(asked, values, 0.0).T / answered)).sum(axis=1) / found.n_seeds
    wider = found.half(1 - confidence) / (z_quantile(1 - (1 - confidence) / 2) * float(means.std(ddof=1)))
    return percentiles(found.mean, means, found.n_seeds, "seeds by items", confidence, wider)


def detectable(spread: float, seeds: int, *, fixed: float = 0.0, power: float = 0.8, level: float = 0.05) -> float:
    """The smallest mean difference that this many seeds find with this power, if seeds vary with SD ``spread``:

    sqrt((t_{S-1, 1-level/2} + t_{S-1, power})² spread² / S + (z_{1-level/2} + z_power)² fixed), with ``fixed`` the
    variance that comes with the items and that no seed takes away (`TwoWay`). ``detectable(0.02, 5)`` is 0.033.
    """
    over_seeds = t_beyond(level, seeds - 1) + t_quantile(power, seeds - 1)
    over_items = z_quantile(1 - level / 2) + z_quantile(power)
    return math.sqrt(over_seeds**2 * spread**2 / seeds + over_items**2 * fixed)


def seeds_needed(differences: Sequence[float], power: float = 0.8, level: float = 0.05, most: int = 1000, *,
                 fixed: float = 0.0) -> int | None:
    """How many seeds would tell a difference like this one from nothing: the smallest S >= 3 that has it `detectable`.

    None: more than ``most``, or fewer than two seeds given, or no difference.
    """
    if len(differences) < 2 or not (mean := abs(fmean(differences))):
        return None
    spread = stdev(differences)
    low, high = 2, most + 1  # it falls with the seeds: low are too few, high are enough or too many to ask for
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if mean >= detectable(spread, middle, fixed=fixed, power=power, level=level) else (
            middle, high)
    return high if high <= most else None


def _p_of_t(mean: float, variance: float, df: int) -> float:
    return t_two_sided(mean / math.sqrt(variance), df) if variance else 0.0


def _difference(table: Table, minus: Table | None) -> Array:
    import numpy as np

    values = np.asarray(table, dtype=np.float64)
    other = np.zeros_like(values) if minus is None else np.asarray(minus, dtype=np.float64)
    if values.ndim != 2 or values.shape != other.shape or not values.size:
        raise ValueError(f"two arms need the same [seeds][items] shape, got {values.shape} and {other.shape}")
    return values - other
