"""What reviewing bought: the card that says so, and the button that measures it in a process of its own."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import streamlit as st

from sirius_core import frames, jobs, worth
from sirius_core.commands.worth import NAME
from sirius_core.store import Experiment, Store

from . import code, lab, live, measuring
from .columns import written
from .numbers import LEVEL, many, p_text

Record = Mapping[str, Any]


def card(store: Store, e: Experiment) -> None:
    """The last measurement of an experiment, and the way to the next one; nothing where nobody decided anything."""
    round, found = worth.reviewed(store, e.id), worth.measured(store, e.id)
    if round is None and found is None:
        return
    with st.container(border=True, key="worth"):
        st.subheader("What reviewing bought", anchor=False)
        if found is None:
            st.write(
                "The same round can be trained again with what you let in and with every mended repair, which is what "
                "happens without review: at equal steps, on the same held-out problems."
            )
        else:
            for line in said(found):
                st.markdown(line)
            _tables(store, e, found)
        if round is not None:
            label = "Measure it" if found is None else "Measure again" if found["round"] == round else \
                f"Measure round {round}"
            measuring.button(e, NAME, label, "Trains and tests three teams.", ("--round", str(round)),
                             busy=live.active(jobs.status(store, e.id)))


def said(found: Record) -> list[str]:
    """The measurement in sentences: the difference with interval, p and n, and what it took."""
    pair = next((p for p in found["pairs"] if (p["of"], p["over"], p["mode"]) == (worth.PEOPLE, worth.ALL, "sampled")),
                None)
    n = f"{many(found['n'], 'held-out problem')}, round {found['round']}"
    steps = "" if found["equal"] else (" The steps are **not equal**: an arm had no example for some role, which "
                                       "stayed as it was.")
    if pair is None:
        return [f"Nobody had decided anything when the arms below were measured ({n}).{steps}"]
    d = found["decisions"]
    pairs = sum(p["mode"] == pair["mode"] for p in found["pairs"])
    clear, among = pair["holm"] < LEVEL, f" (corrected for {pairs} pairs)" if pairs > 1 else ""
    head = f"**{_points(pair['delta'])} points** ({_points(pair['low'])} to {_points(pair['high'])})"
    tell = "" if clear else " Reviewing and accepting everything cannot be told apart here."
    took = f"{many(d['n'], 'decision')} of {many(d['authors'], 'reviewer')}"
    if d["seconds"] >= 1:
        took += f", {_time(d['seconds'])}"
        hours = d["seconds"] / 3600
        took += (f": {_points(pair['delta'] / hours, 0)} points per hour ({_points(pair['low'] / hours, 0)} to "
                 f"{_points(pair['high'] / hours, 0)})") if clear else ""
    return [f"{head} over accepting everything, {p_text(pair['holm'])}{among}, n = {n}.{tell}{steps}", f"{took}."]


def _points(value: float, digits: int = 1) -> str:
    """``+4.2``; a change that rounds to nothing is 0."""
    shown = f"{100 * value:+.{digits}f}" if math.isfinite(value) else "?"
    return "0" if not shown.strip("+-0.") and shown != "?" else shown


def _time(seconds: float) -> str:
    return many(round(seconds), "second") if seconds < 100 else many(round(seconds / 60), "minute")


def _tables(store: Store, e: Experiment, found: Record) -> None:
    read, number = frames.Frames(store), st.column_config.NumberColumn
    ends = {"low": number("from"), "high": number("to")}
    st.dataframe(
        written(read.worth_arms(e.id, found["round"]), shares=["accuracy", "low", "high"]),
        hide_index=True,
        key="worth_arms",
        alt="What each arm let in and how often its team is right",
        column_order=["arm", "mode", "correct", "n", "accuracy", "low", "high", "repairs", "edited", "solved"],
        column_config={
            "correct": number("right"),
            "n": number("of"),
            **ends,
            "repairs": number("repairs let in"),
            "edited": number("by hand", help="Of these, the ones with a person's text."),
            "solved": number("problems", help="Training problems with something to learn from."),
        },
    )
    code.copy("worth_arms", code.call("worth_arms", e.id, found["round"]))
    with st.expander("Compared in pairs", type="compact"):
        each = ", ".join(f"{role} {count}" for role, count in found["examples"].items())
        st.caption(f"Every arm learned from as many examples ({lab.plain(each)}) in as many steps; smaller libraries "
                   "were filled up with repeats. McNemar's exact test over the same problems; p of all pairs is "
                   "corrected by Holm's method in each mode.")
        st.dataframe(
            written(read.worth(e.id, found["round"]), shares=["delta", "low", "high"], p_values=["p", "holm"]),
            hide_index=True,
            key="worth_pairs",
            alt="Differences between arms with interval and p",
            column_order=["of", "over", "mode", "delta", "low", "high", "gained", "lost", "p", "holm"],
            column_config={
                "delta": number("difference"),
                **ends,
                "gained": number("+"),
                "lost": number("−"),
                "holm": number("p of all pairs"),
            },
        )
        code.copy("worth_pairs", code.call("worth", e.id, found["round"]))

