"""Cohen's kappa: how far two people agree beyond what chance would give, with an interval."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

from ..statistics import Interval, wilson


def cohen_kappa(table: Sequence[Sequence[int]], confidence: float = 0.95) -> Interval:
    """(o - e) / (1 - e) of a square table, ``table[i][j]``: how often one said i and the other j (Cohen 1960).

    o is the share of agreement, e what the two rows of margins would give by chance. ± z SE with the large-sample
    variance of Fleiss, Cohen and Everitt (1969): of ``[[20, 5], [10, 15]]`` kappa is 0.4 (0.15 to 0.65). Where they
    always agree, or never, the SE says nothing: then the interval reaches as far as Wilson's of the agreement. If both
    gave one and the same answer throughout, kappa is not defined: NaN (-1 to 1).
    """
    n, k = sum(map(sum, table)), range(len(table))
    p = [[cell / n if n else 0.0 for cell in row] for row in table]
    rows, columns = [sum(p[i]) for i in k], [sum(p[i][j] for i in k) for j in k]
    o, e = math.fsum(p[i][i] for i in k), math.fsum(rows[i] * columns[i] for i in k)
    if not n or 1 - e < 1e-12:
        return Interval(math.nan, -1.0, 1.0, n, "kappa")
    kappa = (o - e) / (1 - e)
    agreed = sum(table[i][i] for i in k)
    if agreed in (0, n):
        around = wilson(agreed, n, confidence)
        low, high = ((share - e) / (1 - e) for share in (around.low, around.high))
        return Interval(kappa, max(-1.0, low), min(1.0, high), n, "kappa, wilson")
    same = sum(p[i][i] * (1 - e - (rows[i] + columns[i]) * (1 - o)) ** 2 for i in k)
    other = (1 - o) ** 2 * sum(p[i][j] * (columns[i] + rows[j]) ** 2 for i in k for j in k if i != j)
    variance = max(0.0, same + other - (o * e - 2 * e + o) ** 2) / (n * (1 - e) ** 4)
    half = NormalDist().inv_cdf(1 - (1 - confidence) / 2) * math.sqrt(variance)
    return Interval(kappa, max(-1.0, kappa - half), min(1.0, kappa + half), n, "kappa")
