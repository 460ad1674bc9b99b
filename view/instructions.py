"""Rewritten instructions before a person: before and after as a word diff, why, and what the writer had read."""

from __future__ import annotations

from functools import partial

import streamlit as st

from sirius_core.store import Experiment, Rewrite, RewriteReview, Store

from . import actions, decisions, desk, lab
from .texts import diff, say

SHOWN = 6  # episodes that are linked
KEYS = (("A", "accept"), ("Ctrl or ⌘ + Enter", "save your text"), ("X", "reject"), ("→", "skip"), ("U", "undo"))
REASONS = ("worse", "too narrow", "gives answers away", "unclear")


def review(store: Store, e: Experiment, round: int) -> None:
    """The first rewrite of the round that waits, or the one in the address."""
    found, decided = store.rewrites.find(e.id, round), store.rewrites.decisions(e.id, round)
    asked, skipped = st.query_params.get("rv"), st.session_state.get("rv_skipped", [])
    waits = [r for r in found if r.id not in decided]
    item = next((r for r in found if r.id == asked), None) or min(waits, key=lambda r: skipped.count(r.id))
    desk.progress([r.id for r in found], decided, skipped)
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="aside"):
        dead = any([
            desk.popover("Queue", ":material/filter_list:", "pop_queue",
                         partial(desk.way_on, e.id, round, len(waits), "instruction"), always=True),
            desk.popover("Last ten", ":material/history:", "pop_last", partial(desk.last, decided),
                         disabled=not decided),
            desk.popover("Your name", ":material/badge:", "pop_name", desk.name),
            desk.popover("Keys", ":material/keyboard:", "pop_keys", partial(desk.keys, KEYS)),
        ])
    last = max(decided.values(), key=lambda d: d.created_at, default=None)
    one(store, item, decided.get(item.id), last, dead=dead)


def one(
    store: Store, r: Rewrite, decided: RewriteReview | None, last: RewriteReview | None, *, dead: bool
) -> None:
    actions.show(r.id, decided is not None)
    if decided is not None:
        why = f" ({lab.plain(decided.reason)})" if decided.reason else ""
        st.info(f"Decided: {decided.verdict}{why}. Undo it to decide again.", icon=":material/lock:")
    text = (st.session_state.get(f"edit_{r.id}") or r.after).strip()
    changed = text != r.after.strip() and decided is None
    left, right = st.columns([3, 2], gap="medium")
    with left:
        with st.container(border=True, gap="xsmall"):
            whose = "all roles" if r.model == "*" else f"the {lab.plain(r.model)}"
            st.subheader(f"The instruction of {whose}, rewritten", anchor=False)
            st.caption("What went is struck through, what came is underlined.")
            diff(r.before, decided.text if decided and decided.verdict == "edit" else r.after, big=False)
        if decided is None:
            box(r, changed)
    with right:
        with st.container(border=True, gap="xsmall"):
            st.subheader("Why", anchor=False)
            say(r.why or "(the writer gave no reason)")
        evidence(store, r)
        st.caption(
            "An instruction that you let through is tried on the validation problems, and kept only if the team is "
            "right more often with it."
        )
        with st.container(border=True):
            st.pills("If you reject it, why?", REASONS, key=f"reason_{r.id}", on_change="ignore")
    latest = decided or last
    decisions.bar(
        r.id,
        partial(actions.decide_rewrite, r.id),
        accept=not changed,
        save=decided is None,
        done=decided is not None,
        undo=latest.rewrite if latest else None,
        back=None,
        dead=dead,
        help={
            "accept": "the writer's text is tried on the validation problems."
            + (" You changed it: save your text, or put the writer's back." if changed else ""),
            "save": "Ctrl or ⌘ + Enter: your text is tried on the validation problems.",
            "reject": "the old instruction stays.",
        },
    )


def box(r: Rewrite, changed: bool) -> None:
    """Edit it by hand."""
    with st.container(border=True):
        st.text_area(
            "Edit it yourself",
            r.after,
            key=f"edit_{r.id}",
            height=260,
            help="Saved, your text is what is tried on the validation problems. It may not quote a problem or state "
            "its answer: it is read before every request.",
        )
        if changed:
            with st.container(horizontal=True, vertical_alignment="center"):
                st.button("Put the writer's text back", icon=":material/undo:", key="put_back", on_click=put_back,
                          args=(r.id, r.after))
                st.caption("The text is yours now: save it with Ctrl or ⌘ + Enter.")


def put_back(rewrite_id: str, text: str) -> None:
    st.session_state[f"edit_{rewrite_id}"] = text


def evidence(store: Store, r: Rewrite) -> None:
    """The episodes that the writer was shown, and its own."""
    with st.container(border=True, gap="xsmall"):
        st.subheader("What the writer had read", anchor=False)
        seen = list(dict.fromkeys(name for name, _ in store.rewrites.seen(r)))
        episodes = store.episodes.many(seen[:SHOWN])
        for name in seen[:SHOWN]:
            t = episodes[name]
            asked = " ".join(store.episodes.task(t.task).question.split())
            short = asked if len(asked) <= 42 else f"{asked[:40]} …"
            lab.link(lab.EXPLORE, f"{':green[✓]' if t.right else ':red[✗]'} {lab.plain(short)}", traj=name)
        if len(seen) > SHOWN:
            st.caption(f"and {len(seen) - SHOWN} more")
        lab.link(lab.EXPLORE, "The writer's own call", icon=":material/edit_note:", traj=r.writer)
