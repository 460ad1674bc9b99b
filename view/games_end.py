"""The end of a person's game: both payoffs, what the other had kept to itself, what to do next; the score so far."""

from __future__ import annotations

import streamlit as st

from sirius_core import human, scoresheet
from sirius_core.human import Sitting
from sirius_core.store import Store

from . import games_moves, games_play, games_words, lab
from .games_play import Place
from .numbers import many
from .texts import say_pairs


def result(store: Store, game: Sitting, at: Place) -> None:
    """Both payoffs, what the other had kept to itself, and what to do next."""
    state, roles, seat = game.state, game.table.roles, at.seat
    outcome = state.outcome
    assert outcome is not None
    learn = bool(st.session_state.get(games_moves.learn_key(game)))
    kept = games_play.keep(store, game, learn)
    note(game, at)
    mine, theirs = outcome.payoffs[seat], outcome.payoffs[1 - seat]
    with st.container(border=True, gap="small", key="gm_result"):
        st.subheader(games_words.sentence(scoresheet.ending(state, roles)), anchor=False)
        with st.container(horizontal=True):
            st.metric("You", games_words.amount(mine), width="content", help="As the paper reports it: "
                      f"{games_words.amount(outcome.paper[seat])}.")
            st.metric(games_words.sentence(scoresheet.named(roles[1 - seat])), games_words.amount(theirs),
                      width="content", help=f"As the paper reports it: {games_words.amount(outcome.paper[1 - seat])}.")
        if hidden := games_words.limit(state.setting, 1 - seat, roles[1 - seat]):
            st.markdown(lab.plain(hidden))
        others = [r for r in human.rounds(store, game.table.experiment) if r != at.round]
        st.button("Play again", type="primary", icon=":material/replay:", key="gm_again", width="stretch",
                  on_click=games_play.sit, args=(at._replace(number=fresh(at.game, seat)),))
        for round in dict.fromkeys([*others[-1:], *others[:1]]):
            st.button(f"The same game against {games_words.opponent(roles[1 - seat], round)}", width="stretch",
                      icon=":material/compare_arrows:", key=f"gm_same_{round}", on_click=games_play.sit,
                      args=(at._replace(round=round),))
        if kept:
            lab.link(lab.GAMES, "See it as a table", icon=":material/table_rows:", part="game", traj=kept)
        st.caption(_stored(game, kept, learn))


def _stored(game: Sitting, kept: str | None, learn: bool) -> str:
    if not game.table.experiment.id:
        return "This game is not kept: it belongs to no experiment."
    if kept is None:
        return "This is a game from a link: whoever played it has kept it."
    return "Kept, and a later round may learn from it." if learn else "Kept; nobody learns from it."


# -- this session's games ----------------------------------------------------------------------------------------------
def fresh(game: str, seat: int) -> int:
    """A game that was not played in this session from this seat; the first ones first, so that visitors can compare."""
    taken = st.session_state.get("gm_taken", {}).get(f"{game}/{seat}", [])
    return next(n for n in range(human.NUMBERS) if n not in taken)


def note(game: Sitting, at: Place) -> None:
    """Remember how this game came out, once."""
    outcome = game.state.outcome
    assert outcome is not None
    taken: dict[str, list[int]] = st.session_state.setdefault("gm_taken", {})
    mine = taken.setdefault(f"{at.game}/{at.seat}", [])
    if at.number not in mine:
        mine.append(at.number)
    if st.session_state.get("gm_just"):
        scores: dict[str, tuple[Place, bool, float, float]] = st.session_state.setdefault("gm_scores", {})
        scores[f"{game.table.path.id}/{game.said}"] = (
            at, outcome.trade is not None, outcome.payoffs[at.seat], outcome.payoffs[1 - at.seat])


def scoreboard(name: str) -> None:
    """This session's games by opponent."""
    scores = [s for s in st.session_state.get("gm_scores", {}).values() if s[0].game == name]
    if not scores:
        return
    roles = scoresheet.roles_of(name)
    with st.container(border=True, gap="xsmall", key="gm_scores_card"):
        st.subheader("Your games in this session", anchor=False)
        for seat, after in dict.fromkeys((s[0].seat, s[0].round) for s in scores):
            own = [s for s in scores if (s[0].seat, s[0].round) == (seat, after)]
            n, deals = len(own), sum(s[1] for s in own)
            you, they = (sum(s[i] for s in own) / n for i in (2, 3))
            against = games_words.opponent(roles[1 - seat], after)
            say_pairs([(f"You as {scoresheet.named(roles[seat])} against {against}:",
                        f"{many(n, 'game')}, {many(deals, 'deal')}"),
                       ("you on average", games_words.amount(round(you, 1))),
                       ("the other", games_words.amount(round(they, 1)))])
