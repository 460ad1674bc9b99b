"""The normal and Student's t distribution, for whole and broken degrees of freedom, without a library.

The formulas are numbered as in Abramowitz and Stegun, Handbook of Mathematical Functions (1964).
"""

from __future__ import annotations

import math
from statistics import NormalDist


def z_quantile(p: float) -> float:
    """The normal distribution: ``z_quantile(0.975)`` is 1.960."""
    return NormalDist().inv_cdf(p)


def t_quantile(p: float, df: float) -> float:
    """Student's t with ``df`` degrees of freedom: ``t_quantile(0.975, 2)`` is 4.303."""
    return -t_beyond(2 * p, df) if p < 0.5 else t_beyond(2 * (1 - p), df)


def t_beyond(p: float, df: float) -> float:
    """The t with P(|T| >= t) = p, for small p too: ``t_beyond(0.05, 2)`` is 4.303. Regula falsi (Illinois rule)."""
    low, high = 0.0, math.pi / 2  # the angle atan(t / sqrt(df)), which is bounded
    below, above, moved = p - 1, p, 0  # p - P(|T| >= t) at both ends; which end moved last
    middle = low
    while high - low > 1e-15 and above > below:
        middle = (low * above - high * below) / (above - below)
        error = p - _two_tails(math.tan(middle) ** 2, df)
        if error < 0:
            low, below, above, moved = middle, error, above / 2 if moved < 0 else above, -1
        elif error > 0:
            high, above, below, moved = middle, error, below / 2 if moved > 0 else below, 1
        else:
            break
    return math.sqrt(df) * math.tan(middle)


def t_two_sided(t: float, df: float) -> float:
    """P(|T| >= |t|), the p-value of a two-sided test: ``t_two_sided(4.303, 2)`` is 0.05."""
    return _two_tails(t * t / df, df)


def _two_tails(ratio: float, df: float) -> float:
    """P(T² / df >= ratio): the incomplete beta function I_x(df/2, 1/2), x = 1 / (1 + ratio) (26.7.1)."""
    if ratio <= 0 or math.isinf(ratio):
        return float(ratio <= 0)
    a, b, x = df / 2, 0.5, 1 / (1 + ratio)
    # log of Gamma(a + 1/2) / Gamma(a); of large a the difference of two large numbers would lose its digits
    gammas = (math.lgamma(a + b) - math.lgamma(a) if a < 1000 else
              math.log(a) / 2 - 1 / (8 * a) + 1 / (192 * a**3))
    front = math.exp(gammas - math.lgamma(b) - a * math.log1p(ratio) + b * math.log(ratio * x))
    if x < (a + 1) / (a + b + 2):
        return front * _fraction(x, a, b) / a
    return 1 - front * _fraction(ratio * x, b, a) / b


def _fraction(x: float, a: float, b: float) -> float:
    """The continued fraction of the incomplete beta function (26.5.8), by Lentz's method (1976)."""
    tiny, c = 1e-300, 1.0
    d = 1 / (1 - (a + b) * x / (a + 1) or tiny)
    value = d
    for m in range(1, 10_000):
        for step in (m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
                     -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))):
            d = 1 / (1 + step * d or tiny)
            c = 1 + step / c or tiny
            value *= d * c
        if abs(d * c - 1) < 1e-15:
            break
    return value
