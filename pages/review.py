"""One repair per screen: accept the critic's rewrite, edit it and see at once what that changes, or reject it."""

from __future__ import annotations

import time

import streamlit as st

if not st.session_state.get("_routed"):  # opened by its address on a cold server: the frame comes first
    st.session_state["_goto"] = ("pages/review.py", st.query_params.to_dict())
    st.switch_page("app.py")

from sirius_core import jobs, review, rewriting
from sirius_core.pocket.vocabulary import knows
from sirius_core.store import Experiment, Review, Store
from sirius_core.store.browse import Browse
from sirius_core.trajectories import Repair, Task, Trajectory
from view import actions, decisions, desk, episodes, instructions, lab, live
from view.texts import problem, say
from view.words import editable, readable


# -- draw --------------------------------------------------------------------------------------------------------------
def one(store: Store, e: Experiment, r: Repair, decided: Review | None, last: Review | None) -> None:
    """One repair: what failed, what the critic says, the rewrite, what it leads to, and the decision bar."""
    task, failed = store.episodes.task(r.task), store.episodes.get(r.failed)
    again = store.episodes.get(r.replay) if r.replay else None
    assert r.turn is not None
    if st.session_state.get("rv_shown", ("",))[0] != r.id:
        st.session_state["rv_shown"] = (r.id, time.monotonic())
    problem(readable(task.source, task.question))
    if decided is not None:
        why = f" ({lab.plain(decided.reason)})" if decided.reason else ""
        st.info(f"Decided: {decided.verdict}{why}. Undo it to decide again.", icon=":material/lock:")
    left, right = st.columns([3, 2], gap="medium")
    with left:
        with st.container(border=True, gap="xsmall"):
            place = f"turn {r.turn + 1} of {len(failed.turns)}"
            st.subheader(f"{episodes.name(failed.turns[r.turn])}, {place}: the critic's rewrite", anchor=False)
            episodes.critique(task, r, raw=False)
            episodes.rewrite(task, failed, r, raw=False)
        edit_box(store, e, task, failed, r)
    with right:
        if again is not None:
            with st.container(border=True):
                st.markdown("**Played again with the critic's rewrite**")
                episodes.outcome_change(task, failed, again)
                with st.expander("What it changed further on", type="compact", key=f"down_{r.id}"):
                    episodes.downstream(task, failed, again, r.turn, raw=False)
        with st.expander("The right answer", icon=":material/visibility:", key=f"gold_{r.id}"):
            say(readable(task.source, task.answer), big=True)
        with st.container(border=True):
            st.pills("If you reject it, why?", review.REASONS, key=f"reason_{r.id}", on_change="ignore")
        lab.link(lab.EXPLORE, "The whole episode", icon=":material/timeline:", traj=r.failed)
    edited, back = actions.tried(store, r.id), decided or last
    decisions.bar(
        r.id,
        actions.decide,
        accept=again is not None and again.right,
        save=edited is not None and edited.right,
        done=decided is not None,
        back=back.repair if back else None,
        help={
            "accept": "the critic's rewrite enters the library as it is.",
            "save": "Your text enters the library. Try it first: it must lead to the right answer.",
            "reject": "it stays out of the library.",
        },
    )


def edit_box(store: Store, e: Experiment, task: Task, failed: Trajectory, r: Repair) -> None:
    """Edit the rewrite by hand and see at once where it leads."""
    assert r.turn is not None
    with st.container(border=True):
        st.text_area(
            "Edit it yourself",
            editable(task.source, r.rephrased),
            key=f"edit_{r.id}",
            on_change="ignore",
            height=90 if "\n" not in r.rephrased and len(r.rephrased) < 200 else 300,
            help=("Type it as you read it: 371 - 35 x 9. " if knows(r.rephrased) else "")
            + "The team then plays on from your text.",
        )
        last = st.session_state.get("rv_tried", {}).get(r.id)
        result = actions.tried(store, r.id)
        ready = result is not None and result.right
        st.button(
            "Try it" if not last else "Try it again",
            icon=":material/play_arrow:",
            key="try",
            on_click=actions.attempt,
            args=(e.id, r.id),
            shortcut=None if ready else "Mod+Enter",
            help="Plays the episode on from your text, with the models of then.",
        )
        unread = st.session_state.get("rv_unread", ("", ""))
        if unread[0] == r.id:
            st.error(lab.plain(unread[1]), icon=":material/spellcheck:")
        elif last:
            shown = store.episodes.get(last["id"])
            draws = f", draw {last['draw'] + 1} of this text" if last["draw"] else ""
            st.caption(f"Your text, played again in {last['seconds']:.2f} s{draws}:")
            episodes.rewrite(task, failed, r, raw=False, text=shown.edits[r.turn])
            episodes.outcome_change(task, failed, shown)
            episodes.downstream(task, failed, shown, r.turn, raw=False)
            if not shown.right:
                st.caption(
                    "It does not lead to the right answer, so it cannot enter the library. What follows your text is "
                    "sampled afresh: change it, or try the same once more."
                )


def current(queue: list[Repair], decisions: dict[str, Review]) -> Repair | None:
    """The item of the address, decided or not; else the first that waits, skipped ones last."""
    asked, skipped = st.query_params.get("rv"), st.session_state.get("rv_skipped", [])
    waits = [r for r in queue if r.id not in decisions]
    return next((r for r in queue if r.id == asked), None) or min(
        waits, key=lambda r: skipped.count(r.id), default=None
    )


with lab.opened() as store:
    e = lab.chosen(store)
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
    waiting = [] if live.active(job) else review.waiting(store, e.id, round)
    queue, decided = review.queue(store, e.id, round), store.repairs.decisions(e.id, round)
    item = current(queue, decided) if waiting else None
    rewrites = [] if live.active(job) or waiting else rewriting.waiting(store, e.id, round)
    if item is not None:
        last = [d for d in store.repairs.last_decisions(e.id, 10) if d.repair in {r.id for r in queue}]
        desk.progress([r.id for r in queue], decided)
        left = sum(r.id not in decided for r in queue)
        desk.aside(e.id, round, left, last, what="repair", enter="try the edit, then save it")
        one(store, e, item, decided.get(item.id), last[0] if last else None)
    elif rewrites:
        instructions.review(store, e, round)
    else:
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
        with st.container(horizontal=True):
            lab.link(lab.OVERVIEW, "Results", icon=":material/insights:")
            lab.link(lab.RUN, "Run", icon=":material/play_circle:")
