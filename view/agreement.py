"""Do reviewers agree? A table of every two of them, and the second looks that are left for the one who is here."""

from __future__ import annotations

import time

import streamlit as st

from sirius_core import frames, review, worth
from sirius_core.errors import SiriusError
from sirius_core.store import Experiment, Store

from . import actions, code, desk, lab, review_item, review_side
from .numbers import many


def card(store: Store, e: Experiment) -> None:
    """How far people agree on the same repairs; nothing where nobody is to look twice and nobody has."""
    round = worth.reviewed(store, e.id)
    table = frames.Frames(store).agreement(e.id)
    if round is None or (not e.settings.doubled and table.empty):
        return
    with st.container(border=True, key="agreement"):
        st.subheader("Do reviewers agree?", anchor=False)
        if table.empty:
            st.caption("Known when a second reviewer has looked at what another has decided.")
        else:
            number = st.column_config.NumberColumn
            st.dataframe(
                table,
                hide_index=True,
                key="agreement_table",
                alt="Agreement of every two reviewers, with Cohen's kappa and its interval",
                column_order=["one", "other", "agreed", "n", "kappa", "low", "high"],
                column_config={
                    "one": "reviewer",
                    "other": "and",
                    "agreed": number("agree on"),
                    "n": number("of"),
                    "kappa": number("kappa", format="%.2f", help="Agreement beyond chance: 1 is full, 0 is what chance "
                                    "gives. Empty where both only ever gave one answer."),
                    "low": number("from", format="%.2f", help="The lower end of the 95 % interval."),
                    "high": number("to", format="%.2f", help="The upper end of the 95 % interval."),
                },
            )
            code.copy("agreement_table", code.call("agreement", e.id))
        _second_looks(store, e, round)


def _second_looks(store: Store, e: Experiment, round: int) -> None:
    """One decided repair after the other, without the decision; what is said here admits nothing."""
    left = review.second(store, e.id, round, actions.author())
    desk.name()
    if not left:
        st.caption("Nothing is left for a second look under this name.")
        return
    if not st.toggle(f"Look at {many(len(left), 'decided repair')} once more", key="second"):
        return
    item = left[0]
    s = review.shown(store, item.id)
    if st.session_state.get("second_shown", ("",))[0] != item.id:
        st.session_state["second_shown"] = (item.id, time.monotonic())
    review_side.question(s)
    review_item.card(item, s)
    review_side.evidence(store, item)
    review_side.answer(s)
    with st.container(horizontal=True):
        for verdict, label, icon in (("accept", "It may enter", ":material/check:"),
                                     ("reject", "It may not", ":material/close:")):
            st.button(label, icon=icon, key=f"second_{verdict}", on_click=_opine, args=(item.id, verdict))
    st.caption("You do not see what the other one decided. It stands, whatever you say: only agreement is measured.")


def _opine(item: str, verdict: str) -> None:
    """What was in view long enough counts; a press that comes too early begins the wait anew."""
    shown, since = st.session_state.get("second_shown", ("", 0.0))
    seconds = time.monotonic() - since
    if shown != item or seconds < actions.DWELL:
        return
    try:
        with lab.opened() as store:
            review.opine(store, item, actions.author(), verdict, seconds=min(actions.LONGEST, seconds))
    except SiriusError as error:
        st.session_state["_notice"] = str(error)
