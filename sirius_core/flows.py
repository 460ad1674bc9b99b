"""What became of an actor's first answers in a round, as rows, as frames and as a picture.

    lab.confusion("actor-critic-0-1", round=2)     right and wrong first answers, by what the judge said
    lab.flow("actor-critic-0-1", round=2)          every way that an episode took, with how many took it
    lab.flow_figure("actor-critic-0-1", round=2)   the same as a picture
    lab.branches("actor-critic-0-1", round=2)      one row per held-out problem

Where nobody judges (``self_correct``) the second look alone stands between first and final answers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from . import recipes
from .figures import GREEN, RED
from .measures import branches
from .measures.branches import FALSE, NONE, TRUE, UNREADABLE, VERDICTS, Branch
from .store import Experiment, Store

if TYPE_CHECKING:
    import pandas as pd
    from plotly.graph_objects import Figure

SAID = {TRUE: "True", FALSE: "False", UNREADABLE: "no verdict", NONE: "looked again"}
PALE = {GREEN: "rgba(29, 138, 99, .38)", RED: "rgba(192, 67, 74, .34)"}
BETWEEN = "#777c8a"  # a grey that can be read on a light and on a dark page
ENDS = (True, False)
GAP = 0.06  # between two blocks of the picture


def of_round(store: Store, e: Experiment, round: int | None = None) -> list[Branch]:
    """The branches of a round, or of the last that closed; none where the experiment's team has no actor."""
    team = recipes.get(e.settings).team
    closed = len(store.experiments.reports(e.id)) - 1
    return branches.of_round(store, e, team, closed if round is None else round) if branches.applies(team) else []


def right(is_right: bool) -> str:
    return "right" if is_right else "wrong"


def columns(found: Sequence[Branch]) -> tuple[str, ...]:
    """What a first answer's row is divided by: the verdicts, or without a judge what it came to."""
    return tuple(map(right, ENDS)) if all(b.verdict == NONE for b in found) else VERDICTS


def column(b: Branch) -> str:
    return right(b.final) if b.verdict == NONE else b.verdict


def cell_of(b: Branch) -> str:
    """Where a branch stands in the confusion table: ``wrong-true`` is a wrong first answer that was judged True."""
    return f"{right(b.first)}-{column(b)}"


def confusion(found: Sequence[Branch]) -> list[dict[str, Any]]:
    """{first, n, and how many of them stand in each column}: a row for right and one for wrong first answers."""
    counts = Counter((b.first, column(b)) for b in found)
    return [{"first": right(first), "n": sum(b.first is first for b in found),
             **{name: counts[first, name] for name in columns(found)}} for first in ENDS]


def ways(found: Sequence[Branch]) -> list[dict[str, Any]]:
    """{first, verdict, final, n, share}: every way that some episode took, right first answers first."""
    counts = Counter((b.first, b.verdict, b.final) for b in found)
    order = [(first, verdict, final) for first in ENDS for verdict in (*VERDICTS, NONE) for final in ENDS]
    return [{"first": right(first), "verdict": verdict, "final": right(final), "n": n, "share": n / len(found)}
            for first, verdict, final in order if (n := counts[first, verdict, final])]


