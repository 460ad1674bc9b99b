"""Every episode: a filtered table, fifty at a time, and one trajectory as a timeline that can be questioned."""

from __future__ import annotations

import streamlit as st

if not st.session_state.get("_routed"):  # opened by its address on a cold server: the frame comes first
    st.session_state["_goto"] = ("pages/explore.py", st.query_params.to_dict())
    st.switch_page("app.py")

from sirius_core.errors import Missing
from sirius_core.games import GAMES
from sirius_core.store import Experiment, Store
from sirius_core.store.browse import Browse
from sirius_core.trajectories import Trajectory, Turn
from view import asked, blame, episodes, explore_story, explore_table, lab, timeline, whatif
from view.texts import problem
from view.words import readable


# -- choose ----------------------------------------------------------------------------------------------------------
def found(store: Store, e: Experiment, trajectory_id: str) -> Trajectory | None:
    """The episode that the address names; a link into another experiment opens that one."""
    try:
        t = store.episodes.get(trajectory_id)
    except Missing:
        st.warning("This database has no such episode.", icon=":material/search_off:")
        lab.link(lab.EXPLORE, "All episodes", icon=":material/arrow_back:")
        return None
    if t.path.experiment not in (e.id, st.session_state.get("_open")):
        st.session_state["_open"] = t.path.experiment
        st.rerun()
    return t


# -- draw ------------------------------------------------------------------------------------------------------------
def one(store: Store, e: Experiment, t: Trajectory) -> None:
    browse, task, key = Browse(store.db), store.episodes.task(t.task), t.id[:12]
    failed, repairs = explore_story.story_of(store, browse, t)
    mend, writer = t.team.endswith(":mend"), t.team == "writer"
    with st.container(horizontal=True, vertical_alignment="center"):
        explore_table.beside(t.id)
        explore_story.another(browse, e, failed.id)
        raw = st.toggle("Raw text", key="raw", help="The words exactly as the model reads and writes them.")
    if not writer:
        problem(task.question if raw else readable(task.source, task.question))
    alone = t.parent is not None or t.path.phase in ("repair", "rewrite")
    rows = [] if alone else browse.same_problem(e.id, t.task, t.path.phase)
    if len(rows) > 1:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption("The same problem:", width="content")
            episodes.rounds_strip(rows, t.id)
    questions, refusal, closed = asked.of(store, t), asked.why_not(store, e, t), browse.closed(e.id) - 1

    def under(i: int, turn: Turn) -> None:
        whatif.actions(task, t, i, turn, found=questions, rounds=closed, refusal=refusal)

    repair = None
    left, right = st.columns([3, 2], gap="medium")
    with left:
        st.caption(explore_story.what_it_is(t, mend, writer))
        timeline.draw(store, task, t, raw=raw, key=key, at=timeline.linked(t), badges=blame.badges(questions),
                      under=under)
        if refusal and not (mend or writer):
            st.caption(f"No turn can be played otherwise: {lab.plain(refusal)}.")
    with right:
        if writer:
            episodes.new_instruction(t)
        else:
            episodes.verdict_card(task, t, raw=raw)
        repair = explore_story.attempt_of(repairs, key) if repairs and not mend else None
        if t.team in GAMES:
            lab.link(lab.GAMES, "See it as a game", icon=":material/table_rows:", part="game", traj=t.id)
        if repair:
            explore_story.beside(store, task, failed, repair, raw=raw)
        elif t.parent is not None and t.turns:
            explore_story.against_parent(store, task, t, raw=raw)
        elif len(rows) > 1:
            explore_story.in_another_round(store, task, t, rows, raw=raw)
        if not refusal and not t.earned(e.settings.threshold):
            blame.card(t, questions)
    if repair:
        explore_story.further_on(store, task, failed, repair, raw=raw)
    whatif.history(t, questions)
    explore_story.related(store, browse, t, failed, repair)


with lab.opened() as store:
    e = lab.chosen(store)
    if e is None:
        lab.empty("Nothing to explore yet", "When a team has played, every episode can be opened here, turn by turn.")
    elif wanted := st.query_params.get("traj"):
        if t := found(store, e, wanted):
            one(store, e, t)
    else:
        explore_table.draw(store, e)
