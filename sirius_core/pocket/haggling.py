"""How a negotiation game looks to the embedded model, and how its reply is read.

    @seller cost 4 0 | aim 5 3 | they 4 6 more 6 : you 5 5 : they 4 4 | left 4 2 =>     aim 5 3 : offer 5 2
    @red stock 2 5 X 5 Y | aim 3 | they 1 0 X for 8 Y less 2 | left 7 3 =>             aim 3 : offer 1 0 X for 1 2 Y

A seat sees what is its own (cost, worth or stock; of a pot both know), the aim that it stated last (`none` before the
first time), the last `SEEN` messages of both with the newest in front, behind an open offer what it would bring
beyond no deal (`more 6`, `less 2`, `fair`: so small a network can hardly subtract), how many messages are left with its
own next one, and how many offers of its own: `final` where it may make none now. Where its last text was no legal move,
`no` stands behind that. It replies with its aim, a private thought, and after the colon with its move, which alone
binds: `offer`, `accept`, `reject` or `wait`.

In Sell&Buy an offer is its price and the aim is a price; in Ultimatum an offer is what the player with the pot gives
away, and the aim likewise, whoever speaks. In Resource Exchange an offer is written as it looks to its reader, what it
would give for what it would get, and the aim is how much more it wants to get than it gives.

What the language cannot say: messages in words, aims below 0, goals (a player wants as much as it can), the buyer's
money, items by their names (they are X and Y, in the setting's order), and stocks of more than two items.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from sirius_core.errors import UsageError
from sirius_core.games import Bundle, Move, Trade, View
from sirius_core.pocket.notation import digits

ROLES: Mapping[str, tuple[str, str]] = {
    "sell_and_buy": ("seller", "buyer"),
    "ultimatum": ("proposer", "responder"),
    "resource_exchange": ("red", "blue"),
}
"""The roles of seat 0 and seat 1 by game; each is a prompt of dialect.PROMPTS."""

SEEN = 3
"""How many messages a prompt shows: the other's last one, one's own before that, and what that answered. The newest
stands in front, so that the offer to be judged is always at the same place: a small network compares better so."""

LETTERS = ("X", "Y")
NONE = "none"
MORE, LESS, FAIR = "more", "less", "fair"  # than no deal
FINAL = "final"  # in the place of the offers that are left
AGAIN = "no"  # behind that: the last text was no legal move

_NUMBER = r"(?:0|[1-9](?: [0-9]){0,14})"
_AMOUNT = r"[1-9](?: [0-9]){0,14}"
_AMOUNTS = rf"(?:none|{_AMOUNT} X(?: {_AMOUNT} Y)?|{_AMOUNT} Y)"
_REPLY = re.compile(rf"aim ({_NUMBER}) : (?:(accept|reject|wait)|offer (.+))")
_PRICE = re.compile(_NUMBER)
_SWAP = re.compile(rf"({_AMOUNTS}) for ({_AMOUNTS})")
_SOME = re.compile(rf"({_AMOUNT}) ([XY])")


class Said(NamedTuple):
    """What a reply says: the aim as a number ("53"; "" where it cannot be read), the move, or why there is none."""

    aim: str
    move: Move | None
    why: str = ""


def slots(view: View, aim: str) -> dict[str, str]:
    """What fills the seat's prompt in `dialect.PROMPTS`: ``own``, ``aim``, ``said``, ``left``.

    ``aim`` is the one that the seat stated last, as `Said.aim`; "" and whatever is no number is none. UsageError for
    items that the language has no word for.
    """
    if len(view.items) > len(LETTERS):
        raise UsageError(f"the embedded language trades two items, not {', '.join(view.items)}")
    said = [f"{'you' if public.seat == view.seat else 'they'} {_said(view, public.kind, public.trade)}"
            for public in view.messages[::-1][:SEEN]]
    if view.offer is not None and view.messages[-1].seat != view.seat:
        said[0] = f"{said[0]} {_worth(gain(view))}"
    closed = bool(view.moves) and "offer" not in view.moves
    left = f"{digits(view.messages_left)} {FINAL if closed else digits(view.proposals_left)}"
    return {
        "own": _own(view),
        "aim": digits(int(aim)) if aim.isascii() and aim.isdecimal() and len(aim) <= 15 else NONE,
        "said": " : ".join(said) or NONE,
        "left": f"{left} {AGAIN}" if view.problem else left,
    }


def read(view: View, reply: str) -> Said:
    """The reply of the seat of ``view``, read strictly: aim, colon, move, nothing before, between or behind.

    Whether the move is legal is for the game to say. Never an exception.
    """
    found = _REPLY.fullmatch(" ".join(reply.split()))
    if found is None:
        return Said("", None, "A reply is: aim, a number, a colon, then offer, accept, reject or wait.")
    aim, kind, offered = found[1].replace(" ", ""), found[2], found[3]
    if kind:
        return Said(aim, Move(kind))
    trade = _trade(view, offered)
    if trade is None:
        shape = "1 0 X for 1 2 Y" if view.game == "resource_exchange" else "5 2"
        return Said(aim, None, f"An offer is written: offer {shape}.")
    return Said(aim, Move("offer", trade))


def write(view: View, move: Move, aim: int) -> str:
    """The reply that says so; `read` reads it."""
    said = f"offer {offer_text(view, move.trade)}" if move.trade is not None else move.kind
    return f"aim {digits(aim)} : {said}"


def offer_text(view: View, trade: Trade) -> str:
    """A trade as the seat of ``view`` reads it: ``5 2``, or what it would give for what it would get."""
    if view.game == "resource_exchange":
        given, got = trade if view.seat == 0 else trade[::-1]
        return f"{_amounts(view, given)} for {_amounts(view, got)}"
    return digits(dict(trade[payer(view)]).get(currency(view), 0))


def price(view: View, amount: int) -> Trade:
    """The trade of Sell&Buy at this price, or of Ultimatum in which this much is given away."""
    if view.game == "ultimatum":
        return _by(payer(view), _some(currency(view), amount), ())
    return _by(payer(view), _some(currency(view), amount), ((view.worth[0][0], 1),))


def swap(view: View, given: Bundle, got: Bundle) -> Trade:
    """The trade of Resource Exchange in which the seat of ``view`` gives and gets this."""
    return _by(view.seat, given, got)


def payer(view: View) -> int:
    """The seat whose money changes hands: Sell&Buy's buyer, the player with the pot."""
    held = dict(view.resources)
    own = held.get(currency(view), 0) > 0 if view.game == "ultimatum" else view.worth[0][0] not in held
    return view.seat if own else 1 - view.seat


