"""The repair itself: the failed turn against its rewrite, what a person makes of it, and where that leads."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from sirius_core.pocket.vocabulary import knows
from sirius_core.review import REASONS, Item, Shown
from sirius_core.store import Store

from . import actions, episodes, lab, review_tries
from .review_tries import CRITIQUE, TEXT
from .texts import diff, say
from .words import editable, readable

VIEWS = ("diff", "side by side", "original")
LINE = 64  # characters of a line in the edit box, about
KINDS = {
    "not mended": (":material/heart_broken:", "red"),
    "leaky": (":material/visibility:", "orange"),
    "doubtful": (":material/help:", "orange"),
    "lucky": (":material/casino:", "orange"),
    "mended": (":material/healing:", "green"),
    "sent": (":material/outgoing_mail:", "blue"),
    "imported": (":material/input:", "blue"),
}


def card(item: Item, s: Shown) -> None:
    """Who spoke, why it stands here, and what the rewrite changes."""
    assert s.repair.turn is not None
    task, before, after = s.task, s.failed.turns[s.repair.turn].text, s.repair.rephrased
    with st.container(border=True, gap="xsmall", key="repair"):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            with st.container(horizontal=True, vertical_alignment="center", gap="small", width="content"):
                turn = s.failed.turns[s.repair.turn]
                place = f"turn {s.repair.turn + 1} of {len(s.failed.turns)}"
                st.subheader(f"{episodes.name(turn)}, {place}", anchor=False, width="content")
                badges(item, s)
            shown = choice("How it is shown", VIEWS, "rv_view")
        st.caption(lab.plain(item.why))
        if not after and shown != "original":
            say(readable(task.source, before), big=True)
            st.caption("This is the turn as it was said: " + ("no better one came with it." if item.kind == "imported"
                       else "the critic's way led to no rewrite."))
        elif shown == "side by side":
            for column, label, text in zip(st.columns(2), ("as it was said", "the rewrite"), (before, after),
                                           strict=True):
                with column:
                    st.caption(label)
                    say(readable(task.source, text), big=True)
        elif shown == "original":
            st.caption("as it was said")
            say(readable(task.source, before), big=True)
        else:
            diff(readable(task.source, before), readable(task.source, after))
            if before == after:
                st.caption("The rewrite says the same as before.")


def choice(label: str, options: Sequence[str], key: str, names: Callable[[str], str] = str) -> str:
    """One of several, as a row of buttons. After a choice it is a new control: the old one would keep the focus, and
    with it the arrows and Ctrl + Enter."""
    kept = st.session_state
    chosen, times = kept.get(key, (options[0], 0))

    def choose() -> None:
        kept[key] = (kept[f"{key}_{times}"], times + 1)

    with st.container(key=f"{key}_row", width="content"):
        st.segmented_control(label, options, default=chosen, required=True, key=f"{key}_{times}", on_change=choose,
                             format_func=names, label_visibility="collapsed")
    return str(chosen)


def badges(item: Item, s: Shown) -> None:
    """Why it stands where it stands, in words; each leak; the flag."""
    icon, colour = KINDS.get(item.kind, (None, "gray"))
    st.badge(item.kind, icon=icon, color=colour)  # type: ignore[arg-type]
    for leak in s.repair.leak:
        st.badge(f"leak: {lab.plain(leak)}", icon=":material/visibility:", color="orange",
                 help="The rewrite bears traces of the critique or of the right answer, which no role has when it is "
                 "asked for the first time.")
    if item.flagged:
        st.badge("flagged", icon=":material/flag:", color="violet", help="Marked for a second look. Key F.")


def desk(store: Store, item: Item, s: Shown, *, dead: bool) -> None:
    """The box in which the text is edited, or the critique; and what came of it. ``dead``: its key must do nothing."""
    with st.container(border=True, gap="small", key="edit"):
        if item.kind != "imported":  # whose role could carry it out is not here
            choice("What to edit", (TEXT, CRITIQUE), f"what_{item.id}",
                   lambda what: "Edit the rewrite" if what == TEXT else "Edit the critique instead")
        what = review_tries.editing(item.id)
        start = review_tries.starting(s.repair, s.failed, what)
        role = lab.plain(s.repair.role)
        lines = sum(1 + len(line) // LINE for line in start.split("\n"))
        st.text_area(
            "Your text" if what == TEXT else f"Your critique of the {role}",
            editable(s.task.source, start),
            key=review_tries.box(item.id, what),
            on_change="ignore",
            persist_state="session",
            height=min(300, 50 + 22 * max(2, lines)),
            help=("Type it as you read it: 371 - 35 x 9. " if what == TEXT and knows(start) else "")
            + ("The rule then judges your text." if item.kind == "imported" else
               "The team then plays on from your text." if what == TEXT else
               f"The {role} is told this and rewrites the turn in its own words; the team then plays on from there."),
        )
        trying(store, item, s, what, dead=dead)


def trying(store: Store, item: Item, s: Shown, what: str, *, dead: bool) -> None:
    """The button that plays it, and what came of the last try."""
    last, ready = review_tries.last(item.id, what), review_tries.savable(store, item.id)
    row = st.container(horizontal=True, vertical_alignment="center", gap="small")
    row.button(
        ("Try it" if what == TEXT else f"Let the {lab.plain(s.repair.role)} rewrite it") + (" again" if last else ""),
        icon=":material/play_arrow:",
        key="try",
        on_click=review_tries.attempt,
        args=(item, what),
        shortcut=None if ready or dead else "Mod+Enter",
        help="Judges your text by the rule." if item.kind == "imported" else
        "Plays the episode on from there, with the models of then.",
    )
    if unread := review_tries.unread(item.id, what):
        st.error(lab.plain(unread), icon=":material/spellcheck:")
    elif last:
        if last["id"] is not None:
            with row:
                episodes.outcome_change(s.task, s.failed, store.episodes.get(last["id"]))
        outcome(store, item, s, what)


def outcome(store: Store, item: Item, s: Shown, what: str) -> None:
    """Where the last try led: the text against the failed turn, the new answer, the turns that follow."""
    last = review_tries.last(s.item_id, what)
    assert last is not None and s.repair.turn is not None
    draws = f", draw {last['draw'] + 1} of this {'text' if what == TEXT else 'critique'}" if last["draw"] else ""
    whose = "Your text" if what == TEXT else f"The {lab.plain(s.repair.role)}'s rewrite on your critique"
    done = "judged" if item.kind == "imported" else "played again"
    st.caption(f"{whose}, {done} in {last['seconds']:.2f} s{draws}:")
    made = store.repairs.get(last["repair"]) if what == CRITIQUE else None
    if last["id"] is None:
        st.warning("It came to no rewrite that could be played.", icon=":material/block:")
        if made is not None and made.leak:
            say("; ".join(made.leak), quiet=True)
        return
    again = store.episodes.get(last["id"])
    before, after = s.failed.turns[s.repair.turn].text, again.edits[s.repair.turn]
    diff(readable(s.task.source, before), readable(s.task.source, after))
    for leak in made.leak if made is not None else ():
        st.badge(f"leak: {lab.plain(leak)}", icon=":material/visibility:", color="orange",
                 help="What gives away where it comes from cannot enter the library.")
    follows = s.repair.turn + 1 < len(again.turns)
    if follows:
        episodes.downstream(s.task, s.failed, again, s.repair.turn, raw=False)
    if not again.right:
        st.caption("It does not lead to the right answer, so it cannot enter the library."
                   + (" What follows is sampled afresh: change it, or try the same once more." if follows else ""))


def reasons(item: Item, *, dead: bool) -> None:
    """Why one would reject it: a key sets the reason and decides nothing; X rejects with it."""
    chosen = st.session_state.get("rv_reasons", {}).get(item.id, "")
    with st.container(border=True, gap="xsmall", key="reasons"):
        st.markdown("**If you reject it, why?**")
        with st.container(horizontal=True, gap="small"):
            for n, text in enumerate(REASONS, 1):
                st.button(
                    text,
                    icon=":material/check:" if text == chosen else None,
                    type="primary" if text == chosen else "secondary",
                    key=f"reason_{n}",
                    shortcut=str(n),
                    on_click=actions.reason,
                    args=(item, text),
                    disabled=dead,
                    help=f"Key {n}: sets or clears the reason. It decides nothing; X rejects with it.",
                )
