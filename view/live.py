"""A job as a person follows it: a badge, the round as a pipeline of steps, the log. Moves only while the job does."""

from __future__ import annotations

from typing import NamedTuple

import streamlit as st

from sirius_core import jobs, recipes
from sirius_core.settings import Settings
from sirius_core.store import ACTIVE, Job
from sirius_core.store.browse import Browse

from . import estimates, lab
from .numbers import clock, local_time, many

COLOURS = {"queued": "gray", "running": "blue", "paused": "orange", "done": "green", "failed": "red", "stopped": "gray"}
ICONS = {
    "queued": ":material/hourglass_top:",
    "running": ":material/progress_activity:",
    "paused": ":material/pause_circle:",
    "done": ":material/check_circle:",
    "failed": ":material/error:",
    "stopped": ":material/stop_circle:",
}


class Step(NamedTuple):
    """One phase of a round: its key in the job row, its name, what happens in it."""

    phase: str
    name: str
    what: str


def steps(s: Settings, round: int) -> list[Step]:
    """The phases of a round with these settings, in order."""
    tests = ", new wordings and withheld question forms" if s.source == "formulas" else ""
    evaluate = Step("evaluate", "Evaluate", f"Held-out problems{tests}, sampled and greedy.")
    if round == 0:
        return [evaluate]
    tries = "once" if s.max_solutions == 1 else f"{s.max_solutions} times"
    problems = f"{s.problems}" if s.source == "formulas" else f"up to {s.problems:,}"
    found = [Step("propose", "Try", f"The team tries each of {problems} training problems {tries}.")]
    repairs, compares = critic_works(s)
    if repairs:
        found.append(Step("repair", "Repair", _repair(s)))
        if s.review and s.replays:
            found.append(Step("replays", "Play on", "For the reviewer: each rewritten turn is played on "
                              f"{many(s.replays, 'time')}, beside the turn as it was and said afresh."))
        if s.review:
            found.append(Step("review", "Review", "A person accepts, edits or rejects each repair."))
    found.append(learning(s))
    if s.update == "prompts" and s.review:
        found.append(Step("decide", "Review", "A person accepts, edits or rejects each rewritten instruction."))
    if s.gate and s.update != "none":
        found.append(Step("validate", "Validate", f"On {s.validation:,} other problems {_gate(s)}."))
    if compares:
        found.append(
            Step("control", "Compare", "Critic, blind critic and playing again, with the same number of calls.")
        )
    return [*found, evaluate]


def _repair(s: Settings) -> str:
    if s.recipe == "actor_critic":
        return ("Where a revision put a wrong first answer right, it is rephrased so that it stands as a first answer, "
                "and everything after it is played again. Nobody is shown the right answer.")
    sees = "sees the right answer" if s.critic == "gold" else "does not see the answer"
    return (f"A critic that {sees} blames one turn of a failure; the turn is rewritten and everything after it is "
            "played again.")


def in_words(s: Settings) -> bool:
    """Whether roles learn by what they are shown or told, and no weights change here."""
    return s.update in ("demos", "prompts") or (s.update == "auto" and bool(s.model))


def learning(s: Settings) -> Step:
    """The step in which roles learn."""
    if s.update == "prompts":
        return Step("rewrite", "Rewrite", "A writer reads failures of each role and writes its instruction anew.")
    if s.update == "none":
        return Step("train", "Keep", "What the recipe keeps is stored; with update=none nobody learns from it.")
    if in_words(s):
        return Step("train", "Show", "Each role gets its own turns that the recipe keeps, as examples to be shown.")
    return Step("train", "Train", "Each role is fine-tuned on its own turns that the recipe keeps.")


def _gate(s: Settings) -> str:
    if s.update == "prompts":
        return "the team must be right more often with the new instructions"
    return "the team must not do worse with the examples" if in_words(s) else "the new weights must not do worse"


def critic_works(s: Settings) -> tuple[bool, bool]:
    """(whether the recipe repairs, whether its rounds compare the critic with playing again)"""
    if s.recipe not in recipes.RECIPES:  # a person's own file: to look at an experiment must not run its code
        return True, bool(s.controls)
    recipe = recipes.get(s)
    return recipe.repair is not None, bool(s.controls) and s.critic != "none" and recipe.team.view is not None


def active(job: Job) -> bool:
    return job.status in ACTIVE


def badge(job: Job) -> None:
    st.badge(job.status, icon=ICONS.get(job.status), color=COLOURS.get(job.status, "gray"))  # type: ignore[arg-type]


def watch(experiment: str) -> None:
    """The badge in the sidebar. While the job moves it looks once a second; a change redraws the whole page."""
    with lab.opened() as store:
        moving = active(jobs.status(store, experiment))
    st.fragment(_watch, run_every=1.0 if moving else None)(experiment)


