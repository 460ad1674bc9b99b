"""Moves and events: what a seat may do, and what became of what it said."""

from __future__ import annotations

from typing import NamedTuple

from .trades import Bundle, Trade, trade

OFFER, ACCEPT, REJECT, WAIT = "offer", "accept", "reject", "wait"
KINDS = (OFFER, ACCEPT, REJECT, WAIT)
"""What a seat can do. To wait is to hand the word over without an offer."""

INVALID, FORFEIT, CRASH, TALK, OVER = "invalid", "forfeit", "crash", "talk", "over"
"""What else becomes of a text: a first and a second invalid move in a row; in the originals a crash, or an answer
that their rules do not know and that they take for talk; a text after the end."""

ENDINGS = ("accepted", "rejected", "cap", "forfeit", "crash", "no summary")
"""Why a game is over. The last two happen in the originals only."""

RULES = {
    "no answer": "the text has no <player answer>",
    "unknown answer": "the answer is none of ACCEPT, REJECT, NONE, PROPOSAL",
    "said twice": "an answer or an offer stands twice in the text",
    "open tag": "a tag is never closed",
    "no offer": "the answer announces an offer that does not stand there",
    "answer and offer": "an ACCEPT or REJECT beside an offer other than the open one",
    "unreadable offer": "the offer cannot be read",
    "seats": "the offer is not between exactly RED and BLUE",
    "unknown item": "an item that this game has not",
    "negative": "an amount below zero",
    "not whole": "an amount that is no whole number",
    "too much": "more than the seat has",
    "too little": "less than the game trades",
    "empty offer": "an offer in which nobody gives anything",
    "nothing to accept": "ACCEPT without an open offer of the other side",
    "no waiting": "neither an answer nor an offer, in a game where nobody may wait",
    "limit": "more offers than the seat has",
    "last word": "an offer in a last message that may only accept or reject",
    "resources": "original: <my resources> is not K: int, K: int",
    "trade": "original: <newly proposed trade> cannot be read",
    "no trade": "original: ACCEPT after a message without a trade",
    "first message": "original: a game that ends with its first message has nothing to look back on",
    "valuation": "original: an item that has no value",
}
"""Rules by which a text is invalid, or by which the originals crash."""


class Move(NamedTuple):
    """``Move("accept")``; an offer has a trade."""

    kind: str
    trade: Trade | None = None


class Event(NamedTuple):
    """What one message did. ``kind``: one of KINDS, or what else became of it; ``rule`` and ``why`` (one sentence)
    where it was not a move; ``raw``: the text, word for word."""

    seat: int
    kind: str
    trade: Trade | None
    rule: str
    why: str
    raw: str

    @property
    def valid(self) -> bool:
        return not self.rule

    @property
    def move(self) -> Move | None:
        return Move(self.kind, self.trade) if self.kind in KINDS else None


class Range(NamedTuple):
    """Of an item a seat gives at least ``least`` and at most ``most``."""

    item: str
    least: int
    most: int


class Offers(NamedTuple):
    """Every trade that may be offered: all combinations of these amounts; nobody giving anything is none, unless
    ``nothing``.

    >>> offers = Offers((Range("X", 1, 1),), (Range("ZUP", 0, 100),), False)
    >>> offers.number, Trade((("X", 1),), (("ZUP", 43),)) in offers
    (101, True)
    """

    red: tuple[Range, ...]
    blue: tuple[Range, ...]
    nothing: bool

    @property
    def number(self) -> int:
        product = 1
        for _, least, most in (*self.red, *self.blue):
            product *= most - least + 1
        zero = all(least == 0 for _, least, _ in (*self.red, *self.blue))
        return product - (zero and not self.nothing)

    def __contains__(self, value: object) -> bool:
        """Whether ``value``, a trade without zero amounts, may be offered."""
        if not isinstance(value, Trade):
            return False
        return self.at(dict(value.red), dict(value.blue)) == value

    def at(self, red: dict[str, int], blue: dict[str, int]) -> Trade | None:
        """The trade in which each gives these amounts, or None where that is none of these."""
        sides: list[Bundle] = []
        for ranges, gives in ((self.red, red), (self.blue, blue)):
            known = {item for item, _, _ in ranges}
            if any(gives.get(item, 0) not in range(least, most + 1) for item, least, most in ranges):
                return None
            if any(item not in known for item in gives):
                return None
            sides.append(tuple((item, gives[item]) for item, _, _ in ranges if gives.get(item)))
        return Trade(*sides) if any(sides) or self.nothing else None


class Legal(NamedTuple):
    """What the seat to move may do: accept, reject or wait as values, and its offers as ranges (None: no offer)."""

    moves: tuple[Move, ...]
    offers: Offers | None


def offer(red: dict[str, int] | None = None, blue: dict[str, int] | None = None) -> Move:
    """``offer({"X": 1}, {"ZUP": 43})``: RED gives one X, BLUE gives 43 ZUP."""
    return Move(OFFER, trade(red, blue))


accept, reject, wait = Move(ACCEPT), Move(REJECT), Move(WAIT)
