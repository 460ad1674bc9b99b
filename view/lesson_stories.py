"""Which try of the demo experiment is stepped through: one of each kind of ending, and whatever a link names."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import streamlit as st

from sirius_core.errors import Missing
from sirius_core.store import Experiment, Store
from sirius_core.store.browse import Browse, Filter
from sirius_core.trajectories import Repair, Trajectory

from . import lab
from .lesson_algorithm import STEPS

ROUND = 1  # the round from which the stories are taken
MORE = 3  # further mended ones, after one of each kind


@dataclass(frozen=True)
class Story:
    """A try, and in a few words what became of it."""

    trajectory: str
    label: str


def stories(store: Store, e: Experiment) -> list[Story]:
    """One try of each kind: mended for each role, not mended, blamed on nobody, right at once; leaky ones if any."""
    repairs = store.repairs.find(e.id, ROUND)
    found: dict[str, str] = {}
    for role in dict.fromkeys(r.role for r in sorted(repairs, key=lambda r: r.turn or 0) if r.mended):
        mended = [r for r in repairs if r.mended and r.role == role]
        taken = next((r for r in mended if _learned(store, r)), mended[0])
        found[f"mended: the {lab.plain(role)}'s turn"] = taken.failed
    for label, some in (
        ("not mended", (r for r in repairs if r.replay and not r.mended and not r.leak)),
        ("a leak", (r for r in repairs if r.leak)),
        ("the critic blames nobody", (r for r in repairs if r.turn is None)),
    ):
        if (repair := next(some, None)) is not None:
            found[label] = repair.failed
    right = Browse(store.db).episodes(e.id, Filter(round=ROUND, group="training tries", outcome="right"), limit=1)
    found |= dict.fromkeys(("right at once",), right[0].id) if right else {}
    others = (r.failed for r in repairs if r.mended and r.failed not in found.values())
    found |= {f"mended, no. {i}": failed for i, (failed, _) in enumerate(zip(others, range(MORE)), 2)}
    return [Story(trajectory, label) for label, trajectory in found.items()]


def _learned(store: Store, r: Repair) -> bool:
    """Whether every turn that a repair brought stands in the round's training set."""
    if r.replay is None or r.turn is None:
        return False
    turns = range(r.turn, len(store.episodes.get(r.replay).turns))
    return all(any(u.round == ROUND for u in store.examples.uses(r.replay, i)) for i in turns)


def shown(store: Store, e: Experiment, known: list[Story]) -> Trajectory:
    """The try that the address names (``?ep=``), else the first story."""
    asked = st.query_params.get("ep")
    if asked is not None:
        try:
            t = store.episodes.get(asked)
        except Missing:
            t = None
        if t is not None and t.path.experiment == e.id and t.path.phase == "propose":
            return t
        st.warning("The link names a try that the demo experiment does not have; this is another.",
                   icon=":material/link_off:")
    return store.episodes.get(known[0].trajectory)


def repair_of(store: Store, t: Trajectory) -> Repair | None:
    """What the round made of a failed try: the repair that mended it, else the first."""
    found = [r for r in store.repairs.of_failed(t.id) if r.critic in ("gold", "blind")]
    return min(found, key=lambda r: not r.mended, default=None)


# -- where one is: in the address --------------------------------------------------------------------------------------
def step() -> int:
    """The step that the address names, from 1."""
    asked = st.query_params.get("step", "1")
    return int(asked) if asked in map(str, range(1, len(STEPS) + 1)) else 1


def go(step: int) -> None:
    st.query_params["step"] = str(step)


def tell(trajectory: str) -> None:
    """Another try, from its first step on."""
    st.query_params["ep"] = trajectory
    go(1)


def after(known: list[Story], here: str) -> Iterator[Story]:
    """The stories that follow this one, round and round."""
    place = next((i for i, s in enumerate(known) if s.trajectory == here), -1)
    yield from (*known[place + 1 :], *known[: max(0, place)])


def progress(at: int) -> None:
    """The six steps as a line of buttons; where one is stands out, what is behind has a tick."""
    key = f"ls_step_{at}"  # a new control after each step: the old one would keep the arrows

    def chosen() -> None:
        go(st.session_state[key])

    st.segmented_control(
        "Steps", range(1, len(STEPS) + 1), default=at, required=True, key=key, on_change=chosen,
        label_visibility="collapsed", width="stretch",
        format_func=lambda i: f"{':material/check: ' if i < at else f'{i} '}{STEPS[i - 1]}")


def bar(at: int, known: list[Story], here: str) -> None:
    """Back, next and another try, pinned to the bottom, each with its key. A button belongs to its step: a press of
    one that a slow browser still shows does nothing."""
    following = next(after(known, here), None)
    with st.bottom, st.container(horizontal=True, gap="small", key="lesson_bar"):
        st.button("Next" if at == len(STEPS) else f"Next: {STEPS[at].lower()}", type="primary", shortcut="Right",
                  icon=":material/arrow_forward:", key=f"ls_next_of_{at}", on_click=go, args=(at + 1,),
                  disabled=at == len(STEPS), help="Key →")
        st.button("Back", icon=":material/arrow_back:", shortcut="Left", key=f"ls_back_of_{at}", on_click=go,
                  args=(at - 1,), disabled=at == 1, help="Key ←")
        if following is not None:
            st.button("Another try", icon=":material/shuffle:", shortcut="N", key=f"ls_other_of_{here[:12]}",
                      on_click=tell, args=(following.trajectory,), help=f"Key N: {following.label}")
