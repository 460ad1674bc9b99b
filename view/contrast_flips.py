"""Which problems flipped between two arms with one seed, one way or the other; both episodes side by side."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import streamlit as st

from sirius_core.contrast import Plan, telling
from sirius_core.store import Store

from . import code, episodes, lab, timeline
from .numbers import p_text
from .texts import problem
from .words import readable


def draw(store: Store, contrast: str, plan: Plan) -> None:
    """Choose two arms and a seed; a flip opens under the table and stands in the address."""
    st.subheader("Problems that flipped", anchor=False)
    names = [arm.name for arm in plan.arms]
    at = _choose(plan, names)
    one, other = names[at[0]], names[at[1]]
    found = telling.flips(store, contrast, one, other, at[2])
    if found is None:
        st.caption("These two runs are not both done on the same problems: nothing can be set side by side.")
        return
    st.markdown(
        f"Of {found.test.n:,} problems **{found.test.gained}** were right only with {lab.plain(other)}, "
        f"**{found.test.lost}** only with {lab.plain(one)} (McNemar's exact test of "
        f"these two runs alone: {p_text(found.test.p)}).")
    if not found.rows:
        return
    _table(store, contrast, (one, other), at, found)
    if (task := st.query_params.get("task")) is None:
        st.caption("Open one: both episodes stand side by side.")
    else:
        _side_by_side(store, found, (one, other), task)


def _choose(plan: Plan, names: Sequence[str]) -> tuple[int, int, int]:
    """(place of one arm, place of the other, seed), as the address says them."""
    every = list(combinations(range(len(names)), 2))
    asked = st.query_params.get("pair", "")
    pair = next((p for p in every if f"{p[0]}-{p[1]}" == asked), every[0])
    seed = next((s for s in plan.seeds if str(s) == st.query_params.get("seed")), plan.seeds[0])
    st.session_state["ct_pair"], st.session_state["ct_seed"] = pair, seed
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if len(every) > 1:
            st.selectbox("Two arms", every, key="ct_pair", on_change=_chosen, width=330,
                         format_func=lambda p: f"{names[p[0]]} | {names[p[1]]}")
        if len(plan.seeds) > 1:
            st.selectbox("Seed", list(plan.seeds), key="ct_seed", on_change=_chosen, width=110)
    return *pair, seed


def _chosen() -> None:
    pair = st.session_state["ct_pair"]
    st.query_params["pair"], st.query_params["seed"] = f"{pair[0]}-{pair[1]}", str(st.session_state["ct_seed"])
    st.query_params.pop("task", None)


def _table(store: Store, contrast: str, arms: tuple[str, str], at: tuple[int, int, int], found: telling.Flips) -> None:
    lines = [{"": "open", "right": row["right"], "question": readable(_source(store, row), row["question"])}
             for row in found.rows]
    st.dataframe(
        lines, hide_index=True, key="ct_flips", height=35 * (min(len(lines), 8) + 1) + 3,
        alt="Problems that one of the two arms got right and the other did not",
        column_config={
            "": st.column_config.ButtonColumn(on_click=_open, args=([row["task"] for row in found.rows], at),
                                              key="ct_open_flip", width=70),
            "right": st.column_config.TextColumn("right only with", width=150),
            "question": st.column_config.TextColumn(width=600),
        },
    )
    code.copy("ct_flips", code.call("flips", contrast, *arms, at[2]))


def _source(store: Store, row: telling.Row) -> str:
    return store.episodes.task(row["task"]).source


def _open(ids: list[str], at: tuple[int, int, int]) -> None:
    st.query_params["pair"], st.query_params["seed"] = f"{at[0]}-{at[1]}", str(at[2])
    st.query_params["task"] = ids[st.session_state["ct_open_flip"].row]


def _side_by_side(store: Store, found: telling.Flips, arms: tuple[str, str], wanted: str) -> None:
    """The problem, and both episodes turn by turn."""
    ids = telling.flipped(store, found, wanted)
    if ids is None:
        st.warning("The link names a problem that these two runs did not answer.", icon=":material/link_off:")
        return
    task = store.episodes.task(wanted)
    raw = st.toggle("Raw text", key="ct_raw", help="The words exactly as the model reads and writes them.")
    problem(task.question if raw else readable(task.source, task.question))
    for place, column in enumerate(st.columns(2, gap="medium")):
        t, run = store.episodes.get(ids[place]), (found.one, found.other)[place]
        with column:
            with st.container(horizontal=True, vertical_alignment="center"):
                st.markdown(f"**{lab.plain(arms[place])}**, seed {run.seed}", width="content")
                episodes.verdict(t)
                st.caption(lab.plain(episodes.answer_of(task, t) or "no answer"), width="content")
            timeline.draw(store, task, t, raw=raw, key=f"ct_{place}_{t.id[:12]}")
            lab.link(lab.EXPLORE, "Open it in Explore", icon=":material/timeline:", exp=run.experiment, traj=t.id)
