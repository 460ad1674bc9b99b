"""One repair per screen: accept the critic's rewrite, edit it and see at once what that changes, or reject it."""

from __future__ import annotations

from functools import partial

import streamlit as st

if not st.session_state.get("_routed"):  # opened by its address on a cold server: the frame comes first
    st.session_state["_goto"] = ("pages/review.py", st.query_params.to_dict())
    st.switch_page("app.py")

from sirius_core import imports, jobs, review, rewriting
from sirius_core.review import Item
from sirius_core.store import Experiment, Job, Store
from sirius_core.store.browse import Browse
from view import (
    actions,
    agreement,
    code,
    decisions,
    desk,
    instructions,
    lab,
    live,
    review_blind,
    review_doing,
    review_item,
    review_over,
    review_queue,
    review_side,
    review_tries,
    worth,
)
from view import imports as from_elsewhere
from view.numbers import many


# -- draw --------------------------------------------------------------------------------------------------------------
def one(store: Store, item: Item, queue: list[Item], *, dead: bool) -> None:
    """One repair, or first the failed episode alone where the item is blind; and the decision bar."""
    s, decided = review.shown(store, item.id), item.decision
    blind = item.blind and decided is None and not review.judged(store, item.id, actions.author())
    review_side.question(s)
    if decided is not None:
        why = f" ({lab.plain(decided.reason)})" if decided.reason else ""
        st.info(f"Decided by {lab.plain(decided.author)}: {decided.verdict}{why}. Undo it to decide again.",
                icon=":material/lock:")
    left, right = st.columns([3, 2], gap="medium")
    save = False
    with left:
        if blind:
            review_blind.draw(item, s, dead=dead)
        else:
            review_blind.compared(item, s)
            review_item.card(item, s)
            if decided is None:
                review_item.desk(store, item, s, dead=dead)
                save = review_tries.savable(store, item.id)
                review_item.reasons(item, dead=dead)
    with right:
        if blind:
            review_blind.ended(s)
        else:
            review_side.critique(s, review_side.critic(store, item))
            review_side.evidence(store, item)
            review_side.further_on(item, s)
        review_side.answer(s)
        if not blind:  # that page tells what the critic says
            lab.link(lab.EXPLORE, "The whole episode", icon=":material/timeline:", traj=s.failed.id)
    decisions.bar(
        item.id,
        partial(actions.decide, item),
        accept=not blind and s.replay is not None and s.replay.right,
        save=save,
        reject=not blind,
        done=decided is not None,
        undo=review_queue.undoable(queue, item),
        back=review_queue.before(queue, item),
        flag=partial(actions.flag, item),
        flagged=item.flagged,
        dead=dead,
        help={
            "accept": "the critic's rewrite enters the library as it is.",
            "save": "Ctrl or ⌘ + Enter, once it was tried: your text enters the library. It must lead to the right "
            "answer.",
            "reject": "it stays out of the library.",
        },
    )
    last = review_tries.last(item.id, review_tries.editing(item.id))
    actions.show(item.id, blind, decided is not None, last and last["id"])


def aside(store: Store, e: Experiment, round: int, queue: list[Item]) -> bool:
    """What is at hand, folded; whether one of them is open."""
    def filters() -> None:
        review_queue.chooser(queue)
        review_queue.offer(queue)
        if not imports.imported(e):
            desk.way_on(e.id, round, sum(i.decision is None for i in queue), "repair")

    done = {i.id: i.decision for i in queue if i.decision is not None}
    wanted = review_queue.chosen()
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="aside"):
        return any([
            desk.popover("Queue" if wanted == review_queue.ALL else f"Queue: {wanted}", ":material/filter_list:",
                         "pop_queue", filters, always=True),
            desk.popover("Last ten", ":material/history:", "pop_last", partial(desk.last, done), disabled=not done),
            desk.popover("How am I doing", ":material/speed:", "pop_doing", partial(review_doing.panel, store, e)),
            desk.popover("Keys", ":material/keyboard:", "pop_keys", partial(desk.keys, desk.KEYS)),
        ])


def nothing(store: Store, e: Experiment, job: Job, decided: bool) -> None:
    """Nothing waits: why, and where the run is."""
    if live.active(job):
        st.write(
            "Nothing waits for a decision now: the round goes on."
            if decided
            else "The round is on its way to its repairs. They appear here by themselves."
            if e.settings.update != "prompts"
            else "The round is on its way to what people decide. It appears here by itself."
        )
    elif job.status == "done":
        st.write("This experiment is complete. Nothing waits for a decision.")
    else:
        st.write("Nothing waits for a decision. The run stands still; resume it on the run page.")
    desk.past(store.repairs.decisions(e.id), " about repairs" if e.settings.update == "prompts" else "")
    desk.past(store.rewrites.decisions(e.id), " about instructions")
    with st.container(border=True):
        live.panel(e.id, key="review")
    agreement.card(store, e)
    worth.card(store, e)
    with st.container(horizontal=True):
        lab.link(lab.OVERVIEW, "Results", icon=":material/insights:")
        lab.link(lab.RUN, "Run", icon=":material/play_circle:")


