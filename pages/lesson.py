"""A finished contrast step by step: sample, keep, critique, repair, train, evaluate; and how it comes out again."""

from __future__ import annotations

import streamlit as st

if not st.session_state.get("_routed"):  # opened by its address on a cold server: the frame comes first
    st.session_state["_goto"] = ("pages/lesson.py", st.query_params.to_dict())
    st.switch_page("app.py")

from view import lab

with lab.opened() as store:
    st.caption(f"{len(store.experiments.all())} experiments")
