"""The originals' rules with all their quirks, to replay old games: NegotiationArena's of its paper, and SiriuS's.

Nothing is checked that they do not check, what they take for talk is talk, and where they crash there is an event that
says by which rule. Nobody plays by these (`strict`). They part in three things: in "sirius" REJECT does not end
Sell&Buy, ``ZUP: 50 ZUP`` is 50, and Sell&Buy hands messages on with tag and content exchanged.
"""

from __future__ import annotations

from typing import Any

from .game import Setting, moved
from .moves import ACCEPT, CRASH, OFFER, REJECT, TALK, WAIT, Event
from .tags import ANSWER, MESSAGE, NOTHING, TRADE
from .trades import Bundle, Holdings, Refused, Trade, amounts

_KINDS = {"ACCEPT": ACCEPT, "REJECT": REJECT}


def content(text: str, tag: str) -> str:
    """Between the first ``<tag>`` and the first ``</tag>``, blanks stripped. A missing tag counts as standing at -1,
    and what that slice holds is taken for the content."""
    start, end = text.find(f"<{tag}>"), text.find(f"</{tag}>")
    return text[start + len(tag) + 2 : end].strip(" ")


def judge(setting: Setting, seat: int, turn: int, offer: Trade | None, text: str) -> Event:
    """What ``text`` does; ``offer``: the trade of the message before."""
    try:
        _resources(content(text, "my resources"))
        named = _named(content(text, TRADE), setting.compat)
        trade = None if named is None else Trade(named[0][1], named[1][1])
        answer = content(text, ANSWER)
        kind = _KINDS.get(answer, TALK if answer not in (NOTHING, "PROPOSAL") else WAIT if trade is None else OFFER)
        if _ends(setting, kind) or turn + 1 == setting.messages:
            _may_end(setting, turn, kind, offer)
    except Refused as refused:
        return Event(seat, CRASH, None, refused.rule, refused.why, text)
    return Event(seat, kind, trade, "", "", text)


def ending(setting: Setting, turn: int, kind: str) -> str:
    """Why the game ends with this message, "" where it goes on."""
    ends = _ends(setting, kind)
    if not ends and turn + 1 < setting.messages:
        return ""
    if turn == 0:
        return "no summary"
    return "cap" if not ends else "accepted" if kind == ACCEPT else "rejected"


def recorded(setting: Setting, accepted: bool, resources: Holdings) -> tuple[Any, Any]:
    """``player_outcome`` as the originals log it for a finished game: Resource Exchange: what each item has changed
    by, or whether the goal is reached; Ultimatum: what each has in the end; Sell&Buy: the worth of what has changed."""
    name = setting.game.name
    if name == "sell_and_buy":
        return setting.game.payoffs(setting, accepted, resources)
    if name == "ultimatum":
        return dict(resources[0]), dict(resources[1])
    red, blue = (_reached(goal, after) if goal else moved(before, after)
                 for goal, before, after in zip(setting.goals, setting.resources, resources))
    return red, blue


def handed_on(setting: Setting, text: str) -> str:
    """The public part of a message as the other player gets it; "" for a text that crashes."""
    try:
        named = _named(content(text, TRADE), setting.compat)
    except Refused:
        return ""
    offer = NOTHING if named is None else " | ".join(
        f"Player {name} Gives {amounts(gives)}" for name, gives in named[:2])
    message, answer = content(text, MESSAGE), content(text, ANSWER)
    if setting.compat == "sirius" and setting.game.name == "sell_and_buy":
        parts = (("message", message), ("player answer", answer), ("newly proposed trade", offer))
        return "\n".join(f"<{words}> {name} </{words}>" for name, words in parts)  # the wrong way round, as there
    parts = (("message", message), ("answer", answer), ("proposed trade", offer))
    return "".join(f"<other player {name}> {words} </other player {name}>\n" for name, words in parts)


def _resources(text: str) -> None:
    try:
        for item in text.split(", "):
            _, amount = item.split(": ")
            int(amount)
    except ValueError:
        raise Refused("resources", "<my resources> is not of the form K: int, K: int.") from None


def _named(text: str, compat: str) -> list[tuple[str, Bundle]] | None:
    """(name, what it gives) by name in descending order, RED's seat first; None for NONE."""
    text = text.strip()
    if text == NOTHING:
        return None
    trade: dict[str, Bundle] = {}
    try:
        for player in text.replace("\n", " ").split("|"):
            name = player.split("Player")[1].split("Gives")[0].strip()
            gives: dict[str, int] = {}
            for item in player.split("Gives")[1].strip().split(","):
                words = item.split(":")
                amount = words[1].strip()
                gives[words[0].strip()] = int(amount.split(" ")[0] if compat == "sirius" else amount)
            trade[name] = tuple(gives.items())
        names = sorted(trade, reverse=True)
        return [(names[0], trade[names[0]]), (names[1], trade[names[1]]),
                *((name, trade[name]) for name in names[2:])]
    except (IndexError, ValueError):
        raise Refused("trade", "<newly proposed trade> cannot be read.") from None


def _ends(setting: Setting, kind: str) -> bool:
    """Accepting ends every game, rejecting Ultimatum and, in the paper's version, Sell&Buy."""
    name = setting.game.name
    if kind == REJECT:
        return name == "ultimatum" or (name == "sell_and_buy" and setting.compat == "paper")
    return kind == ACCEPT


def _may_end(setting: Setting, turn: int, kind: str, offer: Trade | None) -> None:
    sells = setting.game.name == "sell_and_buy"
    if turn == 0:
        if not sells:
            raise Refused("first message", "A game that ends with its first message has no trade to look back on.")
        return
    if kind != ACCEPT:
        return
    if offer is None:
        raise Refused("no trade", "ACCEPT comes after a message without a trade.")
    if sells:
        money = setting.resources[1][0][0]
        for item, _ in (*offer.red, *offer.blue):
            if item != money and item != setting.values[0][0][0]:
                raise Refused("valuation", f"{item[:40]} has no value to reckon with.")


def _reached(goal: Bundle, held: Bundle) -> bool:
    return all(dict(held).get(item, 0) >= amount for item, amount in goal)
