"""A contrast before it is made: question, arms, seeds, what is held equal; the TOML that says the same; how long."""

from __future__ import annotations

from typing import NamedTuple

import streamlit as st

from sirius_core import campaign
from sirius_core.contrast import EQUAL, Plan, results
from sirius_core.contrast.duration import about
from sirius_core.contrast.plan import unfit_name
from sirius_core.contrast.writing import toml
from sirius_core.errors import SiriusError
from sirius_core.settings import PRESETS
from sirius_core.store import Store

from . import contrast_arms, contrast_draft, contrast_live, contrast_sources, form, lab
from .numbers import clock, many

EQUALS = {
    "": "Every arm takes what it takes. What was not equal stands beside the verdict.",
    "calls": "In each round an arm's tries and repairs may make as many model calls as the first arm's did with the "
    "same seed; what repairs leave over is spent on more tries at problems that failed.",
    "tokens": "The same in tokens, read and written: for arms whose calls are not of the same length.",
    "examples": "In each round an arm learns from as many examples as the first arm did with the same seed: what "
    "differs is which examples, not how many.",
    "steps": "In each round an arm is trained for as many optimiser steps as the first arm was with the same seed: "
    "the same amount of training, however many examples.",
}


def draw(store: Store) -> None:
    """The whole first movement: begin from somewhere, change it, see what is wrong, make it."""
    with st.container(border=True):
        st.subheader("Two or more ways, one question", anchor=False)
        st.caption("Arms play the same problems with the same seeds and differ only in what you say here.")
        contrast_sources.draw()
    draft = contrast_draft.current()
    left, right = st.columns([3, 2], gap="small")
    below = st.container()
    with left.container(border=True, height="stretch"):
        said = _question(draft)
    with below:
        plan, wrong = _plan(draft, said)
    with right.container(border=True, height="stretch"):
        _summary(store, plan, wrong)
    if plan is not None:
        with st.container(border=True):
            st.subheader("The same as a file, and from a terminal", anchor=False)
            _file(plan)


class _Said(NamedTuple):
    name: str
    question: str
    preset: str
    seeds: str
    equal: str


def _question(draft: contrast_draft.Draft) -> _Said:
    """What is asked, where the settings start, with which seeds, what is held equal."""
    key = f"ct{draft.number}"
    question = st.text_area("Question", draft.question, key=f"{key}_question", max_chars=500, height=80,
                            persist_state="session")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.text_input("Name", draft.name, key=f"{key}_name", max_chars=60, width=300, persist_state="session")
        seeds = st.text_input("Seeds", draft.seeds, key=f"{key}_seeds", width=150, max_chars=400,
                              persist_state="session",
                              help="How many (5: the seeds 0 to 4), or which: 3, 7, 11. Every arm runs with each.")
    start = st.segmented_control("Preset", list(PRESETS), default=draft.preset, required=True, key=f"{key}_preset",
                                 persist_state="session") or draft.preset
    equal = st.segmented_control("Held equal", EQUAL, default=draft.equal, required=True, key=f"{key}_equal",
                                 persist_state="session", format_func=lambda e: e or "nothing") or ""
    st.caption(EQUALS[equal])
    return _Said(name.strip(), question.strip(), start, seeds or "", equal)


def _plan(draft: contrast_draft.Draft, said: _Said) -> tuple[Plan | None, str]:
    """(the plan that the widgets make, what is wrong with it); None where they make none."""
    arms, common = contrast_arms.draw(draft, said.preset)
    try:
        plan = Plan(said.name, tuple(arms), said.question, said.preset, contrast_draft.seeds(said.seeds), said.equal,
                    common, draft.lesson)
    except SiriusError as error:
        return None, str(error)
    return plan, _clash(plan)


def _clash(plan: Plan) -> str:
    """What is wrong with the settings of an arm, as far as can be known before anything is asked."""
    for arm in plan.arms:
        if said := unfit_name(arm.name):
            return f"{said[0].upper()}{said[1:]}."
        changes = {**plan.settings, **arm.changes}
        if said := form.clashes(plan.preset, changes) or form.missing(plan.settings_of(arm)):
            return f"Arm {arm.name!r}: {said}"
    return results.differing_tests(plan) or results.starved(plan)


def _summary(store: Store, plan: Plan | None, wrong: str) -> None:
    st.subheader("What it will be", anchor=False)
    if wrong:
        st.error(lab.plain(wrong), icon=":material/error:")
    if plan is None:
        return
    differs, runs = plan.differing(), len(plan.arms) * len(plan.seeds)
    st.markdown(f"**{many(runs, 'run')}**: {many(len(plan.arms), 'arm')} × {many(len(plan.seeds), 'seed')}, "
                f"{_time(store, plan)}.")
    if differs:
        st.caption("The arms differ in " + ", ".join(f"`{name}`" for name in differs) + ".")
    else:
        st.warning("The arms do not differ: what comes out is chance alone. That is a good thing to see once.",
                   icon=":material/content_copy:")
    if len(plan.seeds) < 3:
        st.caption(f"With {many(len(plan.seeds), 'seed')} the verdict can speak of these checkpoints only. To say that "
                   "one way of learning is better takes three seeds or more.")
    st.button("Go on to predictions", type="primary", icon=":material/arrow_forward:", key="ct_make", on_click=_make,
              args=(plan,), disabled=bool(wrong), help="Makes the contrast. Nothing runs yet: predictions come first.")


def _file(plan: Plan) -> None:
    """The TOML that says the same, to be copied."""
    st.code(toml(plan), language=None, wrap_lines=True)
    st.code("sirius contrast plan.toml", language="bash")


def ready(store: Store, contrast: str, plan: Plan) -> None:
    """A contrast that was made and has not begun: its arms, how long, and the start."""
    st.subheader("What will run", anchor=False)
    for arm in plan.arms:
        changes = ", ".join(f"{n.replace('_', ' ')} {v}" for n, v in arm.changes.items()) or "the preset as it is"
        st.markdown(f"**{lab.plain(arm.name)}** · {lab.plain(changes)}")
    runs = len(plan.arms) * len(plan.seeds)
    st.markdown(f"**{many(runs, 'run')}**, {_time(store, plan)}.")
    st.caption(EQUALS[plan.equal])
    some = bool(store.contrasts.predictions(contrast))
    st.button("Begin" if some else "Begin without a prediction", type="primary" if some else "secondary",
              icon=":material/play_arrow:", key="ct_begin", on_click=contrast_live.act, args=("begin", contrast),
              help="Runs as a process of its own: page and app may be closed. Predictions are locked from then on.")
    with st.expander("The plan as a file", icon=":material/description:", key="ct_toml"):
        _file(plan)


def _time(store: Store, plan: Plan) -> str:
    found = about(store, plan)
    if found.seconds is None:
        return "how long depends on the endpoint"
    told = f" (by {many(found.finished, 'finished run')} like these)" if found.finished else ""
    return f"about {clock(found.seconds)}{told}"


def _make(plan: Plan) -> None:
    try:
        with lab.opened() as store:
            st.query_params["contrast"] = campaign.create(store, plan)
    except SiriusError as error:
        st.session_state["_notice"] = str(error)
