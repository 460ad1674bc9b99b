"""Rewritten instructions before a person: before and after as a word diff, why, and what the writer had read."""

from __future__ import annotations

import time

import streamlit as st

from sirius_core.store import Experiment, Rewrite, RewriteReview, Store

from . import actions, decisions, lab
from .texts import diff, say

SHOWN = 6  # episodes that are linked


def review(store: Store, e: Experiment, round: int) -> None:
    """The first rewrite of the round that waits, or the one in the address."""
    found, decided = store.rewrites.find(e.id, round), store.rewrites.decisions(e.id, round)
    asked, skipped = st.query_params.get("rv"), st.session_state.get("rv_skipped", [])
    waits = [r for r in found if r.id not in decided]
    item = next((r for r in found if r.id == asked), None) or min(waits, key=lambda r: skipped.count(r.id))
    st.progress(len(decided) / max(1, len(found)), text=f"{len(decided)} of {len(found)} instructions reviewed")
    last = next((d for d in store.rewrites.last_decisions(e.id, 1) if d.rewrite in {r.id for r in found}), None)
    one(store, item, decided.get(item.id), last)


def one(store: Store, r: Rewrite, decided: RewriteReview | None, last: RewriteReview | None) -> None:
    if st.session_state.get("rv_shown", ("",))[0] != r.id:
        st.session_state["rv_shown"] = (r.id, time.monotonic())
    if decided is not None:
        st.info(f"Decided: {decided.verdict}. Undo it to decide again.", icon=":material/lock:")
    left, right = st.columns([3, 2], gap="medium")
    with left:
        with st.container(border=True, gap="xsmall"):
            st.subheader(f"The instruction of {lab.plain(r.model)}, rewritten", anchor=False)
            st.caption("What went is struck through, what came is underlined.")
            diff(r.before, r.after, big=False)
        with st.container(border=True):
            st.text_area("Edit it yourself", r.after, key=f"edit_{r.id}", height=260,
                         help="Saved, your text is what is tried on the validation problems.")
    with right:
        with st.container(border=True):
            st.subheader("Why", anchor=False)
            say(r.why or "(the writer gave no reason)")
        with st.container(border=True):
            st.subheader("What the writer had read", anchor=False)
            seen = list(dict.fromkeys(name for name, _ in store.rewrites.seen(r)))[:SHOWN]
            episodes = store.episodes.many(seen)
            for name in seen:
                t = episodes[name]
                sign = ":green[✓]" if t.right else ":red[✗]"
                lab.link(lab.EXPLORE, f"{sign} {lab.plain(store.episodes.task(t.task).question[:70])}", traj=name)
            lab.link(lab.EXPLORE, "The writer's own call", icon=":material/edit_note:", traj=r.writer)
        st.caption("An instruction that you let through is tried on the validation problems, and kept only if the team "
                   "is right more often with it.")
        st.pills("If you reject it, why?", ("worse", "too narrow", "gives answers away", "unclear"),
                 key=f"reason_{r.id}", on_change="ignore")
    changed = (st.session_state.get(f"edit_{r.id}") or "").strip() not in ("", r.after.strip(), r.before.strip())
    back = decided or last
    decisions.bar(
        r.id,
        actions.decide_rewrite,
        accept=not changed,
        save=changed,
        done=decided is not None,
        back=back.rewrite if back else None,
        help={
            "accept": "the writer's text is tried on the validation problems.",
            "save": "Your text is tried on the validation problems.",
            "reject": "the old instruction stays.",
        },
    )
