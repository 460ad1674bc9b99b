"""The episodes of one cell: first answers that are alike, and what was said of them; each opens in Explore."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from sirius_core import flows
from sirius_core.measures.branches import Branch
from sirius_core.store import Experiment, Store

from . import code, lab
from .actor_critic_flow import TITLES
from .numbers import many
from .words import readable

PAGE = 50


def draw(store: Store, e: Experiment, found: Sequence[Branch], cell: str, round: int) -> None:
    """A table of them, fifty at a time."""
    first, _, name = cell.partition("-")
    chosen = [b for b in found if flows.cell_of(b) == cell]
    st.subheader(f"First {first}, {TITLES[name]}", anchor=False)
    if not chosen:
        st.caption("No episode of this round went that way.")
        return
    start = min(st.session_state.get("ac_start", 0), (len(chosen) - 1) // PAGE * PAGE)
    shown = chosen[start : start + PAGE]
    tasks = store.episodes.tasks([b.task for b in shown])
    lines = []
    for b in shown:
        task = tasks[b.task]
        lines.append({
            "": "open", "in the end": "✓ right" if b.final else "✗ wrong",
            "question": readable(task.source, task.question), "said": readable(task.source, b.said),
            "ended": readable(task.source, b.ended), "answer": readable(task.source, task.answer)})
    st.dataframe(
        lines, hide_index=True, key="ac_episodes", height=35 * (min(len(lines), 12) + 1) + 3,
        alt=f"{many(len(chosen), 'episode')}: first {first}, {TITLES[name]}",
        column_config={
            "": st.column_config.ButtonColumn(on_click=open_row, args=(e.id, [b.trajectory for b in chosen], start),
                                              key="ac_open", width=70),
            "question": st.column_config.TextColumn(width=380),
            "said": st.column_config.TextColumn("first answer"),
            "ended": st.column_config.TextColumn("answer in the end", help="The first one where nothing was revised."),
            "answer": st.column_config.TextColumn("right answer"),
        },
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        if len(chosen) > PAGE:
            for label, key, icon, to in (("Back", "ac_back", ":material/chevron_left:", start - PAGE),
                                         ("On", "ac_on", ":material/chevron_right:", start + PAGE)):
                st.button(label, key=key, icon=icon, disabled=not 0 <= to < len(chosen), on_click=_turn, args=(to,))
        st.caption(f"{start + 1:,} to {start + len(shown):,} of {len(chosen):,}")
        part = f"[{start}:{start + PAGE}]" if len(chosen) > PAGE else ""
        code.copy("ac_episodes", code.call("branches", e.id, round=round, cell=cell) + part)


def open_row(experiment: str, ids: list[str], start: int) -> None:
    """Open an episode in Explore, with the others of its cell before and after it."""
    st.session_state["ex_list"] = (ids, {})
    chosen = ids[start + st.session_state["ac_open"].row]
    st.session_state["_goto"] = (lab.EXPLORE, {"exp": experiment, "traj": chosen})


def _turn(to: int) -> None:
    st.session_state["ac_start"] = to
