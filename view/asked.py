"""Questions about an episode on the page: asked, followed while they are answered, listed below it."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from sirius_core import inquiries, jobs, recipes
from sirius_core.errors import SiriusError
from sirius_core.store import ACTIVE, Experiment, Inquiry, Store
from sirius_core.trajectories import Trajectory

from . import lab
from .actions import author
from .numbers import many

Draw = Callable[[Store, Inquiry, str], None]  # (store, an answered inquiry, key)


def why_not(store: Store, e: Experiment, t: Trajectory) -> str:
    """Why nothing can be asked about an episode; empty where it can. A person's own recipe is not run to find out."""
    if e.settings.recipe not in (*recipes.RECIPES, "imported"):
        return "" if not t.team.endswith(":mend") and t.team != "writer" else "only the team's own turns"
    try:
        inquiries.playable(store, e, t)
    except SiriusError as error:
        return str(error)
    return ""


def ask(place: str, trajectory: str, **question: object) -> None:
    """Ask, and start the process that answers. What is refused stands beside ``place`` until the next try."""
    st.session_state.pop("asked_refused", None)
    try:
        with lab.opened() as store:
            inquiry = inquiries.ask(store, trajectory, author=author(), **question)  # type: ignore[arg-type]
            waits = inquiries.status(store, inquiry).status == "queued"
        if waits:
            jobs.launch_inquiry(lab.path(), inquiry)
    except SiriusError as error:
        st.session_state["asked_refused"] = (place, str(error))


def again(inquiry: str) -> None:
    """Go on with a question that was stopped."""
    try:
        with lab.opened() as store:
            store.inquiries.set(inquiry, status="queued", message="", pid=None)
        jobs.launch_inquiry(lab.path(), inquiry)
    except SiriusError as error:
        st.session_state["_notice"] = str(error)


def stop(inquiry: str) -> None:
    inquiries.cancel(lab.path(), inquiry)


def refused(place: str) -> None:
    """What was wrong with the last question from ``place``."""
    last = st.session_state.get("asked_refused")
    if last and last[0] == place:
        st.error(lab.plain(last[1]), icon=":material/error:")


def follow(asked: Inquiry, key: str, draw: Draw) -> None:
    """The answer, or how far it is: only this part moves, and only while it is being answered."""
    moving = asked.status in ACTIVE
    st.fragment(_follow, run_every=0.5 if moving else None)(asked.id, key, draw)


def _follow(inquiry: str, key: str, draw: Draw) -> None:
    followed: set[str] = st.session_state.setdefault("asked_followed", set())
    with lab.opened() as store:
        asked = inquiries.status(store, inquiry)
        if asked.status in ACTIVE:
            followed.add(inquiry)
            _moving(asked, key)
        elif inquiry in followed:
            followed.discard(inquiry)
            st.rerun(scope="app")  # its answer stands at more than one place
        elif asked.status == "done":
            draw(store, asked, key)
        else:
            said = lab.plain(asked.message or "There is no answer.")
            (st.error if asked.status == "failed" else st.warning)(said, icon=":material/stop_circle:")
            st.button("Go on", icon=":material/play_arrow:", key=f"again_{key}", on_click=again, args=(inquiry,))


def _moving(asked: Inquiry, key: str) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        share = min(1.0, asked.done / asked.total) if asked.total else 0.0
        said = f"{asked.done:,} of {many(asked.total, 'replay')}" if asked.total else "the team is called together"
        st.progress(share, text=said)
        st.button("Stop", icon=":material/stop:", type="tertiary", key=f"stop_{key}", on_click=stop, args=(asked.id,))


def spoken_by(asked: Inquiry) -> str:
    """Who spoke in the replays, in words."""
    if asked.spoken == 0:
        return "spoken by the untrained base"
    return f"spoken by the checkpoints in force after round {asked.spoken}"


def of(store: Store, t: Trajectory) -> list[Inquiry]:
    """Everything that was asked about an episode, newest first, each with the status that is true now."""
    return [inquiries.alive(store, a) for a in store.inquiries.of(t.id)]
