"""The figures of a contrast as plain Plotly JSON: what every arm and seed learned, and every difference of two arms.

Nothing here imports Plotly. An arm is told from the others by its colour, its dashes and its markers together. Names
of arms are a person's text: they are escaped, because Plotly reads some HTML.
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

from ..errors import UnknownName
from ..figures import BLUE, GREEN, GREY, ORANGE, PURPLE, RED
from ..statistics import Interval
from ..store import Store
from ..store.arms import Arms, Closed
from .telling import mean, pairs, plan_of

COLOURS = (BLUE, ORANGE, GREEN, PURPLE, RED, "#1793a5", "#b0548f", "#7d7a1c")
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "triangle-down", "star", "x", "pentagon", "hexagon")
BANDS = 3  # arms up to which intervals are drawn as bands; more would lie over one another
MOST = 30  # differences that the forest holds; the table has all
WIDE = 32  # characters of a name in a figure


def of(store: Store, contrast: str, name: str = "learning") -> dict[str, Any]:
    """A contrast's figure by its name: learning (as far as it is), forest (of the stored verdict)."""
    if name == "forest":
        return forest(pairs(store, contrast))
    if name != "learning":
        raise UnknownName("figure of a contrast", name, ("learning", "forest"))
    plan = plan_of(store, contrast)
    rounds = max(plan.settings_of(arm).rounds for arm in plan.arms)
    return learning(Arms(store.db).closed(contrast), [arm.name for arm in plan.arms], rounds,
                    finished=store.contrasts.job(contrast).status == "done")


def look(place: int) -> dict[str, str]:
    """How the arm at this place of the plan is drawn: {colour, dash, symbol}."""
    return {"colour": COLOURS[place % len(COLOURS)], "dash": DASHES[place % len(DASHES)],
            "symbol": SYMBOLS[place % len(SYMBOLS)]}


