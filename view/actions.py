"""What a reviewer does: decide, undo, skip, go back, flag, judge. Every action checks again what was on the screen.

These are callbacks: their arguments were fixed when the button was drawn, so what is in view is looked up anew. A press
counts only when its item, in the state that is meant, has been in view for `DWELL` seconds; one that comes too early
begins the wait anew. So a key that is held down decides what was seen, once, and then nothing.
"""

from __future__ import annotations

import time

import streamlit as st

from sirius_core import review, rewriting
from sirius_core.errors import Decided, Missing, SiriusError
from sirius_core.review import Item, Planted
from sirius_core.store import Rewrite, Store

from . import lab, review_tries

DWELL = 0.35  # seconds that an item must have been in view before a key counts
GRACE = 8.0  # seconds after the last decision in which it can be taken back before the round goes on
NOBODY = "a person"  # who gave no name
LONGEST = 600.0  # seconds on the screen that are written down at most: beyond, somebody went for a coffee


def show(item: str, *state: object) -> None:
    """This item is in view now, in this state; what has newly come into view starts the guard again.

    So does a page that is drawn again within the guard: a press has come that belongs to the screen before.
    """
    kept, now = st.session_state, time.monotonic()
    early = kept.pop("rv_early", False)
    shown, since = kept.get("rv_shown", ("", 0.0))
    if early or kept.get("rv_state") != (item, *state) or shown != item or now - since < DWELL:
        kept["rv_state"], kept["rv_shown"] = (item, *state), (item, now)
    if kept.get("rv_first", ("",))[0] != item:
        kept["rv_first"] = (item, now)
    trail: list[str] = kept.setdefault("rv_trail", [])
    if trail[-1:] != [item]:
        trail.append(item)


def in_view(item: str) -> float | None:
    """Seconds since the item came into view; None if another one is, or what is to be seen came only just now."""
    shown, since = st.session_state.get("rv_shown", ("", 0.0))
    now = time.monotonic()
    if shown != item:
        return None
    if now - since < DWELL:
        st.session_state["rv_shown"], st.session_state["rv_early"] = (item, now), True  # until it is drawn again
        return None
    first, at = st.session_state.get("rv_first", ("", 0.0))
    return min(LONGEST, now - at) if first == item else now - since


def leave() -> None:
    """Nothing is in view: the next item comes."""
    for key in ("rv_shown", "rv_state", "rv_first", "rv_told", "rv_bulk"):
        st.session_state.pop(key, None)
    st.query_params.pop("rv", None)


def go_to(item: str) -> None:
    leave()
    st.query_params["rv"] = item


def author() -> str:
    return (st.session_state.get("rv_author") or "").strip() or NOBODY


# -- repairs -----------------------------------------------------------------------------------------------------------
def decide(item: Item, verdict: str) -> None:
    """Accept, edit (what was tried, as it stands in the box) or reject with the reason that is set."""
    seconds = in_view(item.id)
    if seconds is None:
        return
    reason = st.session_state.get("rv_reasons", {}).get(item.id, "") if verdict == "reject" else ""
    try:
        with lab.opened() as store:
            edited = None
            if verdict == "edit":
                edited = review_tries.tried(store, item.id)
                if edited is None:
                    st.session_state["_notice"] = "The text has changed since it was tried: try it first."
                    return
            planted = review.decide(store, item.id, verdict, author(), reason=reason, edited=edited, seconds=seconds)
            over = review.over(store, item.experiment, item.round)
    except Decided as error:  # in another window
        leave()
        with lab.opened() as store:
            typed = review_tries.typing(store, item.id)
        st.session_state["_notice"] = f"{error}." + (" Your text is kept; go back to see it." if typed else "")
        return
    except SiriusError as error:
        st.session_state["_notice"] = str(error)
        return
    leave()
    st.session_state.setdefault("rv_mine", []).append(item.id)
    if planted is not None:
        st.session_state["rv_told"] = planted
    if over:
        last_one(item.experiment, item.round)


def told() -> Planted | int | None:
    """What is to be said about the repair decided last: that it was planted; of many at once, how many were."""
    return st.session_state.get("rv_told")


def last_one(experiment: str, round: int) -> None:
    """The last decision: the round goes on by itself, after a moment in which it can be taken back.

    Round 0 is that of an import: nothing goes on there.
    """
    if round:
        st.session_state["rv_over"] = (experiment, round, time.monotonic() + GRACE)


def undo(item: str, shown: str = "") -> None:
    """Take a decision back and show its item; ``shown`` is what stands on the screen while the key is pressed."""
    if shown and in_view(shown) is None:
        return
    try:
        with lab.opened() as store:
            if rewrite_of(store, item):
                rewriting.decide(store, item, "undo", author())
            else:
                review.undo(store, item, author())
    except SiriusError as error:
        st.session_state["_notice"] = str(error)
        return
    mine = st.session_state.get("rv_mine", [])
    if item in mine:
        mine.remove(item)
    st.session_state.pop("rv_over", None)
    go_to(item)


def skip(item: str) -> None:
    """Later; or, where it is decided, on to the next one."""
    if in_view(item) is None:
        return
    st.session_state.setdefault("rv_skipped", []).append(item)
    leave()


def back(item: str, before: str) -> None:
    """To the item that was on the screen before this one."""
    if in_view(item) is None:
        return
    trail: list[str] = st.session_state.get("rv_trail", [])
    while trail and trail[-1] != before:
        trail.pop()
    go_to(before)


def flag(item: Item) -> None:
    """Mark it for a second look, or take the mark away."""
    if in_view(item.id) is None:
        return
    try:
        with lab.opened() as store:
            review.flag(store, item.id, author(), raised=not item.flagged)
    except SiriusError as error:
        st.session_state["_notice"] = str(error)
    st.query_params["rv"] = item.id  # it stays in view, whatever the filter


def reason(item: Item, text: str) -> None:
    """Set the reason with which X rejects; the same once more takes it away. It decides nothing."""
    if in_view(item.id) is None:
        return
    reasons = st.session_state.setdefault("rv_reasons", {})
    reasons[item.id] = "" if reasons.get(item.id) == text else text


def judge(item: Item, turn: int | None) -> None:
    """Where a failure went wrong, said before its repair is shown; None is "cannot tell"."""
    seconds = in_view(item.id)
    if seconds is None:
        return
    try:
        with lab.opened() as store:
            review.judge(store, item.id, author(), turn, seconds)
    except SiriusError as error:
        st.session_state["_notice"] = str(error)
        return
    st.session_state.setdefault("rv_judged", {})[item.id] = turn
    st.query_params["rv"] = item.id


def go_on(experiment: str, round: int) -> None:
    with lab.opened() as store:
        review.go_on(store, experiment, round)
    on(experiment)


def on(experiment: str) -> None:
    """The round goes on."""
    st.session_state.pop("rv_over", None)
    leave()
    lab.launch(experiment)


# -- rewritten instructions --------------------------------------------------------------------------------------------
def rewrite_of(store: Store, item: str) -> Rewrite | None:
    """The rewritten instruction with that id; None if it is a repair's."""
    try:
        return store.rewrites.get(item)
    except Missing:
        return None


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
                seconds=seconds,
            )
            over = not rewriting.waiting(store, r.experiment, r.round)
    except SiriusError as error:
        st.session_state["_notice"] = str(error)
        return
    leave()
    if over:
        last_one(r.experiment, r.round)
