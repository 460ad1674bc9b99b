"""How numbers of a table are shown; what they are stands in the frame that the table is drawn from."""

from __future__ import annotations

from typing import Any

import streamlit as st


def percent(label: str, help: str | None = None) -> Any:
    return st.column_config.NumberColumn(label, help=help, format="percent")


def p_value(label: str, help: str | None = None) -> Any:
    """Two digits that say something, however small it is."""
    return st.column_config.NumberColumn(label, help=help, format="%.2g")
