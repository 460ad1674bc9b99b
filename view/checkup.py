"""The doctor's twenty calls from the page: as a process of its own, its findings kept beside the database."""

from __future__ import annotations

import json
import os
from dataclasses import fields
from typing import Any

import streamlit as st

from sirius_core import doctor
from sirius_core.errors import SiriusError
from sirius_core.settings import FIELDS
from sirius_core.trajectories import digest

from . import background, lab

OPENAI = "https://api.openai.com/v1"
ZONES = {"good": ("green", ":material/check:", "in the zone where bootstrapping pays"),
         "too weak": ("orange", ":material/trending_down:", "too weak to learn from its own successes"),
         "too strong": ("orange", ":material/trending_up:", "little left to learn"),
         "unclear": ("gray", ":material/help:", "twenty calls cannot tell")}


def _name(base_url: str, model: str) -> str:
    return f"doctor-{digest(base_url, model)[:12]}"


def begin(changes: dict[str, Any]) -> None:
    """Start the check-up of the form's model on the form's problems (a callback)."""
    model, base_url = changes["model"], changes.get("base_url", "")
    groups, apart = ("data", "endpoint"), ("model", "base_url", "sampling", "max_cost", "mender_model")
    words = [f"--set={n}={v}" for n, v in changes.items() if FIELDS[n].metadata["group"] in groups and n not in apart]
    url = base_url or os.environ.get("OPENAI_BASE_URL", "").strip() or OPENAI
    try:
        background.start(_name(base_url, model), "doctor", url, f"--model={model}", "--json", *words)
    except SiriusError as error:
        st.session_state["_notice"] = str(error)


def card(changes: dict[str, Any]) -> None:
    """A button, and what the last check-up of this model found."""
    name = _name(changes.get("base_url", ""), changes["model"])
    moving = background.running(name)
    st.fragment(_card, run_every=1.0 if moving else None)(name, changes, moving)


def _card(name: str, changes: dict[str, Any], was_moving: bool) -> None:
    moving = background.running(name)
    if was_moving != moving:
        st.rerun(scope="app")
    lines = background.said(name)
    with st.container(horizontal=True, vertical_alignment="center"):
        again = bool(lines) and not moving
        st.button("Check it up again" if again else "Check-up: twenty calls", icon=":material/stethoscope:",
                  key="checkup", on_click=begin, args=(changes,), disabled=moving,
                  help="Some problems by one agent, then a critic and rewrites: can the answers be read, does the "
                  "critic obey, do rewrites leak, is the model neither too weak nor too strong to learn from itself?")
        if moving:
            st.caption("The model is asked; this takes as long as twenty of its replies.")
    if moving or not lines:
        return
    try:
        found = json.loads(lines[-1])
        names = {field.name for field in fields(doctor.Checkup)}
        checkup = doctor.Checkup(**{n: v for n, v in found.items() if n in names})
        said = doctor.lines(checkup, changes["model"])
        colour, icon, words = ZONES[checkup.zone]
    except (ValueError, TypeError, KeyError):
        st.error(lab.plain(lines[-1].partition(": ")[2] or lines[-1]), icon=":material/error:")
        return
    st.badge(words, icon=icon, color=colour)  # type: ignore[arg-type]
    st.code("\n".join(said), language=None, wrap_lines=True)
