"""The table of explore: a row of filters, words in the turns, fifty episodes at a time."""

from __future__ import annotations

import streamlit as st

from sirius_core.games import GAMES
from sirius_core.pocket.vocabulary import knows
from sirius_core.store import Experiment, Store
from sirius_core.store.browse import COUNTED, GROUPS, OUTCOMES, Browse, Filter, Row
from sirius_core.store.search import Hit

from . import code, episodes, lab, live, said
from .words import readable, to_pocket

PAGE = 50
ANY = "any"
MENDED = [ANY, "mended", "not mended"]


def filters(store: Store, browse: Browse, e: Experiment) -> tuple[Filter, dict[int, int]]:
    """The filter row, and where the words were said, {seq: place}; every choice stands in the address, so that a view
    can be shared."""
    source, family, subject = browse.source(e.id), ANY, ANY
    formulas = source in (None, "formulas")
    rounds, outcomes = [ANY, *map(str, browse.rounds(e.id))], [ANY, *OUTCOMES, *browse.stops(e.id)]
    for key, options, what in (("ex_kind", [ANY, *GROUPS], "kind"), ("ex_round", rounds, "round"),
                               ("ex_outcome", outcomes, "outcome"), ("ex_mended", MENDED, "repair")):
        lab.known(key, options, what)
    with st.container(horizontal=True, vertical_alignment="bottom", key="filters"):
        words = st.text_input(
            "Words in the question",
            key="ex_words",
            bind="query-params",
            width=150,
            placeholder="train, 371, how far" if formulas else "as they stand",
            max_chars=80,
        )
        turns = st.text_input(
            "Words in the turns",
            key="ex_said",
            bind="query-params",
            width=150,
            placeholder="371 - 35, net force" if formulas else "net force",
            max_chars=200,
        )
        group = st.selectbox("Kind", [ANY, *GROUPS], key="ex_kind", bind="query-params", width=130)
        round = st.selectbox("Round", rounds, key="ex_round", bind="query-params", width=80)
        outcome = st.selectbox("Outcome", outcomes, key="ex_outcome", bind="query-params", width=105)
        if formulas:
            known = browse.families(e.id)
            family = st.selectbox("Family", [ANY, *known], key="ex_family", bind="query-params", width=105)
        elif len(subjects := browse.subjects(e.id)) > 1:
            subject = st.selectbox("Subject", [ANY, *subjects], key="ex_subject", bind="query-params", width=150)
        mended = st.selectbox("Repair", MENDED, key="ex_mended", bind="query-params", width=110)
    places = said.look(store, e.id, turns or "")
    return Filter(
        None if round == ANY else int(round),
        "" if group == ANY else group,
        "" if outcome == ANY else outcome,
        {"mended": True, "not mended": False}.get(mended),
        "" if family == ANY else family,
        "" if subject == ANY else subject,
        to_pocket(words or "") if formulas else words or "",
        None if places is None else tuple(sorted(places)),
    ), places or {}


def _answer(r: Row) -> str:
    """Of a chat model's reply what was read, in one line; the embedded model says nothing but the answer."""
    if r.answer is None or (r.source == "formulas" and knows(r.answer)):
        return readable(r.source, r.answer or "–")
    return episodes.whole(r.read) or "–"


def _label(r: Row) -> dict[str, str]:
    if r.source == "formulas":
        return {"family": str(r.data.get("family", ""))}
    return {"subject": str(r.data["subject"])} if r.data.get("subject") else {}


def turn_page(starts: list[int]) -> None:
    st.session_state["ex_starts"] = starts


def open_row(ids: list[str], hits: dict[str, Hit]) -> None:
    """Open an episode, at the turn that was found if words were looked for."""
    chosen = ids[st.session_state["open_episode"].row]
    back = {name: value for name, value in st.query_params.to_dict().items() if name.startswith("ex_")}
    st.session_state["ex_list"] = (ids, back)
    st.query_params["traj"] = chosen
    if chosen in hits:
        st.query_params["turn"] = str(hits[chosen].turn)


