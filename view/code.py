"""Copy as code: beside every figure and table the cell that gives the same data in a notebook.

    code.copy("rounds_table", code.call("rounds", e.id))

draws a quiet "Copy as code"; it stands after its element, the key of which it names, before any other. The cell is

    from sirius_core import frames
    lab = frames.open("lab.db")
    lab.rounds("quickstart-0-1")

The promise is tested: tests/test_code_cells.py runs every cell that a page shows and compares what comes out with the
table or figure that stands before it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import streamlit as st

from . import lab

PREFIX = "copy_"  # of the popover's key, before the key of the element


def cell(expression: str, db: Path | None = None) -> str:
    """The whole cell: it runs in an empty namespace, wherever the database is found under the same path."""
    return f"from sirius_core import frames\nlab = frames.open({literal(str(db or lab.path()))})\n{expression}"


def copy(key: str, expression: str, *, watched: bool = False, db: Path | None = None) -> None:
    """The cell in a popover; ``key`` is that of the table or figure, ``expression`` of ``lab`` gives its data; ``db``
    names another database than the one that is open.

    A ``watched`` one is for a page with keys: `is_open` says whether it lies over the page.
    """
    with st.popover(":gray[:small[Copy as code]]", type="tertiary", icon=":material/code:", key=f"{PREFIX}{key}",
                    on_change="rerun" if watched else "ignore"):
        st.code(cell(expression, db), language="python", wrap_lines=True)


def is_open(key: str) -> bool:
    """Whether the watched popover of ``key`` is open, known before it is drawn."""
    return bool(st.session_state.get(f"{PREFIX}{key}", False))


def call(method: str, *values: Any, **named: Any) -> str:
    """``call("figure", "accuracy", "quickstart-0-1", round=2)``: the expression that calls a method of ``frames``.

    Values are texts, numbers, truth values, None, or lists of these. None that is given by name is left out.
    """
    said = [literal(v) for v in values] + [f"{n}={literal(v)}" for n, v in named.items() if v is not None]
    return f"lab.{method}({', '.join(said)})"


def literal(value: Any) -> str:
    """A value as Python writes it; texts in double quotes, with escapes where they hold what cannot be printed."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=not value.isprintable())
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(literal, value))}]"
    return repr(value)
