"""Plotly figures from reports, as plain Plotly JSON: stored when a round closes, drawn by the app and the notebooks.

Nothing here imports Plotly or Streamlit, so a run needs neither. Colours are left to the viewer's theme except where
one curve must keep its colour beside another.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

Report = Mapping[str, Any]
BLUE, ORANGE, GREEN, PURPLE, GREY, RED = "#3b6fd4", "#d97a1e", "#1d8a63", "#8a5cc2", "#8b909c", "#c0434a"
ROLE_COLOURS = {"analyst": BLUE, "calculator": ORANGE, "summarizer": GREEN, "solo": PURPLE}


def for_round(reports: Sequence[Report]) -> dict[str, str]:
    """Every figure over the rounds so far: {name: Plotly JSON}."""
    return {name: json.dumps(draw(reports)) for name, draw in FIGURES.items()}


def accuracy(reports: Sequence[Report]) -> dict[str, Any]:
    """Held-out accuracy per round, sampled with its interval and greedy; the other test splits as thinner lines."""
    rounds = [r["round"] for r in reports]
    traces = []
    for split, name, colour, main in (
        ("heldout", "held-out problems", BLUE, True),
        ("new_wordings", "new wordings", GREEN, False),
        ("withheld_forms", "withheld question forms", ORANGE, False),
    ):
        found = [r["tests"].get(split) for r in reports]
        if not any(found):
            continue
        traces.append(_curve(rounds, [f and f["sampled"] for f in found], name, colour, main))
        if main:
            traces.append(
                _line(rounds, [f and f["greedy"]["accuracy"] for f in found], f"{name}, greedy", colour, "dot")
            )
    return _figure(traces, "Accuracy", "round")


def controls(reports: Sequence[Report]) -> dict[str, Any]:
    """Share of failed problems mended by critic, blind critic and playing again, each with the same calls."""
    with_controls = [r for r in reports if r.get("controls")]
    names = (("again", "play again", GREY), ("blind", "critic without the answer", ORANGE), ("critic", "critic", BLUE))
    traces = []
    for arm, name, colour in names:
        rows = [r["controls"].get(arm) for r in with_controls]
        traces.append(
            {
                "type": "bar",
                "name": name,
                "marker": {"color": colour},
                "x": [f"round {r['round']}" for r in with_controls],
                "y": [row["accuracy"] for row in rows],
                "error_y": _bars(rows),
                "hovertemplate": "%{y:.0%} of %{customdata} failed problems",
                "customdata": [row["n"] for row in rows],
            }
        )
    return _figure(traces, "Failed problems mended", "", barmode="group")


def roles(reports: Sequence[Report]) -> dict[str, Any]:
    """Each role's accuracy given right inputs, per round."""
    names = list(dict.fromkeys(role for r in reports for role in r["roles"]))
    rounds = [r["round"] for r in reports]
    colours = _colours(names)
    traces = [_curve(rounds, [r["roles"].get(role) for r in reports], role, colours[role], False) for role in names]
    return _figure(traces, "Right, given right inputs", "round")


def library(reports: Sequence[Report]) -> dict[str, Any]:
    """Training examples per role and round."""
    names = list(dict.fromkeys(model for r in reports for model in r["library"]))
    learned, colours = [r for r in reports if r["library"]], _colours(names)
    traces = [
        {
            "type": "bar",
            "name": "all roles" if name == "*" else name,
            "marker": {"color": colours[name]},
            "x": [f"round {r['round']}" for r in learned],
            "y": [r["library"].get(name, 0) for r in learned],
        }
        for name in names
    ]
    return _figure(traces, "Examples", "", barmode="group", percent=False)


def pass_at_k(measured: Mapping[str, Any]) -> dict[str, Any]:
    """pass@k of the base and of the team now; ``measured`` maps a name to evaluate.pass_at_k's record."""
    traces = []
    for (name, record), colour in zip(measured.items(), (GREY, BLUE, ORANGE), strict=False):
        rows = [{"accuracy": m, "low": low, "high": high} for m, low, high in record["k"].values()]
        traces.append(_curve([int(k) for k in record["k"]], rows, name, colour, True))
    figure = _figure(traces, "pass@k", "k, tries at each problem")
    figure["layout"]["xaxis"] |= {"type": "log", "tickvals": [1, 2, 4, 8, 16, 32, 64], "dtick": None}
    return figure


def with_level(figure: dict[str, Any], data: Mapping[str, Any] | None, rounds: int) -> dict[str, Any]:
    """The accuracy figure with what always saying the most frequent answer would score, where answers repeat.

    ``data`` is `tasks.describe` of the experiment's problems, None where they are made and no answer repeats.
    """
    held = (data or {}).get("majority")
    if not held or held["n"] < 2:
        return figure
    level = {"type": "scatter", "mode": "lines", "name": f"always saying {held['answer'][:24]}",
             "x": [-0.25, max(1, rounds) + 0.25], "y": [held["share"]] * 2,
             "line": {"color": GREY, "width": 1.5, "dash": "dash"}, "hovertemplate": "%{y:.1%}"}
    return {**figure, "data": [*figure["data"], level]}


FIGURES = {"accuracy": accuracy, "controls": controls, "roles": roles, "library": library}


def _colours(names: Sequence[str]) -> dict[str, str]:
    """Each role its own colour, the formula team's always theirs; grey when there are no more."""
    spare = iter([c for c in (BLUE, ORANGE, GREEN, PURPLE, RED) if c not in {ROLE_COLOURS.get(name) for name in names}])
    return {name: ROLE_COLOURS.get(name) or next(spare, GREY) for name in names}


def _bars(rows: Sequence[Mapping[str, float] | None]) -> dict[str, Any]:
    up = [row and row["high"] - row["accuracy"] for row in rows]
    down = [row and row["accuracy"] - row["low"] for row in rows]
    return {"type": "data", "symmetric": False, "array": up, "arrayminus": down, "thickness": 1.4, "width": 4}


def _curve(
    x: Sequence[int], rows: Sequence[Mapping[str, Any] | None], name: str, colour: str, strong: bool
) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": name,
        "x": list(x),
        "y": [row and row["accuracy"] for row in rows],
        "error_y": {**_bars(rows), "color": colour},
        "line": {"color": colour, "width": 3 if strong else 1.8},
        "marker": {"color": colour, "size": 8 if strong else 6},
        "hovertemplate": "%{y:.1%}",
    }


def _line(x: Sequence[int], y: Sequence[float | None], name: str, colour: str, dash: str) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": list(x),
        "y": list(y),
        "line": {"color": colour, "width": 2, "dash": dash},
        "hovertemplate": "%{y:.1%}",
    }


def _figure(
    traces: list[dict[str, Any]], y: str, x: str, *, barmode: str | None = None, percent: bool = True
) -> dict[str, Any]:
    y_axis: dict[str, Any] = {"title": {"text": y}, "rangemode": "tozero"}
    if percent:
        y_axis |= {"tickformat": ".0%", "range": [0, 1.02]}
    layout: dict[str, Any] = {
        "yaxis": y_axis,
        "xaxis": {"title": {"text": x}, **({"dtick": 1} if x == "round" else {})},
        "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        "hovermode": "x unified",
        "margin": {"l": 10, "r": 10, "t": 10, "b": 10},
    }
    if barmode:
        layout["barmode"] = barmode
    return {"data": traces, "layout": layout}
