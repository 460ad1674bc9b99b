"""One try of the demo experiment through the six steps of a round: on the left the algorithm, on the right what was.

Each step has a function here; the numbers of the round stand under it, each with its n and its interval.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from sirius_core import demo, statistics, tables
from sirius_core.store import Experiment, Store
from sirius_core.store.browse import Browse
from sirius_core.trajectories import Repair, Task, Trajectory

from . import charts, code, episodes, lesson_algorithm, lesson_stories, lesson_train, small_bars
from .numbers import counted, many, p_text, points, share
from .texts import problem, say_pairs
from .words import readable

TOLD = (
    "The team plays the problem. Every agent acts in its turn, on what was handed to it.",
    "A rule looks at the answer, nothing else. What led to a right one is kept, word for word.",
    "A critic reads what went wrong and names the turn that is to blame.",
    "That turn is said anew, put in other words, checked for leaks, and the rest is played again.",
    "What was kept and what was mended is what the model learns to say by itself, without a critic.",
    "Did it help? The team answers problems that nobody trained on, before and after.",
)


def draw() -> None:
    """The whole view, on a copy of the demo experiment."""
    path = demo.copy()
    with Store(path) as store:
        e = store.experiments.get(demo.EXPERIMENT)
        known = lesson_stories.stories(store, e)
        t = lesson_stories.shown(store, e, known)
        at = lesson_stories.step()
        task, repair = store.episodes.task(t.task), lesson_stories.repair_of(store, t)
        lesson_stories.progress(at)
        left, right = st.columns([2, 3], gap="medium")
        with left:
            lesson_algorithm.draw(at, e)
        with right, st.container(border=True, gap="small", key=f"lesson_{at}"):
            label = next((s.label for s in known if s.trajectory == t.id), "")
            st.subheader(f"{at}. {lesson_algorithm.STEPS[at - 1]}", anchor=False)
            st.caption(TOLD[at - 1])
            if at < len(lesson_algorithm.STEPS):  # the last step is about other problems
                problem(readable(task.source, task.question))
            Step(store, path, e, task, t, repair).draw(at)
            st.caption(f"The demo experiment, round {t.path.round}, try {t.path.attempt + 1} of "
                       f"{e.settings.max_solutions}{f' · {label}' if label else ''}")
        lesson_stories.bar(at, known, t.id)


class Step:
    """What every step draws from: the try ``t`` at a problem, and what the round made of it (None: nothing)."""

    def __init__(self, store: Store, path: Path, e: Experiment, task: Task, t: Trajectory, repair: Repair | None):
        self.store, self.path, self.e, self.task, self.t, self.repair = store, path, e, task, t, repair
        self.round = t.path.round

    def draw(self, at: int) -> None:
        (self.sample, self.keep, self.critique, self.mend, self.train, self.evaluate)[at - 1]()

    # -- 1: sample -----------------------------------------------------------------------------------------------------
    def sample(self) -> None:
        turns(self.task, self.t)
        s = self.e.settings
        tries = many(s.problems * s.max_solutions, "try", "tries")
        st.caption(f"Round {self.round} plays {many(s.problems, 'training problem')}, {s.max_solutions} times each: "
                   f"{tries}. At temperature {s.temperature:g} no two need be alike.")

    # -- 2: keep -------------------------------------------------------------------------------------------------------
    def keep(self) -> None:
        t, s = self.t, self.e.settings
        answered(self.task, t)
        reward = 0.0 if t.reward is None else t.reward.value
        if t.earned(s.threshold):
            st.markdown(f"Reward {reward:g} > ε = {s.threshold:g}: **kept**. All {many(len(t.turns), 'turn')} join the "
                        "good sets C of their agents, also those that did no good: the outcome decides for all.")
        else:
            st.markdown(f"Reward {reward:g} ≤ ε = {s.threshold:g}: **not kept**. No turn of it is learned from, also "
                        "none that did its part. It goes to the critic.")
        turns(self.task, t, marks=True)
        st.caption("The marks are the lab's own, for looking inside: the algorithm never sees them.")
        tried = self.store.episodes.results(self.e.id, self.round, "propose")
        small_bars.draw([bar(f"tries of round {self.round} that are kept",
                             [(r.task, r.reward > s.threshold) for r in tried], strong=True)])
        code.copy("kept", code.call("trajectories", self.e.id), db=self.path)

    # -- 3: critique ---------------------------------------------------------------------------------------------------
    def critique(self) -> None:
        if self.nothing_to_mend():
            return
        assert self.repair is not None
        r = self.repair
        turns(self.task, self.t, marks=True, blamed=r.turn)
        st.markdown("**What the critic says**")
        episodes.critique(self.task, r, raw=False, key="lesson")
        if r.critic == "gold":
            say_pairs([("shown to the critic alone: right is", readable(self.task.source, self.task.answer))])
        if r.turn is None:
            st.caption("It names no turn that could be said anew, so this try is given up: nothing of it is learned.")

    # -- 4: repair -----------------------------------------------------------------------------------------------------
    def mend(self) -> None:
        if self.nothing_to_mend():
            return
        assert self.repair is not None
        r = self.repair
        if r.turn is None or r.replay is None:
            st.write("The critic named no turn that could be said anew: there is no rewrite, and nothing is played "
                     "again.")
            self.mended_in_all()
            return
        again = self.store.episodes.get(r.replay)
        st.markdown(f"**The {episodes.name(self.t.turns[r.turn]).lower()}'s turn, rewritten**")
        episodes.rewrite(self.task, self.t, r, raw=False)
        with st.expander("How the rewrite came about", type="compact", key="lesson_how"):
            episodes.steps_of_rewrite(self.task, self.t, r, raw=False)
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            if r.leak:
                st.badge("leak: not learned from", icon=":material/visibility:", color="orange")
            else:
                st.badge("no leak", icon=":material/visibility_off:", color="green",
                         help="The new text bears no trace of the critique, and states no right answer that it was not "
                         "handed and did not work out.")
            if r.turn:
                st.caption(f"{many(r.turn, 'turn')} before it: given back word for word.")
        if r.turn + 1 < len(self.t.turns):
            st.markdown("**Played again from there**")
            episodes.downstream(self.task, self.t, again, r.turn, raw=False)
        episodes.outcome_change(self.task, self.t, again)
        st.markdown(
            f"**Mended.** {_turns(r.turn, len(again.turns))} of the replay join the good sets C." if r.mended else
            "**Not mended.** Nothing of it is learned from: a critique is worth what it leads to.")
        self.mended_in_all()

    def mended_in_all(self) -> None:
        found = self.store.repairs.find(self.e.id, self.round)
        roles = dict.fromkeys(r.role for r in sorted(found, key=lambda r: r.turn or 0) if r.role)
        rows = [(f"the {role}'s turn rewritten", [r for r in found if r.role == role]) for role in roles]
        whole = (f"failures of round {self.round}: mended", found)
        small_bars.draw([bar(name, [(r.task, r.mended) for r in some], strong=some is found)
                         for name, some in (whole, *rows)])
        code.copy("mended", code.call("repairs", self.e.id), db=self.path)

    def nothing_to_mend(self) -> bool:
        if self.t.earned(self.e.settings.threshold):
            st.write("This try was right at once, so no critic reads it. Its turns are in the good sets already.")
            return True
        if self.repair is None:
            st.write("This failure was not sent to the critic.")
            return True
        return False

    # -- 5: train ------------------------------------------------------------------------------------------------------
    def train(self) -> None:
        lesson_train.draw(self.store, self.path, self.e, self.t, self.repair)

    # -- 6: evaluate ---------------------------------------------------------------------------------------------------
    def evaluate(self) -> None:
        reports = self.store.experiments.reports(self.e.id)
        base, last = reports[0], reports[-1]
        test = tables.paired(self.store, self.e, "evaluate:heldout:sampled", 0, last["round"])
        with st.container(horizontal=True, gap="medium"):
            st.metric("Held-out, before", share(base["accuracy"]), help=counted(base))
            st.metric(f"After round {last['round']}", share(last["accuracy"]),
                      points(base["accuracy"], last["accuracy"]), delta_description=f"paired, {p_text(test.p)}",
                      help=counted(last))
        small_bars.draw([small_bars.counted("the base" if r["round"] == 0 else f"after round {r['round']}",
                                            r["correct"], r["n"], strong=r is last) for r in reports])
        st.caption(f"Of the same {last['n']} problems {test.gained} went from wrong to right and {test.lost} from "
                   f"right to wrong ({p_text(test.p)}, McNemar's exact test).")
        said = "; ".join(f"round {r['round']}: {share(r['accuracy'], 0)}" for r in reports)
        charts.stored(self.store, self.e, "accuracy", alt=f"Held-out accuracy by round. {said}.", height=260,
                      db=self.path)
        self.same_problem_later()
        st.button("Ask both teams something", icon=":material/forum:", key="ls_to_ask", on_click=ask_both)

    def same_problem_later(self) -> None:
        """The try's own problem as the team plays it a round later; it was trained on, and that is said."""
        rows = Browse(self.store.db).same_problem(self.e.id, self.t.task, self.t.path.phase)
        later = next((row for row in rows if row.round == self.round + 1), None)
        if later is None:
            return
        with st.expander(f"This problem in round {later.round}", type="compact", key="lesson_later"):
            now = self.store.episodes.get(later.id)
            st.caption("The team has trained on this problem: what it shows is not a test.")
            episodes.outcome_change(self.task, self.t, now)
            episodes.then_and_now(self.task, self.t, now, raw=False)


