"""A measurement of a finished experiment in a process of its own: its button, how far it is, the stop."""

from __future__ import annotations

import streamlit as st

from sirius_core.commands.measuring import cancel, progress
from sirius_core.errors import SiriusError
from sirius_core.store import Experiment

from . import background, lab


def button(e: Experiment, name: str, label: str, about: str, words: tuple[str, ...] = (), *, busy: bool) -> None:
    """``sirius NAME EXPERIMENT WORDS``; ``about`` is the button's help. It waits while the experiment runs."""
    running = background.running(_process(e.id, name))
    st.fragment(_state, run_every=1.0 if running else None)(e, name, label, about, words, busy, running)


def _process(experiment: str, name: str) -> str:
    return f"{experiment}.{name}"


def _state(
    e: Experiment, name: str, label: str, about: str, words: tuple[str, ...], busy: bool, was_running: bool
) -> None:
    process = _process(e.id, name)
    running = background.running(process)
    if running != was_running:  # a button of a fragment runs only the fragment, which then would not look again
        st.rerun(scope="app")
    if running:
        with lab.opened() as store:
            at = store.experiments.measurement(e.id, progress(name))
        _, phase, done, total = at or (0, "starting", 0, 1)
        st.progress(min(1.0, done / max(1, total)), f"{lab.plain(str(phase))}, {done:,} of {total:,}. It "
                    "runs as a process of its own: this page may be closed.")
        st.button("Stop measuring", icon=":material/stop:", key=f"{name}_stop", on_click=_stop, args=(e.id, name),
                  help="What is trained and played is kept: the next measurement goes on there.")
        return
    st.button(label, icon=":material/balance:", key=f"{name}_measure", disabled=busy, on_click=_start,
              args=(e.id, name, words), help=about + (
                  " Every call is paid; max_calls, max_tokens and max_cost hold." if e.settings.model else ""))
    if busy:
        st.caption("It can be measured when the run has ended, or waits for people.")
    elif (lines := background.said(process)) and lines[-1].startswith("sirius:"):
        st.caption(lab.plain(lines[-1]))


def _start(experiment: str, name: str, words: tuple[str, ...]) -> None:
    try:
        with lab.opened() as store:
            store.experiments.set_measurement(experiment, progress(name), [0, "starting", 0, 1])
        background.start(_process(experiment, name), name, experiment, *words)
    except SiriusError as error:
        st.session_state["_notice"] = str(error)


def _stop(experiment: str, name: str) -> None:
    with lab.opened() as store:
        store.experiments.set_measurement(experiment, cancel(name), True)
