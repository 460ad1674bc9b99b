"""The database, the endpoints that the environment names, integrity, snapshots, shortcuts."""

from __future__ import annotations

import streamlit as st

if not st.session_state.get("_routed"):  # opened by its address on a cold server: the frame comes first
    st.session_state["_goto"] = ("pages/settings.py", st.query_params.to_dict())
    st.switch_page("app.py")

from view import lab

with lab.opened() as store:
    st.caption(lab.plain(str(store.path)))
