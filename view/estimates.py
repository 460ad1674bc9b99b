"""What a pilot says the whole would cost, as a small table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from sirius_core import jobs
from sirius_core.store import ACTIVE

from . import lab
from .numbers import dollars, many


def beside_the_button(experiment: str) -> None:
    """Where the estimate was asked for: that it is being made, then its table and a start; nothing once it began."""
    with lab.opened() as store:
        moving = jobs.status(store, experiment).status in ACTIVE
    st.fragment(_beside, run_every=1.0 if moving else None)(experiment, moving)


def _beside(experiment: str, was_moving: bool) -> None:
    with lab.opened() as store:
        job, begun = jobs.status(store, experiment), bool(store.experiments.reports(experiment))
        found = store.experiments.measurement(experiment, "estimate")
    moving = job.status in ACTIVE
    if was_moving != moving:  # it ended, or was started here: what stands above must hear of it, too
        st.rerun(scope="app")
    if begun or (moving and found):
        return
    with st.container(border=True, key="estimated"):
        if moving:
            st.caption("A pilot is being played, as a process of its own: eight problems.")
        elif job.status == "failed":
            st.error(lab.plain(job.message), icon=":material/error:")
        elif found:
            table(found)
            st.button("Start it", type="primary", icon=":material/play_arrow:", key="start_estimated",
                      on_click=lab.launch, args=(experiment,))


def table(found: Mapping[str, Any]) -> None:
    """``found`` is `sirius_core.estimate.estimate`'s record."""
    pilot, ends = found["pilot"], (found["low"], found["high"])
    rows = [("calls", [f"{end['calls']:,}" for end in ends]), ("tokens", [f"{end['tokens']:,}" for end in ends]),
            ("cost", [dollars(end["cost"]).replace("$", "\\$") for end in ends]),
            ("minutes", [minutes(end["minutes"]) for end in ends])]
    st.markdown("**What it would take**")
    lines = "\n".join(f"| {n} | {a} | {b} |" for n, (a, b) in rows)
    st.markdown(f"| | about, at the least | about, at the most |\n|:--|--:|--:|\n{lines}")
    stops = "; ".join(f"{n} {lab.plain(name)}" for name, n in pilot["stops"].items())
    st.caption(
        f"From a pilot of {many(pilot['episodes'], 'problem')}, {pilot['failed']} of them not solved"
        + (f" ({stops})" if stops else "")
        + f": {pilot['tokens_per_call']:,.0f} tokens and {pilot['seconds_per_call']:.2f} s a call. Nothing of it is "
        "lost if you start: its calls are kept."
        + (" The price of this model is not known; say it on this page, under Model at an endpoint."
           if found["high"]["cost"] is None else "")
    )


def minutes(value: float) -> str:
    return "under 1" if value < 1 else f"{value:,.0f}"
