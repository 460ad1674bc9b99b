"""A training set as a table: filtered, searched, fifty at a time; and the replies that stand in it most often."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from sirius_core.store import Experiment, Store
from sirius_core.store.examples import LOOKED, ExampleLine

from . import code
from .numbers import many, share
from .texts import say
from .words import asked, readable, to_pocket

PAGE = 50
ANY = "any"
SOURCES = {"direct": "direct success", "repaired": "repair", "edited": "person's text", "shown": "shown to the writer"}


def draw(store: Store, e: Experiment, chosen: Mapping[str, Any]) -> None:
    with st.container(border=True, key="lb_examples"):
        _table(store, e, chosen)
    _frequent(store, e, chosen)


def _filters(chosen: Mapping[str, Any], pocket: bool) -> tuple[str, str]:
    counts = {name: chosen.get(name, 0) for name in ("direct", "repaired", "edited")}
    with st.container(horizontal=True, vertical_alignment="bottom", key="lb_filters"):
        words = st.text_input("Words in prompt or reply", key="lb_words", bind="query-params", width=260,
                              placeholder="as they stand, or 371 - 35 x 9" if pocket else "as they stand", max_chars=80)
        source = st.selectbox("From", [ANY, *counts], key="lb_source", bind="query-params", width=190,
                              format_func=lambda s: s if s == ANY else f"{SOURCES[s]} ({counts[s]:,})")
    return ("" if source == ANY else str(source)), (words or "").strip()


def _table(store: Store, e: Experiment, chosen: Mapping[str, Any]) -> None:
    pocket = _in_pocket(store, chosen)
    source, words = _filters(chosen, pocket)
    sought = to_pocket(words) if pocket and words else words
    place = (chosen["id"], source, sought)
    if st.session_state.get("lb_filter") != place:  # another question starts on its first page
        st.session_state["lb_filter"], st.session_state["lb_starts"] = place, [-1]
    starts: list[int] = st.session_state["lb_starts"]
    rows = store.examples.page(chosen["id"], source=source, words=sought, after=starts[-1], limit=PAGE + 1)
    shown = rows[:PAGE]
    further = starts[-1] + LOOKED  # where a search for words has stopped looking
    after = shown[-1].position if len(rows) > PAGE else further if words and further < chosen["n"] - 1 else None
    if not rows:
        st.caption("No example fits these filters." if source or words else "This training set is empty.")
        if after is not None:
            st.button(f"Look further than the first {further + 1:,}", key="lb_further", on_click=_turn,
                      args=([*starts, after],))
        return
    lines = [{"": "open", "from": SOURCES.get(x.source, x.source),
              "prompt": one_line("", asked(x.task_source, x.prompt)), "reply": one_line(x.task_source, x.text),
              "lucky": "lucky" if x.lucky else "",
              "role": x.role, "no.": x.position + 1} for x in shown]
    if chosen["model"] != "*":
        for line in lines:
            del line["role"]
    st.dataframe(
        lines, hide_index=True, key="library_table", height=35 * (min(len(lines), 14) + 1) + 3,
        alt="Training examples that fit the filters, one line each",
        column_config={
            "": st.column_config.ButtonColumn(on_click=open_row, args=([x.position for x in shown],),
                                              key="open_example", width=70),
            "prompt": st.column_config.TextColumn(width=400), "reply": st.column_config.TextColumn(width=200),
        })
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button("Back", icon=":material/chevron_left:", key="lb_back", disabled=len(starts) < 2,
                  on_click=_turn, args=(starts[:-1],))
        st.button("On", icon=":material/chevron_right:", icon_position="right", key="lb_on",
                  disabled=after is None, on_click=_turn, args=([*starts, after],))
        st.caption(_where(store, chosen, source, words, starts, shown))
        code.copy("library_table", code.call("library", e.id, chosen["round"], chosen["model"], source=source or None,
                                             words=sought or None, after=None if starts[-1] < 0 else starts[-1]))


def _where(store: Store, chosen: Mapping[str, Any], source: str, words: str, starts: list[int],
           shown: list[ExampleLine]) -> str:
    if words:
        return f"{many(len(shown), 'example')} on this page; numbers {shown[0].position + 1:,} to " \
               f"{shown[-1].position + 1:,} of {chosen['n']:,}"
    first = (len(starts) - 1) * PAGE
    total = store.examples.count(chosen["id"], source)
    return f"{first + 1:,} to {first + len(shown):,} of {total:,}"


def _frequent(store: Store, e: Experiment, chosen: Mapping[str, Any]) -> None:
    found = [(line, n) for line, n in store.examples.frequent(chosen["id"]) if n > 1]
    with st.container(border=True, key="lb_frequent"):
        st.subheader("Most frequent", anchor=False)
        if not found:
            st.caption("Every example stands here once.")
            return
        st.caption("The same prompt with the same reply. What came often is learned often; a lucky reply that came "
                   "once among many right ones stays rare.")
        for i, (line, n) in enumerate(found[:5]):
            with st.container(horizontal=True, vertical_alignment="top", key=f"lb_often_{i}"):
                st.badge(f"{n} times", color="blue", help=f"{share(n / chosen['n'])} of this training set")
                with st.container(gap=None, width="stretch"):
                    say(asked(line.task_source, one_line("", line.prompt)), quiet=True)
                    say(readable(line.task_source, line.text))
                st.button("Open", key=f"lb_often_open_{i}", type="tertiary", on_click=_open, args=(line.position,))
        with st.container(key="library_frequent"):
            code.copy("library_frequent", code.call("frequent", e.id, chosen["round"], chosen["model"]))


def one_line(source: str, text: str) -> str:
    """A text as one line of a table; the embedded model's as people read it."""
    return " ".join((readable(source, text) if source else text).split())[:300]


def _in_pocket(store: Store, chosen: Mapping[str, Any]) -> bool:
    first = store.examples.page(chosen["id"], limit=1)
    return bool(first) and first[0].task_source == "formulas" and readable("formulas", first[0].text) != first[0].text


def _turn(starts: list[int]) -> None:
    st.session_state["lb_starts"] = starts


def open_row(positions: list[int]) -> None:
    _open(positions[st.session_state["open_example"].row])


def _open(position: int) -> None:
    st.query_params["lb_at"] = str(position)