def beside(here: str) -> None:
    """The way back to the table as it was, and to the episode before and after this one in it."""
    ids, back = st.session_state.get("ex_list", ([], {}))
    listed = here in ids
    lab.link(lab.EXPLORE, "All episodes", icon=":material/arrow_back:", **(back if listed else {}))
    if not listed:
        return
    at = ids.index(here)
    for name, key, icon, to, what in (("Previous", "K", ":material/chevron_left:", at - 1, "before"),
                                      ("Next", "J", ":material/chevron_right:", at + 1, "after")):
        there = 0 <= to < len(ids)
        st.button(name, key=f"ex_{what}", icon=icon, shortcut=key, disabled=not there, on_click=_step,
                  args=(ids[to] if there else "",), help=f"Key {key}: the episode {what} this one in the table.")


def _step(to: str) -> None:
    st.query_params["traj"] = to
    st.query_params.pop("turn", None)


def draw(store: Store, e: Experiment) -> None:
    browse = Browse(store.db)
    story, learned = browse.mended(e.id), browse.learned(e.id)
    with st.container(horizontal=True, vertical_alignment="center"):
        if story:
            lab.opener("Show me a mended failure", lab.EXPLORE, icon=":material/auto_fix_high:", traj=story[0])
        if learned:
            lab.link(lab.EXPLORE, "Show me a problem that was learned", icon=":material/school:", traj=learned)
        if not story and e.settings.rounds and live.critic_works(e.settings)[0]:
            st.caption("A mended failure can be shown when the first repairs are made.")
    st.query_params.pop("turn", None)  # of an episode that was open before
    wanted, places = filters(store, browse, e)
    if st.session_state.get("ex_filter") != (e.id, wanted):  # another question starts on its first page
        st.session_state["ex_filter"], st.session_state["ex_starts"] = (e.id, wanted), [0]
    starts: list[int] = st.session_state["ex_starts"]
    rows = browse.episodes(e.id, wanted, after=starts[-1], limit=PAGE + 1)
    count = browse.count(e.id, wanted)
    shown, first = rows[:PAGE], (len(starts) - 1) * PAGE
    if not rows:
        st.caption(
            "No episode fits. The first ones arrive within seconds of a start."
            if wanted == Filter()
            else "No episode fits these filters."
        )
        return
    words = st.session_state.get("ex_said") or ""
    hits = said.hits(store, e.id, words, [places[row.seq] for row in shown if row.seq in places])
    lines = [
        {
            "": "open",
            "outcome": "✓ right, lucky"
            if r.right and r.lucky
            else "✓ right"
            if r.right
            else f"⊘ {r.stop}"
            if r.stop
            else "✗ wrong",
            **({"said": f"{hits[r.id].role}: {hits[r.id].snippet}"} if r.id in hits else {}),
            "question": readable(r.source, r.question),
            "answer": _answer(r),
            "right answer": readable(r.source, r.gold),
            "round": r.round,
            "kind": episodes.phase(r.phase, r.source in GAMES),
            "repair": "mended" if r.mended else "",
            **_label(r),
        }
        for r in shown
    ]
    st.dataframe(
        lines,
        hide_index=True,
        key="episodes_table",
        height=35 * (min(len(lines), 14) + 1) + 3,
        alt="Episodes that fit the filters, one line each",
        column_config={
            "": st.column_config.ButtonColumn(
                on_click=open_row, args=([r.id for r in shown], hits), key="open_episode", width=70
            ),
            "question": st.column_config.TextColumn(width=200 if hits else 330),
            "said": st.column_config.TextColumn("said in a turn", width=420),
        },
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Back",
            icon=":material/chevron_left:",
            key="page_back",
            disabled=len(starts) < 2,
            on_click=turn_page,
            args=(starts[:-1],),
        )
        st.button(
            "On",
            icon=":material/chevron_right:",
            icon_position="right",
            key="page_on",
            disabled=len(rows) <= PAGE,
            on_click=turn_page,
            args=([*starts, shown[-1].seq],),
        )
        total = f"more than {COUNTED:,}" if count >= COUNTED else f"{count:,}"
        st.caption(f"{first + 1:,} to {first + len(shown):,} of {total}")
        code.copy("episodes_table", expression(e, wanted, starts[-1]))


def expression(e: Experiment, f: Filter, after: int) -> str:
    """The call that gives these rows in a notebook."""
    named = {name: value for name, value in vars(f).items() if value not in (None, "") and name != "among"}
    words = st.session_state.get("ex_said") if f.among is not None else None
    return code.call("episodes", e.id, **named, said=words, after=after or None)
