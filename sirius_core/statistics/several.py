"""Several comparisons at once: a correction for how many there are, and whether two orders agree."""

from __future__ import annotations

import math
from collections.abc import Sequence


def holm(ps: Sequence[float]) -> tuple[float, ...]:
    """Holm's step-down correction (1979): sorted p_(i) becomes max over j <= i of min(1, (m - j + 1) p_(j)).

    ``holm([0.01, 0.04, 0.03]) == (0.03, 0.06, 0.06)``
    """
    adjusted, running = [0.0] * len(ps), 0.0
    for rank, index in enumerate(sorted(range(len(ps)), key=lambda i: ps[i])):
        running = max(running, min(1.0, (len(ps) - rank) * ps[index]))
        adjusted[index] = running
    return tuple(adjusted)


def kendall_tau(one: Sequence[float], other: Sequence[float]) -> float:
    """Do two lists put the same things in the same order? Kendall's tau-b (1945): 1 the same, -1 the reverse.

    (concordant - discordant) / sqrt(pairs untied in ``one`` x pairs untied in ``other``); NaN if either has only ties.
    ``kendall_tau([1, 2, 3, 4], [1, 2, 4, 3])`` is 0.667: five pairs in order, one not.
    """
    if len(one) != len(other):
        raise ValueError(f"an order is compared over the same things, not {len(one)} and {len(other)}")
    agreement = first = second = 0
    for i in range(len(one)):
        for j in range(i):
            a, b = _sign(one[i] - one[j]), _sign(other[i] - other[j])
            agreement, first, second = agreement + a * b, first + a * a, second + b * b
    return agreement / math.sqrt(first * second) if first and second else math.nan


def _sign(value: float) -> int:
    return (value > 0) - (value < 0)
