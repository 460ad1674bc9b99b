"""What one may say now: an offer with what it would be worth, accept, reject, wait."""

from __future__ import annotations

import streamlit as st

from sirius_core import games, human, scoresheet
from sirius_core.games import Move, State
from sirius_core.human import Sitting
from sirius_core.machines import embedded

from . import games_play, games_words


def controls(game: Sitting) -> None:
    """An offer with what it would be worth, accept, reject, wait: whatever is legal now."""
    state, seat, key = game.state, game.table.seat, f"{game.table.path.id[:8]}_{len(game.said)}"
    legal = state.legal()
    kinds = [move.kind for move in legal.moves]
    with st.container(border=True, gap="small", key="gm_controls"):
        st.text_input("Say something along with your move", key=f"gm_words_{key}", max_chars=human.LONGEST,
                      on_change="ignore", placeholder="if you like", help=_heard(game))
        if "accept" in kinds and state.offer is not None:
            gain = scoresheet.payoffs(state.setting, state.offer)[seat]
            st.button(f"Accept {_short(state, game)} · you get {games_words.amount(gain)}",
                      type="primary" if gain >= 0 else "secondary",  # nobody is invited to a loss
                      icon=":material/handshake:", width="stretch", key=f"gm_accept_{key}", on_click=_move,
                      args=(game, Move("accept"), key))
        if legal.offers is not None:
            offer(game, key)
        elif "accept" not in kinds:
            st.caption("You have no offers left.")
        with st.container(horizontal=True):
            if "wait" in kinds:
                st.button("Wait", icon=":material/hourglass_empty:", key=f"gm_wait_{key}", on_click=_move,
                          args=(game, Move("wait"), key), help="Hand the word over without an offer.")
            if "reject" in kinds:
                st.button("Reject and end the game", icon=":material/block:", key=f"gm_reject_{key}", on_click=_move,
                          args=(game, Move("reject"), key))
    if game.table.experiment.id:
        st.checkbox("This game may be learned from", key=learn_key(game), persist_state="session",
                    help="If you tick it, the players of a later round may learn from your moves and from theirs. It "
                    "counts when the game ends.")


def _short(state: State, game: Sitting) -> str:
    assert state.offer is not None
    words = scoresheet.terms(state.setting, state.offer, game.table.roles)
    return "the offer" if " for " in words or " gives " in words else words


def _heard(game: Sitting) -> str:
    if embedded(game.table.experiment.settings):
        return "The pocket model knows offers and no words: it does not read this, but it is kept with the game."
    return "The other reads it."


def learn_key(game: Sitting) -> str:
    return f"gm_learn_{game.table.path.id[:12]}"


def _move(game: Sitting, move: Move, key: str) -> None:
    games_play.speak(game.said, move, st.session_state.get(f"gm_words_{key}") or "")


def offer(game: Sitting, key: str) -> None:
    """The amounts of an offer, what it would be worth, and the button that makes it."""
    state, seat = game.state, game.table.seat
    trade = barter(game, key) if game.table.game == "resource_exchange" else price(game, key)
    gain = scoresheet.payoffs(state.setting, trade)[seat]
    words = scoresheet.terms(state.setting, trade, game.table.roles)
    label = "Make this offer" if " for " in words or " gives " in words else f"Offer {words}"
    first = not [m for m in state.legal().moves if m.kind == "accept"]
    st.button(f"{label} · you would get {games_words.amount(gain)}", icon=":material/local_offer:", width="stretch",
              type="primary" if first else "secondary", key=f"gm_offer_{key}", on_click=_move,
              args=(game, Move("offer", trade), key))


def price(game: Sitting, key: str) -> games.Trade:
    """A price, or a share of the pot: one number within what is legal."""
    seat, setting = game.table.seat, game.state.setting
    money = scoresheet.currency(setting)
    ranges = {(s, r.item): r for s, side in enumerate((setting.offers.red, setting.offers.blue)) for r in side}
    payer, most = next((s, r.most) for (s, item), r in ranges.items() if item == money and r.most > 0)
    if game.table.game == "ultimatum":
        mine = st.slider(f"You keep, of {most} {money}", 0, most, value=_start(game, most), key=f"gm_keep_{key}")
        gives = most - mine if seat == payer else mine
    else:
        gives = st.slider(f"Price in {money}", 0, most, value=_start(game, most), key=f"gm_price_{key}")
    fixed = {s: {r.item: r.least for r in side if r.item != money and r.least}
             for s, side in enumerate((setting.offers.red, setting.offers.blue))}
    sides = [{**fixed[s], **({money: gives} if s == payer and gives else {})} for s in (0, 1)]
    return games.trade(*sides)


def _start(game: Sitting, most: int) -> int:
    """Where the slider begins: one's own last offer, else somewhat better than one's limit."""
    state, seat, setting = game.state, game.table.seat, game.state.setting
    mine = [e.trade for e in state.events if e.seat == seat and e.kind == "offer" and e.trade is not None]
    if game.table.game == "ultimatum":
        return int(scoresheet.payoffs(setting, mine[-1])[seat]) if mine else most // 2
    if mine:
        return scoresheet.measure(setting, mine[-1])
    limit = setting.values[seat][0][1]
    return max(0, min(most, limit + 10 if game.table.roles[seat] == "seller" else limit - 10))


def barter(game: Sitting, key: str) -> games.Trade:
    """Amounts to give and to get, item by item."""
    setting, seat = game.state.setting, game.table.seat
    held = dict(setting.resources[seat])
    give, get = st.columns(2)
    mine, theirs = {}, {}
    for item in setting.limits[0]:
        mine[item] = give.number_input(f"You give {item}", 0, held.get(item, 0), 0, key=f"gm_give_{item}_{key}")
        theirs[item] = get.number_input(f"You get {item}", 0, 999, 0, key=f"gm_get_{item}_{key}",
                                        help="What the other has is theirs to know; you are told if it is too much.")
    sides = [{i: n for i, n in side.items() if n} for side in ((mine, theirs) if seat == 0 else (theirs, mine))]
    return games.trade(*sides)


