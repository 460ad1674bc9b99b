"""What a number is reported as: an estimate with its interval, a paired comparison, and how both are said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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


def points(delta: Interval) -> str:
    """A difference in percentage points: ``points(Interval(.06, -.02, .14, 50, "")) == "+6 points (-2 to +14)"``."""
    return f"{100 * delta.estimate:+.0f} points ({100 * delta.low:+.0f} to {100 * delta.high:+.0f})"
