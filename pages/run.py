"""Start an experiment, watch it, stop it, resume it. The form is made from the settings' own explanations."""

from __future__ import annotations

import shlex
from dataclasses import asdict
from typing import Any

import streamlit as st

if not st.session_state.get("_routed"):  # opened by its address on a cold server: the frame comes first
    st.session_state["_goto"] = ("pages/run.py", st.query_params.to_dict())
    st.switch_page("app.py")

from sirius_core import jobs, recipes, review
from sirius_core.errors import SiriusError
from sirius_core.settings import FIELDS, PRESETS, preset
from sirius_core.store.browse import Browse
from view import lab, live
from view.numbers import clock, many, share

GROUPS = {
    "run": ("The experiment", ":material/science:"),
    "repair": ("Critic and repair", ":material/auto_fix_high:"),
    "training": ("Training", ":material/model_training:"),
    "evaluation": ("Evaluation", ":material/straighten:"),
    "data": ("Problems", ":material/dataset:"),
    "endpoint": ("Model at an endpoint", ":material/cloud:"),
    "machine": ("Machine and budget", ":material/memory:"),
}
PRESET_HELP = {
    "quickstart": "About a minute: from mostly wrong to mostly right.",
    "tiny": "Seconds, to try things out; too small to conclude anything.",
    "contrast": "Ends half way up, so that two recipes can be told apart.",
}


def field(name: str, start: str, default: Any) -> Any:
    """One setting as a widget that fits its type, its explanation in view."""
    meta, key, label = FIELDS[name].metadata, f"set_{start}_{name}", name.replace("_", " ")
    low, high = meta["low"], meta["high"]
    hint = f"`--set {name}=…`" + (f", {low:g} to {high:g}" if low is not None else "")
    if len(meta["choices"]) > 3:
        value: Any = st.selectbox(label, meta["choices"], meta["choices"].index(default), key=key, help=hint)
    elif meta["choices"]:
        value = st.segmented_control(label, meta["choices"], default=default, required=True, key=key, help=hint)
    elif isinstance(default, bool):
        value = st.toggle(label, default, key=key, help=hint)
    elif isinstance(default, int):
        value = st.number_input(label, int(low), int(high), default, step=1, key=key, help=hint)
    elif isinstance(default, float):
        value = st.number_input(
            label,
            float(low),
            float(high),
            default,
            step=0.0001 if high < 1 else 0.1,
            key=key,
            help=hint,
            format="%.4f" if high < 1 else "%.2f",
        )
    elif name == "recipe":
        value = st.selectbox(
            label,
            list(recipes.RECIPES),
            list(recipes.RECIPES).index(default),
            key=key,
            help=hint,
            accept_new_options=True,
        )
    else:
        value = st.text_input(label, default, key=key, help=hint, placeholder="empty")
    st.caption(meta["help"])
    return default if value is None else value


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


def controls(e: Any, job: Any, closed: int) -> None:
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
                disabled=e.settings.rounds >= 50,
            )
        elif job.status == "paused" and e.settings.review and (left := review.waiting(store, e.id, closed)):
            lab.link(lab.REVIEW, f"**Review {many(len(left), 'repair')}**", icon=":material/rate_review:")
            st.button(
                "Go on without",
                icon=":material/skip_next:",
                key="go_on",
                on_click=act,
                args=("go on", e.id),
                help="What nobody has decided stays out of the library.",
            )
        else:
            st.button(
                "Resume",
                type="primary",
                icon=":material/play_arrow:",
                key="resume",
                on_click=act,
                args=("resume", e.id),
            )
        lab.link(lab.OVERVIEW, "Results", icon=":material/insights:")


def open_row(ids: list[str]) -> None:
    st.session_state["_open"] = ids[st.session_state["open_experiment"].row]


with lab.opened() as store:
    e = lab.chosen(store)
    if e is not None:
        job, closed = jobs.status(store, e.id), Browse(store.db).closed(e.id)
        left, right = st.columns([3, 2])
        with left.container(border=True, height="stretch"):
            live.panel(e.id, key="run")
            controls(e, job, closed)
        with right.container(border=True, height="stretch"):
            st.subheader("Log", anchor=False)
            st.fragment(live.log, run_every=2.0 if live.active(job) else None)(e.id)
            st.caption(f"{clock(job.seconds)} of work so far, in a process of its own: page and app may be closed.")

    with st.container(border=True):
        st.subheader("Start an experiment", anchor=False)
        top = st.columns([3, 2, 1], vertical_alignment="top")
        with top[0]:
            start = (
                st.segmented_control("Preset", list(PRESETS), default="quickstart", required=True, key="preset")
                or "quickstart"
            )
            st.caption(PRESET_HELP.get(start, ""))
        name = top[1].text_input("Name", start, key=f"name_{start}", max_chars=60)
        seed = top[2].number_input(
            "Seed", 0, 10**9, 0, key="seed", help="Another seed deals other problems and other randomness."
        )
        defaults, changes = asdict(preset(start)), {}
        for group, (title, icon) in GROUPS.items():
            names = [n for n, f in FIELDS.items() if f.metadata["group"] == group]
            with st.expander(title, icon=icon, key=f"group_{group}"):
                grid = st.grid(3, min_column_width=230, gap="medium")
                for n in names:
                    with grid.cell():
                        value = field(n, start, defaults[n])
                    if value != defaults[n]:
                        changes[n] = value
        command = ["sirius", "run", start, *(["--seed", str(seed)] if seed else [])]
        for n, value in changes.items():
            command += ["--set", shlex.quote(f"{n}={str(value).lower() if isinstance(value, bool) else value}")]
        with st.container(horizontal=True, vertical_alignment="center"):
            st.button(
                "Start",
                type="primary",
                icon=":material/play_arrow:",
                key="start",
                on_click=lab.new,
                args=(name.strip(), int(seed), changes, start),
            )
            if changes.get("model"):
                st.button(
                    "Estimate the cost first",
                    icon=":material/payments:",
                    key="estimate",
                    on_click=lab.new,
                    args=(name.strip(), int(seed), changes, start, True),
                    help="Plays eight problems, says what the whole would cost, and waits for you to resume it.",
                )
            st.caption(
                f"{many(len(changes), 'setting')} changed from the preset." if changes else "The preset as it is."
            )
        st.caption("The same from a terminal:")
        st.code(" ".join(command), language="bash", wrap_lines=True)

    everything = store.experiments.all()
    if len(everything) > 1:
        with st.container(border=True):
            st.subheader("All experiments", anchor=False)
            rows = []
            for x in everything[:50]:
                reports, status = store.experiments.reports(x.id), jobs.status(store, x.id).status
                rows.append(
                    {
                        "": "open",
                        "name": x.name,
                        "seed": x.seed,
                        "status": status,
                        "rounds": max(0, len(reports) - 1),
                        "accuracy": " → ".join(share(r["accuracy"], 0) for r in (reports[:1] + reports[1:][-1:])),
                        "started": x.created_at[:16].replace("T", " "),
                    }
                )
            ids = [x.id for x in everything[:50]]
            st.dataframe(
                rows,
                hide_index=True,
                key="experiments_table",
                alt="All experiments of this database, newest first",
                column_config={
                    "": st.column_config.ButtonColumn(on_click=open_row, args=(ids,), key="open_experiment")
                },
            )
