"""Ask both: one problem to the untrained base and to the trained team side by side, turn by turn, as often as wanted.

In the session stand what is asked and how often. The answers follow from that: on the embedded model a draw is the same
draw whenever it is made, and an endpoint's replies are in the journal.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

import streamlit as st

from sirius_core import asking, demo, imports
from sirius_core.errors import SiriusError, UnreadableText
from sirius_core.machines import embedded
from sirius_core.pocket.vocabulary import knows
from sirius_core.store import Experiment, Store
from sirius_core.store.browse import Browse
from sirius_core.trajectories import Task, Trajectory

from . import episodes, lab, lesson_steps, small_bars
from .numbers import many
from .texts import problem, say_pairs
from .words import readable, to_pocket

BLOCK = 4  # draws of each at one press: they are played in one batch
MOST = 16  # presses for one problem
SHOWN = 200  # held-out problems that can be chosen from a list
EXAMPLE = "train moves 30 m/s for 5 s. how far?"
DEMO = "the demo experiment"


def draw(store: Store, opened: Experiment | None) -> None:
    """Which team, which problem, and what both say."""
    st.write("The same problem to the team before it learned anything and to the team now. Ask again: one answer says "
             "little, the share of right ones more.")
    e = opened if whose(store, opened) else None
    if e is not None:
        both(store, e)
        return
    with Store(demo.copy()) as other:
        both(other, other.experiments.get(demo.EXPERIMENT))


# -- choose ------------------------------------------------------------------------------------------------------------
def whose(store: Store, opened: Experiment | None) -> bool:
    """Whether the open experiment is asked, and not the demo; ``?team=open`` asks it to begin with."""
    if opened is None or imports.imported(opened) or asking.last_round(store, opened) < 1:
        return False
    key = "ls_whose"

    def follow() -> None:
        st.query_params["team"] = st.session_state[key]

    st.session_state[key] = "open" if st.query_params.get("team") == "open" else "demo"
    st.segmented_control("Which team", ("demo", "open"), key=key, required=True, on_change=follow,
                         format_func=lambda w: DEMO if w == "demo" else f"{lab.plain(opened.name)}, seed {opened.seed}")
    return bool(st.session_state[key] == "open")


def chosen(store: Store, e: Experiment) -> Task | None:
    """A held-out problem, drawn or picked, or one of the person's own; None where there is none yet."""
    key = f"ls_task_{e.id}"
    with st.container(horizontal=True, vertical_alignment="bottom", key="ask_choice"):
        way = st.segmented_control("The problem", ("held out", "my own"), default="held out", required=True,
                                   key="ls_way", persist_state="session")
        if way == "held out":
            tasks = asking.heldout(store, e)[:SHOWN]
            if not tasks:
                st.caption("This experiment keeps no list of its held-out problems.")
                return None
            names = {t.id: readable(t.source, t.question) for t in tasks}
            if st.session_state.get(key) not in names:
                st.session_state[key] = telling(store, e, tasks)

            def another() -> None:
                st.session_state[key] = random.choice([i for i in names if i != st.session_state[key]] or list(names))

            st.button("Draw one", icon=":material/casino:", key="ls_draw", on_click=another)
            st.selectbox("One that nobody trained on", list(names), key=key, format_func=names.get,
                         help="The first one was picked because the team learned it; for a fair look, draw others.")
            return next(t for t in tasks if t.id == st.session_state[key])
        text = st.text_input("Your problem", EXAMPLE if embedded(e.settings) else "", key=f"ls_own_{e.id}",
                             max_chars=400, persist_state="session",
                             help="In the words of the embedded model: it has read no others." if embedded(e.settings)
                             else None)
    return own(store, e, text or "")


def telling(store: Store, e: Experiment, tasks: Sequence[Task]) -> str:
    """The problem to begin with: one that the base got wrong and the team now gets right, else the first."""
    browse = Browse(store.db)
    found = browse.learned(e.id) or browse.learned(e.id, "evaluate:heldout:sampled")
    task = "" if found is None else store.episodes.get(found).task
    return task if any(t.id == task for t in tasks) else tasks[0].id


def own(store: Store, e: Experiment, text: str) -> Task | None:
    """A person's problem; what cannot be read is said, with the nearest known words."""
    try:
        task = asking.written(store, e, spelt(text) if embedded(e.settings) else text)
    except UnreadableText as error:
        st.error(lab.plain(str(error)), icon=":material/spellcheck:")
        return None
    except SiriusError as error:
        st.caption(lab.plain(str(error)))
        return None
    if not task.answer:
        st.caption("The lab does not know the right answer of this one: both are asked, and you judge.")
    elif asking.in_training(store, e, task):
        st.caption(":material/info: The team has trained with these numbers: take others to see what it can do.")
    return task


