"""Shares, intervals and p-values as text. A number never stands without its n and its interval for long."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

LEVEL = 0.05  # a difference with a larger p is drawn grey


def share(value: float | None, digits: int = 1) -> str:
    return "–" if value is None else f"{100 * value:.{digits}f} %"


def between(record: Mapping[str, Any]) -> str:
    """The interval of an accuracy record: ``74 to 82 %``."""
    return f"{100 * record['low']:.0f} to {100 * record['high']:.0f} %"


def counted(record: Mapping[str, Any]) -> str:
    """``313 of 400, 95 % interval 74 to 82 %``"""
    return f"{record['correct']} of {record['n']}, 95 % interval {between(record)}"


def p_text(p: float | None) -> str:
    if p is None:
        return ""
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}" if p < 0.1 else f"p = {p:.2f}"


def p_short(p: float) -> str:
    """A p-value in a column of them: ``< 0.001``."""
    return p_text(p).removeprefix("p").removeprefix(" = ").strip()


def points(before: float, after: float) -> str | int:
    """A change in percentage points for `st.metric`; the number 0 when nothing moved, so that no arrow is drawn."""
    change = 100 * (after - before)
    return 0 if abs(change) < 0.05 else f"{change:+.1f} pts"


def dollars(cost: float | None) -> str:
    """US dollars; small amounts keep two digits that say something. None is a price that nobody knows."""
    if cost is None:
        return "unknown"
    return "$0" if not cost else f"${cost:,.2f}" if cost >= 0.095 else f"${float(f'{cost:.2g}'):f}".rstrip("0")


def spread(low: str, high: str) -> str:
    """``spread("40", "120") == "40 to 120"``; equal ends are said once."""
    return low if low == high else f"{low} to {high}"


def clock(seconds: float) -> str:
    seconds = round(seconds)
    return f"{seconds} s" if seconds < 100 else f"{seconds // 60} min {seconds % 60:02d} s"


def quick(ms: float) -> str:
    """How long a call took: ``12 ms``, ``1.2 s``."""
    return f"{ms / 1000:.1f} s" if ms >= 950 else f"{ms:.0f} ms" if ms >= 9.5 else f"{ms:.1f} ms"


def local_time(at: str) -> str:
    """The clock time of a stored moment, where the app runs."""
    return f"{datetime.fromisoformat(at).astimezone():%H:%M:%S}"


def many(n: int, noun: str, plural: str = "") -> str:
    """``many(1, "repair") == "1 repair"``; large numbers get separators."""
    return f"{n:,} {noun if n == 1 else plural or noun + 's'}"
