"""Do these two checkpoints differ? Tests and intervals that are paired over items."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from typing import Literal

from .drawing import by_cluster, drawn, for_few, percentiles, rng
from .intervals import Interval, Paired, Values
from .one_checkpoint import wilson
from .quantiles import z_quantile


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
    """``after - before`` on the same items, with a percentile interval over clusters drawn again (`cluster_bootstrap`).

    A difference that is the same in every cluster leaves nothing to draw: then the interval reaches as far as Wilson's
    of 0 right in as many clusters as there are.
    """
    change = [b - a for a, b in zip(before, after, strict=True)]
    sums, sizes = by_cluster(change, range(len(change)) if clusters is None else clusters)
    weights = drawn(len(sums), draws, rng(seed))
    mean, means = float(sums.sum() / sizes.sum()), (weights @ sums) / (weights @ sizes)
    if float(abs(sums / sizes - mean).max()) < 1e-12:
        half = wilson(0, len(sums), confidence).high
        return Interval(mean, mean - half, mean + half, len(sums), "wilson over clusters")
    return percentiles(mean, means, len(sums), "paired bootstrap", confidence, for_few(len(sums), confidence))


def changed(gained: int, lost: int, n: int, confidence: float = 0.95) -> Interval:
    """(gained - lost) / n of ``n`` items with the adjusted interval of Bonett and Price (2012), without any draws:

    d ± z sqrt((a + b - d²) / (n + 2)) with a = (gained + 1) / (n + 2), b = (lost + 1) / (n + 2), d = a - b.
    ``changed(6, 0, 50)`` is 0.12 (0.013 to 0.218). It leaves out 0 nearly where `mcnemar` says p < .05.
    """
    if gained < 0 or lost < 0 or gained + lost > n or not n:
        raise ValueError(f"of {n} items {gained} were gained and {lost} lost?")
    a, b = (gained + 1) / (n + 2), (lost + 1) / (n + 2)
    half = z_quantile(1 - (1 - confidence) / 2) * math.sqrt((a + b - (a - b) ** 2) / (n + 2))
    return Interval((gained - lost) / n, max(-1.0, a - b - half), min(1.0, a - b + half), n, "Bonett-Price")


def minimum_effect(n: int, discordant: float, power: float = 0.8, level: float = 0.05) -> float:
    """The smallest difference of accuracies that a paired test on ``n`` items finds with this power (Connor 1987).

    Solves d sqrt(n) = z_{1-level/2} sqrt(q) + z_power sqrt(q - d²), where q is the share of ``discordant`` items (or d
    itself where d is larger). ``minimum_effect(500, 0.2)`` is 0.056: five or six points. At most 1.
    """
    if n < 1 or not 0 <= discordant <= 1:
        raise ValueError("minimum_effect needs items and a share of discordant ones from 0 to 1")
    test, find = z_quantile(1 - level / 2), z_quantile(power)
    low, high = 0.0, 1.0
    for _ in range(60):
        d = (low + high) / 2
        q = max(d, discordant)
        enough = d * math.sqrt(n) >= test * math.sqrt(q) + find * math.sqrt(max(0.0, q - d * d))
        low, high = (low, d) if enough else (d, high)
    return high


def _bit(value: float) -> int:
    if value not in (0, 1):
        raise ValueError(f"a paired test compares right (1) and wrong (0), not {value!r}")
    return int(value)


def _at_least(k: int, n: int) -> float:
    """P(X >= k) for X ~ Binomial(n, 1/2), in whole numbers until the last division."""
    ways: int = sum(math.comb(n, i) for i in range(k, n + 1))
    return ways / (1 << n)
