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


# -- measures beside accuracy: empty where none applies -------------------------------------------------------------
def panel(reports: Sequence[Report]) -> dict[str, Any]:
    """What voting, talking and single agents get right on the held-out problems, and the votes that were labels."""
    first, last = _debate(reports, "vote")
    traces = [
        _measured(reports, "pass_at_n", last, "any agent", GREY, dash="dot"),
        _measured(reports, "vote", last, "last vote" if last != first else "vote", BLUE, strong=True),
        *([_measured(reports, "vote", first, "first vote", ORANGE)] if last != first else []),
        _measured(reports, "agent_mean", first, "one agent", PURPLE),
        _measured(reports, "label", "training tries", "votes as labels", GREEN, dash="dash"),
    ]
    return _figure([t for t in traces if t], "Right", "round")


def diversity(reports: Sequence[Report]) -> dict[str, Any]:
    """How far agents agree, and how differently those write who agree."""
    first, last = _debate(reports, "consensus")
    rounds = dict.fromkeys((first, last))
    names = {first: "first replies", last: "last replies" if last != first else "replies"}
    traces = [
        *(_measured(reports, "consensus", m, f"consensus, {names[m]}", BLUE, strong=m == last,
                    dash="dot" if m != last else "") for m in rounds),
        *(_measured(reports, "distance", m, f"text distance, {names[m]}", ORANGE, strong=m == last,
                    dash="dot" if m != last else "") for m in rounds),
    ]
    return _figure([t for t in traces if t], "Share, distance", "round")


def likelihood(reports: Sequence[Report]) -> dict[str, Any]:
    """How far agents are apart as language models: generators (first replies) and critics (last ones)."""
    first, last = _debate(reports, "nll")
    traces = [
        _measured(reports, measure, m, f"{name}, {who}", colour, dash=dash, percent=False)
        for m, who, dash in dict.fromkeys(((first, "generators", ""), (last, "critics" if last != first else
                                                                        "generators", "dot" if last != first else "")))
        for measure, name, colour in (("nll", "surprise at each other", BLUE), ("kl_between", "between agents", ORANGE),
                                      ("kl_from_base", "from the base", GREY))
    ]
    return _figure([t for t in traces if t], "Nats per token", "round", percent=False)


def revision(reports: Sequence[Report]) -> dict[str, Any]:
    """What hearing the others does to right and to wrong answers, in the last step of the debate."""
    step = _debate(reports, "cl")[1]
    traces = [_measured(reports, "cl", step, "right answers that stay right", BLUE, strong=True),
              _measured(reports, "cs", step, "wrong answers that get mended", ORANGE, strong=True)]
    return _figure([t for t in traces if t], "Right afterwards", "round")


def balance(reports: Sequence[Report]) -> dict[str, Any]:
    """Exploration, exploitation and B-STaR's balance score of the training tries."""
    where = "training tries"
    traces = [_measured(reports, "solved", where, "problems that some try solves", BLUE),
              _measured(reports, "kept_right", where, "kept tries that are right", GREEN),
              _measured(reports, "balance", where, "balance score", PURPLE, strong=True)]
    return _figure([t for t in traces if t], "Share, score", "round")


def first_and_final(reports: Sequence[Report]) -> dict[str, Any]:
    """First answers, final ones, and those that are right and passed by the judge."""
    traces = [_measured(reports, "final", "held-out", "final answers", BLUE, strong=True),
              _measured(reports, "first", "held-out", "first answers", ORANGE),
              _measured(reports, "tp", "held-out", "right and passed", GREY, dash="dot")]
    return _figure([t for t in traces if t], "Right", "round")


def judging(reports: Sequence[Report]) -> dict[str, Any]:
    """How good the judge is, how much of what it flags is mended, and what a second look spoils."""
    traces = [_measured(reports, "judge_balanced", "held-out", "judge, balanced", PURPLE, strong=True),
              _measured(reports, "flagged_mended", "held-out", "flagged and mended", GREEN),
              _measured(reports, "spoilt", "held-out", "right answers spoilt", RED, dash="dash")]
    return _figure([t for t in traces if t], "Share", "round")


