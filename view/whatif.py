"""What if a turn had said something else: the edit box in its place, the answer, the branches, what to do with one."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from sirius_core import inquiries, review, whatif
from sirius_core.errors import SiriusError
from sirius_core.store import Inquiry, Store
from sirius_core.store.browse import Browse
from sirius_core.trajectories import Task, Trajectory, Turn
from sirius_core.whatif import WhatIf

from . import asked, blame, code, lab, small_bars
from .actions import author
from .numbers import many
from .texts import diff
from .words import editable, readable, typed

SHORT = 120  # characters up to which an edit box has two lines
SHOWN = 16  # branches that are shown as links
TIMES = (8, 16, 32)


# -- ask -------------------------------------------------------------------------------------------------------------
def open_box(trajectory: str, turn: int | None) -> None:
    """Open the edit box at a turn, or close it."""
    st.session_state["wi_open"] = None if turn is None else (trajectory, turn)


def name_turn(turn: int) -> None:
    """The address names this turn."""
    st.query_params["turn"] = str(turn)


def opened(t: Trajectory) -> int | None:
    """The turn of this episode whose edit box is open."""
    place = st.session_state.get("wi_open")
    return place[1] if place and place[0] == t.id and place[1] < len(t.turns) else None


def actions(task: Task, t: Trajectory, i: int, turn: Turn, *, found: Sequence[Inquiry], rounds: int,
            refusal: str) -> None:
    """What can be done with a turn: say something else in its place, link to it. ``rounds`` is the last closed one."""
    key = f"{t.id[:12]}_{i}"
    is_open = opened(t) == i and not refusal
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if not refusal:
            st.button("Close" if is_open else "What if it had said …", type="tertiary", key=f"wi_{key}",
                      icon=":material/close:" if is_open else ":material/alt_route:", on_click=open_box,
                      args=(t.id, None if is_open else i))
        # Not a page link: on its own page Streamlit draws one as a filled pill, louder than what can be asked.
        st.button(":small[:gray[Link to this turn]]", type="tertiary", key=f"link_{key}", icon=":material/link:",
                  on_click=name_turn, args=(i,), help="Puts this turn into the address, which can then be shared.")
    if is_open:
        box(task, t, i, turn, key, rounds)
        if last := next((a for a in found if a.kind == "whatif" and a.turn == i), None):
            asked.follow(last, f"wi_{last.id}", draw)


def box(task: Task, t: Trajectory, i: int, turn: Turn, key: str, rounds: int) -> None:
    """The edit box; what stands in it survives whatever else moves on the page."""
    start = editable(task.source, turn.text)
    with st.container(border=True, gap="small", key=f"wi_box_{key}"):
        st.text_area(
            "It says instead",
            start,
            key=f"wi_text_{key}",
            on_change="ignore",
            persist_state="session",
            height=300 if "\n" in start or len(start) > SHORT else 80,
            help="Type it as you read it. The team then plays on from your text; what stood before stays as it was.",
        )
        with st.container(horizontal=True, vertical_alignment="bottom"):
            st.segmented_control("Replays of each", TIMES, default=TIMES[0], required=True, key=f"wi_k_{key}")
            then = _then(t)
            if 0 <= rounds != then:
                st.segmented_control(
                    "Spoken by", ("then", "now"), default="then", required=True, key=f"wi_now_{key}",
                    format_func=lambda who: f"then (round {then})" if who == "then" else f"now (round {rounds})",
                    help="The checkpoints that spoke this episode, or those in force now: after the round named.")
            st.button("Play it", type="primary", icon=":material/play_arrow:", key=f"wi_ask_{key}", on_click=_ask,
                      args=(t.id, i, task.source, turn.text, key), shortcut="Mod+Enter",
                      help="Plays on from your text, and beside it from the turn as it was, in the background.")
        asked.refused(key)


def _then(t: Trajectory) -> int:
    with lab.opened() as store:
        return inquiries.then(store, t)


def _ask(trajectory: str, turn: int, source: str, before: str, key: str) -> None:
    ss = st.session_state
    text = typed(source, ss.get(f"wi_text_{key}") or "", before)
    asked.ask(key, trajectory, turn=turn, text=text, k=ss.get(f"wi_k_{key}") or TIMES[0],
              now=ss.get(f"wi_now_{key}") == "now")


# -- the answer ------------------------------------------------------------------------------------------------------
def draw(store: Store, a: Inquiry, key: str) -> None:
    """The sentence, bars, the text against what was said, the branches."""
    answer = inquiries.read(a)
    assert isinstance(answer, WhatIf) and a.turn is not None
    parent = store.episodes.get(a.trajectory)
    task = store.episodes.task(parent.task)
    with st.container(border=True, gap="small", key=f"card_{key}"):
        st.markdown(f"**{lab.plain(answer.says())}**")
        diff(readable(task.source, parent.turns[a.turn].text), readable(task.source, a.text))
        if not answer.certain:
            bars = [small_bars.counted("with this text", answer.edited.right, answer.edited.n, strong=True)]
            if answer.unedited is not None:
                bars.append(small_bars.counted("as it was", answer.unedited.right, answer.unedited.n))
            small_bars.draw(bars)
        _branches(store, a, parent, answer)
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(f"{asked.spoken_by(a)[0].upper()}{asked.spoken_by(a)[1:]}. A line is the 95 % interval.")
            code.copy(key, code.call("inquiries", a.experiment, inquiry=a.id))


def _branches(store: Store, a: Inquiry, parent: Trajectory, answer: WhatIf) -> None:
    """Each replay as a link; the branch can be kept and sent to review."""
    groups = [whatif.ids(parent, v, a.phase) for v in inquiries.variants(parent, a)]
    earned = Browse(store.db).rewards([i for ids in groups for i in ids])
    threshold = store.experiments.get(a.experiment).settings.threshold
    right = {i for i, reward in earned.items() if reward > threshold}
    for name, ids in zip(("with this text", "as it was"), groups, strict=False):
        shown = ids[:1] if answer.certain else ids[:SHOWN]
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.caption(name, width="content")
            for n, i in enumerate(shown, 1):
                lab.link(lab.EXPLORE, f"{':green[✓]' if i in right else ':red[✗]'} {n}", traj=i)
            if len(ids) > len(shown) > 1:
                st.caption(f"and {len(ids) - len(shown)} more", width="content")
    best = next((i for i in groups[0] if i in right), None)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button("Kept" if a.kept else "Keep this branch", key=f"keep_{a.id}", on_click=keep, args=(a.id, not a.kept),
                  icon=":material/bookmark_added:" if a.kept else ":material/bookmark_add:",
                  help="Marks the question, so that it is found again in the list below and in notebooks.")
        sent = review.sent(store, best) if best else None
        st.button("Sent to review" if sent else "Send to review", key=f"send_{a.id}", icon=":material/rate_review:",
                  on_click=send, args=(best,), disabled=best is None or bool(sent),
                  help="No branch came right." if best is None else
                  "The first branch that came right waits for a decision, as a repair does.")
        if sent:
            lab.link(lab.REVIEW, "Open it there", icon=":material/arrow_forward:", rv=sent)


def keep(inquiry: str, kept: bool) -> None:
    with lab.opened() as store:
        store.inquiries.set(inquiry, kept=int(kept))


def send(branch: str) -> None:
    """A refusal (a held-out problem, a round that is over) is told on top of the page."""
    try:
        with lab.opened() as store:
            review.send(store, branch, author(), "a what-if")
    except SiriusError as error:
        st.session_state["_notice"] = str(error)


# -- what was asked --------------------------------------------------------------------------------------------------
def history(t: Trajectory, found: Sequence[Inquiry]) -> None:
    """Everything that was asked about this episode, but for what stands on the page already."""
    here = opened(t)
    last = next((a for a in found if here is not None and a.kind == "whatif" and a.turn == here), None)
    left = [a for a in found if a not in (last, blame.newest(found))]
    if not left:
        return
    st.subheader("Asked about this episode", anchor=False)
    for a in left:
        with st.expander(_title(t, a), type="compact", key=f"asked_{a.id}",
                         icon=":material/bookmark:" if a.kept else ":material/alt_route:"):
            asked.follow(a, f"old_{a.id}", draw if a.kind == "whatif" else blame.draw)


def _title(t: Trajectory, a: Inquiry) -> str:
    answer = inquiries.read(a)
    if a.kind == "blame":
        return f"Which turn was to blame, {many(a.k, 'replay')} each"
    who = whatif.speaker(t.turns[a.turn or 0])
    came = f"right in {answer.edited.right} of {answer.edited.n}" if isinstance(answer, WhatIf) else a.status
    return lab.plain(f"The {who} said something else: {came}{', kept' if a.kept else ''}")

