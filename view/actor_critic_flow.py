"""What judging and revising did to first answers: in a sentence, as a picture, as tiles that open their episodes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from sirius_core import flows, measures, statistics
from sirius_core.measures.branches import FALSE, NONE, TRUE, UNREADABLE, Branch
from sirius_core.store import Experiment, Store

from . import charts, code, lab
from .measures import table, told
from .numbers import LEVEL, many, p_text, share

CELL = "cell"  # in the address: right-true, wrong-false, ... what came first, and what was said of it
SAID = {TRUE: "judged True", FALSE: "judged False", UNREADABLE: "no verdict", NONE: "looked at again"}
TITLES = {**SAID, "right": "right in the end", "wrong": "wrong in the end"}
JUDGED = {("right", TRUE): True, ("wrong", FALSE): True, ("right", FALSE): False, ("wrong", TRUE): False}


def said(rows: Sequence[measures.Row]) -> list[str]:
    """The paired test of final against first answers, and how good the judge is, each with interval and n."""
    first, final, more, judge, spoilt, mended = (measures.value(rows, name) for name in (
        "first", "final", "final_minus_first", "judge_balanced", "spoilt", "flagged_mended"))
    lines = []
    if first and final and more and more["value"] is not None:
        tell = "" if more["p"] < LEVEL else " The two cannot be told apart."
        lines.append(f"First answers are right on {told(first)}, final ones on **{told(final)}**: "
                     f"**{100 * more['value']:+.1f} points** ({100 * more['low']:+.1f} to {100 * more['high']:+.1f}, "
                     f"McNemar's exact test over the same problems: {p_text(more['p'])}).{tell}")
    if judge and judge["value"] is not None:
        lines.append(f"The judge is right on {told(judge)}, right and wrong answers weighing alike; who says the "
                     "same of everything has 50 %.")
    parts = [f"of the wrong answers that it flags {told(mended)} are mended"
             if mended and mended["value"] is not None else "",
             f"of the right first answers {told(spoilt)} are spoilt" if spoilt and spoilt["value"] is not None
             else ""]
    if both := ", ".join(part for part in parts if part):
        lines.append(f"{both[0].upper()}{both[1:]}.")
    return lines


def card(store: Store, e: Experiment, reports: Sequence[Mapping[str, Any]]) -> None:
    """On the overview: what the last round came to, and the way to the page; nothing where nobody answers twice."""
    rows = reports[-1].get("measures", ())
    if lines := said(rows):
        with st.container(border=True):
            st.subheader("Actor and critic", anchor=False)
            for line in lines:
                st.markdown(line)
            lab.link(lab.ACTOR_CRITIC, "What became of every first answer", icon=":material/gavel:",
                     round=str(reports[-1]["round"]))
            table(store, e, reports[-1]["round"])


def picture(e: Experiment, found: Sequence[Branch], round: int) -> None:
    """Every way from a first to a final answer."""
    words = "; ".join(f"{way['n']} first {way['first']}, {SAID[way['verdict']]}, in the end {way['final']}"
                     for way in flows.ways(found))
    charts.spec(charts.plain_letters(flows.picture(found)), key="ac_flow", height=360,
                alt=f"What became of {many(len(found), 'held-out problem')}: {words}.")
    code.copy("ac_flow", code.call("flow_figure", e.id, round=round))
    st.caption("A green band holds right answers, a red one wrong ones; every block says its number. One sampled try "
               "at each held-out problem.")


def tiles(e: Experiment, found: Sequence[Branch], round: int) -> str | None:
    """The confusion table as tiles, one for each first answer and what was said of it; the cell that is open."""
    names = flows.columns(found)
    rows = {row["first"]: row for row in flows.confusion(found)}
    cells = [f"{first}-{name}" for first in rows for name in names]
    asked = st.query_params.get(CELL)
    known = lab.known(CELL, cells, "cell")
    with st.container(key="ac_confusion"), st.grid(len(names), min_column_width=210, gap="small"):
        for first, row in rows.items():
            for name in names:
                _tile(first, name, row, opened=asked == f"{first}-{name}")
    code.copy("ac_confusion", code.call("confusion", e.id, round=round))
    return asked if known else None


def _tile(first: str, name: str, row: Mapping[str, Any], *, opened: bool) -> None:
    """How many there are, which share of the right or of the wrong first answers, and the way to them."""
    n, of = row[name], row["n"]
    sign = ":green[✓]" if first == "right" else ":red[✗]"
    right = JUDGED.get((first, name))
    judge = ("The first answer stands." if name == UNREADABLE else "") if right is None else \
        "The judge is right." if right else "The judge is mistaken."
    with st.container(border=True, gap="xsmall", height="stretch"):
        st.markdown(f"{sign} **First {first}**, {TITLES[name]}")
        found = statistics.wilson(n, of)
        ends = f" ({share(found.low, 0)} to {share(found.high, 0)})" if of else ""
        st.markdown(f"**{n:,}** of {of:,}: {share(n / of) if of else '–'}{ends}")
        if judge:
            st.caption(judge)
        st.button("Shown below" if opened else "Show them", key=f"ac_cell_{first}_{name}", disabled=not n,
                  type="primary" if opened else "secondary", icon=":material/expand_more:" if opened else
                  ":material/list:", on_click=_open, args=(f"{first}-{name}", opened))


def _open(cell: str, opened: bool) -> None:
    """A click opens a cell; on the one that is open it closes it."""
    if opened:
        st.query_params.pop(CELL, None)
    else:
        st.query_params[CELL] = cell
    st.session_state.pop("ac_start", None)
