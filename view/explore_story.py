"""The story around an episode: the repair beside a failure, the same problem in another round, what it replays."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from sirius_core.store import Experiment, Store
from sirius_core.store.browse import Browse, Row
from sirius_core.trajectories import Repair, Task, Trajectory

from . import episodes, lab
from .texts import say

SENT = {"person": "Sent to review", "imported": "Imported, for review"}  # by a repair's critic


def story_of(store: Store, browse: Browse, t: Trajectory) -> tuple[Trajectory, list[Repair]]:
    """(the failure, its repairs), wherever in the story one stands; a round's own work before the comparison's."""
    mine = store.repairs.of_replay(t.id) or [
        store.repairs.get(r) for r in browse.of_mend(t.path.experiment, t.path.round, t.id)
    ]
    if mine:
        return store.episodes.get(mine[0].failed), mine
    if t.parent is not None:  # a person's edit that was tried
        return store.episodes.get(t.parent), []
    phases = browse.repair_phases(t.id)
    found = store.repairs.of_failed(t.id)
    own = [r for r in found if phases[r.id] == "repair"] or found
    return t, sorted(own, key=lambda r: (not r.mended, r.replay is None))


def attempt_of(repairs: list[Repair], key: str) -> Repair:
    """The attempt to show, where there were several."""
    if len(repairs) == 1:
        return repairs[0]
    shown = st.segmented_control(
        "Attempts",
        range(min(8, len(repairs))),
        default=0,
        key=f"attempt_{key}",
        required=True,
        format_func=lambda i: f"{'✓' if repairs[i].mended else '✗'} {i + 1}",
    )
    return repairs[shown or 0]


def beside(store: Store, task: Task, failed: Trajectory, repair: Repair, *, raw: bool) -> None:
    """The critique and the rewritten turn, beside the failure; of what people sent, what they wrote about it."""
    with st.container(border=True, gap="xsmall"):
        if repair.critic in SENT:
            st.subheader(SENT[repair.critic], anchor=False)
            if repair.critique:
                say(repair.critique)
            if repair.turn is not None and repair.rephrased:
                episodes.rewrite(task, failed, repair, raw=raw)
            lab.link(lab.REVIEW, "Open it in review", icon=":material/rate_review:", rv=repair.id)
            return
        st.subheader("The critic", anchor=False)
        episodes.critique(task, repair, raw=raw)
        if repair.turn is None:
            st.caption("It names no turn that could be rewritten, so nothing was played again.")
            return
        if not repair.replay:
            st.caption("No rewrite came to its end within the calls it was given, so nothing was played again.")
            return
        st.subheader(f"The {episodes.name(failed.turns[repair.turn]).lower()}'s turn, rewritten", anchor=False)
        episodes.rewrite(task, failed, repair, raw=raw)
        with st.expander("How the rewrite came about", type="compact", key="how"):
            episodes.steps_of_rewrite(task, failed, repair, raw=raw)
        episodes.outcome_change(task, failed, store.episodes.get(repair.replay))


def in_another_round(store: Store, task: Task, t: Trajectory, rows: Sequence[Row], *, raw: bool) -> None:
    """The same problem after the last round, or before the first when this is the last."""
    other = store.episodes.get(rows[0].id if rows[-1].id == t.id else rows[-1].id)
    with st.container(border=True, gap="xsmall"):
        then, now = sorted((t, other), key=lambda x: x.path.round)
        st.subheader(f"From round {then.path.round} to round {now.path.round}", anchor=False)
        episodes.outcome_change(task, then, now)
        episodes.then_and_now(task, then, now, raw=raw)


def further_on(store: Store, task: Task, failed: Trajectory, repair: Repair, *, raw: bool) -> None:
    """What the rewrite changed in every later turn."""
    if repair.turn is None or not repair.replay:
        return
    again = store.episodes.get(repair.replay)
    with st.container(border=True):
        st.subheader("What it changed further on", anchor=False)
        episodes.downstream(task, failed, again, repair.turn, raw=raw)


def against_parent(store: Store, task: Task, t: Trajectory, *, raw: bool) -> None:
    """What became of the episode that this one replays, turn by turn."""
    assert t.parent is not None
    parent = store.episodes.get(t.parent)
    with st.container(border=True, gap="xsmall"):
        st.subheader("Against the episode that it replays", anchor=False)
        episodes.outcome_change(task, parent, t)
        episodes.then_and_now(task, parent, t, raw=raw)


def what_it_is(t: Trajectory, mend: bool, writer: bool) -> str:
    """One line over the timeline: what kind of episode this is, and where it stands."""
    if writer:
        return f"The writer's own calls while it rewrote an instruction · round {t.path.round}"
    if mend:
        return "The critic's and the writers' own calls while they mended a failure."
    if t.parent is None:
        return f"Round {t.path.round} · {lab.plain(episodes.phase(t.path.phase))} · try {t.path.attempt + 1}"
    head = t.path.phase.partition(":")[0]
    what = {
        "review": "A person's edit, played on from there",
        "whatif": "A what-if: one turn says something else, what follows is said afresh" if t.edits else
        "Beside a what-if: the turn as it was, what follows is said afresh",
        "blame": f"From turn {t.fresh_from} on said afresh, to find the turn that was to blame",
        "replays": "Beside a repair, for the reviewer",
    }.get(head, "A replay: one turn rewritten, what follows said afresh")
    return f"{what} · round {t.path.round} · draw {t.path.draw + 1}"


def another(browse: Browse, e: Experiment, here: str) -> None:
    """A link to a mended failure that has not been opened yet."""
    seen = st.session_state.setdefault("ex_seen", [])
    if here not in seen:
        seen.append(here)
    if following := browse.mended(e.id, beyond=seen) or browse.mended(e.id, beyond=[here]):
        lab.link(lab.EXPLORE, "Another mended failure", icon=":material/auto_fix_high:", traj=following[0])


def related(store: Store, browse: Browse, t: Trajectory, failed: Trajectory, repair: Repair | None) -> None:
    """Parent, replays and mend of this episode, as links."""
    links: list[tuple[str, str, str]] = []
    if failed.id != t.id:
        mended = repair is not None or t.path.phase == "review"
        links.append((":material/undo:", "The failure that was mended" if mended else "The episode that it replays",
                      failed.id))
    for i, r in enumerate((r for r in browse.replays(failed.id) if r.phase in ("repair", "review")), 1):
        whose = "a person's edit" if r.phase == "review" else f"replay {i}"
        links.append((":material/replay:", f"{whose.capitalize()}: {'✓ right' if r.right else '✗ wrong'}", r.id))
    if repair:
        whose = "The rephraser's own call" if failed.team == "actor_critic" else "The critic's own calls"
        links.append((":material/rate_review:", whose, repair.mend))
    links = [x for x in links if x[2] != t.id][:8]
    if links:
        st.caption("Belongs together")
        with st.container(horizontal=True):
            for icon, label, target in links:
                lab.link(lab.EXPLORE, label, icon=icon, traj=target)
