"""``sirius measure`` as a detached process, started by a button and followed by its log."""

from __future__ import annotations

import time

import streamlit as st

from sirius_core import jobs

from . import lab

STARTING = 6.0  # seconds


def button(experiment: str, *, busy: bool, again: bool) -> None:
    """Measure pass@k; while it is being measured, say so. It takes the experiment's lock, so it waits for a run."""
    running = not busy and _running(experiment)
    st.fragment(_state, run_every=2.0 if running else None)(experiment, busy, again, running)


def _state(experiment: str, busy: bool, again: bool, was_running: bool) -> None:
    running = not busy and _running(experiment)
    if was_running and not running:
        st.rerun(scope="app")
    label = "Measure again" if again else "Measure pass@k (a minute or two)"
    if st.button(
        label,
        icon=":material/casino:",
        key="measure",
        disabled=busy or running,
        help="64 tries at each of 100 held-out problems, for the base and for the team now.",
    ):
        jobs.launch_measure(lab.path(), experiment)
        st.session_state["_measuring"] = (experiment, time.monotonic())
        st.rerun(scope="app")
    if running:
        st.caption("Measuring, as a process of its own: this page may be closed. " + _last_line(experiment))
    elif busy:
        st.caption("It can be measured when the run has ended.")


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
