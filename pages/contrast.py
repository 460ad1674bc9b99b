"""Two or more arms on the same problems and seeds: plan, predict, watch, and what may be said in the end."""

from __future__ import annotations

import streamlit as st

if not st.session_state.get("_routed"):  # opened by its address on a cold server: the frame comes first
    st.session_state["_goto"] = ("pages/contrast.py", st.query_params.to_dict())
    st.switch_page("app.py")

from view import lab

with lab.opened() as store:
    st.caption(f"{len(store.experiments.all())} experiments")
