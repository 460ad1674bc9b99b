"""A lesson's question: what the class thinks, and only then what came of it over many seeds, and the teacher's note."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from sirius_core import frames
from sirius_core.contrast import Plan
from sirius_core.lessons import Lesson
from sirius_core.lessons.curves import learning

from . import charts, code, lab, lesson_again
from .columns import written
from .numbers import many
from .texts import say

NEITHER = ""  # the vote that no arm comes out ahead


def draw(known: Sequence[Lesson]) -> None:
    lesson = choose(known)
    with st.container(border=True, gap="small", key="lesson_question"):
        st.subheader(lab.plain(lesson.question), anchor=False)
        setup(lesson.plan)
        vote(lesson)
    if lesson.key in st.session_state.get("ls_revealed", ()):
        outcome(lesson)
        lesson_again.draw(lesson)


# -- choose ------------------------------------------------------------------------------------------------------------
def choose(known: Sequence[Lesson]) -> Lesson:
    """The lesson that the address names, else the first."""
    keys = {lesson.key: lesson for lesson in known}
    lab.known("lesson", keys, "a lesson")
    key = st.query_params.get("lesson")
    chosen = key if key in keys else next(iter(keys))
    st.session_state["ls_lesson"] = chosen

    def follow() -> None:
        st.query_params["lesson"] = st.session_state["ls_lesson"]

    st.selectbox("Lesson", list(keys), key="ls_lesson", on_change=follow,
                 format_func=lambda k: f"{list(keys).index(k) + 1}. {keys[k].title}")
    return keys[chosen]


def votes() -> dict[str, str]:
    """{lesson: the arm that was voted for, or `NEITHER`} of this session."""
    kept: dict[str, str] = st.session_state.setdefault("ls_votes", {})
    return kept


# -- draw --------------------------------------------------------------------------------------------------------------
def setup(plan: Plan) -> None:
    """What is compared, arm by arm, and what is held equal."""
    differing, lines = plan.differing(), list[str]()
    for arm in plan.arms:
        settings = plan.settings_of(arm).as_dict()
        said = ", ".join(f"{name.replace('_', ' ')}: {settings[name]}" for name in differing) or "the same settings"
        lines.append(f"- **{lab.plain(arm.name)}** ({lab.plain(said)})")
    st.markdown("\n".join(lines))
    s = plan.settings_of(plan.arms[0])
    held = f"Held equal in each round: {plan.equal}. " if plan.equal else ""
    st.caption(f"{held}{many(s.rounds, 'round')}, {many(s.problems, 'training problem')}, tested on "
               f"{many(s.heldout, 'held-out problem')}.")


def vote(lesson: Lesson) -> None:
    """Raise your hands: which arm ends ahead? What came is shown only after it, and then the vote stands."""
    key, before = f"ls_vote_{lesson.key}", votes().get(lesson.key)
    if lesson.key in st.session_state.get("ls_revealed", ()):
        st.markdown(f"You said: **{named(before or NEITHER)}**.")
        return
    options = [*(arm.name for arm in lesson.plan.arms), NEITHER]

    def cast() -> None:
        votes()[lesson.key] = st.session_state[key]

    st.radio("What do you think: which ends ahead on the held-out problems?", options, key=key, on_change=cast,
             index=options.index(before) if before in options else None, format_func=named)
    st.button("Show what came", type="primary", icon=":material/visibility:", key="ls_reveal", on_click=reveal,
              args=(lesson.key,), disabled=before is None)


def named(arm: str) -> str:
    return lab.plain(arm) if arm else "no difference of more than two points"


def reveal(key: str) -> None:
    st.session_state["ls_revealed"] = {*st.session_state.get("ls_revealed", ()), key}


def outcome(lesson: Lesson) -> None:
    """What many predict, what came, the curves of every seed, and the note for whoever teaches."""
    with st.container(border=True, gap="small", key="lesson_outcome"):
        if lesson.measured is not None:
            if votes().get(lesson.key) == lesson.ahead:
                st.badge("as you said", icon=":material/check:", color="green")
            else:
                st.badge("not as you said", icon=":material/close:", color="orange")
        st.markdown("**What many predict**")
        say(lesson.wrong)
        st.markdown("**What came**")
        say(lesson.outcome, big=True)
        if lesson.measured is None:
            st.caption("This lesson has not been measured over many seeds yet: run it below.")
        else:
            curves(lesson, lesson.measured)
        with st.expander("For the teacher", icon=":material/school:", key=f"note_{lesson.key}"):
            say(lesson.note)


def curves(lesson: Lesson, measured: Mapping[str, Any]) -> None:
    """The sentence over all seeds, a line for each, and where the arms ended."""
    say(measured["sentence"])
    st.caption(f"{measured['seeds']} seeds, {measured['items']:,} held-out problems each. In "
               f"{measured['share_as_stated']} of the {measured['seeds']} seeds alone it comes out as stated.")
    with lab.opened() as store:
        table = frames.Frames(store).lesson(lesson.key)
    ends = "; ".join(f"{arm}: {100 * end:.0f} %" for arm, end in zip(table["arm"], table["accuracy"]))
    charts.spec(learning(lesson), key="lesson_learning",
                alt=f"Accuracy by round, each seed a thin line. At the end: {ends}.")
    code.copy("lesson_learning", code.call("lesson_figure", lesson.key))
    number = st.column_config.NumberColumn
    st.dataframe(
        written(table, shares=("accuracy", "low", "high", "lowest", "highest"), counts=["n"]), hide_index=True,
        key="lesson_arms", alt=f"Where each arm ended, over the seeds. {ends}.",
        column_config={"accuracy": number("mean"), "low": number("from", help="The lower end of the 95 % interval of "
                       "the mean, over seeds."), "high": number("to"), "lowest": number("lowest seed"),
                       "highest": number("highest seed"), "n": number("problems")})
    code.copy("lesson_arms", code.call("lesson", lesson.key))
