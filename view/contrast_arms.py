"""The arms of a plan as cards: a name, and the settings in which the arm differs, each as a widget of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from sirius_core.contrast import Arm
from sirius_core.contrast.plan import MOST_ARMS, MOST_NAME
from sirius_core.settings import FIELDS, preset

from . import contrast_draft, form

ORDER = [name for group in form.GROUPS for name, f in FIELDS.items() if f.metadata["group"] == group]
"""Every setting in the order of the run page's form."""
FIRST = ("recipe", "critic", "base", "rate", "verifier", "update", "max_solutions")  # what contrasts are mostly about


def draw(draft: contrast_draft.Draft, start: str) -> tuple[list[Arm], dict[str, Any]]:
    """(arms, settings that all of them share) as the widgets say them."""
    defaults, made = preset(start).as_dict(), list[Arm]()
    with st.grid(3, min_column_width=280, gap="small", key="ct_arms") as grid:
        for place, (number, name, changes) in enumerate(draft.arms):
            with grid.cell(), st.container(border=True, height="stretch", gap="small"):
                made.append(_card(draft, place, number, name, changes, defaults))
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button("Add an arm", icon=":material/add:", key="ct_add", on_click=contrast_draft.add,
                  args=(made[-1].changes if made else {},), disabled=len(draft.arms) >= MOST_ARMS)
        st.caption("It begins as the last one is. The first arm sets the measure where a budget is held equal.")
    with st.expander("Settings that all arms share", icon=":material/tune:", key="ct_common"):
        common = _settings(f"ct{draft.number}_all", draft.settings, defaults, "Settings other than the preset's")
    return made, common


def _card(draft: contrast_draft.Draft, place: int, number: int, name: str, changes: Mapping[str, Any],
          defaults: Mapping[str, Any]) -> Arm:
    key = f"ct{draft.number}_{number}"
    with st.container(horizontal=True, vertical_alignment="bottom"):
        said = st.text_input(f"Arm {place + 1}", name, key=f"{key}_name", max_chars=MOST_NAME, persist_state="session")
        st.button("Take away", icon=":material/close:", key=f"{key}_drop", on_click=contrast_draft.drop, args=(number,),
                  disabled=len(draft.arms) <= 2, help="A contrast needs two arms.")
    return Arm(said.strip(), _settings(key, changes, defaults, "It differs in"))


def _settings(key: str, begun: Mapping[str, Any], defaults: Mapping[str, Any], label: str) -> dict[str, Any]:
    """Which settings, and for each its widget."""
    options = [*FIRST, *(name for name in ORDER if name not in FIRST)]
    picked = st.multiselect(label, options, list(begun), key=f"{key}_fields", persist_state="session",
                            format_func=lambda n: n.replace("_", " "), placeholder="as the preset: pick a setting")
    return {name: form.field(name, key, begun.get(name, defaults[name])) for name in picked}
