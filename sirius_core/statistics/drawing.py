"""Drawing again: what every bootstrap of this package shares."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, Any

from .intervals import Interval, Values
from .quantiles import t_quantile, z_quantile

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]


def rng(seed: int) -> Any:
    import numpy as np

    return np.random.default_rng(seed)


def drawn(size: int, draws: int, rng: Any) -> Array:
    """[draws, size] how often each of ``size`` things is drawn when ``size`` are drawn with replacement."""
    counts: Array = rng.multinomial(size, [1 / size] * size, size=draws).astype("float64")
    return counts


def percentiles(estimate: float, means: Array, n: int, method: str, confidence: float, wider: float) -> Interval:
    """The percentile interval of ``means``, its distances from the estimate times ``wider``."""
    import numpy as np

    tail = (1 - confidence) / 2
    low, high = (estimate + wider * (float(q) - estimate) for q in np.quantile(means, [tail, 1 - tail]))
    return Interval(estimate, low, high, n, method)


def for_few(n: int, confidence: float) -> float:
    """How much too narrow a percentile interval of ``n`` things drawn again is: t_{n-1} / z, and sqrt(n / (n - 1))."""
    upper = 1 - (1 - confidence) / 2
    return t_quantile(upper, n - 1) / z_quantile(upper) * math.sqrt(n / (n - 1)) if n > 1 else 1.0


def by_cluster(values: Values, clusters: Sequence[Hashable]) -> tuple[Array, Array]:
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
