"""Which item is in view: the one of the address, else the first that waits and fits the filter, skipped ones last.

Several reviewers who gave their names get different items: what one looks at comes last for the others.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

import streamlit as st

from sirius_core import review
from sirius_core.errors import Missing, SiriusError
from sirius_core.review import Batch, Item
from sirius_core.store import Experiment, Store
from sirius_core.store.browse import Browse

from . import actions, episodes, lab
from .numbers import many
from .texts import diff
from .words import readable

ALL = "all"
FILTERS = (ALL, "not mended", "leak flags", "doubtful", "lucky", "flagged", "the rest")
HELD = 300.0  # seconds for which an item is kept for who looks at it
SAMPLE = 5  # items that are looked at before many are accepted together
_KINDS = {"not mended": ("not mended",), "leak flags": ("leaky",), "doubtful": ("doubtful",), "lucky": ("lucky",),
          "the rest": ("mended", "sent", "imported")}


def fits(item: Item, wanted: str) -> bool:
    return wanted == ALL or (item.flagged if wanted == "flagged" else item.kind in _KINDS[wanted])


def chosen() -> str:
    """The filter in force."""
    found = st.query_params.get("rv_filter", ALL)
    return found if found in FILTERS else ALL


def held(store: Store) -> dict[str, str]:
    """{item: who looks at it now}, of other reviewers. Who gave no name holds nothing and sees no holds."""
    own = actions.author()
    return {} if own == actions.NOBODY else {i: who for i, who in store.people.leases().items() if who != own}


def hold(store: Store, item: Item, others: Mapping[str, str]) -> None:
    """Keep the item for this reviewer for a while, or say who looks at it; that forbids nothing."""
    if item.decision is not None or (own := actions.author()) == actions.NOBODY:
        return
    if who := others.get(item.id):
        st.caption(f":material/group: {lab.plain(who)} looks at this one now.")
    else:
        store.people.lease(item.id, own, HELD)


def current(items: Sequence[Item], others: Mapping[str, str]) -> Item | None:
    """The item to show; what others look at comes last."""
    asked, skipped, wanted = st.query_params.get("rv"), st.session_state.get("rv_skipped", []), chosen()
    waits = [i for i in items if i.decision is None and fits(i, wanted)]
    return next((i for i in items if i.id == asked), None) or min(
        waits, key=lambda i: (i.id in others, skipped.count(i.id)), default=None
    )


def of_earlier_round(store: Store, e: Experiment) -> Item | None:
    """The item that the address names, if its round is over: links from the library lead to such."""
    try:
        experiment, round = store.people.place(st.query_params.get("rv", ""))
    except Missing:
        return None
    if experiment != e.id or round >= Browse(store.db).closed(e.id):
        return None
    found = review.items(store, experiment, round)
    return next((i for i in found if i.id == st.query_params["rv"] and not i.planted), None)


def not_here(store: Store, asked: str) -> str:
    """Why the item that the address names does not stand in the queue."""
    try:
        experiment, round = store.people.place(asked)
    except Missing:
        return f"This database has no item {lab.plain(repr(asked[:40]))}."
    return f"The link names an item of round {round} of {lab.plain(experiment)}, which is not in the queue now."


def before(items: Sequence[Item], item: Item) -> str | None:
    """The item that was in view before this one; at the start of a visit the one before it in the queue."""
    trail: list[str] = st.session_state.get("rv_trail", [])
    known = [i.id for i in items]
    seen = [i for i in trail if i != item.id and i in known]
    at = known.index(item.id)
    return seen[-1] if seen else known[at - 1] if at else None


def undoable(items: Sequence[Item], item: Item | None) -> str | None:
    """Whose decision U takes back: of what is in view, else the last one of this reviewer."""
    if item is not None and item.decision is not None:
        return item.id
    decided = {i.id: i.decision for i in items if i.decision is not None}
    mine = [i for i in st.session_state.get("rv_mine", []) if i in decided]
    if mine:
        return str(mine[-1])
    own = [(d.created_at, name) for name, d in decided.items() if d.author == actions.author()]
    return max(own)[1] if own else None


def chooser(items: Sequence[Item]) -> None:
    """The filters, each with how many wait; what is chosen stands in the address."""
    waits = [i for i in items if i.decision is None]
    counts = {name: sum(fits(i, name) for i in waits) for name in FILTERS}
    key = f"pick_{chosen()}"  # a new control where the address says something else
    st.pills("Which wait?", FILTERS, default=chosen(), required=True, key=key, on_change=_filtered, args=(key,),
             format_func=lambda name: f"{name} ({counts[name]})")


def _filtered(key: str) -> None:
    actions.leave()
    st.query_params["rv_filter"] = st.session_state[key]


def show_all() -> None:
    actions.leave()
    st.query_params.pop("rv_filter", None)


# -- many at once ------------------------------------------------------------------------------------------------------
def together(items: Sequence[Item]) -> list[Item]:
    """What could be accepted together: what waits and fits a filter, and is no blind one."""
    wanted = chosen()
    return [i for i in items if i.decision is None and not i.blind and i.kind != "not mended" and fits(i, wanted)]


def offer(items: Sequence[Item]) -> None:
    """In the folded part: accept a filtered set together, after a look at some of it."""
    many_ = together(items)
    if chosen() == ALL:
        st.caption("Choose a filter, and what it keeps can be accepted together.")
    elif many_:
        st.button(f"Look at {min(SAMPLE, len(many_))} of {len(many_)}, then accept all", icon=":material/done_all:",
                  key="bulk", on_click=_look, args=(chosen(), [i.id for i in many_]))
    batch: Batch | None = st.session_state.get("rv_batch")
    if batch is not None:
        st.button(f"Take back the {many(len(batch.items), 'acceptance')} made together", icon=":material/undo:",
                  key="bulk_undo", on_click=_take_back)


def _look(wanted: str, ids: list[str]) -> None:
    st.session_state["rv_bulk"] = (wanted, ids, random.Random().sample(ids, min(SAMPLE, len(ids))))


def looked_at(store: Store, items: Sequence[Item]) -> bool:
    """The sample and the two buttons, in place of the item. False if nobody asked for it."""
    if not (asked := st.session_state.get("rv_bulk")):
        return False
    wanted, ids, sample = asked
    still = {i.id: i for i in together(items)}
    ids = [i for i in ids if i in still]
    st.subheader(f"Accept {many(len(ids), 'repair')} together: {wanted}", anchor=False)
    st.caption(f"{len(sample)} of them, drawn at random. Each gets a decision of its own; one button takes all back. "
               "Blind ones, and those that were not mended, are not among them.")
    for name in sample:
        s = review.shown(store, name)
        assert s.repair.turn is not None
        with st.container(border=True, gap="xsmall"):
            st.markdown(f"**{episodes.name(s.failed.turns[s.repair.turn])}**")
            diff(readable(s.task.source, s.failed.turns[s.repair.turn].text),
                 readable(s.task.source, s.repair.rephrased))
            lab.link(lab.REVIEW, "Open it", icon=":material/open_in_new:", rv=name)
    with st.bottom, st.container(horizontal=True, key="bulk_bar"):
        st.button(f"Accept all {len(ids)}", type="primary", icon=":material/done_all:", key="bulk_accept",
                  on_click=_accept, args=(ids, items[0].experiment, items[0].round), disabled=not ids)
        st.button("Back to one by one", icon=":material/close:", key="bulk_cancel", on_click=actions.leave)
    return True


def _accept(ids: list[str], experiment: str, round: int) -> None:
    if not ids:
        return
    try:
        with lab.opened() as store:
            batch = review.decide_many(store, ids, "accept", actions.author())
            over = not review.waiting(store, experiment, round)
    except SiriusError as error:
        st.session_state["_notice"] = str(error)
        return
    actions.leave()
    st.session_state["rv_batch"] = batch
    if batch.planted:
        st.session_state["rv_told"] = len(batch.planted)
    if over:
        actions.last_one(experiment, round)


def _take_back() -> None:
    try:
        with lab.opened() as store:
            review.undo_many(store, st.session_state.pop("rv_batch"), actions.author())
    except SiriusError as error:
        st.session_state["_notice"] = str(error)
        return
    st.session_state.pop("rv_over", None)
    actions.leave()
