"""A lesson: a question to vote on and what came of it, a finished experiment step by step, both teams to be asked."""

from __future__ import annotations

import streamlit as st

if not st.session_state.get("_routed"):  # opened by its address on a cold server: the frame comes first
    st.session_state["_goto"] = ("pages/lesson.py", st.query_params.to_dict())
    st.switch_page("app.py")

from sirius_core import lessons
from view import lab, lesson_ask, lesson_question, lesson_steps
from view.texts import PRESENTING

PARTS = {
    "question": ":material/how_to_vote: The question",
    "steps": ":material/footprint: Step by step",
    "ask": ":material/forum: Ask both",
}


# -- choose ------------------------------------------------------------------------------------------------------------
def part() -> str:
    """What the address asks for (``?part=ask``); a step or a try of its own is step by step."""
    asked = st.query_params.get("part")
    if asked in PARTS:
        return asked
    return "steps" if {"step", "ep"} & {*st.query_params} else "question"


def choice() -> None:
    """The parts as a row of buttons. After a choice it is a new control: the old one would keep the arrow keys."""
    key = f"ls_part_{part()}"

    def follow() -> None:
        st.query_params["part"] = st.session_state[key]

    st.segmented_control("Part", list(PARTS), default=part(), key=key, on_change=follow, required=True,
                         format_func=PARTS.get, label_visibility="collapsed")


def presenting() -> None:
    """Type that the last row can read, as long as the switch is on."""
    if st.toggle("Large type", key="ls_large", persist_state="session", help="For a projector: everything on this page "
                 "in larger letters, as long as it is on."):
        st.html(PRESENTING)


# -- draw --------------------------------------------------------------------------------------------------------------
with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute", key="lesson_top"):
    choice()
    presenting()
if part() == "steps":
    lesson_steps.draw()
elif part() == "ask":
    with lab.opened() as store:
        lesson_ask.draw(store, lab.chosen(store))
else:
    lesson_question.draw(lessons.all())
