"""Take a seat: a table to sit at, the conversation as bubbles, what one has and what it is worth."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from sirius_core import human, scoresheet
from sirius_core.errors import SiriusError, UsageError
from sirius_core.human import Sitting
from sirius_core.store import Experiment, Store

from . import games_choose, games_end, games_moves, games_play, games_words, lab
from .games_play import Place
from .texts import say, say_pairs

YOU, THEY = ":material/person:", ":material/smart_toy:"
MINE = {"offers": "offer", "offers:": "offer:", "accepts": "accept", "rejects": "reject", "waits": "wait"}


def draw(store: Store, e: Experiment | None) -> None:
    """The table, or the choice of one."""
    at = games_play.place()
    host = None if at is None else games_choose.of(e, at.game)
    if at is None or host is None:
        games_choose.draw(e, store)
        return
    moves = games_play.said()
    try:
        game = games_play.sitting(store, host, at, moves)
    except UsageError as error:
        _refused(store, host, at, moves, error)
        return
    except SiriusError as error:
        st.error(lab.plain(str(error)), icon=":material/error:")
        st.button("Leave the table", icon=":material/logout:", key="gm_gone", on_click=games_play.stand_up)
        return
    table(store, game, at)


def _refused(store: Store, e: Experiment, at: Place, moves: tuple[human.Saying, ...], error: UsageError) -> None:
    """A move that is not legal is told, and was not said; an address with such a move goes back to the last legal one.
    """
    if not moves:
        st.error(lab.plain(str(error)), icon=":material/link_off:")
        st.button("Choose a table", icon=":material/arrow_back:", key="gm_back", on_click=games_play.stand_up)
        return
    st.session_state["_notice"] = f"{error} Nothing was said; choose another move."
    games_play.back(moves[:-1])
    lab.anew()


# -- at the table ------------------------------------------------------------------------------------------------------
def table(store: Store, game: Sitting, at: Place) -> None:
    roles, seat = game.table.roles, at.seat
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{games_words.GAMES[at.game]}**, game {at.number}. You are "
                    f"**{scoresheet.named(roles[seat])}**, against "
                    f"{games_words.opponent(roles[1 - seat], at.round)}.", width="stretch")
        st.button("Leave the table", type="tertiary", icon=":material/logout:", key="gm_leave",
                  on_click=games_play.stand_up if game.over else games_play.leave,
                  args=() if game.over else (at, game.said))
    left, right = st.columns([3, 2], gap="medium")
    with right:
        if game.over:
            games_end.result(store, game, at)
        else:
            hand(game)
            games_moves.controls(game)
    with left:
        talk(game)
    games_end.scoreboard(at.game)


def hand(game: Sitting) -> None:
    """What the person has, what it is worth to them, and how much can still be said."""
    state, seat = game.state, game.table.seat
    view = state.view(seat)
    with st.container(border=True, gap="xsmall"):
        say_pairs([("You have", games_words.has(state.setting, seat))])
        st.markdown(games_words.worth(state.setting, seat))
        with st.container(horizontal=True):
            st.metric("Messages left", view.messages_left, width="content", help="Of both together.")
            st.metric("Your offers left", view.proposals_left, width="content")


def talk(game: Sitting) -> None:
    """The conversation as bubbles; while the game goes on nobody sees the other's thoughts."""
    state, roles, seat = game.state, game.table.roles, game.table.seat
    found = scoresheet.lines(state, roles)
    with st.container(border=True, gap="small", key="gm_talk"):
        if not found:
            st.caption("Nobody has said anything yet: you begin.")
        for line in found:
            bubble(game, line, you=line.seat == seat)
    if game.over:
        thoughts(game, found)


def bubble(game: Sitting, line: scoresheet.Line, *, you: bool) -> None:
    turn = game.trajectory.turns[line.turn]
    words = line.said or str((turn.value or {}).get("message") or "")
    who = "You" if you else games_words.sentence(scoresheet.named(line.who))
    does = _you(games_words.does(line)) if you else games_words.does(line)
    gains = (line.red, line.blue)[game.table.seat]
    would = "" if gains is None or game.over else f" :gray[· you would get {games_words.amount(gains)}]"
    with st.chat_message("user" if you else "assistant", avatar=YOU if you else THEY):
        st.markdown(f"**{who}** {lab.plain(does)}{would}")
        if words:
            say(words, quiet=True)


def _you(does: str) -> str:
    """``offers 45 ZUP`` as said of you."""
    verb, _, rest = does.partition(" ")
    return f"{MINE.get(verb, verb)} {rest}".strip()


def thoughts(game: Sitting, found: Sequence[scoresheet.Line]) -> None:
    """What the other thought, once it is over."""
    role = game.table.roles[1 - game.table.seat]
    theirs = [(line, line.thought) for line in found if line.seat != game.table.seat and line.thought]
    if not theirs:
        return
    with st.expander(f"What {scoresheet.named(role)} thought", icon=":material/psychology:", key="gm_thoughts"):
        if theirs[0][1].isdecimal():
            st.caption("The number that it aimed at when it spoke.")
        for line, thought in theirs:
            say_pairs([(f"message {line.message}, {games_words.does(line)}:", thought)])


