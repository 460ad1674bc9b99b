"""Games: sit down and play any checkpoint, one game as a table, every player against every other."""

from __future__ import annotations

import streamlit as st

if not st.session_state.get("_routed"):  # opened by its address on a cold server: the frame comes first
    st.session_state["_goto"] = ("pages/games.py", st.query_params.to_dict())
    st.switch_page("app.py")

from sirius_core import games
from sirius_core.store import Experiment
from view import games_cross, games_pick, games_seat, lab

PARTS = {"seat": "Take a seat", "game": "One game", "cross": "Every player against every other"}
ICONS = {"seat": ":material/chair:", "game": ":material/table_rows:", "cross": ":material/grid_on:"}


# -- choose ----------------------------------------------------------------------------------------------------------
def chosen_part() -> str:
    """Which part of the page; its choice stands in the address."""
    lab.known("part", PARTS, "part")
    asked = st.query_params.get("part")
    st.session_state["gm_part"] = asked if asked in PARTS else "seat"
    st.segmented_control("What to do", list(PARTS), required=True, key="gm_part", on_change=follow,
                         label_visibility="collapsed", format_func=lambda p: f"{ICONS[p]} {PARTS[p]}")
    return str(st.session_state["gm_part"])


def follow() -> None:
    st.query_params["part"] = st.session_state["gm_part"]


# -- draw ------------------------------------------------------------------------------------------------------------
def none_yet(e: Experiment | None) -> None:
    """No games to look at: a friendly way to have some in a minute."""
    with st.container(border=True, key="gm_empty"):
        st.subheader("No games yet", anchor=False)
        here = "The open experiment plays no games" if e is not None else "There is no experiment yet"
        st.write(f"{here}. Start one: a seller and a buyer haggle, learn from their own good games, and within about a "
                 "minute every game and every round's players can be looked at here.")
        st.button("Start sell-and-buy", type="primary", icon=":material/play_arrow:", key="gm_empty_start",
                  on_click=lab.new, args=("sell-and-buy", 0, {}))


with lab.opened() as store:
    e = lab.chosen(store)
    part = chosen_part()
    if part == "seat":
        games_seat.draw(store, e)
    elif e is None or e.settings.source not in games.GAMES:
        none_yet(e)
    elif part == "game":
        games_pick.draw(store, e)
    else:
        games_cross.draw(store, e)
