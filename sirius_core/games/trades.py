"""Trades: what each seat gives. Read from a player's words, written, carried out.

    >>> read("Player RED Gives X: 10 | Player BLUE Gives Y: 12")
    ({'X': 10}, {'Y': 12})
    >>> after(((("X", 25), ("Y", 5)), (("X", 5), ("Y", 25))), trade({"X": 10}, {"Y": 12}))
    ((('X', 15), ('Y', 17)), (('X', 15), ('Y', 13)))

Resources are pairs (item, amount), so that a state can be compared, hashed and never changed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import NamedTuple

SEATS = ("RED", "BLUE")
"""The names of seat 0 and seat 1 in texts: ``Player RED``, ``Player BLUE``."""
Bundle = tuple[tuple[str, int], ...]
Holdings = tuple[Bundle, Bundle]
Gives = Mapping[str, int]
ITEM = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,30}")
"""What an item may be called."""
RESERVED = ("Player", "Gives", "NONE")
LONGEST_TRADE = 1000  # characters; a longer one is refused unread
MOST = 10**15 - 1  # of an item in a setting

_PLAYERS = tuple(f"Player {name}" for name in SEATS)
_PLAIN = {0xA0: " ", 0x2212: "-"}
_SHAPE = "Player RED Gives X: 10 | Player BLUE Gives Y: 10"
_ONCE = "An offer says once what Player RED gives and once what Player BLUE gives."


class Trade(NamedTuple):
    """What RED and BLUE give. In play zero amounts are left out and items stand in the setting's order."""

    red: Bundle
    blue: Bundle


class Refused(Exception):
    """Why a move cannot be made: a rule of `moves.RULES` and a sentence. It never leaves this package."""

    def __init__(self, rule: str, why: str) -> None:
        super().__init__(why)
        self.rule, self.why = rule, why


def trade(red: Mapping[str, int] | None = None, blue: Mapping[str, int] | None = None) -> Trade:
    """``trade({"X": 10}, {"Y": 12})``; what is not named is not given."""
    return Trade(tuple((red or {}).items()), tuple((blue or {}).items()))


def read(text: str) -> tuple[Gives, Gives]:
    """What RED and BLUE give in the offer that ``text`` states, as it stands there (any item, any amount from 0).

    Refused with the reason where it states none. Plain string methods: three times as fast as a pattern.
    """
    if len(text) > LONGEST_TRADE:
        raise Refused("unreadable offer", f"An offer takes at most {LONGEST_TRADE} characters.")
    if not text.isascii():  # then digits are digits below
        text = text.translate(_PLAIN)
        if not text.isascii():
            raise Refused("unreadable offer", f"An offer is written {_SHAPE}, in these letters.")
    found: dict[str, Gives] = {}
    for side in text.split("|"):
        player, gives, items = side.partition(" Gives ")
        player = player.strip()
        if player not in _PLAYERS:
            player = _player(side)
        if player in found:
            raise Refused("seats", _ONCE)
        found[player] = _gives(items if gives else side.partition("Gives")[2])
    if len(found) != 2:
        raise Refused("seats", _ONCE)
    return found[_PLAYERS[0]], found[_PLAYERS[1]]


def _player(side: str) -> str:
    """Whose side this is, in whatever spacing; Refused where it is nobody's."""
    words, gives, _ = side.partition("Gives")
    name = " ".join(words.split())
    if not gives or not name.startswith("Player "):
        raise Refused("unreadable offer", f"An offer is written {_SHAPE}.")
    if name not in _PLAYERS:
        raise Refused("seats", _ONCE)
    return name


@lru_cache(maxsize=4096)  # what one player gives repeats from game to game: prices, shares
def _gives(text: str) -> Gives:
    amounts: dict[str, int] = {}
    for piece in text.split(","):
        item, _, amount = piece.partition(":")
        item, amount = item.strip(), amount.strip()
        if not amount.isdecimal():
            amount = _number(item, amount)
        if item in amounts:
            raise Refused("unreadable offer", "An offer names each item once for each player.")
        amounts[item] = int(amount)
    return amounts


def _number(item: str, amount: str) -> str:
    """The digits of an amount with its unit behind it ("ZUP: 50 ZUP" is 50); Refused with what is wrong with others."""
    number, _, unit = amount.partition(" ")
    if number.isdecimal() and unit.strip() == item:
        return number
    shown = f"{item[:40]}: {amount[:40]}"
    if re.match(r"-\s*[0-9]", amount):
        raise Refused("negative", f"Nobody can give a negative amount: {shown}.")
    if re.match(r"[0-9]*[.][0-9]", amount):
        raise Refused("not whole", f"Amounts are whole numbers: {shown}.")
    raise Refused("unreadable offer", f"What a player gives is written X: 10, Y: 5; this is not: {shown!r}.")


def amounts(bundle: Iterable[tuple[str, int]]) -> str:
    """``X: 25, Y: 5``."""
    return ", ".join(f"{item}: {amount}" for item, amount in bundle)


def after(resources: Holdings, trade: Trade) -> Holdings:
    """Who holds what once ``trade`` is carried out on ``resources``: no item is made or lost."""
    red, blue = dict(resources[0]), dict(resources[1])
    for gives, giver, taker in ((trade.red, red, blue), (trade.blue, blue, red)):
        for item, amount in gives:
            giver[item] = giver.get(item, 0) - amount
            taker[item] = taker.get(item, 0) + amount
    return tuple(red.items()), tuple(blue.items())
