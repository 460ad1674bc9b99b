"""Small bars with their numbers beside them: how often out of how many, with the interval; how many at which pace.

They are drawn as text and boxes of the page itself, so they follow its colours and need no plotting library.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import NamedTuple

import streamlit as st

from sirius_core.statistics import wilson


class Bar(NamedTuple):
    """``share`` of the track is filled; from ``low`` to ``high`` a line is drawn; ``text`` says it in numbers."""

    label: str
    share: float
    text: str
    low: float | None = None
    high: float | None = None
    strong: bool = False
    blamed: bool = False  # a strong one, in the colour of what went wrong


def counted(label: str, right: int, n: int, *, strong: bool = False) -> Bar:
    """``3 of 4 (30 to 95 %)``"""
    if not n:
        return Bar(label, 0.0, "not played")
    interval = wilson(right, n)
    text = f"{right} of {n} ({100 * interval.low:.0f} to {100 * interval.high:.0f} %)"
    return Bar(label, right / n, text, interval.low, interval.high, strong)


def draw(bars: Sequence[Bar]) -> None:
    st.html(f'<div class="bars">{"".join(map(_row, bars))}</div>')


def _row(bar: Bar) -> str:
    span = ""
    if bar.low is not None and bar.high is not None:
        span = f'<i style="left:{_percent(bar.low)};width:{_percent(bar.high - bar.low)}"></i>'
    kind = "part blamed" if bar.blamed else "part strong" if bar.strong else "part"
    track = f'<div class="track"><div class="{kind}" style="width:{_percent(bar.share)}"></div>{span}</div>'
    text = f'<b>{html.escape(bar.text)}</b>' if bar.strong else html.escape(bar.text)
    return f"<div>{html.escape(bar.label)}</div><div class=num>{text}</div>{track}"


def _percent(share: float) -> str:
    return f"{100 * min(1.0, max(0.0, share)):.1f}%"


RANGES = (("under 2 s", 2.0), ("2 to 5 s", 5.0), ("5 to 10 s", 10.0), ("10 to 20 s", 20.0), ("20 to 40 s", 40.0),
          ("40 s and more", float("inf")))  # (name, seconds below which one is in it)


def paces(seconds: Sequence[float]) -> list[Bar]:
    """How long decisions took: a bar for each range of seconds."""
    counts = dict.fromkeys((name for name, _ in RANGES), 0)
    for s in seconds:
        counts[next(name for name, below in RANGES if s < below)] += 1
    most = max(1, *counts.values())
    return [Bar(name, n / most, str(n)) for name, n in counts.items()]
