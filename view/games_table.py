"""One game as a table: what each message did, offers over time, thoughts folded, the decisive turn, how it ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from sirius_core import inquiries, scoresheet
from sirius_core.games import State
from sirius_core.scoresheet import Line, Roles
from sirius_core.store import Experiment, Inquiry, Store
from sirius_core.trajectories import Task, Trajectory
from sirius_core.whatif import Blame

from . import asked, blame, charts, code, episodes, games_words, lab
from .texts import say, say_pairs


def draw(store: Store, e: Experiment, t: Trajectory) -> None:
    """The game as a whole; of a team's own episode also who was to blame, and where to say something else."""
    task = store.episodes.task(t.task)
    state, roles = scoresheet.of(task, t)
    found, refusal = asked.of(store, t), asked.why_not(store, e, t)
    key = t.id[:12]
    ended(task, t, state, roles)
    left, right = st.columns([3, 2], gap="medium")
    with left, st.container(border=True):
        st.subheader("Offers over time", anchor=False)
        chart(t, state, roles, key)
    with right:
        if not refusal and not t.earned(e.settings.threshold):
            blame.card(t, found)
        with st.container(border=True, gap="xsmall"):
            st.subheader("Who sat here", anchor=False)
            seats(store, t, state, roles)
            lab.link(lab.EXPLORE, "Turn by turn, with what if", icon=":material/alt_route:", traj=t.id)
    sheet(t, state, roles, decisive(found))
    thoughts(t, state, roles)


def ended(task: Task, t: Trajectory, state: State, roles: Roles) -> None:
    """The outcome in one line, with both payoffs."""
    with st.container(border=True, gap="xsmall"):
        with st.container(horizontal=True, vertical_alignment="center"):
            outcome = state.outcome
            deal = outcome is not None and outcome.trade is not None
            st.badge("deal" if deal else "no deal", icon=":material/handshake:" if deal else ":material/block:",
                     color="green" if deal else "gray")
            st.markdown(f"**{lab.plain(games_words.sentence(scoresheet.ending(state, roles)))}.**", width="content")
        say_pairs(games_words.payoffs(state, roles))
        where = lab.plain(episodes.phase(t.path.phase, games=True))
        st.caption(f"Round {t.path.round} · {where} · game {task.data['number']} · "
                   f"{games_words.sentence(games_words.counts(task))} · {state.setting.messages} messages at most")


def chart(t: Trajectory, state: State, roles: Roles, key: str) -> None:
    made = scoresheet.offers(state, roles)
    said = "; ".join(f"message {line.message}: {line.who} {line.offer}" for line in scoresheet.lines(state, roles)
                     if line.measure is not None)
    if not said:
        st.caption("Nobody made an offer.")
        return
    charts.spec(made, key=f"offers_{key}", alt=f"Offers by message. {said}.", height=300)
    code.copy(f"offers_{key}", code.call("offers", t.id))


def seats(store: Store, t: Trajectory, state: State, roles: Roles) -> None:
    """Both players: who spoke for them, what they had, what it was worth to them."""
    person, now = store.human_games.get(t.id), inquiries.then(store, t)
    for seat, role in enumerate(roles):
        turn = next((x for x in t.turns if x.role == role), None)
        who = ("a person" if person and person.seat == seat else
               "the untrained model" if turn and turn.seat == "base" else
               f"the model after round {turn.seat[1:]}" if turn and turn.seat else
               f"the model after round {now}" if now else "the untrained model")
        values = state.setting.values[seat]
        worth = f", {'cost' if role == 'seller' else 'worth'} {values[0][1]}" if values else ""
        say_pairs([(games_words.role_title(role), f"{who} · has {games_words.has(state.setting, seat)}{worth}")])


def decisive(found: Sequence[Inquiry]) -> dict[int, str]:
    """What the newest answer about the blame says of turns: ``most to blame, +23 points``."""
    answer = next((inquiries.read(a) for a in found if a.kind == "blame" and a.result is not None), None)
    if not isinstance(answer, Blame) or answer.told is None:
        return {}
    return {answer.told: f"⚑ most to blame, {100 * answer.shares[answer.told].estimate:+.0f} points"}


def sheet(t: Trajectory, state: State, roles: Roles, marks: Mapping[int, str]) -> None:
    """The table; what is to be blamed is marked."""
    rows: list[dict[str, Any]] = scoresheet.rows(state, roles)
    for row in rows:
        row["decisive"] = marks.get(row["turn"], "")
    titles = [games_words.role_title(role) for role in roles]
    number, text, key = st.column_config.NumberColumn, st.column_config.TextColumn, f"sheet_{t.id[:12]}"
    names = ["message", "who", "what", "offer", *roles, "offers_left", "holdings", "why", "decisive"]
    shown = [n for n in names if n not in ("why", "decisive") or any(row[n] for row in rows)]
    st.dataframe(
        rows, hide_index=True, key=key, column_order=shown, placeholder="–",
        alt="One row per message: who, what, the offer, both payoffs if it were accepted, offers left",
        column_config={
            "message": number("no.", width=44), "who": text(width=84), "what": text(width=100),
            roles[0]: number(f"{titles[0]} would get", help="Payoff if this offer were accepted."),
            roles[1]: number(f"{titles[1]} would get", help="Payoff if this offer were accepted."),
            "offers_left": number("offers left", help="Of the speaker, afterwards."),
            "holdings": text("holdings if accepted"), "why": text("why it was no move"),
            "decisive": text("decisive turn")})
    code.copy(key, code.call("game", t.id))


def thoughts(t: Trajectory, state: State, roles: Roles) -> None:
    """What was said and thought, message by message; private thoughts are folded."""
    st.subheader("What they said and thought", anchor=False)
    for line in scoresheet.lines(state, roles):
        turn = t.turns[line.turn] if line.turn < len(t.turns) else None
        value = turn.value if turn is not None and isinstance(turn.value, dict) else {}
        icon = ":material/error:" if line.rule else games_words.ICONS.get(line.who)
        head = f"{line.message} · **{games_words.role_title(line.who)}** {lab.plain(games_words.does(line))}"
        with st.expander(head, type="compact", icon=icon, key=f"th_{t.id[:12]}_{line.turn}"):
            if line.rule:
                st.markdown(f":orange-badge[:material/gavel: {lab.plain(line.rule)}] {lab.plain(line.why)}")
            _said(line, value)
            if turn is not None:
                st.caption("Word for word")
                say(turn.text)


def _said(line: Line, value: Mapping[str, Any]) -> None:
    message, thought = line.said or str(value.get("message") or ""), line.thought or str(value.get("reason") or "")
    if message:
        say(f"“{message}”")
    if thought:
        st.caption("Thought, for itself")
        say(thought)
