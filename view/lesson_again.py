"""A lesson run again: with the viewer's own seed and one setting changed, to be predicted on the contrast page."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import streamlit as st

from sirius_core import campaign
from sirius_core.contrast import Plan
from sirius_core.contrast.plan import HELD
from sirius_core.errors import SiriusError
from sirius_core.lessons import Lesson
from sirius_core.settings import FIELDS

from . import form, lab
from .numbers import many

GROUPS = ("run", "repair", "debate", "training")  # whose settings a lesson is about
SEEDS = 3  # the fewest from which on something can be said about the recipe
NOTHING = ""
FIRST = ("base", "rounds", "problems", "max_solutions", "temperature", "rate", "epochs", "sharing")


def draw(lesson: Lesson) -> None:
    """A seed, a setting and its value, and the button that makes a contrast of them."""
    plan = lesson.plan
    with st.container(border=True, gap="small", key="lesson_again"):
        st.subheader("Run it again, your way", anchor=False)
        st.caption(f"The same contrast with {many(SEEDS, 'seed')} from yours on, and one setting changed for all arms. "
                   "You can write down a prediction before it starts.")
        with st.container(horizontal=True, vertical_alignment="bottom"):
            seed = st.number_input("Your seed", 0, 2**31, 1, step=1, key=f"ls_seed_{lesson.key}",
                                   persist_state="session")
            name = st.selectbox("One setting changed", [NOTHING, *changeable(plan)], key=f"ls_setting_{lesson.key}",
                                format_func=lambda n: n.replace("_", " ") or "none", persist_state="session")
        value: Any = None
        if name:
            default = plan.settings_of(plan.arms[0]).as_dict()[name]
            value = form.field(name, f"again_{lesson.key}", default)
            if value == default:
                st.caption(":material/info: This is its value in the lesson: change it, or take another setting.")
        st.button("Make it a contrast", type="primary", icon=":material/compare_arrows:", key="ls_again",
                  on_click=make, args=(lesson.key, plan, int(seed), name or NOTHING, value))


def changeable(plan: Plan) -> list[str]:
    """Settings that may be changed for all arms: those in which no arm differs and that no budget decides."""
    taken = {*plan.differing(), *(n for arm in plan.arms for n in arm.changes), HELD.get(plan.equal, ""), "recipe"}
    known = [n for n, f in FIELDS.items() if f.metadata["group"] in GROUPS and n not in taken]
    return [*(n for n in FIRST if n in known), *(n for n in known if n not in FIRST)]


def changed(plan: Plan, seed: int, name: str, value: Any) -> Plan:
    """The plan with these seeds and this setting; UsageError where it does not fit."""
    more = {name: value} if name else {}
    said = f", {name}={value}" if name else ""
    return replace(plan, name=f"{plan.name}{said}", seeds=tuple(range(seed, seed + SEEDS)),
                   settings={**plan.settings, **more})


def make(key: str, plan: Plan, seed: int, name: str, value: Any) -> None:
    """The contrast, and the page where it is predicted and started (a callback)."""
    try:
        with lab.opened() as store:
            made = campaign.create(store, changed(plan, seed, name, value))
    except SiriusError as error:
        st.session_state["_notice"] = str(error)
        return
    st.session_state["_goto"] = (lab.CONTRAST, {"exp": st.session_state.get("exp") or "", "contrast": made})