def ask_both() -> None:
    st.query_params["part"] = "ask"


def answered(task: Task, t: Trajectory) -> None:
    """The verdict with what was answered and what is right."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        episodes.verdict(t)
        pairs = [("answered", episodes.answer_of(task, t) or "nothing")]
        if task.answer:
            pairs.append(("right is", readable(task.source, task.answer)))
        say_pairs(pairs)


def turns(task: Task, t: Trajectory, *, marks: bool = False, blamed: int | None = None) -> None:
    """Every turn in order: who, with the lab's mark where it is wanted, and what was said."""
    for i, turn in enumerate(t.turns):
        mark = episodes.mark(t, i) if marks else ""
        blame = " :orange-badge[:material/gavel: blamed]" if i == blamed else ""
        icon = episodes.ICONS.get(turn.role, ":material/forum:")
        with st.container(gap=None):
            st.markdown(f"{icon} **{episodes.name(turn)}** {mark}{blame}")
            episodes.said(task, turn.text, raw=False)


def bar(label: str, found: Sequence[tuple[str, bool]], *, strong: bool = False) -> small_bars.Bar:
    """How many of (task, success) are successes; the interval is clustered, as several are of one problem."""
    if len({task for task, _ in found}) < 2:
        return small_bars.counted(label, sum(good for _, good in found), len(found), strong=strong)
    over = statistics.clustered([int(good) for _, good in found], [task for task, _ in found])
    text = f"{sum(good for _, good in found)} of {len(found)} ({100 * over.low:.0f} to {100 * over.high:.0f} %)"
    return small_bars.Bar(label, over.estimate, text, over.low, over.high, strong)


def _turns(first: int, n: int) -> str:
    """``Turns 2 and 3`` of n, counted from 1, from the one with this index on."""
    numbers: Sequence[str] = [str(i + 1) for i in range(first, n)]
    return f"Turn {numbers[0]}" if len(numbers) == 1 else f"Turns {', '.join(numbers[:-1])} and {numbers[-1]}"
