"""Words in the turns: looked for in the index of what was said, which is built when somebody first asks."""

from __future__ import annotations

from contextlib import suppress

import streamlit as st

from sirius_core.errors import ReadOnlyDatabase
from sirius_core.store import Store
from sirius_core.store.search import Hit, Search

from . import lab
from .numbers import many

HITS = 500  # turns that one search shows
AT_ONCE = 2_000  # turns that are taken into the index between two looks at the page


def look(store: Store, experiment: str, words: str) -> dict[str, Hit] | None:
    """{trajectory: the first turn that holds all of the words}; None where nothing is looked for."""
    if not words.strip():
        return None
    search = Search(store.db)
    if search.behind(experiment):
        st.fragment(_read_on, run_every=0.2)(experiment)
    found: dict[str, Hit] = {}
    for hit in search.find(experiment, words, limit=HITS):
        found.setdefault(hit.trajectory, hit)
    return found


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
