"""One repair per screen: accept the critic's rewrite, edit it and see at once what that changes, or reject it."""

from __future__ import annotations

import time
from collections import Counter

import streamlit as st

if not st.session_state.get("_routed"):  # opened by its address on a cold server: the frame comes first
    st.session_state["_goto"] = ("pages/review.py", st.query_params.to_dict())
    st.switch_page("app.py")

from sirius_core import review
from sirius_core.errors import SiriusError
from sirius_core.store import Experiment, Review, Store
from sirius_core.store.browse import Browse
from sirius_core.trajectories import Repair, Task, Trajectory
from view import episodes, lab, live, trial
from view.numbers import clock, many
from view.words import editable, problem, readable, say, typed

DWELL = 0.35  # seconds that an item must have been in view before a key counts: a held key must not decide the unseen


# -- call: every action checks again what it was shown ---------------------------------------------------------------
def in_view(repair_id: str) -> float | None:
    """Seconds that the item has been in view; None if another one is, or it came only just now."""
    shown, since = st.session_state.get("rv_shown", ("", 0.0))
    seconds = time.monotonic() - since
    return seconds if shown == repair_id and seconds >= DWELL else None


def decide(repair_id: str, verdict: str) -> None:
    seconds = in_view(repair_id)
    if seconds is None:
        return
    reason = st.session_state.get(f"reason_{repair_id}") or "" if verdict == "reject" else ""
    author = (st.session_state.get("rv_author") or "").strip() or "a person"
    try:
        with lab.opened() as store:
            experiment, round = store.repairs.place(repair_id)
            if repair_id in store.repairs.decisions(experiment, round):
                return
            edited = None
            if verdict == "edit":
                edited = tried(store, repair_id)
                if edited is None:
                    st.session_state["_notice"] = "The text has changed since it was tried: try it first."
                    return
            review.decide(store, repair_id, verdict, author, reason=reason, edited=edited, seconds=min(seconds, 600.0))
            over = not review.waiting(store, experiment, round)
    except SiriusError as error:
        st.session_state["_notice"] = str(error)
        return
    st.session_state.pop("rv_shown", None)
    st.query_params.pop("rv", None)
    if over:  # the last decision: the round goes on by itself
        st.session_state["_round_on"] = True
        lab.launch(experiment)


def undo(repair_id: str) -> None:
    if in_view(st.session_state.get("rv_shown", ("", 0.0))[0]) is None:
        return
    try:
        with lab.opened() as store:
            review.decide(store, repair_id, "undo", (st.session_state.get("rv_author") or "").strip() or "a person")
    except SiriusError as error:
        st.session_state["_notice"] = str(error)
        return
    st.query_params["rv"] = repair_id


def skip(repair_id: str) -> None:
    if in_view(repair_id) is None:
        return
    st.session_state.setdefault("rv_skipped", []).append(repair_id)
    st.query_params.pop("rv", None)


def go_on(experiment: str, round: int) -> None:
    with lab.opened() as store:
        review.go_on(store, experiment, round)
    lab.launch(experiment)


def attempt(experiment: str, repair_id: str) -> None:
    """Play the edited text again, at once. The same text once more is another draw."""
    shown = st.session_state.get(f"edit_{repair_id}") or ""
    try:
        with lab.opened() as store:
            text = typed(store.episodes.task(store.repairs.get(repair_id).task).source, shown)
            last = st.session_state.get("rv_tried", {}).get(repair_id)
            draw = last["draw"] + 1 if last and last["text"] == text else 0
            again, seconds = trial.play(store, store.experiments.get(experiment), repair_id, text, draw)
    except SiriusError as error:
        st.session_state["rv_unread"] = (repair_id, str(error))
        return
    st.session_state.pop("rv_unread", None)
    st.session_state.setdefault("rv_tried", {})[repair_id] = {
        "text": text,
        "id": again.id,
        "draw": draw,
        "seconds": seconds,
    }


