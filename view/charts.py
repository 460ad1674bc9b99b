"""Figures as they were stored when the round closed: Plotly JSON, drawn in the page's theme."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import streamlit as st

from sirius_core import figures
from sirius_core.games import GAMES
from sirius_core.store import Experiment, Store

from . import code

INK = {False: "#141626", True: "#eceef6"}  # the page's text, light and dark
CONFIG = {"displayModeBar": False, "responsive": True}


def stored(
    store: Store,
    e: Experiment,
    name: str,
    *,
    alt: str,
    height: int = 330,
    round: int | None = None,
    hold: bool = False,
    db: Path | None = None,
) -> None:
    """A figure as the store keeps it, of ``round`` or of the last; ``alt`` says in words what it shows; ``db`` names
    another database than the one that is open.

    ``hold`` holds the axis of rounds still, so that a curve grows into its place while a run goes on.
    """
    figure = store.experiments.figure(e.id, name, round)
    if figure is None:
        st.caption("This figure is drawn when the first round closes.")
        return
    made, rounds = json.loads(figure), e.settings.rounds
    if name == "accuracy":
        made = figures.with_level(made, store.experiments.measurement(e.id, "data"), rounds)
        made = figures.of_games(made) if e.settings.source in GAMES else made
    if hold and rounds:
        made["layout"]["xaxis"] = {**made["layout"].get("xaxis", {}), "range": [-0.25, rounds + 0.25]}
    spec(made, key=name, alt=alt, height=height)
    code.copy(name, code.call("figure", name, e.id, round=round), db=db)


def plain_letters(figure: Mapping[str, Any]) -> dict[str, Any]:
    """The figure with its words in the colour of the page's text: they lie on bands of colour, where grey is lost.

    That of the page as it is drawn; one that changes its theme keeps the other colour, with its halo, until it is
    drawn again.
    """
    return {**figure, "layout": {**figure["layout"], "font": {"color": INK[st.context.theme.type == "dark"]}}}


def spec(figure: Mapping[str, Any], *, key: str, alt: str, height: int = 330, click: bool = False) -> Any:
    """A figure in the page's theme; with ``click`` what was clicked in it (Streamlit's event), else None."""
    from plotly.graph_objects import Figure

    drawn = Figure(dict(figure))
    drawn.update_layout(height=height, margin_b=0)
    if not (drawn.layout.xaxis.title.text or ""):
        drawn.layout.xaxis.title = None  # an empty title takes its place, too
    ink = INK[st.context.theme.type == "dark"]
    # As defaults, so that the data stays what is stored: bars pale enough for the interval to stand out on them.
    bar = {"type": "bar", "marker": {"opacity": 0.85}, "error_y": {"color": ink}}
    drawn.layout.template.data.bar = [bar]
    if click:
        return st.plotly_chart(drawn, key=key, alt=alt, config=CONFIG, on_select="rerun", selection_mode="points")
    st.plotly_chart(drawn, key=key, alt=alt, config=CONFIG)
    return None
