"""Figures as they were stored when the round closed: Plotly JSON, drawn in the page's theme."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import streamlit as st

CONFIG = {"displayModeBar": False, "responsive": True}


def stored(figure: str | None, *, key: str, alt: str, height: int = 330, rounds: int = 0) -> None:
    """A figure of ``store.experiments.figure``; ``alt`` says in words what it shows.

    ``rounds`` holds the axis of rounds still, so that a curve grows into its place while a run goes on.
    """
    if figure is None:
        st.caption("This figure is drawn when the first round closes.")
        return
    made = json.loads(figure)
    if rounds:
        made["layout"]["xaxis"] = {**made["layout"].get("xaxis", {}), "range": [-0.25, rounds + 0.25]}
    spec(made, key=key, alt=alt, height=height)


def spec(figure: Mapping[str, Any], *, key: str, alt: str, height: int = 330) -> None:
    from plotly.graph_objects import Figure

    drawn = Figure(dict(figure))
    drawn.update_layout(height=height)
    st.plotly_chart(drawn, key=key, alt=alt, config=CONFIG)
