"""``sirius measure`` as a detached process, started by a button and followed by its log."""

from __future__ import annotations

import time

import streamlit as st

from sirius_core import jobs, recipes
from sirius_core.store import Experiment

from . import lab
from .numbers import many

STARTING = 6.0  # seconds
POCKET, PAID = (64, 100), (8, 40)  # tries, problems; at an endpoint every call is paid


def button(e: Experiment, *, busy: bool, again: bool) -> None:
    """Measure pass@k; while it is being measured, say so. It takes the experiment's lock, so it waits for a run."""
    running = not busy and _running(e.id)
    st.fragment(_state, run_every=2.0 if running else None)(e, busy, again, running)


def _state(e: Experiment, busy: bool, again: bool, was_running: bool) -> None:
    running = not busy and _running(e.id)
    if was_running and not running:
        st.rerun(scope="app")
    samples, problems = PAID if e.settings.model else POCKET
    label = "Measure again" if again else "Measure pass@k"
    if e.settings.model:
        label += f" ({_calls(e, samples, problems)})"
    elif not again:
        label += " (a minute or two)"
    if st.button(
        label,
        icon=":material/casino:",
        key="measure",
        disabled=busy or running,
        help=f"{samples} tries at each of {problems} held-out problems, for the base and for the team now."
        + (" Every call is paid; max_calls, max_tokens and max_cost hold." if e.settings.model else ""),
    ):
        jobs.launch_measure(lab.path(), e.id, samples, problems)
        st.session_state["_measuring"] = (e.id, time.monotonic())
        st.rerun(scope="app")
    if running:
        st.caption("Measuring, as a process of its own: this page may be closed. " + _last_line(e.id))
    elif busy:
        st.caption("It can be measured when the run has ended.")


def _calls(e: Experiment, samples: int, problems: int) -> str:
    """About how many calls it takes: every role of the chain speaks once."""
    roles = max(1, len(recipes.get(e.settings).team.chain)) if e.settings.recipe in recipes.RECIPES else 3
    teams = 2 if e.settings.rounds and e.settings.update != "none" else 1
    return f"about {many(samples * min(problems, e.settings.heldout) * roles * teams, 'call')}"


def _running(experiment: str) -> bool:
    """Whether it is being measured; a process that was just started has not taken the lock yet."""
    begun, at = st.session_state.get("_measuring", ("", 0.0))
    return jobs.running(lab.path(), experiment) or (begun == experiment and time.monotonic() - at < STARTING)


def _last_line(experiment: str) -> str:
    try:
        lines = jobs.log_file(lab.path(), experiment, "measure").read_text("utf-8", "replace").split("\n")
    except OSError:
        return ""
    return lab.plain(next((line for line in reversed(lines) if line.strip()), ""))
