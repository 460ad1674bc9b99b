"""Choose a table: which game, which seat, against whom. Without an experiment of games the untrained player sits there.
"""

from __future__ import annotations

import streamlit as st

from sirius_core import games, human, scoresheet
from sirius_core.machines import embedded
from sirius_core.store import Experiment, Store

from . import games_end, games_play, games_words, lab
from .games_play import Place


def of(e: Experiment | None, game: str) -> Experiment | None:
    """Whose checkpoints play this game: the open experiment's, or nobody's but the untrained model."""
    return e if e is not None and e.settings.source == game else human.practice(game)


def draw(e: Experiment | None, store: Store) -> None:
    """Game, seat, opponent; one click sits down."""
    own = e is not None and e.settings.source in games.GAMES
    names = list(games.GAMES)
    with st.container(border=True, gap="small", key="gm_choose"):
        st.subheader("Sit down and play", anchor=False)
        start = e.settings.source if e is not None and own else "sell_and_buy"
        game = st.segmented_control("Game", names, default=start, required=True, key=f"gm_game_{start}",
                                    format_func=games_words.GAMES.get)
        game = game or start
        host = of(e, game)
        assert host is not None
        roles = scoresheet.roles_of(game)
        st.caption(games_words.GOALS[game])
        known = human.rounds(store, host)
        seat = st.segmented_control(
            "Your seat", (0, 1), default=1, required=True, key=f"gm_seat_{game}", persist_state="session",
            format_func=lambda s: games_words.role_title(roles[s]))
        seat = 1 if seat is None else seat
        shown = list(dict.fromkeys([0, *known[-5:]]))
        round = st.segmented_control(
            "Against", shown, default=0, required=True, key=f"gm_round_{host.id or game}_{shown[-1]}",
            format_func=lambda r: games_words.sentence(games_words.opponent(roles[1 - seat], r)))
        round = round or 0
        ready = _agreed(host)
        st.button("Take the seat", type="primary", icon=":material/chair:", key="gm_sit", disabled=not ready,
                  on_click=games_play.sit, args=(Place(game, round, seat, games_end.fresh(game, seat)),))
    if not host.id:
        practice_note(game, e)


def practice_note(game: str, e: Experiment | None) -> None:
    """What is missing where no experiment plays this game: a trained opponent, and a file to keep games in."""
    name = human.PRESETS[game]
    with st.container(border=True, horizontal=True, vertical_alignment="center", key="gm_practice"):
        what = "No experiment here has trained it yet" if e is None else "The open experiment trains no such player"
        st.markdown(f"{what}: you can play the untrained one at once, and such games are not kept. To feel the "
                    "difference that training makes, let it train for a minute.")
        st.button(f"Start {name}", icon=":material/play_arrow:", key="gm_start", on_click=lab.new, args=(name, 0, {}))


def _agreed(e: Experiment) -> bool:
    """An endpoint's calls are paid: a person says yes first."""
    if embedded(e.settings):
        return True
    return st.toggle(f"Ask {lab.plain(e.settings.model or e.settings.checkpoint)}: one call for each message of it",
                     key=f"gm_agree_{e.id}", persist_state="session",
                     help="These calls count in none of the experiment's budgets.")