def learning(closed: Sequence[Closed], arms: Sequence[str], rounds: int, *, finished: bool = False) -> dict[str, Any]:
    """Held-out accuracy by round: one thin line per arm and seed, a thick one for the mean over an arm's seeds.

    ``rounds`` holds the axis still while lines grow. Where the contrast is ``finished`` the mean has its interval (see
    `telling.mean`), and an arm that learns in no round is carried on as a level. What every arm begins with, if it is
    the same, is dotted.
    """
    traces: list[dict[str, Any]] = []
    if (base := _base(closed)) is not None:
        traces.append({"type": "scatter", "mode": "lines", "name": "untrained base", "x": [-0.1, rounds + 0.1],
                       "y": [base, base], "line": {"color": GREY, "width": 1.5, "dash": "dot"}, "hoverinfo": "skip"})
    last, shown = max((c.round for c in closed), default=0), [c.accuracy for c in closed]
    for place, arm in enumerate(arms):
        own, drawn = [c for c in closed if c.arm == arm], look(place)
        if not own:
            continue
        flat = finished and last > 0 and all(c.round == 0 for c in own)
        traces.append(_seeds(own, arm, drawn, last if flat else 0))
        at = {r: [c for c in own if c.round == r] for r in sorted({c.round for c in own})}
        x, over = list(at), [mean(group) for group in at.values()]
        if flat:
            x, over = [0, last], over * 2
        if finished and len(arms) <= BANDS:
            traces.append(_band(x, over, arm, drawn))
        if finished:
            shown += [end for i in over for end in (i.low, i.high)]
        bars = finished and len(arms) > BANDS
        traces.append(_mean(x, over, [group for group in at.values()][-1], arm, drawn, bars=bars))
    figure: dict[str, Any] = {"data": traces, "layout": {
        "xaxis": {"title": {"text": "round"}, "dtick": 1, "range": [-0.15, rounds + 0.15]},
        "yaxis": {"title": {"text": "held-out accuracy"}, "tickformat": ".0%", "range": _reach(shown)},
        "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        "hovermode": "x unified", "margin": {"l": 10, "r": 10, "t": 10, "b": 10}}}
    return figure


def forest(pairs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Every difference of two arms with its interval, in points, largest on top; filled where it is a difference.

    ``pairs`` are rows of `telling.pairs`: to the right of the line the arm that is named first is ahead.
    """
    shown = pairs[:MOST]
    names = [f"{_name(row['arm'])} over {_name(row['against'])}{_seed(row)}" for row in shown]
    groups = ((True, "different (p < 0.05 after Holm)", BLUE, "square"),
              (False, "cannot be told apart", GREY, "circle-open"))
    traces = []
    for different, name, colour, symbol in groups:
        rows = [(n, row) for n, row in zip(names, shown, strict=True) if bool(row["different"]) == different]
        if rows:
            traces.append({
                "type": "scatter", "mode": "markers", "name": name, "y": [n for n, _ in rows],
                "x": [100 * row["delta"] for _, row in rows],
                "error_x": {"type": "data", "symmetric": False, "thickness": 1.6, "width": 5, "color": colour,
                            "array": [100 * (row["high"] - row["delta"]) for _, row in rows],
                            "arrayminus": [100 * (row["delta"] - row["low"]) for _, row in rows]},
                "marker": {"color": colour, "symbol": symbol, "size": 11, "line": {"width": 2, "color": colour}},
                "customdata": [row["p_holm"] for _, row in rows],
                "hovertemplate": "%{x:+.1f} points, p = %{customdata:.2g}<extra></extra>"})
    return {"data": traces, "layout": {
        "xaxis": {"title": {"text": "points, with 95 % intervals"}, "zeroline": True,
                  "zerolinewidth": 2, "zerolinecolor": GREY},
        "yaxis": {"type": "category", "categoryorder": "array", "categoryarray": names[::-1], "automargin": True,
                  "title": {"text": ""}},
        "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        "showlegend": True, "hovermode": "closest", "margin": {"l": 10, "r": 10, "t": 10, "b": 10}}}


# -- parts -----------------------------------------------------------------------------------------------------------
def _seed(pair: Mapping[str, Any]) -> str:
    return "" if pair.get("seed") is None else f", seed {pair['seed']}"


def _seeds(own: Sequence[Closed], arm: str, drawn: Mapping[str, str], until: int) -> dict[str, Any]:
    """All seeds of an arm as one trace of thin lines, with gaps between them."""
    x: list[int | None] = []
    y: list[float | None] = []
    for seed in dict.fromkeys(c.seed for c in own):
        line = [(c.round, c.accuracy) for c in own if c.seed == seed]
        line += [(until, line[-1][1])] if until else []
        x += [*(r for r, _ in line), None]
        y += [*(a for _, a in line), None]
    return {"type": "scatter", "mode": "lines", "name": _name(arm), "legendgroup": _name(arm), "showlegend": False,
            "x": x[:-1], "y": y[:-1], "connectgaps": False, "opacity": 0.55, "hoverinfo": "skip",
            "line": {"color": drawn["colour"], "width": 1, "dash": drawn["dash"]}}


def _mean(x: Sequence[int], over: Sequence[Interval], group: Sequence[Closed], arm: str, drawn: Mapping[str, str], *,
          bars: bool) -> dict[str, Any]:
    trace: dict[str, Any] = {
        "type": "scatter", "mode": "lines+markers", "name": _name(arm), "legendgroup": _name(arm), "x": list(x),
        "y": [i.estimate for i in over], "line": {"color": drawn["colour"], "width": 3, "dash": drawn["dash"]},
        "marker": {"color": drawn["colour"], "symbol": drawn["symbol"], "size": 9},
        "customdata": [[i.low, i.high, i.n] for i in over],
        "hovertemplate": "%{y:.1%} (%{customdata[0]:.1%} to %{customdata[1]:.1%}), seeds: %{customdata[2]}"}
    if bars:
        end = over[-1]
        none = [None] * (len(over) - 1)
        trace["error_y"] = {"type": "data", "symmetric": False, "thickness": 1.4, "width": 5, "color": drawn["colour"],
                            "array": [*none, end.high - end.estimate], "arrayminus": [*none, end.estimate - end.low]}
    return trace


def _band(x: Sequence[int], over: Sequence[Interval], arm: str, drawn: Mapping[str, str]) -> dict[str, Any]:
    r, g, b = (int(drawn["colour"][i : i + 2], 16) for i in (1, 3, 5))
    return {"type": "scatter", "mode": "lines", "name": f"{_name(arm)}, interval", "legendgroup": _name(arm),
            "showlegend": False, "x": [*x, *reversed(x)], "y": [*(i.high for i in over), *(i.low for i in over[::-1])],
            "fill": "toself", "fillcolor": f"rgba({r}, {g}, {b}, 0.16)", "line": {"width": 0}, "hoverinfo": "skip"}


def _base(closed: Sequence[Closed]) -> float | None:
    """The mean of what all arms begin with; None where, with some seed, they do not begin with the same."""
    starts: dict[int, set[float]] = {}
    for c in closed:
        if c.round == 0:
            starts.setdefault(c.seed, set()).add(c.accuracy)
    if not starts or any(len(found) > 1 for found in starts.values()):
        return None
    return fmean(a for found in starts.values() for a in found)


def _reach(shown: Sequence[float]) -> list[float]:
    """An axis that shows differences: what is drawn with a margin, cut at whole fives, and twenty points at least, so
    that it stands still while the first points come."""
    low, high = min(shown, default=0.0) - 0.02, max(shown, default=1.0) + 0.02
    low, high = min(low, (low + high) / 2 - 0.1), max(high, (low + high) / 2 + 0.1)
    return [max(0.0, (low * 20 // 1) / 20), min(1.02, -(-high * 20 // 1) / 20)]


def _name(arm: str) -> str:
    short = arm if len(arm) <= WIDE else f"{arm[: WIDE - 1]}…"
    return html.escape(short, quote=False).replace("$", "&#36;")
