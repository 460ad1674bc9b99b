"""What a pilot says the whole would cost, as a small table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from . import lab
from .numbers import dollars, many


def table(found: Mapping[str, Any]) -> None:
    """``found`` is `sirius_core.estimate.estimate`'s record."""
    pilot, ends = found["pilot"], (found["low"], found["high"])
    rows = [("calls", [f"{end['calls']:,}" for end in ends]), ("tokens", [f"{end['tokens']:,}" for end in ends]),
            ("cost", [dollars(end["cost"]).replace("$", "\\$") for end in ends]),
            ("minutes", [minutes(end["minutes"]) for end in ends])]
    st.markdown("**What it would take**")
    st.markdown("| | at least | at most |\n|:--|--:|--:|\n" + "\n".join(f"| {n} | {a} | {b} |" for n, (a, b) in rows))
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
