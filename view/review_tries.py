"""What a reviewer tries before it is saved: a text in place of the turn, or a critique that the role carries out.

``rv_tried`` (texts) and ``rv_advised`` (critiques) keep, by item, what was tried and which replay it led to: ids and
the typed text, never data. What stands in a box belongs to its item and is kept while other items are on the screen.
"""

from __future__ import annotations

from typing import Any

import streamlit as st

from sirius_core import review
from sirius_core.errors import SiriusError
from sirius_core.review import Item
from sirius_core.store import Store
from sirius_core.trajectories import Repair, Trajectory

from . import lab, trial
from .words import editable, typed

TEXT, CRITIQUE = "the rewrite", "the critique"
_KEPT = {TEXT: "rv_tried", CRITIQUE: "rv_advised"}


def box(item: str, what: str) -> str:
    """The key of the edit box."""
    return f"{'edit' if what == TEXT else 'advice'}_{item}"


def editing(item: str) -> str:
    """What the reviewer edits: the text or the critique."""
    return str(st.session_state.get(f"what_{item}", (TEXT, 0))[0])


def last(item: str, what: str) -> dict[str, Any] | None:
    """What was tried last: ``text`` as it was played, replay ``id``, ``draw``, ``seconds``; of a critique ``shown``."""
    found: dict[str, Any] | None = st.session_state.get(_KEPT[what], {}).get(item)
    return found


def attempt(item: Item, what: str) -> None:
    """Play what stands in the box, at once. The same once more is another draw."""
    shown = st.session_state.get(box(item.id, what)) or ""
    before = last(item.id, what)
    try:
        with lab.opened() as store:
            e = store.experiments.get(item.experiment)
            text = meant(store, item.id, shown, what)
            draw = before["draw"] + 1 if before and before["text"] == text else 0
            if what == TEXT:
                again, seconds = trial.play(store, e, item, text, draw)
                found = {"id": again.id}
            else:
                made, seconds = trial.advise(store, e, item, text, draw)
                found = {"repair": made.id, "id": made.replay}
    except SiriusError as error:
        st.session_state["rv_unread"] = (item.id, what, str(error))
        return
    st.session_state.pop("rv_unread", None)
    kept = st.session_state.setdefault(_KEPT[what], {})
    kept[item.id] = {"text": text, "draw": draw, "seconds": seconds, **found}


def unread(item: str, what: str) -> str:
    """Why the last try could not be played."""
    found = st.session_state.get("rv_unread", ("", "", ""))
    return str(found[2]) if found[:2] == (item, what) else ""


def tried(store: Store, item: str) -> Trajectory | None:
    """The replay of what stands in the box; None if that has not been tried, or came to nothing."""
    what = editing(item)
    found = last(item, what)
    if found is None or found["id"] is None:
        return None
    shown = st.session_state.get(box(item, what))
    same = shown is None or meant(store, item, shown, what) == found["text"]
    return store.episodes.get(found["id"]) if same else None


def savable(store: Store, item: str) -> bool:
    """Whether what stands in the box was tried, is right and gives nothing away: it may enter the library."""
    again, found = tried(store, item), last(item, editing(item)) or {}
    leaks = "repair" in found and bool(store.repairs.get(found["repair"]).leak)
    return again is not None and again.right and not leaks


def meant(store: Store, item: str, shown: str, what: str) -> str:
    """The text that is played for what stands in the edit box."""
    s = review.shown(store, item)
    return typed(s.task.source, shown, starting(s.repair, s.failed, what))


def starting(repair: Repair, failed: Trajectory, what: str) -> str:
    """What the box begins with: the critic's rewrite, or the turn as it was where there is none; its feedback."""
    if what == CRITIQUE:
        return repair.feedback
    return repair.rephrased or (failed.turns[repair.turn].text if repair.turn is not None else "")


def typing(store: Store, item: str) -> bool:
    """Whether what stands in a box of this item is not what it began with."""
    s = review.shown(store, item)
    begins = {what: editable(s.task.source, starting(s.repair, s.failed, what)) for what in _KEPT}
    return any(st.session_state.get(box(item, what), text) != text for what, text in begins.items())
