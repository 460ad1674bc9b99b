"""The rules as people play them: what a text says, and whether its seat may do that now.

Only ``<player answer>`` and ``<newly proposed trade>`` bind; all else in a text is talk. What cannot be read as a legal
move is an invalid one with a rule and a sentence, whatever the text.
"""

from __future__ import annotations

from .game import Limits, Setting
from .moves import ACCEPT, INVALID, OFFER, REJECT, WAIT, Event, Legal, Move
from .tags import ANSWER, NOTHING, TRADE, part
from .trades import MOST, SEATS, Bundle, Gives, Refused, Trade, read

_ANSWERS = {"ACCEPT": ACCEPT, "REJECT": REJECT, "NONE": WAIT, "PROPOSAL": OFFER}
_ANSWER, _ANSWER_END = f"<{ANSWER}>", f"</{ANSWER}>"
_TRADE, _TRADE_END = f"<{TRADE}>", f"</{TRADE}>"


def judge(setting: Setting, seat: int, turn: int, offer: Trade | None, made: int, text: str) -> Event:
    """What ``text`` does when ``seat`` says it after ``turn`` messages and ``made`` own offers; ``offer`` is open."""
    try:
        kind, given = said(text)
        trade = None
        if given is not None:
            trade = settled(setting, given)
            if kind in (ACCEPT, REJECT):
                if trade != offer:
                    raise Refused("answer and offer", f"{kind.upper()} stands beside another offer; say one of both.")
                trade = None
            else:
                kind = OFFER
        allowed(setting, turn, offer, made, kind)
    except Refused as refused:
        return Event(seat, INVALID, None, refused.rule, refused.why, text)
    return Event(seat, kind, trade, "", "", text)


def judge_move(setting: Setting, seat: int, turn: int, offer: Trade | None, made: int, move: Move, text: str) -> Event:
    """The same for a move that nobody has to read; ``text`` is only kept."""
    kind, trade = move
    try:
        if kind == OFFER:
            if trade is None:
                raise Refused("no offer", "An offer says what each player gives.")
            trade = settled(setting, _spelt(trade))
        elif trade is not None:
            raise Refused("answer and offer", f"To {kind} is no offer.")
        elif kind not in _ANSWERS.values():
            raise Refused("unknown answer", "A move is offer, accept, reject or wait.")
        allowed(setting, turn, offer, made, kind)
    except Refused as refused:
        return Event(seat, INVALID, None, refused.rule, refused.why, text)
    return Event(seat, kind, trade, "", "", text)


def said(text: str) -> tuple[str, tuple[Gives, Gives] | None]:
    """(answer, offer as it stands there)."""
    answer = part(text, _ANSWER, _ANSWER_END)
    if answer is None:
        raise Refused("no answer", f"The message has no {_ANSWER}.")
    kind = _ANSWERS.get(answer) or _ANSWERS.get(answer.upper())
    if kind is None:
        raise Refused("unknown answer", f"The answer is ACCEPT, REJECT, NONE or PROPOSAL, not {answer[:40]!r}.")
    words = part(text, _TRADE, _TRADE_END)
    if words and words.upper() != NOTHING:
        return kind, read(words)
    if kind == OFFER:
        raise Refused("no offer", f"PROPOSAL goes with an offer in {_TRADE}.")
    return kind, None


def _spelt(trade: Trade) -> tuple[Gives, Gives]:
    """A trade as `read` hands it on, refused for what `read` refuses."""
    for gives in trade:
        if any(type(amount) is not int for _, amount in gives):
            raise Refused("not whole", "Amounts are whole numbers.")
        if len(dict(gives)) < len(gives):
            raise Refused("unreadable offer", "An offer names each item once for each player.")
    return dict(trade.red), dict(trade.blue)


def settled(setting: Setting, given: tuple[Gives, Gives]) -> Trade:
    """The trade without zero amounts and in the setting's order; Refused where it is not for this game to make."""
    red_limits, blue_limits = setting.limits
    red, blue = _within(setting, 0, red_limits, given[0]), _within(setting, 1, blue_limits, given[1])
    if not (red or blue or setting.offers.nothing):
        raise Refused("empty offer", "In an offer somebody gives something.")
    return Trade(red, blue)


def _within(setting: Setting, seat: int, limits: Limits, gives: Gives) -> Bundle:
    kept, known = [], 0
    for item, (least, most) in limits.items():
        amount = gives.get(item, -1)
        if amount > 0:
            kept.append((item, amount))
        if least <= amount <= most:
            known += 1
        elif item in gives or least:
            raise _beyond(setting, seat, item, gives.get(item, 0))
    if known != len(gives):
        item = next(item for item in gives if item not in limits)
        raise _beyond(setting, seat, item, gives[item])
    return tuple(kept)


def _beyond(setting: Setting, seat: int, item: str, amount: int) -> Refused:
    limits, name = setting.limits[seat], f"Player {SEATS[seat]}"
    if item not in limits:
        return Refused("unknown item", f"There is no {item[:40]!r} in this game, only {', '.join(limits)}.")
    least, most = limits[item]
    if amount < 0:
        return Refused("negative", f"Nobody can give a negative amount: {item}.")
    if amount > most:
        return Refused("too much", f"{name} cannot give {item}: {_short(amount)}.")
    return Refused("too little", f"{name} gives {item}: {least} in every offer of this game.")


def _short(amount: int) -> str:
    return str(amount) if amount <= MOST else "that many"


def allowed(setting: Setting, turn: int, offer: Trade | None, made: int, kind: str) -> None:
    """Refused where a move of this kind is not to be made now."""
    if kind == OFFER:
        if made >= setting.proposals:
            raise Refused("limit", f"You have made all your {setting.proposals} offers.")
        if turn == setting.messages - 1 and setting.game.last_word:
            raise Refused("last word", "The last message of the game is ACCEPT or REJECT.")
    elif kind == ACCEPT:
        if offer is None:
            raise Refused("nothing to accept", "ACCEPT needs an offer in the other player's last message.")
    elif kind == WAIT and not setting.game.waits:
        raise Refused("no waiting", "In this game every message is an offer, ACCEPT or REJECT.")


def legal(setting: Setting, turn: int, offer: Trade | None, made: int) -> Legal:
    """Every move that is not refused."""
    kinds = []
    for kind in (ACCEPT, REJECT, WAIT, OFFER):
        try:
            allowed(setting, turn, offer, made, kind)
        except Refused:
            continue
        kinds.append(kind)
    return Legal(tuple(Move(kind) for kind in kinds if kind != OFFER), setting.offers if OFFER in kinds else None)