def imported(store: Store, e: Experiment, queue: list[Item]) -> None:
    """All of an import is decided: what becomes of it."""
    st.write("Nothing of this import waits for a decision.")
    desk.past(store.repairs.decisions(e.id))
    if decided := {i.id: i.decision for i in queue if i.decision is not None}:
        with st.expander("The last decisions", icon=":material/history:"):
            desk.last(decided)
    from_elsewhere.library(store, e)
    with st.container(horizontal=True):
        lab.link(lab.EXPLORE, "Look at the traces", icon=":material/table_rows:")
        lab.link(lab.LIBRARY, "Library", icon=":material/local_library:")


def repairs(store: Store, e: Experiment, round: int, queue: list[Item]) -> None:
    """The queue of a round, one item of it in view."""
    review_doing.told(store)
    desk.progress([i.id for i in queue], {i.id: i.decision for i in queue if i.decision is not None},
                  st.session_state.get("rv_skipped", []))
    if review_queue.looked_at(store, queue):
        return
    dead = aside(store, e, round, queue) or code.is_open("evidence")
    others = review_queue.held(store)
    item = review_queue.current(queue, others)
    if item is not None:
        review_queue.hold(store, item, others)
        one(store, item, queue, dead=dead)
    else:
        with st.container(border=True):
            st.write(f"Nothing that waits is “{review_queue.chosen()}”. "
                     f"{many(sum(i.decision is None for i in queue), 'other item')} wait.")
            st.button("Show all", icon=":material/filter_list_off:", key="show_all", on_click=review_queue.show_all)


def past(store: Store, item: Item) -> None:
    """An item whose round is over, to look at: its decision stands."""
    s, decided = review.shown(store, item.id), item.decision
    lab.link(lab.REVIEW, "What waits now", icon=":material/arrow_back:")
    review_side.question(s)
    said = "Nobody decided this" if decided is None else f"Decided by {lab.plain(decided.author)}: {decided.verdict}"
    why = f" ({lab.plain(decided.reason)})" if decided is not None and decided.reason else ""
    st.info(f"{said}{why}. Round {item.round} is over, so that stands.", icon=":material/lock:")
    left, right = st.columns([3, 2], gap="medium")
    with left:
        review_item.card(item, s)
    with right:
        review_side.critique(s, review_side.critic(store, item))
        review_side.evidence(store, item)
        review_side.further_on(item, s)
        review_side.answer(s)
        lab.link(lab.EXPLORE, "The whole episode", icon=":material/timeline:", traj=s.failed.id)


# -- choose, call ------------------------------------------------------------------------------------------------------
with lab.opened() as store:
    e = lab.chosen(store)
    if e is not None and (over_item := review_queue.of_earlier_round(store, e)):
        past(store, over_item)
        st.stop()
    if e is None or not e.settings.review:
        lab.empty(
            "Nothing waits for a decision",
            "With review on, a round pauses after the repairs. You see each mended failure, accept, edit or reject the "
            "critic's rewrite, and only what you let through is learned from."
            + ("" if e is None else " This experiment runs without review."),
            review=True,
        )
        st.stop()
    round, job = Browse(store.db).closed(e.id), jobs.status(store, e.id)
    moves = live.active(job)
    queue = [] if moves else review.items(store, e.id, round)
    waiting = [] if moves else review.waiting(store, e.id, round, queue)
    rewrites = [] if moves or waiting else rewriting.waiting(store, e.id, round)
    opened = st.query_params.get("rv") in {i.id for i in queue}
    if not (moves or opened or rewrites) and "rv" in st.query_params:
        st.warning(review_queue.not_here(store, st.query_params["rv"]), icon=":material/link_off:")
    decided = sum(i.decision is not None for i in queue)
    over = not waiting and not rewrites and (review_over.waits(e, round) or (job.status == "paused" and decided > 0))
    if waiting or (opened and (over or imports.imported(e))):
        repairs(store, e, round, queue)
    elif rewrites:
        instructions.review(store, e, round)
    elif over:
        review_doing.told(store)
        review_over.draw(e, decided, review_queue.undoable(queue, None))
    elif imports.imported(e):
        imported(store, e, queue)
    else:
        nothing(store, e, job, decided > 0)
