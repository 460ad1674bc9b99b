"""The end of a round's review: the last decision can be taken back for a moment, then the round goes on by itself."""

from __future__ import annotations

import time

import streamlit as st

from sirius_core.store import Experiment

from . import actions
from .numbers import many


def waits(e: Experiment, round: int) -> bool:
    """Whether this visit made the last decision of the round, and the moment is not over."""
    found = st.session_state.get("rv_over")
    return bool(found and found[:2] == (e.id, round))


def draw(e: Experiment, decided: int, undo: str | None) -> None:
    """All is decided: on at once, on by itself, or back."""
    with st.container(border=True, key="over"):
        st.subheader(f"All {many(decided, 'item')} decided" if decided > 1 else "It is decided", anchor=False)
        counting = bool(st.session_state.get("rv_over"))
        if counting:
            st.fragment(_countdown, run_every=1.0)(e.id)
        else:
            st.caption("What you let through is learned from as soon as the round goes on. Then the decisions stand.")
        with st.container(horizontal=True):
            st.button("Go on now", type="primary", icon=":material/play_arrow:", key="on", on_click=actions.on,
                      args=(e.id,))
            if counting:
                st.button("Wait", icon=":material/pause:", key="wait", on_click=_wait)
            if undo is not None:
                st.button("Undo", icon=":material/undo:", key="undo", shortcut="U", on_click=actions.undo, args=(undo,),
                          help="Key U: take the last decision back.")


def _wait() -> None:
    st.session_state.pop("rv_over", None)


def _countdown(experiment: str) -> None:
    found = st.session_state.get("rv_over")
    if found is None:
        return
    left = found[2] - time.monotonic()
    if left <= 0:
        actions.on(experiment)
        st.rerun(scope="app")
    st.caption(f"The round goes on by itself in {max(1, round(left))} s. Then the decisions stand.")