def _watch(experiment: str) -> None:
    with lab.opened() as store:
        job, closed = jobs.status(store, experiment), Browse(store.db).closed(experiment)
        story = Browse(store.db).any_mended(experiment)
        others = [j for j in jobs.active(store) if j.experiment != experiment]
        s = store.experiments.get(experiment).settings
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        badge(job)
        if active(job):
            round = min(closed, s.rounds)
            name = next((step.name for step in steps(s, round) if step.phase == job.phase.partition(":")[0]), job.phase)
            st.caption(f"round {round} of {s.rounds}" + (f" · {name.lower()}" if name else ""))
        elif closed:
            st.caption(f"{many(closed - 1, 'round')} closed" if closed > 1 else "base measured")
    if others:
        st.caption(f"{many(len(others), 'other experiment')} running.")
    seen, now = st.session_state.get("_seen"), (experiment, job.status, closed, story)
    st.session_state["_seen"] = now
    if seen is not None and seen[0] == experiment and seen != now:
        if job.status == "done":
            st.toast("All rounds are closed.", icon=":material/check_circle:")
        elif closed > seen[2] and closed > 1:
            st.toast(f"Round {closed - 1} is closed.", icon=":material/insights:")
        st.rerun(scope="app")


def panel(experiment: str, *, key: str) -> None:
    """The running round as a pipeline; redrawn every second while the job moves, else it stands still."""
    with lab.opened() as store:
        moving = active(jobs.status(store, experiment))
    st.fragment(_panel, run_every=1.0 if moving else None)(experiment, key)


def _panel(experiment: str, key: str) -> None:
    with lab.opened() as store:
        job, record = jobs.status(store, experiment), store.experiments.get(experiment)
        reports = store.experiments.reports(experiment)
        found = None if reports else store.experiments.measurement(experiment, "estimate")
    s, closed = record.settings, len(reports)
    over = closed > s.rounds
    round = min(closed, s.rounds)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(f"Round {round} of {s.rounds}" if round else "The untrained base", anchor=False)
        badge(job)
    if job.status == "failed":
        st.error(lab.plain(job.message or "The run failed; its log says more."), icon=":material/error:")
    elif job.status == "paused" and not closed and found:
        estimates.table(found)
    plan = steps(s, round)
    if job.phase == "pilot":
        plan = [Step("pilot", "Pilot", "A few problems are played to tell what the whole would cost."), *plan]
    at = _at(job, plan, over)
    for_people = at < len(plan) and plan[at].phase in ("review", "decide")  # the step says so, and a button beside it
    if job.message and (job.status == "stopped" or (job.status == "paused" and not found and not for_people)):
        st.caption(lab.plain(job.message.partition(": ")[2] or job.message))
    before = reports[-1]["phases"] if closed > 1 and "phases" in reports[-1] else {}
    # While it moves its height stands still: a step's words take one line or two, and nothing below may jump.
    tall = max(285, 24 * len(plan) + 117)
    with st.container(key=f"pipeline_{key}", gap=None, height=tall if active(job) else "content", border=False):
        for i, step in enumerate(plan):
            if over or i < at:
                with st.expander(
                    f"**{step.name}**", type="step", icon=":material/check_circle:", key=f"{key}_{round}_{i}"
                ):
                    spent = reports[-1].get("phases", {}).get(step.phase) if over else None
                    st.caption(step.what + (f" {clock(spent)}." if spent else ""))
            elif i == at and active(job):
                _moving(step, job, before.get(step.phase))
            else:
                waits = i == at
                with st.expander(
                    f"**{step.name}**" + (" · waiting" if waits and job.status == "paused" else ""),
                    type="step",
                    icon=":material/pause_circle:" if waits and job.status == "paused" else None,
                    key=f"{key}_{round}_{i}",
                ):
                    st.caption(step.what)
    if over and job.status == "done" and not s.rounds:
        st.caption(f"Measured in {clock(job.seconds)}; with rounds=0 nothing is learned.")
    elif over and job.status == "done":
        st.caption(f"All {many(s.rounds, 'round')} closed in {clock(job.seconds)}.")


def _moving(step: Step, job: Job, seconds: float | None) -> None:
    """The step that is going on: how far, and how long still, judged by the round before."""
    share = min(1.0, job.done / job.total) if job.total and job.phase == step.phase else 0.0
    left = f" · about {clock(seconds * (1 - share))} left" if seconds and share else ""
    box = st.status(f"**{step.name}**", state="running", type="step", expanded=True)  # no `with`: it would complete it
    box.caption(step.what)
    box.progress(share, text=f"{job.done:,} of {job.total:,}{left}" if share else "beginning")


def _at(job: Job, plan: list[Step], over: bool) -> int:
    """Which step of the plan the job is at."""
    if over:
        return len(plan)
    names = [step.phase for step in plan]
    for phase, place in (("repair", "review"), ("replays", "review"), ("rewrite", "decide")):
        if job.status == "paused" and job.phase == phase and place in names and _stale(job):
            return names.index(place)
    phase = job.phase.partition(":")[0]
    return names.index(phase) if phase in names and not (phase == "evaluate" and len(names) > 1 and _stale(job)) else 0


def _stale(job: Job) -> bool:
    """The phase that the row tells of is complete."""
    return job.total > 0 and job.done >= job.total


def log(experiment: str) -> None:
    """What happened when, newest first."""
    with lab.opened() as store:
        events = store.experiments.events(experiment, 200)
    lines = [f"{local_time(at)}  {text}" for at, text in events]
    with st.container(height=220 if len(lines) > 8 else "content", border=False):  # it scrolls by keyboard, too
        st.code("\n".join(lines) or "nothing yet", language=None, wrap_lines=True)
