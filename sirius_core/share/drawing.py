"""The stored figures as SVG: the part of Plotly's JSON that figures.py writes, drawn without any script.

Lines with markers, grouped bars, error bars, a linear or a logarithmic axis; whatever is not understood is left out.
Plotly itself would add 4.8 MB of script to a page that says the same; so the page needs no script at all, and its
security policy can forbid every one.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

WIDTH, HEIGHT = 640, 330
LEFT, RIGHT, TOP, BOTTOM = 58, 14, 14, 44
COLOURS = {"#3b6fd4": "blue", "#d97a1e": "orange", "#1d8a63": "green", "#8a5cc2": "purple", "#8b909c": "grey",
           "#c0434a": "red"}  # those of figures.py, as variables of the page, which knows light and dark
DASHES = {"dot": "2 4", "dash": "7 5"}
PLAIN = re.compile(r"#[0-9a-fA-F]{6}")

Figure = Mapping[str, Any]


def legend(figure: Figure) -> str:
    """The names of the series, each beside a sample of its line; HTML, so that it wraps on a narrow page."""
    items = []
    for trace in figure["data"]:
        dash = DASHES.get(str(trace.get("line", {}).get("dash")), "")
        mark = (f'<svg width="26" height="10" aria-hidden="true"><line x1="1" y1="5" x2="25" y2="5" '
                f'stroke="{_colour(trace)}" stroke-width="3" stroke-dasharray="{dash}"/></svg>')
        items.append(f"<li>{mark} {escape(str(trace.get('name', '')))}</li>")
    return f'<ul class="legend">{"".join(items)}</ul>'


def draw(figure: Figure, title: str) -> str:
    """One figure; ``title`` says in words what it shows. Every point says its value when it is pointed at."""
    traces = [t for t in figure["data"] if t.get("x") and t.get("y")]
    names = [str(x) for x in dict.fromkeys(x for t in traces for x in t["x"])]
    layout = figure.get("layout", {})
    percent = "%" in str(layout.get("yaxis", {}).get("tickformat", ""))
    top = 1.02 if percent else max([1.0, *(float(y) for t in traces for y in t["y"] if y is not None)]) * 1.05
    place = _Places(traces, names, layout)
    parts = [f'<svg class="figure" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title, quote=True)}">']
    for value in _ticks(top, percent):
        y = _y(value, top)
        label = f"{100 * value:.0f} %" if percent else f"{value:,.0f}"
        parts.append(f'<line class="grid" x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}"/>'
                     f'<text class="tick" x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{label}</text>')
    for label, x in place.labels():
        parts.append(f'<text class="tick" x="{x:.1f}" y="{HEIGHT - 24}" text-anchor="middle">{escape(label)}</text>')
    under = str(layout.get("xaxis", {}).get("title", {}).get("text", ""))
    parts.append(f'<text class="axis" x="{(LEFT + WIDTH - RIGHT) / 2:.0f}" y="{HEIGHT - 4}" text-anchor="middle">'
                 f"{escape(under)}</text>")
    for number, trace in enumerate(traces):
        parts += _bars(trace, number, place, top, percent) if trace.get("type") == "bar" else \
            _curve(trace, place, top, percent)
    return "".join([*parts, "</svg>"])


class _Places:
    """Where an x stands: numbers along an axis, names in slots of equal width."""

    def __init__(self, traces: Sequence[Figure], names: list[str], layout: Figure) -> None:
        self.names = names
        self.bars = len([t for t in traces if t.get("type") == "bar"])
        self.log = layout.get("xaxis", {}).get("type") == "log"
        self.numbers = None if self.bars else sorted({float(n) for n in names})

    def x(self, value: Any) -> float:
        if self.numbers is None:
            slot = (WIDTH - LEFT - RIGHT) / max(1, len(self.names))
            return LEFT + slot * (self.names.index(str(value)) + 0.5)
        low, high = self._scale(self.numbers[0]), self._scale(self.numbers[-1])
        room = WIDTH - LEFT - RIGHT - 60
        return LEFT + 30 + room * ((self._scale(float(value)) - low) / (high - low) if high > low else 0.5)

    def _scale(self, value: float) -> float:
        return math.log2(value) if self.log and value > 0 else value

    def labels(self) -> list[tuple[str, float]]:
        if self.numbers is None:
            return [(name, self.x(name)) for name in self.names]
        every = max(1, math.ceil(len(self.numbers) / 12))
        return [(f"{n:g}", self.x(n)) for n in self.numbers[::every]]

    @property
    def bar(self) -> float:
        slot = (WIDTH - LEFT - RIGHT) / max(1, len(self.names))
        return min(46.0, slot * 0.8 / max(1, self.bars))


def _curve(trace: Figure, place: _Places, top: float, percent: bool) -> list[str]:
    colour, line = _colour(trace), trace.get("line", {})
    rows = [(x, float(y), i) for i, (x, y) in enumerate(zip(trace["x"], trace["y"])) if y is not None]
    points = " ".join(f"{place.x(x):.1f},{_y(y, top):.1f}" for x, y, _ in rows)
    width, dash = float(line.get("width", 2)), DASHES.get(str(line.get("dash")), "")
    parts = [f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="{width:g}" '
             f'stroke-dasharray="{dash}"/>']
    for x, y, i in rows:
        parts.append(_whisker(place.x(x), y, trace, i, top, colour))
        size = 4.5 if "markers" in str(trace.get("mode")) else 0
        parts.append(f'<circle cx="{place.x(x):.1f}" cy="{_y(y, top):.1f}" r="{size or 7}" fill="{colour}" '
                     f'fill-opacity="{1 if size else 0}">{_told(trace, x, y, i, percent)}</circle>')
    return parts


def _bars(trace: Figure, number: int, place: _Places, top: float, percent: bool) -> list[str]:
    colour, parts = _colour(trace), []
    for i, (x, y) in enumerate(zip(trace["x"], trace["y"])):
        if y is None:
            continue
        left = place.x(x) + place.bar * (number - place.bars / 2)
        height = _y(0, top) - _y(float(y), top)
        parts.append(f'<rect x="{left + 1:.1f}" y="{_y(float(y), top):.1f}" width="{place.bar - 2:.1f}" '
                     f'height="{height:.1f}" fill="{colour}">{_told(trace, x, float(y), i, percent)}</rect>')
        parts.append(_whisker(left + place.bar / 2, float(y), trace, i, top, "currentColor"))
    return parts


def _whisker(x: float, y: float, trace: Figure, i: int, top: float, colour: str) -> str:
    reach = _reach(trace, i)
    if reach is None:
        return ""
    high, low = _y(y + reach[1], top), _y(max(0.0, y - reach[0]), top)
    return (f'<path d="M{x:.1f} {high:.1f}V{low:.1f}M{x - 4:.1f} {high:.1f}h8M{x - 4:.1f} {low:.1f}h8" '
            f'stroke="{colour}" stroke-width="1.4" fill="none"/>')


def _reach(trace: Figure, i: int) -> tuple[float, float] | None:
    bars = trace.get("error_y", {})
    down, up = (bars.get(name) or [] for name in ("arrayminus", "array"))
    if i >= len(down) or i >= len(up) or down[i] is None or up[i] is None:
        return None
    return float(down[i]), float(up[i])


def _told(trace: Figure, x: Any, y: float, i: int, percent: bool) -> str:
    value, reach = f"{100 * y:.1f} %" if percent else f"{y:,.0f}", _reach(trace, i)
    if reach and percent:
        value += f" ({100 * (y - reach[0]):.0f} to {100 * (y + reach[1]):.0f} %)"
    return f"<title>{escape(str(trace.get('name', '')))}, {escape(str(x))}: {value}</title>"


def _colour(trace: Figure) -> str:
    """A colour of figures.py as the page's variable; of any other only what is plainly a colour."""
    given = str(trace.get("line", {}).get("color") or trace.get("marker", {}).get("color") or "")
    known = COLOURS.get(given.lower())
    return f"var(--{known})" if known else given if PLAIN.fullmatch(given) else "var(--grey)"


def _y(value: float, top: float) -> float:
    return HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * min(value, top) / top


def _ticks(top: float, percent: bool) -> list[float]:
    if percent:
        return [0, 0.2, 0.4, 0.6, 0.8, 1.0]
    step = 10 ** math.floor(math.log10(top))
    step = next(s for s in (step / 5, step / 2, step, 2 * step) if top / s <= 6)
    return [step * i for i in range(int(top / step) + 1)]
