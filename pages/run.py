"""Start an experiment, watch it, stop it, resume it. The form is made from the settings' own explanations."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

import streamlit as st

if not st.session_state.get("_routed"):  # opened by its address on a cold server: the frame comes first
    st.session_state["_goto"] = ("pages/run.py", st.query_params.to_dict())
    st.switch_page("app.py")

from sirius_core import campaign, frames, jobs, review
from sirius_core.errors import SiriusError
from sirius_core.imports import imported
from sirius_core.settings import PRESETS, preset
from sirius_core.store import Experiment, Job, Store
from sirius_core.store.arms import Arms
from sirius_core.store.browse import Browse
from view import arms, code, estimates, form, lab, live, waiting
from view.columns import NOTHING, written
from view.numbers import clock, many

LISTED = 50  # lines of the table of all experiments
PRESET_HELP = {
    "quickstart": "About a minute: from mostly wrong to mostly right.",
    "tiny": "Seconds, to try things out; too small to conclude anything.",
    "contrast": "Ends half way up, so that two recipes can be told apart.",
    "actor-critic": "About a minute: an actor, a judge who may be mistaken, and a critic learn together.",
}


def act(verb: str, experiment: str, rounds: int = 0) -> None:
    """Stop, resume, go on without further decisions, or add rounds."""
    try:
        with lab.opened() as store:
            if verb == "stop":
                return jobs.stop(lab.path(), experiment)
            if verb == "go on":
                review.go_on(store, experiment, Browse(store.db).closed(experiment))
            if verb == "more":
                jobs.change(store, experiment, {"rounds": rounds})
    except SiriusError as error:
        st.session_state["_notice"] = str(error)
        return None
    return lab.launch(experiment)


def controls(store: Store, e: Experiment, job: Job, closed: int) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        if live.active(job):
            st.button(
                "Stop",
                icon=":material/stop_circle:",
                key="stop",
                on_click=act,
                args=("stop", e.id),
                help="Stops at the next call. What is finished stays, and the run can be resumed.",
            )
        elif job.status == "done":
            st.button(
                "Two more rounds",
                icon=":material/add:",
                key="more",
                on_click=act,
                args=("more", e.id, min(50, e.settings.rounds + 2)),
                disabled=e.settings.rounds >= 50 or e.contrast in Arms(store.db).planned(),
                help="A run of a contrast keeps the rounds of its plan." if e.contrast else None,
            )
        elif job.status == "paused" and (left := waiting.label(store, e)):
            lab.opener(left, lab.REVIEW, icon=":material/rate_review:")
            st.button(
                "Go on without",
                icon=":material/skip_next:",
                key="go_on",
                on_click=act,
                args=("go on", e.id),
                help="What nobody has decided stays out of the library.",
            )
        else:
            estimated = not closed and store.experiments.measurement(e.id, "estimate")
            st.button(
                "Start" if estimated else "Resume",
                type="primary",
                icon=":material/play_arrow:",
                key="resume",
                on_click=act,
                args=("resume", e.id),
            )
        lab.link(lab.OVERVIEW, "Results", icon=":material/insights:")


def sizes(start: str) -> str:
    """What a preset's sizes are where every call is paid."""
    s = preset(start)
    return (f"{many(s.rounds, 'round')} with up to {s.problems:,} problems, {many(s.max_solutions, 'try', 'tries')} "
            f"each, and {s.heldout:,} held out: estimate the cost first.")


def other_preset() -> None:
    """Problems and endpoint go along to the preset that was chosen."""
    before, after = st.session_state.get("_preset", "quickstart"), st.session_state.get("preset") or "quickstart"
    if before != after:
        form.keep(before, after)


def begin(start: str, name: str, seed: int, asked: form.Asked) -> None:
    """Start, estimate, or take a first look."""
    changes, stays = asked.changes, bool(asked.wrong or asked.missing)
    if asked.wrong:
        st.error(lab.plain(asked.wrong), icon=":material/error:")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Start",
            type="primary",
            icon=":material/play_arrow:",
            key="start",
            on_click=lab.new,
            args=(name, seed, changes, start),
            disabled=stays,
        )
        if changes.get("model"):
            st.button(
                "Estimate the cost first",
                icon=":material/payments:",
                key="estimate",
                on_click=lab.new,
                args=(name, seed, changes, start, True),
                disabled=stays,
                help="Plays eight problems, says what the whole would cost, and waits for you to start it.",
            )
            if not stays and not arms.fits(preset(start, changes)):
                st.button(
                    "First look: four arms",
                    icon=":material/compare_arrows:",
                    key="first_look",
                    on_click=arms.begin,
                    args=(seed, changes, start),
                    help=f"{arms.WHAT} First a pilot of each says what they would cost; then it waits for you.",
                )
        st.caption(f"{many(len(changes), 'setting')} changed from the preset." if changes else "The preset as it is.")
    if asked.missing:
        st.caption(f":material/arrow_upward: {lab.plain(asked.missing)}")