def tried(store: Store, repair_id: str) -> Trajectory | None:
    """The replay of the text that stands in the edit box; None if that text has not been tried."""
    last = st.session_state.get("rv_tried", {}).get(repair_id)
    if last is None:
        return None
    again = store.episodes.get(last["id"])
    task = store.episodes.task(again.task)
    shown = st.session_state.get(f"edit_{repair_id}")
    return again if shown is None or typed(task.source, shown) == last["text"] else None


# -- draw ------------------------------------------------------------------------------------------------------------
def progress(queue: list[Repair], decisions: dict[str, Review]) -> None:
    done = [decisions[r.id] for r in queue if r.id in decisions]
    counts = Counter(d.verdict for d in done)
    parts = [f"{len(done)} of {len(queue)} reviewed"] + [
        f"{counts[verdict]} {word}"
        for verdict, word in (("accept", "accepted"), ("edit", "edited"), ("reject", "rejected"))
    ]
    if len(done) >= 3:
        pace = sorted(d.seconds for d in done)[len(done) // 2]
        parts.append(f"about {clock(pace * (len(queue) - len(done)))} left")
    st.progress(len(done) / max(1, len(queue)), text=" · ".join(parts))


def one(store: Store, e: Experiment, r: Repair, last: Review | None) -> None:
    """One repair: what failed, what the critic says, the rewrite, what it leads to, and the decision bar."""
    task, failed = store.episodes.task(r.task), store.episodes.get(r.failed)
    again = store.episodes.get(r.replay) if r.replay else None
    assert r.turn is not None
    if st.session_state.get("rv_shown", ("",))[0] != r.id:
        st.session_state["rv_shown"] = (r.id, time.monotonic())
    problem(readable(task.source, task.question))
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
    bar(store, e, r, again, last)


def edit_box(store: Store, e: Experiment, task: Task, failed: Trajectory, r: Repair) -> None:
    """Edit the rewrite by hand and see at once where it leads."""
    assert r.turn is not None
    with st.container(border=True):
        st.text_area(
            "Edit it yourself",
            editable(task.source, r.rephrased),
            key=f"edit_{r.id}",
            on_change="ignore",
            height=90,
            help="Type it as you read it: 371 - 35 x 9. The team then plays on from your text.",
        )
        last = st.session_state.get("rv_tried", {}).get(r.id)
        result = tried(store, r.id)
        ready = result is not None and result.right
        st.button(
            "Try it" if not last else "Try it again",
            icon=":material/play_arrow:",
            key="try",
            on_click=attempt,
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


def bar(store: Store, e: Experiment, r: Repair, again: Trajectory | None, last: Review | None) -> None:
    """The decision bar, pinned; every button carries its key."""
    edited = tried(store, r.id)
    ready = edited is not None and edited.right
    with st.bottom, st.container(horizontal=True, key="decisions"):
        st.button(
            "Accept",
            type="primary",
            icon=":material/check:",
            key="accept",
            shortcut="A",
            on_click=decide,
            args=(r.id, "accept"),
            disabled=again is None or not again.right,
            help="Key A: the critic's rewrite enters the library as it is.",
        )
        st.button(
            "Save edit",
            icon=":material/edit:",
            key="save",
            shortcut="Mod+Enter" if ready else None,
            on_click=decide,
            args=(r.id, "edit"),
            disabled=not ready,
            help="Your text enters the library. Try it first: it must lead to the right answer.",
        )
        st.button(
            "Reject",
            icon=":material/close:",
            key="reject",
            shortcut="X",
            on_click=decide,
            args=(r.id, "reject"),
            help="Key X: it stays out of the library.",
        )
        st.button(
            "Skip",
            icon=":material/arrow_forward:",
            key="skip",
            shortcut="Right",
            on_click=skip,
            args=(r.id,),
            help="Key →: decide later.",
        )
        st.button(
            "Undo",
            type="tertiary",
            icon=":material/undo:",
            key="undo",
            shortcut="U",
            disabled=last is None,
            on_click=undo,
            args=(last.repair if last else "",),
            help="Key U: take the last decision back.",
        )


def aside(store: Store, e: Experiment, round: int, queue: list[Repair], decisions: dict[str, Review]) -> None:
    """Who decides, the keys, the last decisions, and the way on."""
    with st.container(horizontal=True, vertical_alignment="center"):
        with st.popover("Last decisions", icon=":material/history:", type="tertiary", disabled=not decisions):
            for d in store.repairs.last_decisions(e.id, 10):
                why = f" ({d.reason})" if d.reason else ""
                lab.link(
                    lab.REVIEW,
                    f"{d.verdict}{why} · {lab.plain(d.author)} · {d.created_at[11:19]}",
                    rv=d.repair,
                )
        with st.popover("Keys", icon=":material/keyboard:", type="tertiary"):
            st.markdown(
                "| key | what it does |\n|:--|:--|\n| A | accept |\n| Ctrl or ⌘ + Enter | try the edit, then save it "
                "|\n| X | reject |\n| → | skip |\n| U | undo |"
            )
            st.caption("Keys do nothing while you type, and nothing in the first third of a second.")
        with st.popover("Your name", icon=":material/badge:", type="tertiary"):
            st.text_input(
                "Written beside your decisions",
                key="rv_author",
                persist_state="session",
                max_chars=40,
                placeholder="a person",
            )
        left = len(queue) - sum(r.id in decisions for r in queue)
        if left:
            st.button(
                "Go on without the rest",
                icon=":material/skip_next:",
                type="tertiary",
                key="go_on",
                on_click=go_on,
                args=(e.id, round),
                help=f"{many(left, 'undecided repair')} would stay out of the library.",
            )


def past(store: Store, e: Experiment) -> None:
    """What people decided so far."""
    counts = Counter(d.verdict for d in store.repairs.decisions(e.id).values())
    if counts:
        st.caption(
            "Decisions so far: "
            + " · ".join(
                f"{counts[v]} {w}"
                for v, w in (("accept", "accepted"), ("edit", "edited"), ("reject", "rejected"))
                if counts[v]
            )
            + "."
        )


def current(queue: list[Repair], decisions: dict[str, Review]) -> Repair | None:
    """The item of the address if it waits, else the first that waits and was not skipped."""
    waits = [r for r in queue if r.id not in decisions]
    asked, skipped = st.query_params.get("rv"), st.session_state.get("rv_skipped", [])
    return next((r for r in waits if r.id == asked), None) or min(
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
        )
        st.stop()
    round, job = Browse(store.db).closed(e.id), live.job_of(store, e.id)
    waiting = [] if live.active(job) else review.waiting(store, e.id, round)
    queue, decisions = review.queue(store, e.id, round), store.repairs.decisions(e.id, round)
    item = current(queue, decisions) if waiting else None
    if item is not None:
        progress(queue, decisions)
        aside(store, e, round, queue, decisions)
        last = next((d for d in store.repairs.last_decisions(e.id, 1) if d.repair in {r.id for r in queue}), None)
        one(store, e, item, last)
    else:
        if live.active(job):
            st.write(
                "All is decided for now: the round goes on."
                if decisions
                else "The round is on its way to its repairs. They appear here by themselves."
            )
        elif job.status == "done":
            st.write("This experiment is complete. Nothing waits for a decision.")
        else:
            st.write("Nothing waits for a decision. The run stands still; resume it on the run page.")
        past(store, e)
        with st.container(border=True):
            live.panel(e.id, key="review")
        with st.container(horizontal=True):
            lab.link(lab.OVERVIEW, "Results", icon=":material/insights:")
            lab.link(lab.RUN, "Run", icon=":material/play_circle:")