def currency(view: View) -> str:
    """What Sell&Buy is paid in, or what Ultimatum's pot holds."""
    sold = view.worth[0][0] if view.worth else None
    return next(item for item in view.items if item != sold)


def gain(view: View) -> int:
    """What the open offer would bring the seat of ``view`` beyond no deal, by what it knows itself."""
    assert view.offer is not None
    given, got = (sum(amount for _, amount in side) for side in (view.offer if view.seat == 0 else view.offer[::-1]))
    if view.game == "resource_exchange":
        return got - given
    pays = payer(view) == view.seat
    amount = dict(view.offer[payer(view)]).get(currency(view), 0)
    if view.game == "ultimatum":
        return pot(view) - amount if pays else amount
    return view.worth[0][1] - amount if pays else amount - view.worth[0][1]


def pot(view: View) -> int:
    """What there is to share in Ultimatum."""
    return max(amount for _, amount in (*view.resources, *(view.others or ())))


def _worth(gained: int) -> str:
    return FAIR if not gained else f"{MORE if gained > 0 else LESS} {digits(abs(gained))}"


def _own(view: View) -> str:
    if view.game == "resource_exchange":
        return _amounts(view, view.resources)
    if view.game == "ultimatum":
        return digits(pot(view))
    return digits(view.worth[0][1])


def _said(view: View, kind: str, trade: Trade | None) -> str:
    return kind if trade is None else offer_text(view, trade)


def _trade(view: View, text: str) -> Trade | None:
    """The trade that an offer's words state, without zero amounts; None where they state none."""
    if view.game != "resource_exchange":
        return price(view, _number(text)) if _PRICE.fullmatch(text) else None
    found = _SWAP.fullmatch(text)
    if found is None:
        return None
    given, got = ([(letter, _number(amount)) for amount, letter in _SOME.findall(side)] for side in found.groups())
    names = dict(zip(LETTERS, view.items, strict=False))
    if any(letter not in names for letter, _ in (*given, *got)):
        return None
    return swap(view, *(tuple((names[letter], amount) for letter, amount in side) for side in (given, got)))


def _amounts(view: View, bundle: Bundle) -> str:
    """``1 0 X 5 Y`` in the setting's order; ``none``."""
    held = dict(bundle)
    named = zip(LETTERS, view.items, strict=False)
    return " ".join(f"{digits(held[item])} {letter}" for letter, item in named if held.get(item)) or NONE


def _some(item: str, amount: int) -> Bundle:
    return ((item, amount),) if amount else ()


def _by(seat: int, own: Bundle, others: Bundle) -> Trade:
    return Trade(own, others) if seat == 0 else Trade(others, own)


def _number(text: str) -> int:
    return int(text.replace(" ", ""))
