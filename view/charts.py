"""Figures as they were stored when the round closed: Plotly JSON, drawn in the page's theme."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import streamlit as st

CONFIG = {"displayModeBar": False, "responsive": True}


def stored(
    figure: str | None,
    *,
    key: str,
    alt: str,
    height: int = 330,
    rounds: int = 0,
    level: tuple[float, str] | None = None,
) -> None:
    """A figure of ``store.experiments.figure``; ``alt`` says in words what it shows.

    ``rounds`` holds the axis of rounds still, so that a curve grows into its place while a run goes on. ``level`` is a
    (height, name) to compare with: a dashed line.
    """
    if figure is None:
        st.caption("This figure is drawn when the first round closes.")
        return
    made = json.loads(figure)
    if rounds:
        made["layout"]["xaxis"] = {**made["layout"].get("xaxis", {}), "range": [-0.25, rounds + 0.25]}
    if level is not None:
        made["data"].append({"type": "scatter", "mode": "lines", "name": level[1], "x": [-0.25, max(1, rounds) + 0.25],
                             "y": [level[0]] * 2, "line": {"color": "#8b909c", "width": 1.5, "dash": "dash"},
                             "hovertemplate": "%{y:.1%}"})
    spec(made, key=key, alt=alt, height=height)


def spec(figure: Mapping[str, Any], *, key: str, alt: str, height: int = 330) -> None:
    from plotly.graph_objects import Figure

    drawn = Figure(dict(figure))
    drawn.update_layout(height=height)
    st.plotly_chart(drawn, key=key, alt=alt, config=CONFIG)
