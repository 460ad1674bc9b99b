"""Which game is shown as a table: by round, kind and number; the address names it."""

from __future__ import annotations

import streamlit as st

from sirius_core import tasks
from sirius_core.errors import Missing
from sirius_core.store import Experiment, Store
from sirius_core.store.filters import places
from sirius_core.trajectories import Task, Trajectory

from . import episodes, games_table, games_words

SHOWN = 400  # games in a list
FIRST = ("human", "evaluate:heldout:sampled", "propose")  # kinds of game to begin with, if there are any


def draw(store: Store, e: Experiment) -> None:
    wanted = st.query_params.get("traj")
    t = named(store, e, wanted) if wanted else None
    t = choose(store, e, t)
    if t is None:
        st.caption("Nothing has been played yet.")
        return
    games_table.draw(store, e, t)


def named(store: Store, e: Experiment, trajectory: str) -> Trajectory | None:
    """The game that the address names; a link into another experiment opens that one."""
    try:
        t = store.episodes.get(trajectory)
    except Missing:
        st.warning("This database has no such game.", icon=":material/search_off:")
        return None
    if t.path.experiment not in (e.id, st.session_state.get("_open")):
        st.session_state["_open"] = t.path.experiment
        st.rerun()
    return t if t.team == e.settings.source else None


def choose(store: Store, e: Experiment, t: Trajectory | None) -> Trajectory | None:
    """Round, kind and game as selectors: the address leads, and follows what is picked."""
    known = [(r, p) for r, p in places(store.db, e.id) if p.partition(":")[0] not in ("whatif", "blame")]
    if t is not None and (t.path.round, t.path.phase) not in known:
        known.append((t.path.round, t.path.phase))  # a replay that a link names
    if not known:
        return None
    wish = st.session_state.get("gm_wish")
    round, phase = (t.path.round, t.path.phase) if t is not None else wish if wish in known else first(known)
    found = store.episodes.find(e.id, round=round, phase=phase, whole=False)[:SHOWN]
    if t is not None and t.id not in {x.id for x in found}:
        found = [t, *found]
    about, ids = store.episodes.tasks([x.task for x in found]), [x.id for x in found]
    names = {x.id: title(about[x.task], x) for x in found}
    t = t or store.episodes.get(ids[0])
    keep = st.session_state
    keep["gm_round"], keep["gm_kind"], keep["gm_game"] = round, phase, t.id
    with st.container(horizontal=True, vertical_alignment="bottom", key="gm_pick"):
        st.selectbox("Round", sorted({r for r, _ in known}), key="gm_round", width=90, on_change=_elsewhere,
                     args=(known,))
        st.selectbox("Kind", [p for r, p in known if r == round], key="gm_kind", width=240, on_change=_elsewhere,
                     args=(known,), format_func=lambda p: games_words.sentence(kind(e, p)))
        st.selectbox("Game", ids, key="gm_game", width=430, on_change=_picked, format_func=lambda i: names.get(i, i))
    st.query_params["traj"] = t.id
    return t


def _elsewhere(known: list[tuple[int, str]]) -> None:
    """Another round or kind: its first game."""
    keep = st.session_state
    round, kind = keep["gm_round"], keep["gm_kind"]
    keep["gm_wish"] = (round, kind) if (round, kind) in known else first([k for k in known if k[0] == round])
    st.query_params.pop("traj", None)


def _picked() -> None:
    st.query_params["traj"] = st.session_state["gm_game"]


def first(known: list[tuple[int, str]]) -> tuple[int, str]:
    """The kind to begin with, of the last round that has it."""
    for wanted in FIRST:
        if rounds := [r for r, p in known if p == wanted]:
            return max(rounds), wanted
    return known[-1]


def kind(e: Experiment, phase: str) -> str:
    """A phase as people call it: ``held-out games, sampled``."""
    head, _, rest = phase.partition(":")
    split, _, mode = rest.partition(":")
    if head == "evaluate":
        return f"{tasks.split_title(e.settings.source, split)}, {mode}"
    return episodes.phase(phase)


def title(task: Task, t: Trajectory) -> str:
    """``game 7, the buyer counts: deal: X for 52 ZUP``"""
    who = games_words.counts(task)
    came = t.reward.read if t.reward is not None and t.reward.read else t.outcome.answer or t.outcome.why
    return f"{task.data['number']}, {who}: {came}"