def picture(found: Sequence[Branch]) -> dict[str, Any]:
    """The ways as a Sankey diagram (Plotly JSON): first answers, verdicts, final answers; every node says its number,
    green bands hold a right answer, red ones a wrong one."""
    counts: Counter[tuple[str, ...]] = Counter()
    bands: dict[tuple[tuple[str, ...], tuple[str, ...]], int] = {}
    for way in ways(found):
        start, between = ("first", way["first"]), ("said", way["first"], way["verdict"])
        end = ("final", way["final"])
        for node in (start, between, end):
            counts[node] += way["n"]
        for band in ((start, between), (between, end)):
            bands[band] = bands.get(band, 0) + way["n"]
    nodes = sorted(counts, key=_place)
    at, colour = {node: i for i, node in enumerate(nodes)}, {"right": GREEN, "wrong": RED}
    heights = _heights(nodes, counts, len(found))
    links = {
        "source": [at[one] for one, _ in bands], "target": [at[other] for _, other in bands],
        "value": list(bands.values()),
        "color": [PALE[colour[(other if other[0] == "final" else one)[1]]] for one, other in bands],
        "hovertemplate": "%{source.label} to %{target.label}: %{value} of " + str(len(found)) + "<extra></extra>",
    }
    blocks = {"label": [f"{_words(n)} {counts[n]}" for n in nodes], "color": [colour[n[1]] for n in nodes],
              "x": [(0.001, 0.5, 0.999)[_place(n)[0]] for n in nodes], "y": [heights[n] for n in nodes],
              "pad": 20, "thickness": 16, "line": {"width": 0}, "hovertemplate": "%{label}<extra></extra>"}
    made = {"type": "sankey", "arrangement": "fixed", "node": blocks, "link": links, "domain": {"y": [0.02, 0.98]},
            "textfont": {"size": 14}}
    middle = "then" if all(b.verdict == NONE for b in found) else "the judge says"
    layout = {"annotations": [_heading(*words) for words in (
        ("first answer", 0, "left"), (middle, 0.5, "center"), ("in the end", 1, "right"))],
        "margin": {"l": 10, "r": 10, "t": 36, "b": 10}}
    return {"data": [made], "layout": layout}


def _heading(text: str, x: float, anchor: str) -> dict[str, Any]:
    """What stands above a column of blocks."""
    return {"text": text, "x": x, "xanchor": anchor, "y": 1.02, "yanchor": "bottom", "xref": "paper", "yref": "paper",
            "showarrow": False, "font": {"color": BETWEEN, "size": 13}}


def _words(node: tuple[str, ...]) -> str:
    return node[1] if node[0] != "said" else SAID[node[2]]


def _place(node: tuple[str, ...]) -> tuple[int, ...]:
    """(column, place in it): right answers above wrong ones; of the verdicts True above False."""
    column = ("first", "said", "final").index(node[0])
    return (column, int(node[1] == "wrong"), *((*VERDICTS, NONE).index(word) for word in node[2:]))


def _heights(nodes: Sequence[tuple[str, ...]], counts: Mapping[tuple[str, ...], int], n: int) -> dict[Any, float]:
    """{node: how far down its middle is, 0 to 1}: columns of blocks with gaps, the same order in every round."""
    columns = [[node for node in nodes if _place(node)[0] == column] for column in range(3)]
    room = 1 - GAP * (max(map(len, columns)) - 1)
    made = {}
    for column in columns:
        top = (1 - room - GAP * (len(column) - 1)) / 2
        for node in column:
            made[node] = top + room * counts[node] / n / 2
            top += room * counts[node] / n + GAP
    return made


class FlowFrames:
    """What a notebook asks of actor-critic episodes; `frames.Frames` has these, too."""

    store: Store

    def branches(self, experiment: str, round: int | None = None, cell: str = "") -> pd.DataFrame:
        """One row per held-out problem of a round (the last): trajectory, task, group, whether the first answer was
        right, the verdict ("" without a judge), whether it was revised, whether the answer in the end is right, both
        answers (``said``, ``ended``), question and right answer.

        ``cell`` narrows it to one of the confusion table, ``wrong-true``: first answer, then its column.
        """
        found = [b for b in self._branches(experiment, round) if cell in ("", cell_of(b))]
        tasks = self.store.episodes.tasks(sorted({b.task for b in found}))
        return _frame([{**asdict(b), "question": tasks[b.task].question, "answer": tasks[b.task].answer}
                       for b in found])

    def confusion(self, experiment: str, round: int | None = None) -> pd.DataFrame:
        """Right and wrong first answers (``first``, ``n``) by what the judge said: true, false, unreadable."""
        return _frame(confusion(self._branches(experiment, round)))

    def flow(self, experiment: str, round: int | None = None) -> pd.DataFrame:
        """Every way from first to final answer that some episode took: first, verdict, final, n, share."""
        return _frame(ways(self._branches(experiment, round)))

    def flow_figure(self, experiment: str, round: int | None = None) -> Figure:
        """These ways as a picture."""
        from plotly.graph_objects import Figure

        return Figure(picture(self._branches(experiment, round)))

    def _branches(self, experiment: str, round: int | None) -> list[Branch]:
        return of_round(self.store, self.store.experiments.get(experiment), round)


def _frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(rows)
