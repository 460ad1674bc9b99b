"""How am I doing: planted repairs caught, agreement with the critic on blind ones, the pace."""

from __future__ import annotations

from statistics import median

import streamlit as st

from sirius_core import review
from sirius_core.store import Experiment, Store

from . import actions, code, desk, lab, small_bars
from .numbers import many


def panel(store: Store, e: Experiment) -> None:
    """One's own figures, and those of everybody who decided here."""
    desk.name()
    caught, agreed = review.catches(store, e.id), review.blind_agreement(store, e.id)
    seconds = [s for s in review.dwell(store, e.id) if s]
    for who in sorted({actions.author(), *caught, *agreed}, key=lambda name: (name != actions.author(), name)):
        st.markdown(f"**{lab.plain(who)}**")
        bars = [small_bars.counted(label, *found[who], strong=True)
                for label, found in (("planted ones caught", caught), ("blind: same turn as the critic", agreed))
                if who in found]
        if bars:
            small_bars.draw(bars)
        else:
            st.caption("No planted repair and no blind one decided yet.")
    if caught or agreed:
        code.copy("reviewers", code.call("reviewers", e.id))
    if seconds:
        st.markdown(f"**Seconds on the screen**: median {median(seconds):.1f}, "
                    f"{many(len(seconds), 'decision')} one by one")
        with st.container(key="dwell"):
            small_bars.draw(small_bars.paces(seconds))
        code.copy("dwell", code.call("decisions", e.id))
    with st.expander("Why some are planted and some are blind", type="compact"):
        s = e.settings
        st.caption(
            "People come to accept what a machine suggests. So a share of the queue is planted (setting planted: "
            f"{s.planted:.0%}): repairs made wrong by a rule. Whatever is decided of one, it never enters a training "
            f"set, and afterwards the page says what it was. And a share is blind (setting blind: {s.blind:.0%}): you "
            "say where the episode went wrong before you see what the critic says."
        )


def told(store: Store) -> None:
    """A quiet line about the item decided last, if it was planted."""
    planted = actions.told()
    if isinstance(planted, int):
        st.caption(f":material/info: {many(planted, 'planted one')} stood among those that you accepted together. They "
                   "enter no training set.")
        return
    if planted is None:
        return
    word = "You had been told so: your first decision of it counts" if planted.told else \
        "You caught it" if planted.caught else "You let it through; it enters no training set all the same"
    icon = ":material/verified:" if planted.caught else ":material/info:"
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="told"):
        st.caption(f"{icon} That one was planted: {lab.plain(planted.rule)}. {word}.", width="content")
