"""Under the fields of Problems: which column is what, what the data holds, its first rows; said while one chooses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from sirius_core import answers
from sirius_core.errors import SiriusError
from sirius_core.settings import preset

from . import data, lab

JOINED = {"question": "+", "context": "+", "options": "|"}
ROLES = {
    "question": "Several are joined, one below the other.",
    "answer": "The right answer.",
    "options": "One column with a list, or a column for each option.",
    "context": "What is to be read before the question.",
    "kind": "How answers are compared: one way for all rows, or a column that says it.",
    "split": "A column that says train, validation or test.",
    "subject": "For filters, and for the setting subjects.",
    "tolerance": "A column with a relative tolerance for numbers; for one value write tolerance=0.01 above.",
    "id": "The row's own name.",
}


def feedback(start: str, changes: Mapping[str, Any], seed: int) -> bool:
    """Whether the problems can be played, as far as is known. ``changes`` are the settings of `data.RELEVANT` that
    differ from the preset."""
    try:
        settings = preset(start, changes)
    except SiriusError as error:
        st.error(lab.plain(str(error)), icon=":material/error:")
        return False
    st.caption(f":material/description: {lab.plain(data.formats(settings.source))}")
    if settings.source == "formulas" or not (settings.data or settings.source == "arithmetic"):
        return True
    mark = data.signature(settings.data)
    if (wait := data.waits(settings)) and st.session_state.get("_read_data") != mark:
        st.button(wait, icon=":material/download:", key="read_data", on_click=_read, args=(mark,))
        return True
    if settings.source == "table" and (names := data.columns(settings.data, mark)):
        _mapping(start, settings.columns, names)
    found = data.look(settings, seed)
    if "error" in found:
        st.error(lab.plain(found["error"]), icon=":material/error:")
        if settings.source == "table":
            data.first_rows(settings.data, mark)
        return False
    with st.container(border=True, key="data_facts", gap="small"):
        data.facts(found["described"])
    with st.expander("The first three problems, as they will be asked", icon=":material/visibility:", key="preview"):
        data.problems(found["preview"])
    return True


def _read(mark: Any) -> None:
    st.session_state["_read_data"] = mark


def _mapping(start: str, text: str, names: tuple[str, ...]) -> None:
    """A box for each role; together they write the setting ``columns``, which stays the one truth."""
    known, usable = data.mapping(text), [name for name in names if not set(name) & set('"+|')]
    st.markdown("**Which column is what**")
    grid = st.grid(3, min_column_width=200, gap="small")
    for role, words in ROLES.items():
        key, chosen = f"column_{role}", known.get(role, "")
        parts = [part.strip() for part in chosen.split(JOINED.get(role, "\0"))] if chosen else []
        with grid.cell():
            if role in JOINED:
                st.session_state[key] = [part for part in parts if part in usable]
                st.multiselect(role, usable, key=key, on_change=_write, args=(start,), placeholder="guess it",
                               help=words)
            else:
                options = [*answers.KINDS, *usable] if role == "kind" else usable
                st.session_state[key] = chosen if chosen in options else None
                st.selectbox(role, options, index=None, key=key, on_change=_write, args=(start,),
                             placeholder="guess it", help=words)


def _write(start: str) -> None:
    """The boxes as the setting's text: ``question=Problem, options=A|B``. What no box can show stays (a callback)."""
    before = data.mapping(st.session_state.get(f"set_{start}_columns") or "")
    found = []
    for role in ROLES:
        value = st.session_state.get(f"column_{role}")
        said = JOINED[role].join(value) if isinstance(value, list) else value or ""
        if not said and role == "tolerance" and before.get(role, "").replace(".", "", 1).isdecimal():
            said = before[role]
        if said:
            found.append(f'{role}="{said}"' if "," in said else f"{role}={said}")
    st.session_state[f"set_{start}_columns"] = ", ".join(found)
