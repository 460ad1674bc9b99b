"""What stands beside a repair: the critique, how often it was right when played on, what it changed, the problem."""

from __future__ import annotations

from textwrap import shorten

import streamlit as st

from sirius_core import review
from sirius_core.review import Item, Shown
from sirius_core.store import Store

from . import code, episodes, lab, small_bars
from .texts import problem, say
from .words import readable

BRIEF = 240  # characters up to which a problem stands in view; a longer one is folded

ROWS = (
    ("rewritten", "with the rewrite"),
    ("unedited", "the turn as it was"),
    ("afresh", "the turn said afresh"),
)


def question(s: Shown) -> None:
    """The problem on top of everything; a long one is folded, and what is folded says how it begins."""
    text = readable(s.task.source, s.task.question)
    if len(text) <= BRIEF and text.count("\n") < 4:
        problem(text)
        return
    begins = shorten(text, 100, placeholder=" …")
    with st.expander(f"The problem: {lab.plain(begins)}", icon=":material/article:", key=f"problem_{s.item_id}"):
        say(text)


def critic(store: Store, item: Item) -> str:
    """The model of an endpoint that criticises; empty for a checkpoint that the lab plays itself. A critic who is one
    of the team speaks by the team's model."""
    settings = store.experiments.get(item.experiment).settings
    return settings.model if settings.recipe == "actor_critic" else settings.mender_model or settings.model


def critique(s: Shown, model: str = "") -> None:
    """What is said against the turn, and by which ``model`` of an endpoint; nothing where nobody said anything (an
    imported trace)."""
    machine = s.repair.critic in ("gold", "blind")
    if not (s.repair.critique or machine):
        return
    with st.container(border=True, gap="xsmall", key="critique"):
        by = f" ({lab.plain(model)})" if model else ""
        st.markdown(f"**What the critic says**{by}" if machine else "**What was written about it**")
        if machine:
            episodes.critique(s.task, s.repair, raw=False, key=s.item_id)
        else:
            say(s.repair.critique)


def evidence(store: Store, item: Item) -> None:
    """Right how often: after the rewrite, after the turn as it was, and with the turn said again without advice."""
    found = review.evidence(store, item.id)
    counts = {name: getattr(found, name) for name, _ in ROWS}
    most = max(n for _, n in counts.values())
    with st.container(border=True, gap="xsmall", key="evidence"):
        if not most:
            st.markdown("**Played on**")
            st.caption("Nobody here can play on from an imported trace." if item.kind == "imported" else
                       "Not played on: with replays=0 only the critic's own replay says whether it mends.")
            return
        times = f"{most} times each" if len({n for _, n in counts.values()}) == 1 else f"up to {most} times each"
        st.markdown(f"**Played on {times}: how often right**",
                    help="This failure was chosen because it failed: some of it mends itself when it is just played "
                    "again. So beside the rewrite stand the turn as it was, with what follows said afresh, and the "
                    "turn itself said afresh without any advice. In brackets: 95 % intervals.")
        small_bars.draw([small_bars.counted(label, *counts[name], strong=name == "rewritten")
                          for name, label in ROWS])
        code.copy("evidence", code.call("evidence", item.experiment, item.round), watched=True)


def further_on(item: Item, s: Shown) -> None:
    """What the rewrite changed after it, folded."""
    assert s.repair.turn is not None
    given = item.kind == "imported"
    if s.replay is None:
        if not given:
            st.caption("The rewrite was not played.")
        return
    with st.container(border=True, gap="xsmall", key="replayed"):
        st.markdown("**The better reply of the pair**" if given else "**Played again with the rewrite**")
        episodes.outcome_change(s.task, s.failed, s.replay)
        if s.repair.turn + 1 < max(len(s.failed.turns), len(s.replay.turns)):
            with st.expander("What it changed further on", type="compact", key=f"down_{item.id}"):
                episodes.downstream(s.task, s.failed, s.replay, s.repair.turn, raw=False)
        elif not given:
            st.caption("It is the last turn: nothing follows it.")


def answer(s: Shown) -> None:
    """The right answer, folded: one judges the step first."""
    with st.expander("The right answer", icon=":material/visibility:", key=f"gold_{s.item_id}"):
        say(readable(s.task.source, s.task.answer), big=True)