def terminal(start: str, seed: int, changes: Mapping[str, Any]) -> None:
    """How the same is done without the page."""
    command = ["sirius", "run", start, *(["--seed", str(seed)] if seed else [])]
    for n, value in changes.items():
        command += ["--set", shlex.quote(f"{n}={str(value).lower() if isinstance(value, bool) else value}")]
    st.caption("The same from a terminal:")
    st.code(" ".join(command), language="bash", wrap_lines=True)


def open_row(ids: list[str], contrasts: set[str]) -> None:
    chosen = ids[st.session_state["open_experiment"].row]
    if chosen in contrasts:
        st.session_state["_goto"] = (lab.CONTRAST, {"exp": st.session_state.get("exp") or "", "contrast": chosen})
    else:
        st.session_state["_open"] = chosen


with lab.opened() as store:
    e = lab.chosen(store)
    if e is not None:
        job, closed = jobs.status(store, e.id), Browse(store.db).closed(e.id)
        left, right = st.columns([3, 2])
        with left.container(border=True, height="stretch"):
            if imported(e):
                st.write("These traces were imported: nothing of them runs here.")
                lab.link(lab.OVERVIEW, "What was imported", icon=":material/insights:")
            else:
                live.panel(e.id, key="run")
                controls(store, e, job, closed)
        with right.container(border=True, height="stretch"):
            st.subheader("Log", anchor=False)
            st.fragment(live.log, run_every=2.0 if live.active(job) else None)(e.id)
            st.caption(f"{clock(job.seconds)} of work so far, in a process of its own: page and app may be closed.")

    with st.container(border=True):
        st.subheader("Start an experiment", anchor=False)
        start = st.segmented_control("Preset", list(PRESETS), default="quickstart", required=True, key="preset",
                                     on_change=other_preset, persist_state="session") or "quickstart"
        st.caption(sizes(start) if st.session_state.get(f"set_{start}_model") else PRESET_HELP.get(start, ""))
        st.session_state["_preset"] = start
        named, seeded, _ = st.columns([2, 1, 3], vertical_alignment="top")
        name = named.text_input("Name", start, key=f"name_{start}", max_chars=60, persist_state="session")
        seed = seeded.number_input("Seed", 0, 10**9, 0, key="seed", persist_state="session",
                                   help="Another seed deals other problems and other randomness.")
        actions = st.container()  # over the settings: a preset as it is needs none of them
        with st.container(gap="xsmall"):
            asked = form.draw(start, int(seed))
        with actions:
            begin(start, name.strip(), int(seed), asked)
        terminal(start, int(seed), asked.changes)
        if e is not None and st.session_state.get("_pilot") == e.id:
            estimates.beside_the_button(e.id)
    arms.card(arms.look_of(store, e), key="run")

    frame = frames.Frames(store).listing(LISTED)
    if len(frame) > 1:
        with st.container(border=True):
            st.subheader("All experiments", anchor=False)
            ids = list(frame["id"])
            contrasts = Arms(store.db).planned()
            frame["status"] = [(campaign if i in contrasts else jobs).status(store, i).status for i in ids]
            frame[""] = "open"
            runs = ["runs"] if contrasts else []
            st.dataframe(
                written(frame, shares=["base", "now"]),
                hide_index=True,
                key="experiments_table",
                placeholder=NOTHING,
                alt="All experiments of this database, newest first; a contrast is one line",
                column_order=["", "name", "seed", *runs, "status", "rounds", "base", "now", "created_at"],
                column_config={
                    "": st.column_config.ButtonColumn(on_click=open_row, args=(ids, contrasts), key="open_experiment"),
                    "runs": st.column_config.NumberColumn(help="Of a contrast: its arms and seeds, one run each."),
                    "base": st.column_config.NumberColumn(help="Held-out accuracy before any training."),
                    "now": st.column_config.NumberColumn(help="Held-out accuracy of the last closed round."),
                    "created_at": st.column_config.DatetimeColumn("started", format="YYYY-MM-DD HH:mm"),
                },
            )
            code.copy("experiments_table", code.call("listing", LISTED))
