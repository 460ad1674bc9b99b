"""A measure as a row of plain values: what, where in the episode, value with interval, from how many observations."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from typing import Any

from .. import statistics

Row = dict[str, Any]
"""{measure, where, value, low, high, n}, and p where two things are compared. ``value`` is None where a measure is not
defined (nobody was right at first, so nobody could stay right), an end of the interval where nothing can be said."""


def row(measure: str, where: str, value: float | None, n: int, low: float | None = None, high: float | None = None,
        **more: Any) -> Row:
    """Numbers that are not finite become None: a report is JSON."""
    return {"measure": measure, "where": where, "value": _finite(value), "low": _finite(low), "high": _finite(high),
            "n": n, **more}


def mean(measure: str, where: str, values: Sequence[float], clusters: Sequence[Hashable]) -> Row:
    """The mean with its 95 % interval. ``clusters`` names the problem of each value: answers to one problem are alike.

    Wilson's interval for right (1) and wrong (0) where every problem occurs once, else cluster-robust. No interval
    where one problem is all there is, or where other values never differ.
    """
    if not values:
        return row(measure, where, None, 0)
    shares = all(isinstance(v, int) and v in (0, 1) for v in values)
    if not shares and len(set(values)) == 1:
        return row(measure, where, values[0], len(values))
    if shares and len(set(clusters)) == len(values):
        found = statistics.wilson(int(sum(values)), len(values))
    else:
        found = statistics.clustered(values, clusters)
    return row(measure, where, found.estimate, len(values), found.low, found.high)


def paired(measure: str, where: str, before: Sequence[int], after: Sequence[int], clusters: Sequence[Hashable]) -> Row:
    """after - before over the same problems, right (1) and wrong (0), with McNemar's exact p."""
    if not before:
        return row(measure, where, None, 0, p=None)
    test, delta = statistics.mcnemar(before, after), statistics.paired_delta(before, after, clusters)
    return row(measure, where, test.delta, test.n, delta.low, delta.high, p=test.p)


def _finite(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)
