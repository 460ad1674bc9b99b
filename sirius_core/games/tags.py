"""The tagged text that players write and read: ``<player answer> ACCEPT </player answer>`` and the like."""

from __future__ import annotations

from typing import NamedTuple

from .game import Setting
from .moves import ACCEPT, OFFER, REJECT, Event, Move
from .trades import SEATS, Bundle, Refused, Trade, amounts

ANSWER, TRADE, MESSAGE, REASON = "player answer", "newly proposed trade", "message", "reason"
WORDS = {ACCEPT: "ACCEPT", REJECT: "REJECT"}
NOTHING = "NONE"


def part(text: str, opening: str, closing: str) -> str | None:
    """What stands between the tags, None where the opening one is missing. Refused: not closed, or said twice."""
    pieces = text.split(opening, 2)
    if len(pieces) == 1:
        return None
    if len(pieces) == 3:
        raise Refused("said twice", f"The message has {opening} more than once.")
    content, closed, _ = pieces[1].partition(closing)
    if not closed:
        raise Refused("open tag", f"The message opens {opening} and never closes it by {closing}.")
    return content.strip()


def loose(text: str, name: str) -> str:
    """The same for parts that no rule reads (message, reason): "" where there is none, up to the end if not closed."""
    return text.partition(f"<{name}>")[2].partition(f"</{name}>")[0].strip()


class Public(NamedTuple):
    """What the other side learns of a message."""

    seat: int
    kind: str
    trade: Trade | None
    message: str


def public(event: Event) -> Public:
    return Public(event.seat, event.kind, event.trade, loose(event.raw, MESSAGE))


def offer_text(setting: Setting, trade: Trade | None) -> str:
    """``Player RED Gives X: 10 | Player BLUE Gives Y: 0``, or NONE: a form that the originals read, too."""
    if trade is None:
        return NOTHING
    sides = []
    for name, gives, held in zip(SEATS, trade, setting.resources):
        none: Bundle = tuple((item, 0) for item, _ in held[:1])
        sides.append(f"Player {name} Gives {amounts(gives or none)}")
    return " | ".join(sides)


def handed_on(setting: Setting, said: Public) -> str:
    """The public part as the other player gets it to read."""
    parts = {"message": said.message, "answer": answer_word(setting, said.kind),
             "proposed trade": offer_text(setting, said.trade)}
    return "\n".join(f"<other player {name}> {text} </other player {name}>" for name, text in parts.items())


def answer_word(setting: Setting, kind: str) -> str:
    return setting.game.offer_word if kind == OFFER else WORDS.get(kind, NOTHING)


def write(setting: Setting, seat: int, move: Move, turn: int, message: str = "", reason: str = "") -> str:
    """A whole reply in the order that the game asks for; ``turn``: how many messages came before."""
    own, count = turn // 2 + 1, (setting.messages + (seat == setting.first)) // 2
    texts = {"my name": f"Player {SEATS[seat]}", "move": f"{own} / {count}", "proposal count": str(own),
             "my resources": amounts(setting.resources[seat]), "my goals": setting.game.goal(setting, seat),
             REASON: reason, ANSWER: answer_word(setting, move.kind), MESSAGE: message,
             TRADE: offer_text(setting, move.trade)}
    return "\n".join(f"<{name}> {texts[name]} </{name}>" for name in setting.game.tags)
