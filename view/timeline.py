"""An episode as a connected line of turns: who said what, in how many tokens, how fast; what can be asked of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import streamlit as st

from sirius_core.store import Store
from sirius_core.trajectories import Task, Trajectory, Turn

from . import episodes, lab, reads
from .numbers import dollars, quick

LINKED = ":blue-badge[:material/link: this turn]"


def draw(
    store: Store,
    task: Task,
    trajectory: Trajectory,
    *,
    raw: bool,
    key: str,
    at: int | None = None,
    badges: Mapping[int, str] | None = None,
    under: Callable[[int, Turn], None] = lambda i, turn: None,
) -> None:
    """Every turn in order; a step opens to what the turn was handed, and to what its model read in its place.

    ``at`` is the turn that a link named: it is open and marked, the others are closed. ``badges`` stand at turns;
    ``under`` draws what can be done with one.
    """
    with st.container(key=f"timeline_{key}", gap=None):
        for i, turn in enumerate(trajectory.turns):
            place = f"{key}_turn_{i}" + ("" if at is None else f"_at_{at}")  # a link opens what was closed by hand
            icon = episodes.ICONS.get(turn.role, ":material/forum:")
            label = _label(trajectory, i, turn, LINKED if i == at else "", (badges or {}).get(i, ""))
            step = st.expander(label, expanded=at in (None, i), type="step", icon=icon, key=place)
            with step, st.container(gap="xsmall"):
                episodes.said(task, turn.text, raw=raw)
                episodes.handed(task, turn, raw=raw, key=f"{key}_handed_{i}", priced=_at_endpoint(store, turn))
                reads.draw(store, trajectory.path.experiment, task, turn, raw=raw, key=f"{key}_read_{i}")
                under(i, turn)


def _label(trajectory: Trajectory, i: int, turn: Turn, *more: str) -> str:
    took = turn.origin == "sampled"
    parts = [
        f"**{episodes.name(turn)}**",
        f"{turn.tokens_out:,} tokens" if took or turn.tokens_out else "",
        quick(turn.ms) if took and turn.ms else "",
        dollars(turn.cost).replace("$", "\\$") if turn.cost is not None else "",
        episodes.mark(trajectory, i),
        episodes.ORIGINS.get(turn.origin, turn.origin) if trajectory.parent is not None else "",
    ]
    return " ".join(filter(None, [" · ".join(filter(None, parts)), *more]))


def linked(trajectory: Trajectory) -> int | None:
    """The turn that the address names, counted from 0 as it is stored; one that is not there is told."""
    asked = st.query_params.get("turn")
    if asked is None:
        return None
    if asked.isdecimal() and asked.isascii() and int(asked[:9]) < len(trajectory.turns):
        return int(asked[:9])
    has = f"turns 0 to {len(trajectory.turns) - 1}" if trajectory.turns else "no turns"
    st.warning(f"The link names turn {lab.plain(asked[:20])}; this episode has {has}.", icon=":material/link_off:")
    return None


def _at_endpoint(store: Store, turn: Turn) -> bool:
    spoken = reads.spoken(store, turn.model)
    return spoken is not None and "endpoint" in spoken.over
