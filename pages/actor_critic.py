"""What a judge, a critic and a second answer do to an actor's first one: the flow, its confusion table, the curves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

if not st.session_state.get("_routed"):  # opened by its address on a cold server: the frame comes first
    st.session_state["_goto"] = ("pages/actor_critic.py", st.query_params.to_dict())
    st.switch_page("app.py")

from sirius_core import flows, jobs
from sirius_core.store import Experiment, Store
from view import actor_critic_cell, actor_critic_flow, charts, lab, live, measures
from view.numbers import share

PRESET = "actor-critic"
CURVES = {  # figure: (title, what it shows and which way is better)
    "first_and_final": ("First and final answers", "Higher is better. The gap between first and final answers is what "
                        "judging and revising add; right and passed is Table 5's TP."),
    "judging": ("Judge, mending, spoiling", "Judge and mending: higher is better; a judge at 50 % guesses. Spoilt "
                "(dashed): lower is better."),
}


# -- choose ------------------------------------------------------------------------------------------------------------
def chosen_round(reports: Sequence[dict[str, Any]]) -> int:
    """The round that the address asks for (``?round=2``); without one the last that closed."""
    last, asked = len(reports) - 1, st.query_params.get("round")
    if asked is None:
        return last
    if not asked.isascii() or not asked.isdigit() or int(asked[:6]) > last:
        st.warning(f"The link names round {lab.plain(repr(asked[:20]))}, which is not here.",
                   icon=":material/link_off:")
        return last
    return int(asked)


def go_to_round() -> None:
    st.query_params["round"] = str(st.session_state["ac_round"])
    st.session_state.pop("ac_start", None)


def round_control(reports: Sequence[dict[str, Any]], round: int) -> None:
    if len(reports) > 1:
        st.session_state["ac_round"] = round
        st.segmented_control("Round", range(len(reports)), key="ac_round", on_change=go_to_round, required=True,
                             format_func=lambda r: "base" if r == 0 else f"round {r}", label_visibility="collapsed")


def look_at_settings() -> None:
    """The run page with the preset chosen."""
    st.session_state["preset"] = PRESET
    st.session_state["_goto"] = (lab.RUN, {"exp": st.session_state.get("exp") or ""})


# -- draw --------------------------------------------------------------------------------------------------------------
def draw(store: Store, e: Experiment) -> None:
    reports = store.experiments.reports(e.id)
    if not reports:
        waits(store, e)
        return
    round = chosen_round(reports)
    found = flows.of_round(store, e, round)
    if not found:
        other_team(e)
        return
    round_control(reports, round)
    for line in actor_critic_flow.said(reports[round].get("measures", ())):
        st.markdown(line)
    with st.container(border=True):
        st.subheader(f"What became of {len(found):,} held-out problems", anchor=False)
        actor_critic_flow.picture(e, found, round)
        cell = actor_critic_flow.tiles(e, found, round)
        if cell:
            actor_critic_cell.draw(store, e, found, cell, round)
    curves(store, e, reports)
    with st.container(border=True):
        measures.table(store, e, round)
    lab.link(lab.EXPLORE, "All episodes of these tests", icon=":material/table_rows:", ex_kind="evaluation",
             ex_round=str(round))


def curves(store: Store, e: Experiment, reports: Sequence[dict[str, Any]]) -> None:
    """How it went from round to round, with 95 % intervals."""
    with st.container(border=True):
        st.subheader("Round by round", anchor=False)
        for column, (name, (title, what)) in zip(st.columns(2, gap="medium"), CURVES.items(), strict=True):
            with column:
                told = "; ".join(f"round {r['round']}: {share(row['value'], 0)}" for r in reports
                                 if (row := measures.of(r, "final" if name == "first_and_final" else "judge_balanced")))
                st.markdown(f"**{title}**")
                charts.stored(store, e, name, hold=True, height=310, alt=f"{title}, by round. {told}.")
                st.caption(what)


def waits(store: Store, e: Experiment) -> None:
    """Nothing is tested yet."""
    with st.container(border=True, key="empty"):
        st.subheader("The first test is still to come", anchor=False)
        st.write("When the untrained team has answered the held-out problems, what became of its first answers stands "
                 "here.")
        if live.active(jobs.status(store, e.id)):
            lab.opener("Watch it come", lab.OVERVIEW, icon=":material/insights:")
        else:
            lab.opener("See where it stands", lab.RUN, icon=":material/play_circle:")


def other_team(e: Experiment | None) -> None:
    """No actor here: what this page would show, and how to get there."""
    with st.container(border=True, key="empty"):
        st.subheader("No actor and no critic here" if e else "Nothing has been judged yet", anchor=False)
        if e:
            st.write("The open experiment is played by another team.")
        st.write("In an actor-critic team an actor answers, a judge says True or False, and on False a critic, who "
                 "does not know the right answer either, tells the actor what to look at again. All three learn. This "
                 "page shows what became of every first answer: which were passed, which were flagged, what was mended "
                 "and what was spoilt.")
        with st.container(horizontal=True):
            st.button("Start the preset actor-critic", type="primary", icon=":material/play_arrow:", key="ac_start_one",
                      on_click=lab.new, args=(PRESET, 0, {}))
            st.button("Look at its settings first", icon=":material/tune:", key="ac_settings",
                      on_click=look_at_settings)


with lab.opened() as store:
    e = lab.chosen(store)
    if e is None:
        other_team(None)
    else:
        draw(store, e)