def credit(record: Mapping[str, Any]) -> dict[str, Any]:
    """Each role's part in the gain; ``record`` is that of `credit.credit`."""
    ways = (("left_out", "lost without its training", GREY), ("added", "its training alone", ORANGE),
            ("shapley", "its part of the gain", BLUE))
    traces = []
    for way, name, colour in ways:
        rows = [found[way] and {**found[way], "accuracy": found[way]["value"]} for found in record["roles"].values()]
        if any(rows):
            traces.append({"type": "bar", "name": name, "marker": {"color": colour}, "x": list(record["roles"]),
                           "y": [row and row["accuracy"] for row in rows], "error_y": _bars(rows),
                           "hovertemplate": "%{y:+.1%}"})
    figure = _figure(traces, "Gain in accuracy", "", barmode="group")
    del figure["layout"]["yaxis"]["range"]
    return figure


# -- games: players against players ---------------------------------------------------------------------------------
def payoffs(reports: Sequence[Report]) -> dict[str, Any]:
    """What the learner earns in each role against the base, per round, as the paper reports it; empty without games."""
    roles = dict.fromkeys(row["where"] for r in reports for row in r.get("measures", ())
                          if row["measure"] == "paper" and "," not in row["where"])
    dashes = ("", "dash")  # the roles differ by more than colour
    traces = [_measured(reports, "paper", role, role, colour, strong=True, dash=dash, percent=False)
              for role, colour, dash in zip(roles, (ORANGE, BLUE), dashes, strict=False)]
    return _free(_figure([t for t in traces if t], "Payoff", "round", percent=False))


def cross_play(record: Report, split: str = "heldout", seat: int = 0, measure: str = "paper") -> dict[str, Any]:
    """The matrix of `crossplay.play` as a heatmap: what ``seat`` earns, RED's players down, BLUE's across.

    ``measure``: a pair of `cross_table.NAMES` ("payoff", "paper", "wins", "lost_games" ...), or one number of both
    ("deals", "invalid", "price", "messages"). The numbers stand in the cells; ``customdata`` of a cell is [RED's
    player, BLUE's, n, low, high]. Cividis, which colour-blind people read as well.
    """
    players, cells = record["players"], record["splits"].get(split, {}).get("cells", ())
    found = {(cell["red"], cell["blue"]): cell for cell in cells}
    rows = [p for p in players if any(red == p["key"] for red, _ in found)]
    columns = [p for p in players if any(blue == p["key"] for _, blue in found)]
    names = (measure, f"{measure}_{('red', 'blue')[seat]}")
    percent = measure not in ("payoff", "paper", "price", "messages")
    z: list[list[float | None]] = []
    text: list[list[str]] = []
    more: list[list[list[Any]]] = []
    for one in rows:
        z.append([])
        text.append([])
        more.append([])
        for two in columns:
            numbers = found.get((one["key"], two["key"]), {}).get("numbers", {})
            seen = next((numbers[name] for name in names if name in numbers), {"value": None})
            value = seen["value"]
            z[-1].append(value)
            text[-1].append("" if value is None else f"{value:.0%}" if percent else f"{value:.1f}")
            more[-1].append([one["key"], two["key"], seen.get("n", 0), seen.get("low"), seen.get("high")])
    roles, form = record["roles"], ".1%" if percent else ".2f"
    heat = {
        "type": "heatmap", "z": z, "text": text, "customdata": more, "texttemplate": "%{text}",
        "textfont": {"size": 16}, "x": [p["title"] for p in columns], "y": [p["title"] for p in rows],
        "colorscale": "Cividis", "xgap": 3, "ygap": 3, "hoverongaps": False,
        "colorbar": {"thickness": 12, "tickformat": ".0%" if percent else ""},
        "hovertemplate": f"{roles[0]}: %{{y}}<br>{roles[1]}: %{{x}}<br>%{{z:{form}}} (%{{customdata[3]:{form}}} to "
                         f"%{{customdata[4]:{form}}}, n = %{{customdata[2]}})<extra></extra>",
    }
    layout = {"xaxis": {"title": {"text": f"{roles[1]} (second)"}, "type": "category", "side": "bottom"},
              "yaxis": {"title": {"text": f"{roles[0]} (first)"}, "type": "category", "autorange": "reversed"},
              "margin": {"l": 10, "r": 10, "t": 10, "b": 10}}
    return {"data": [heat], "layout": layout}


