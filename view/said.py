"""Words in the turns: looked for in the index of what was said, which is built when somebody first asks."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

import streamlit as st

from sirius_core.errors import ReadOnlyDatabase
from sirius_core.store import Store
from sirius_core.store.search import MOST, WIDTH, Hit, Search

from . import lab
from .numbers import many

AT_ONCE = 2_000  # turns that are taken into the index between two looks at the page


def look(store: Store, experiment: str, words: str) -> dict[int, int] | None:
    """{an episode's seq: the place of its first turn that holds all of the words}; None where nothing is looked for."""
    if not words.strip():
        return None
    search = Search(store.db)
    if search.behind(experiment):
        st.fragment(_read_on, run_every=0.2)(experiment)
    places = search.places(experiment, words)
    if len(places) == MOST:
        st.caption(f"These words are said often: the first {MOST:,} turns that hold them are looked at.")
    return {place // WIDTH: place for place in reversed(places)}


def hits(store: Store, experiment: str, words: str, places: Sequence[int]) -> dict[str, Hit]:
    """{trajectory: what stands at its place}"""
    search = Search(store.db)
    found = (search.at(experiment, place, words) for place in places)
    return {hit.trajectory: hit for hit in found if hit is not None}


def _read_on(experiment: str) -> None:
    """Takes more turns into the index; when all are in it the table is drawn anew."""
    with lab.opened() as store:
        search = Search(store.db)
        with suppress(ReadOnlyDatabase):
            if search.catch_up(experiment, AT_ONCE) and not search.behind(experiment):
                st.rerun(scope="app")
        left, unread = search.behind(experiment), search.uncovered(experiment)
    if left and unread:
        st.caption(f"Reading what was said: {many(left, 'turn')} to go; those are not searched yet.")
