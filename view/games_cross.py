"""Every player against every other: the stored matrix."""

from __future__ import annotations

import streamlit as st

from sirius_core.store import Experiment, Store


def draw(store: Store, e: Experiment) -> None:
    st.caption("The matrix is played after the last round.")
