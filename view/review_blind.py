"""A blind item: the reviewer says where the episode went wrong before the critic's view of it is shown."""

from __future__ import annotations

import streamlit as st

from sirius_core.review import Item, Shown

from . import actions, episodes
from .texts import say
from .words import readable

KEYS = 9  # turns beyond have a button without a key


def draw(item: Item, s: Shown, *, dead: bool) -> None:
    """The failed episode, and a button for each turn of it."""
    with st.container(border=True, key="blind"):
        st.subheader("Where did it go wrong?", anchor=False)
        st.caption("This one is blind: you judge the episode first. The critic's view and the rewrite come after.")
        for n, turn in enumerate(s.failed.turns, 1):
            with st.container(gap="xsmall"):
                st.button(
                    f"Turn {n}: {episodes.name(turn)}",
                    icon=episodes.ICONS.get(turn.role, ":material/forum:"),
                    key=f"blame_{n}_of_{item.id}",  # of this item: see decisions.bar
                    shortcut=str(n) if n <= KEYS else None,
                    on_click=actions.judge,
                    args=(item, n - 1),
                    disabled=dead,
                    help=f"Key {n}: it went wrong here." if n <= KEYS else "It went wrong here.",
                )
                say(readable(s.task.source, turn.text), big=True)
        st.button(
            "I cannot tell", icon=":material/question_mark:", key=f"blame_0_of_{item.id}", shortcut="0",
            on_click=actions.judge, args=(item, None), disabled=dead, help="Key 0.",
        )


def ended(s: Shown) -> None:
    """How the failed episode ended, which a reviewer may know before judging."""
    with st.container(border=True, gap="xsmall", key="ended"):
        st.markdown("**How it ended**")
        with st.container(horizontal=True, vertical_alignment="center"):
            episodes.verdict(s.failed)
            st.text(episodes.answer_of(s.task, s.failed) or "no answer")


def compared(item: Item, s: Shown) -> None:
    """What this reviewer said of a blind item, beside what the critic blames."""
    said = st.session_state.get("rv_judged", {})
    if item.id not in said or s.repair.turn is None:
        return
    own, critic = said[item.id], s.repair.turn
    blamed = f"the critic blames turn {critic + 1} ({episodes.name(s.failed.turns[critic])})"
    if own is None:
        st.caption(f"You could not tell; {blamed}.")
    elif own == critic:
        st.caption(f"You and the critic agree: turn {critic + 1} ({episodes.name(s.failed.turns[critic])}).")
    else:
        st.caption(f"You said turn {own + 1} ({episodes.name(s.failed.turns[own])}); {blamed}.")