def spelt(text: str) -> str:
    """What a person typed in the embedded language: capital letters only where a unit has them."""
    return " ".join(w if knows(w) or not knows(w.lower()) else w.lower() for w in to_pocket(text).split())


# -- call --------------------------------------------------------------------------------------------------------------
def both(store: Store, e: Experiment) -> None:
    task = chosen(store, e)
    if task is None:
        return
    last = asking.last_round(store, e)
    kept: dict[str, int] = st.session_state.setdefault("ls_asked", {})
    place = f"{e.id}/{last}/{task.id}"
    times = kept.get(place, 0)

    def again() -> None:
        kept[place] = min(MOST, kept.get(place, 0) + 1)

    agreed = agree(store, e)
    problem(readable(task.source, task.question))
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(f"Again, {BLOCK} times" if times else "Ask both", type="primary",
                  icon=":material/replay:" if times else ":material/forum:", key="ls_ask", on_click=again,
                  disabled=not agreed or times >= MOST)
        if times and task.answer:
            say_pairs([("right is", readable(task.source, task.answer))])
        elif not times:
            st.caption(f"Each answers {BLOCK} times.")
    if times:
        answers(store, e, task, last, times)


def agree(store: Store, e: Experiment) -> bool:
    """Whether it may be asked: an endpoint's calls are paid, so a person says yes first."""
    if not e.settings.model:
        return True
    each = asking.calls_each(store, e)
    return st.toggle(f"Ask {lab.plain(e.settings.model)} at its endpoint: each press makes about "
                     f"{many(2 * BLOCK * each, 'call')}", key=f"ls_agree_{e.id}", persist_state="session",
                     help="These calls are not part of the experiment and count in none of its budgets. What was asked "
                     "once is not paid again.")


def answers(store: Store, e: Experiment, task: Task, last: int, times: int) -> None:
    """Both sides, all draws so far; one of them turn by turn."""
    try:
        with st.spinner("Both are asked …", show_time=False):
            base, now = (said(store, e, task, round, times) for round in (0, last))
    except SiriusError as error:
        st.error(lab.plain(str(error)), icon=":material/error:")
        return
    n = len(base)
    key = f"ls_shown_{e.id}_{task.id}_{n}"
    at = int(st.session_state.get(key, n - BLOCK))
    st.segmented_control("Which answer is shown", range(n), default=n - BLOCK, required=True, key=key,
                         format_func=lambda i: f"{i + 1} {sign(base[i])}{sign(now[i])}",
                         help="Base and team: ✓ right, ✗ wrong, · not judged.")
    left, right = st.columns(2, gap="medium")
    for column, name, found in ((left, "The untrained base", base), (right, f"After round {last}", now)):
        with column, st.container(border=True, gap="small", height="stretch"):
            st.subheader(name, anchor=False)
            share(task, found, found is now)
            lesson_steps.answered(task, found[at])
            lesson_steps.turns(task, found[at], marks=True)


def share(task: Task, found: Sequence[Trajectory], strong: bool) -> None:
    """How often right; where nobody knows, which answers came how often."""
    if task.answer:
        small_bars.draw([small_bars.counted("right", sum(t.right for t in found), len(found), strong=strong)])
        return
    said = [episodes.answer_of(task, t) or "nothing" for t in found]
    say_pairs([(f"{said.count(answer)} of {len(said)}:", answer) for answer in dict.fromkeys(said)])


def sign(t: Trajectory) -> str:
    return "·" if t.reward is None else "✓" if t.right else "✗"


def said(store: Store, e: Experiment, task: Task, round: int, times: int) -> list[Trajectory]:
    """All draws of the team after a round, block by block."""
    models = tuple(sorted((store.weights.models(e.id, round) or ({},))[0].items()))
    return [t for block in range(times)
            for t in _block(str(store.path), e.id, task.id, round, block, models, store, e, task)]


@st.cache_data(max_entries=256, show_spinner=False)
def _block(path: str, experiment: str, task_id: str, round: int, block: int, models: tuple[tuple[str, str], ...],
           _store: Store, _e: Experiment, _task: Task) -> tuple[Trajectory, ...]:
    """The draws of one press; the same checkpoints always answer the same."""
    return asking.ask(_store, _e, _task, round, BLOCK, first=block * BLOCK)
