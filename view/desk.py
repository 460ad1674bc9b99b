"""What a reviewer has at hand beside the item: how far it is, the last decisions, the keys, a name, the way on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import streamlit as st

from sirius_core.store import Review, RewriteReview

from . import actions, lab
from .numbers import clock, local_time, many

Decisions = Mapping[str, Review] | Mapping[str, RewriteReview]
WORDS = (("accept", "accepted"), ("edit", "edited"), ("reject", "rejected"))
KEYS = (
    "| key | what it does |\n|:--|:--|\n| A | accept |\n| Ctrl or ⌘ + Enter | {enter} |\n| X | reject |\n| → | skip |\n"
    "| U | undo |"
)


def progress(ids: Sequence[str], decisions: Decisions) -> None:
    """A bar: reviewed, accepted, edited, rejected, and how long the rest will take at this pace."""
    done = [decisions[i] for i in ids if i in decisions]
    counts = Counter(d.verdict for d in done)
    parts = [f"{len(done)} of {len(ids)} reviewed"] + [f"{counts[verdict]} {word}" for verdict, word in WORDS]
    if len(done) >= 3:
        pace = sorted(d.seconds for d in done)[len(done) // 2]
        parts.append(f"about {clock(pace * (len(ids) - len(done)))} left")
    st.progress(len(done) / max(1, len(ids)), text=" · ".join(parts))


def aside(
    experiment: str,
    round: int,
    left: int,
    last: Sequence[Review] | Sequence[RewriteReview],
    *,
    what: str,
    enter: str,
) -> None:
    """Who decides, the keys, the last decisions, and the way on. ``left`` items of this kind (``what``) wait."""
    with st.container(horizontal=True, vertical_alignment="center"):
        with st.popover("Last decisions", icon=":material/history:", disabled=not last):
            for d in last:
                why = f" ({lab.plain(d.reason)})" if d.reason else ""
                item = d.repair if isinstance(d, Review) else d.rewrite
                lab.link(lab.REVIEW, f"{d.verdict}{why} · {lab.plain(d.author)} · {local_time(d.created_at)}", rv=item)
        with st.popover("Keys", icon=":material/keyboard:"):
            st.markdown(KEYS.format(enter=enter))
            st.caption("Keys do nothing while you type, and nothing in the first third of a second.")
        with st.popover("Your name", icon=":material/badge:"):
            st.text_input(
                "Written beside your decisions",
                key="rv_author",
                persist_state="session",
                max_chars=40,
                placeholder="a person",
            )
        if left:
            where = " of the library" if what == "repair" else ""
            st.button(
                "Go on without the rest",
                icon=":material/skip_next:",
                key="go_on",
                on_click=actions.go_on,
                args=(experiment, round),
                help=f"{many(left, f'undecided {what}')} would stay out{where}.",
            )


def past(decisions: Decisions, what: str = "") -> None:
    """What people decided so far."""
    counts = Counter(d.verdict for d in decisions.values())
    if counts:
        said = " · ".join(f"{counts[verdict]} {word}" for verdict, word in WORDS if counts[verdict])
        st.caption(f"Decisions{what} so far: {said}.")
