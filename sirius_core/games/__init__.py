"""The three negotiation games: rules only, no models. `GAMES` names them.

    state = games.start(games.setting("sell_and_buy", "40/60"))
    while not state.over:
        state, event = state.said(reply_of(state.seat, state.view(state.seat)))
    state.outcome.payoffs

Two seats, RED (0) and BLUE (1), speak in turn. Resources never change until one trade, the accepted one, is carried out
at the end. A seat that says something else than a legal move is told why and speaks again; the second time in a row it
forfeits. Games: NegotiationArena (arXiv 2402.05863), settings and utilities: SiriuS (arXiv 2502.04780).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import UnknownName, UsageError
from . import resource_exchange, sell_and_buy, ultimatum
from .engine import Outcome, State, View, start
from .game import COMPAT, Game, Setting
from .moves import ENDINGS, KINDS, RULES, Event, Legal, Move, Offers, accept, offer, reject, wait
from .originals import recorded
from .tags import Public, write
from .trades import SEATS, Bundle, Holdings, Trade, trade

GAMES: Mapping[str, Game] = {game.name: game for game in (resource_exchange.GAME, ultimatum.GAME, sell_and_buy.GAME)}


def get(name: str) -> Game:
    """The game; UnknownName names the nearest one."""
    if name not in GAMES:
        raise UnknownName("game", name, GAMES)
    return GAMES[name]


def setting(game: str, name: str = "", **changes: Any) -> Setting:
    """``setting("ultimatum", "1000")``, ``setting("sell_and_buy", cost=44)``; UsageError says what is wrong."""
    return get(game).setting(name, **changes)


def from_dict(value: Mapping[str, Any]) -> Setting:
    """What `Setting.as_dict` wrote, or somebody by hand; UsageError says what is wrong."""
    rest = dict(value)
    game = get(str(rest.pop("game", "")))
    unknown = set(rest) - {"resources", "values", "goals", "messages", "proposals", "first", "compat"}
    if unknown:
        raise UnknownName("entry of a setting", min(unknown), set(rest) - unknown)
    if "resources" not in rest:
        raise UsageError("a setting needs resources: what RED and BLUE have")
    return Setting(game, **rest)


__all__ = [
    "COMPAT", "ENDINGS", "GAMES", "KINDS", "RULES", "SEATS", "Bundle", "Event", "Game", "Holdings", "Legal", "Move",
    "Offers", "Outcome", "Public", "Setting", "State", "Trade", "View", "accept", "from_dict", "get", "offer",
    "recorded", "reject", "setting", "start", "trade", "wait", "write",
]
