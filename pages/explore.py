"""Every episode: a filtered table, fifty at a time, and one trajectory as a timeline with its repair beside it."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

if not st.session_state.get("_routed"):  # opened by its address on a cold server: the frame comes first
    st.session_state["_goto"] = ("pages/explore.py", st.query_params.to_dict())
    st.switch_page("app.py")

from sirius_core.errors import Missing
from sirius_core.pocket.vocabulary import knows
from sirius_core.store import Experiment, Store
from sirius_core.store.browse import COUNTED, GROUPS, OUTCOMES, Browse, Filter, Row
from sirius_core.trajectories import Repair, Task, Trajectory
from view import episodes, lab, live
from view.texts import problem
from view.words import readable, to_pocket

PAGE = 50
ANY = "any"


# -- choose ----------------------------------------------------------------------------------------------------------
def filters(browse: Browse, e: Experiment) -> Filter:
    """The filter row; every choice stands in the address, so a view can be shared."""
    source, family, subject = browse.source(e.id), ANY, ANY
    formulas = source in (None, "formulas")
    with st.container(horizontal=True, vertical_alignment="bottom", key="filters"):
        words = st.text_input(
            "Words in the question",
            key="ex_words",
            bind="query-params",
            width=215,
            placeholder="train, 371, how far" if formulas else "as they stand",
            max_chars=80,
        )
        group = st.selectbox("Kind", [ANY, *GROUPS], key="ex_kind", bind="query-params", width=145)
        rounds = [ANY, *map(str, browse.rounds(e.id))]
        round = st.selectbox("Round", rounds, key="ex_round", bind="query-params", width=95)
        outcome = st.selectbox(
            "Outcome", [ANY, *OUTCOMES, *browse.stops(e.id)], key="ex_outcome", bind="query-params", width=125
        )
        if formulas:
            known = browse.families(e.id)
            family = st.selectbox("Family", [ANY, *known], key="ex_family", bind="query-params", width=120)
        elif len(subjects := browse.subjects(e.id)) > 1:
            subject = st.selectbox("Subject", [ANY, *subjects], key="ex_subject", bind="query-params", width=150)
        mended = st.selectbox("Repair", [ANY, "mended", "not mended"], key="ex_mended", bind="query-params", width=135)
    return Filter(
        None if round == ANY else int(round),
        "" if group == ANY else group,
        "" if outcome == ANY else outcome,
        {"mended": True, "not mended": False}.get(mended),
        "" if family == ANY else family,
        "" if subject == ANY else subject,
        to_pocket(words or "") if formulas else words or "",
    )


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


def open_row(ids: list[str]) -> None:
    st.query_params["traj"] = ids[st.session_state["open_episode"].row]


def table(store: Store, e: Experiment) -> None:
    browse = Browse(store.db)
    story, learned = browse.mended(e.id), browse.learned(e.id)
    with st.container(horizontal=True, vertical_alignment="center"):
        if story:
            lab.opener("Show me a mended failure", lab.EXPLORE, icon=":material/auto_fix_high:", traj=story[0])
        if learned:
            lab.link(lab.EXPLORE, "Show me a problem that was learned", icon=":material/school:", traj=learned)
        if not story and e.settings.rounds and live.critic_works(e.settings)[0]:
            st.caption("A mended failure can be shown when the first repairs are made.")
    wanted = filters(browse, e)
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
            "question": readable(r.source, r.question),
            "answer": _answer(r),
            "right answer": readable(r.source, r.gold),
            "round": r.round,
            "kind": episodes.phase(r.phase),
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
                on_click=open_row, args=([r.id for r in shown],), key="open_episode", width=70
            ),
            "question": st.column_config.TextColumn(width=330),
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


# -- one trajectory --------------------------------------------------------------------------------------------------
def story_of(store: Store, browse: Browse, t: Trajectory) -> tuple[Trajectory, list[Repair]]:
    """(the failure, its repairs), wherever in the story one stands; a round's own work before the comparison's."""
    mine = store.repairs.of_replay(t.id) or [
        store.repairs.get(r) for r in browse.of_mend(t.path.experiment, t.path.round, t.id)
    ]
    if mine:
        return store.episodes.get(mine[0].failed), mine
    if t.parent is not None:  # a person's edit that was tried
        return store.episodes.get(t.parent), []
    phases = browse.repair_phases(t.id)
    found = store.repairs.of_failed(t.id)
    own = [r for r in found if phases[r.id] == "repair"] or found
    return t, sorted(own, key=lambda r: (not r.mended, r.replay is None))


def attempt_of(repairs: list[Repair], key: str) -> Repair:
    """The attempt to show, where there were several."""
    if len(repairs) == 1:
        return repairs[0]
    shown = st.segmented_control(
        "Attempts",
        range(min(8, len(repairs))),
        default=0,
        key=f"attempt_{key}",
        required=True,
        format_func=lambda i: f"{'✓' if repairs[i].mended else '✗'} {i + 1}",
    )
    return repairs[shown or 0]


def beside(store: Store, task: Task, failed: Trajectory, repair: Repair, *, raw: bool) -> None:
    """The critique and the rewritten turn, beside the failure."""
    with st.container(border=True, gap="xsmall"):
        st.subheader("The critic", anchor=False)
        episodes.critique(task, repair, raw=raw)
        if repair.turn is None:
            st.caption("It names no turn that could be rewritten, so nothing was played again.")
            return
        if not repair.replay:
            st.caption("No rewrite came to its end within the calls it was given, so nothing was played again.")
            return
        st.subheader(f"The {episodes.name(failed.turns[repair.turn]).lower()}'s turn, rewritten", anchor=False)
        episodes.rewrite(task, failed, repair, raw=raw)
        with st.expander("How the rewrite came about", type="compact", key="how"):
            episodes.steps_of_rewrite(task, failed, repair, raw=raw)
        episodes.outcome_change(task, failed, store.episodes.get(repair.replay))


def in_another_round(store: Store, task: Task, t: Trajectory, rows: Sequence[Row], *, raw: bool) -> None:
    """The same problem after the last round, or before the first when this is the last."""
    other = store.episodes.get(rows[0].id if rows[-1].id == t.id else rows[-1].id)
    with st.container(border=True, gap="xsmall"):
        then, now = sorted((t, other), key=lambda x: x.path.round)
        st.subheader(f"From round {then.path.round} to round {now.path.round}", anchor=False)
        episodes.outcome_change(task, then, now)
        episodes.then_and_now(task, then, now, raw=raw)


def further_on(store: Store, task: Task, failed: Trajectory, repair: Repair, *, raw: bool) -> None:
    """What the rewrite changed in every later turn."""
    if repair.turn is None or not repair.replay:
        return
    again = store.episodes.get(repair.replay)
    with st.container(border=True):
        st.subheader("What it changed further on", anchor=False)
        episodes.downstream(task, failed, again, repair.turn, raw=raw)


def one(store: Store, e: Experiment, trajectory_id: str) -> None:
    browse = Browse(store.db)
    try:
        t = store.episodes.get(trajectory_id)
    except Missing:
        st.warning("This database has no such episode.", icon=":material/search_off:")
        lab.link(lab.EXPLORE, "All episodes", icon=":material/arrow_back:")
        return
    task = store.episodes.task(t.task)
    failed, repairs = story_of(store, browse, t)
    mend, writer = t.team.endswith(":mend"), t.team == "writer"
    with st.container(horizontal=True, vertical_alignment="center"):
        lab.link(lab.EXPLORE, "All episodes", icon=":material/arrow_back:")
        another(browse, e, failed.id)
        raw = st.toggle("Raw text", key="raw", help="The words exactly as the model reads and writes them.")
    if not writer:
        problem(task.question if raw else readable(task.source, task.question))
    alone = t.parent is not None or t.path.phase in ("repair", "rewrite")
    rows = [] if alone else browse.same_problem(e.id, t.task, t.path.phase)
    if len(rows) > 1:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption("The same problem:", width="content")
            episodes.rounds_strip(rows, t.id)
    left, right = st.columns([3, 2], gap="medium")
    with left:
        st.caption(what_it_is(t, mend, writer))
        episodes.timeline(store, task, t, raw=raw, key=t.id[:12])
    with right:
        if writer:
            episodes.new_instruction(t)
        else:
            episodes.verdict_card(task, t, raw=raw)
        repair = attempt_of(repairs, t.id[:12]) if repairs and not mend else None
        if repair:
            beside(store, task, failed, repair, raw=raw)
        elif len(rows) > 1:
            in_another_round(store, task, t, rows, raw=raw)
    if repair:
        further_on(store, task, failed, repair, raw=raw)
    related(store, browse, t, failed, repair)


def another(browse: Browse, e: Experiment, here: str) -> None:
    """A link to a mended failure that has not been opened yet."""
    seen = st.session_state.setdefault("ex_seen", [])
    if here not in seen:
        seen.append(here)
    if following := browse.mended(e.id, beyond=seen) or browse.mended(e.id, beyond=[here]):
        lab.link(lab.EXPLORE, "Another mended failure", icon=":material/auto_fix_high:", traj=following[0])


def what_it_is(t: Trajectory, mend: bool, writer: bool) -> str:
    if writer:
        return f"The writer's own calls while it rewrote an instruction · round {t.path.round}"
    if mend:
        return "The critic's and the writers' own calls while they mended a failure."
    if t.parent is None:
        return f"Round {t.path.round} · {episodes.phase(t.path.phase)} · try {t.path.attempt + 1}"
    return (
        "A person's edit, played on from there"
        if t.path.phase == "review"
        else "A replay: one turn rewritten, what follows said afresh"
    ) + f" · round {t.path.round}"


def related(store: Store, browse: Browse, t: Trajectory, failed: Trajectory, repair: Repair | None) -> None:
    """Parent, replays and mend of this episode, as links."""
    links: list[tuple[str, str, str]] = []
    if failed.id != t.id:
        links.append((":material/close:", "The failure that was mended", failed.id))
    for i, r in enumerate((r for r in browse.replays(failed.id) if r.phase in ("repair", "review")), 1):
        whose = "a person's edit" if r.phase == "review" else f"replay {i}"
        links.append((":material/replay:", f"{whose.capitalize()}: {'✓ right' if r.right else '✗ wrong'}", r.id))
    if repair:
        links.append((":material/rate_review:", "The critic's own calls", repair.mend))
    links = [x for x in links if x[2] != t.id][:8]
    if links:
        st.caption("Belongs together")
        with st.container(horizontal=True):
            for icon, label, target in links:
                lab.link(lab.EXPLORE, label, icon=icon, traj=target)


# -- draw ------------------------------------------------------------------------------------------------------------
with lab.opened() as store:
    e = lab.chosen(store)
    if e is None:
        lab.empty("Nothing to explore yet", "When a team has played, every episode can be opened here, turn by turn.")
    elif wanted := st.query_params.get("traj"):
        one(store, e, wanted)
    else:
        table(store, e)
