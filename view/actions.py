"""What a reviewer does: decide, undo, skip, try an edit. Every action checks again what was on the screen.

These are callbacks: their arguments were fixed when the button was drawn, so the item is looked up anew, and a key that
is held down decides nothing that nobody has seen.
"""

from __future__ import annotations

import time

import streamlit as st

from sirius_core import review, rewriting
from sirius_core.errors import Missing, SiriusError
from sirius_core.store import Rewrite, Store
from sirius_core.trajectories import Trajectory

from . import lab, trial
from .words import typed

DWELL = 0.35  # seconds that an item must have been in view before a key counts: a held key must not decide the unseen


def in_view(repair_id: str) -> float | None:
    """Seconds that the item has been in view; None if another one is, or it came only just now."""
    shown, since = st.session_state.get("rv_shown", ("", 0.0))
    seconds = time.monotonic() - since
    return seconds if shown == repair_id and seconds >= DWELL else None


def rewrite_of(store: Store, item: str) -> Rewrite | None:
    """The rewritten instruction with that id; None if it is a repair's."""
    try:
        return store.rewrites.get(item)
    except Missing:
        return None


def author() -> str:
    return (st.session_state.get("rv_author") or "").strip() or "a person"


def decide_rewrite(rewrite_id: str, verdict: str) -> None:
    """Accept, edit (the text that stands in the box) or reject a rewritten instruction."""
    seconds = in_view(rewrite_id)
    if seconds is None:
        return
    try:
        with lab.opened() as store:
            r = store.rewrites.get(rewrite_id)
            if rewrite_id in store.rewrites.decisions(r.experiment, r.round):
                return
            text = (st.session_state.get(f"edit_{rewrite_id}") or "").strip()
            if verdict == "edit" and text == r.after.strip():
                st.session_state["_notice"] = "This is the writer's own text: accept it, or change it first."
                return
            rewriting.decide(
                store,
                rewrite_id,
                verdict,
                author(),
                reason=st.session_state.get(f"reason_{rewrite_id}") or "" if verdict == "reject" else "",
                text=text,
                seconds=min(seconds, 600.0),
            )
            over = not rewriting.waiting(store, r.experiment, r.round)
    except SiriusError as error:
        st.session_state["_notice"] = str(error)
        return
    st.session_state.pop("rv_shown", None)
    st.query_params.pop("rv", None)
    if over:
        st.session_state["_round_on"] = True
        lab.launch(r.experiment)


def decide(repair_id: str, verdict: str) -> None:
    seconds = in_view(repair_id)
    if seconds is None:
        return
    reason = st.session_state.get(f"reason_{repair_id}") or "" if verdict == "reject" else ""
    try:
        with lab.opened() as store:
            experiment, round = store.repairs.place(repair_id)
            if repair_id in store.repairs.decisions(experiment, round):
                return
            edited = None
            if verdict == "edit":
                edited = tried(store, repair_id)
                if edited is None:
                    st.session_state["_notice"] = "The text has changed since it was tried: try it first."
                    return
            seconds = min(seconds, 600.0)
            review.decide(store, repair_id, verdict, author(), reason=reason, edited=edited, seconds=seconds)
            over = not review.waiting(store, experiment, round)
    except SiriusError as error:
        st.session_state["_notice"] = str(error)
        return
    st.session_state.pop("rv_shown", None)
    st.query_params.pop("rv", None)
    if over:  # the last decision: the round goes on by itself
        st.session_state["_round_on"] = True
        lab.launch(experiment)


def undo(repair_id: str) -> None:
    if in_view(st.session_state.get("rv_shown", ("", 0.0))[0]) is None:
        return
    try:
        with lab.opened() as store:
            if rewrite_of(store, repair_id):
                rewriting.decide(store, repair_id, "undo", author())
            else:
                review.decide(store, repair_id, "undo", author())
    except SiriusError as error:
        st.session_state["_notice"] = str(error)
        return
    st.query_params["rv"] = repair_id


def skip(repair_id: str) -> None:
    if in_view(repair_id) is None:
        return
    st.session_state.setdefault("rv_skipped", []).append(repair_id)
    st.query_params.pop("rv", None)


def go_on(experiment: str, round: int) -> None:
    with lab.opened() as store:
        review.go_on(store, experiment, round)
    lab.launch(experiment)


def attempt(experiment: str, repair_id: str) -> None:
    """Play the edited text again, at once. The same text once more is another draw."""
    shown = st.session_state.get(f"edit_{repair_id}") or ""
    try:
        with lab.opened() as store:
            text = meant(store, repair_id, shown)
            last = st.session_state.get("rv_tried", {}).get(repair_id)
            draw = last["draw"] + 1 if last and last["text"] == text else 0
            again, seconds = trial.play(store, store.experiments.get(experiment), repair_id, text, draw)
    except SiriusError as error:
        st.session_state["rv_unread"] = (repair_id, str(error))
        return
    st.session_state.pop("rv_unread", None)
    st.session_state.setdefault("rv_tried", {})[repair_id] = {
        "text": text,
        "id": again.id,
        "draw": draw,
        "seconds": seconds,
    }


def tried(store: Store, repair_id: str) -> Trajectory | None:
    """The replay of the text that stands in the edit box; None if that text has not been tried."""
    last = st.session_state.get("rv_tried", {}).get(repair_id)
    if last is None:
        return None
    again = store.episodes.get(last["id"])
    shown = st.session_state.get(f"edit_{repair_id}")
    return again if shown is None or meant(store, repair_id, shown) == last["text"] else None


def meant(store: Store, repair_id: str, shown: str) -> str:
    """The text that is played for what stands in the edit box."""
    repair = store.repairs.get(repair_id)
    return typed(store.episodes.task(repair.task).source, shown, repair.rephrased)