def prices(record: Report, split: str = "heldout") -> dict[str, Any]:
    """The prices of the deals (Sell&Buy), or RED's shares of the pot in per cent, of each cell as a line."""
    found = record["splits"].get(split, {}).get("cells", ())
    titles = {p["key"]: p["title"] for p in record["players"]}
    what = "prices" if any(cell["prices"] for cell in found) else "shares"
    roles, traces = record["roles"], []
    for cell, colour, dash in zip(found, (GREY, ORANGE, BLUE, GREEN, PURPLE, RED), ("dot", "dash", "dashdot", "solid")
                                  * 2, strict=False):
        counts = {int(value): n for value, n in cell[what].items()}
        spread = range(min(counts, default=0), max(counts, default=-1) + 1)
        traces.append({"type": "scatter", "mode": "lines", "x": list(spread), "y": [counts.get(x, 0) for x in spread],
                       "name": f"{roles[0]} {titles[cell['red']]}, {roles[1]} {titles[cell['blue']]}",
                       "line": {"color": colour, "dash": dash, "width": 2.4, "shape": "hvh"}})
    unit = "price" if what == "prices" else f"share of the {roles[0]}, %"
    return _figure(traces, "Deals", unit, percent=False)


def _free(figure: dict[str, Any]) -> dict[str, Any]:
    """A figure whose values may be below 0: its axis has a line there."""
    figure["layout"]["yaxis"] |= {"rangemode": "normal", "zeroline": True}
    return figure


def _debate(reports: Sequence[Report], measure: str) -> tuple[str, str]:
    """Where the first and the last debate round of a measure stand."""
    found = [row["where"] for r in reports for row in r.get("measures", ()) if row["measure"] == measure]
    places = sorted(set(found), key=lambda where: [int(word) for word in where.split() if word.isdecimal()])
    return (places[0], places[-1]) if places else ("", "")


def _measured(
    reports: Sequence[Report], measure: str, where: str, name: str, colour: str, *, strong: bool = False,
    dash: str = "", percent: bool = True,
) -> dict[str, Any] | None:
    """A measure's curve over the rounds that have it; None where none has."""
    rows = [next((row for row in r.get("measures", ()) if (row["measure"], row["where"]) == (measure, where)), None)
            for r in reports]
    if not any(row and row["value"] is not None for row in rows):
        return None
    seen = [(r["round"], row) for r, row in zip(reports, rows, strict=True) if row and row["value"] is not None]
    known = [{"accuracy": row["value"], **{end: row["value"] if row[end] is None else row[end]
                                           for end in ("low", "high")}} for _, row in seen]
    made = _curve([round for round, _ in seen], known, name, colour, strong)
    made["line"] |= {"dash": dash} if dash else {}
    return made if percent else {**made, "hovertemplate": "%{y:.2f}"}


def of_games(figure: dict[str, Any]) -> dict[str, Any]:
    """The accuracy figure in the words of games: which ones they are, and that they are won."""
    words = {"held-out problems": "held-out games", "withheld question forms": "out of distribution"}
    traces = [{**t, "name": next((t["name"].replace(k, v) for k, v in words.items() if k in t["name"]), t["name"])}
              for t in figure["data"]]
    y = {**figure["layout"]["yaxis"], "title": {"text": "Games won"}}
    return {"data": traces, "layout": {**figure["layout"], "yaxis": y}}


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


FIGURES = {"accuracy": accuracy, "controls": controls, "roles": roles, "library": library, "panel": panel,
           "diversity": diversity, "likelihood": likelihood, "revision": revision, "balance": balance,
           "first_and_final": first_and_final, "judging": judging, "payoffs": payoffs}

MEASURED = {"pass_at_k": pass_at_k, "credit": credit, "cross_play": cross_play}  # of what a command measured


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
