"""Many means over the same games, drawn again together: one bootstrap for a whole table."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from typing import TypeVar

from .drawing import drawn, for_few, percentiles, rng
from .intervals import Interval

K = TypeVar("K", bound=Hashable)


def resampled(columns: Mapping[K, Sequence[float | None]], clusters: Sequence[Hashable] | None = None, *, seed: int = 0,
              draws: int = 2000, confidence: float = 0.95) -> dict[K, Interval]:
    """{name: mean of the column with its percentile interval} when whole clusters (games) are drawn again.

    Every column has one value per item, None where it has none there (a price, where there was no deal): such items
    take no part in that column's mean. A paired difference is a column of its own, one difference per game. All
    columns share their draws, so a table costs little more than a number. Intervals are widened for few clusters as in
    `cluster_bootstrap`; ``n`` counts values. Where no value is there, the estimate is NaN; where all values are the
    same, or stand in one cluster, nothing can be drawn and the ends are NaN.

    >>> found = resampled({"payoff": [12, 0, 8, 4], "price": [52, None, 48, 44]})
    >>> found["payoff"].estimate, found["price"].estimate, found["price"].n
    (6.0, 48.0, 3)
    """
    import numpy as np

    names = list(columns)
    size = len(columns[names[0]]) if names else 0
    place: dict[Hashable, int] = {}
    which = [place.setdefault(name, len(place)) for name in (range(size) if clusters is None else clusters)]
    sums, counts = np.zeros((len(place), len(names))), np.zeros((len(place), len(names)))
    for column, name in enumerate(names):
        for cluster, value in zip(which, columns[name], strict=True):
            if value is not None:
                sums[cluster, column] += value
                counts[cluster, column] += 1
    weights = drawn(len(place), draws, rng(seed)) if place else np.zeros((draws, 0))
    totals, sizes = weights @ sums, weights @ counts
    return {name: _mean([v for v in columns[name] if v is not None], int((counts[:, i] > 0).sum()),
                        totals[:, i], sizes[:, i], confidence) for i, name in enumerate(names)}


def _mean(values: Sequence[float], clusters: int, totals: object, sizes: object, confidence: float) -> Interval:
    import numpy as np

    n = len(values)
    if not n:
        return Interval(math.nan, math.nan, math.nan, 0, "no values")
    mean = math.fsum(values) / n
    if clusters < 2 or max(values) == min(values):
        return Interval(mean, math.nan, math.nan, n, "nothing to draw")
    total, size = np.asarray(totals), np.asarray(sizes)
    found = percentiles(mean, total[size > 0] / size[size > 0], n, "bootstrap by cluster", confidence,
                        for_few(clusters, confidence))
    bounded = min(values) >= 0 and max(values) <= 1
    return Interval(mean, max(0.0, found.low), min(1.0, found.high), n, found.method) if bounded else found
