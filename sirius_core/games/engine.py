"""A game being played: one immutable state, moved on by texts or by moves, and its outcome."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from . import originals, strict, tags
from .game import Pair, Setting
from .moves import ACCEPT, CRASH, FORFEIT, INVALID, KINDS, OFFER, OVER, REJECT, Event, Legal, Move
from .trades import SEATS, Bundle, Holdings, Trade, after


class Outcome(NamedTuple):
    """``ended``: one of `moves.ENDINGS`; ``seat``: who did that; ``trade``: the deal, None without one; ``payoffs``:
    each seat's own utility; ``paper``: the same as SiriuS reports it. Not to agree is worth the same whatever the
    ending, and a forfeit is told from a refusal by ``ended`` alone. (Of a crash the originals record nothing; here it
    stands as if nothing had changed.)"""

    ended: str
    seat: int
    trade: Trade | None
    resources: Holdings
    payoffs: Pair
    paper: Pair


@dataclass(frozen=True)
class View:
    """What a seat may know. ``others``: what the other has, None where the game does not tell; ``problem``: why its
    last text was no move, "" otherwise; ``moves``: the kinds that are legal now, () when it is not its turn; ``items``:
    what changes hands in this game, in the setting's order."""

    game: str
    seat: int
    name: str
    resources: Bundle
    worth: Bundle
    goal: str
    others: Bundle | None
    messages: tuple[tags.Public, ...]
    offer: Trade | None
    moves: tuple[str, ...]
    proposals_left: int
    messages_left: int
    problem: str
    items: tuple[str, ...]


class State(NamedTuple):
    """``seat`` moves next, after ``turn`` messages; ``offer`` is what it may accept, or the deal once one is made;
    ``made``: offers by seat; ``strikes``: invalid texts in a row; ``ended``: "" while the game goes on.

    >>> from sirius_core import games
    >>> state = games.start(games.setting("sell_and_buy", "40/60"))
    >>> state, _ = state.moved(games.offer({"X": 1}, {"ZUP": 52}))
    >>> state, event = state.said("<player answer> ACCEPT </player answer>")
    >>> state.outcome.ended, state.outcome.payoffs, state.outcome.paper
    ('accepted', (12, 8), (2.0, -2.0))
    """

    setting: Setting
    seat: int
    turn: int = 0
    offer: Trade | None = None
    made: tuple[int, int] = (0, 0)
    strikes: int = 0
    ended: str = ""
    events: tuple[Event, ...] = ()

    @property
    def over(self) -> bool:
        return self.ended != ""

    def said(self, text: str) -> tuple[State, Event]:
        """The state after the seat to move has said ``text``, and what that was. Never an exception.

        A text that is no legal move leaves the word with the same seat, once (``event.why`` says what was wrong); a
        second one in a row forfeits.
        """
        setting, seat, turn, offer, made, _, ended, _ = self
        if ended:
            return self, Event(seat, OVER, None, OVER, "The game is over.", text)
        if setting.compat:
            return self._original(originals.judge(setting, seat, turn, offer, text))
        return self._after(strict.judge(setting, seat, turn, offer, made[seat], text))

    def moved(self, move: Move, message: str = "", reason: str = "") -> tuple[State, Event]:
        """The same for a typed move with words; its text is written as the game asks for it."""
        text = tags.write(self.setting, self.seat, move, self.turn, message, reason)
        if self.ended or self.setting.compat:
            return self.said(text)
        return self._after(strict.judge_move(
            self.setting, self.seat, self.turn, self.offer, self.made[self.seat], move, text))

    def _after(self, event: Event) -> tuple[State, Event]:
        setting, seat, turn, offer, made, strikes, _, events = self
        kind = event[1]
        if kind == INVALID:
            if not strikes:
                return State(setting, seat, turn, offer, made, 1, "", (*events, event)), event
            event = event._replace(kind=FORFEIT)
            return State(setting, seat, turn, None, made, 2, "forfeit", (*events, event)), event
        turn += 1
        ended = "cap" if turn == setting.messages else ""
        if kind == OFFER:
            offer = event[2]
            made = (made[0] + 1, made[1]) if seat == 0 else (made[0], made[1] + 1)
        elif kind == ACCEPT:
            ended = "accepted"
        else:  # an offer is open for the next message only
            offer = None
            if kind == REJECT:
                ended = "rejected"
        return State(setting, 1 - seat, turn, offer, made, 0, ended, (*events, event)), event

    def _original(self, event: Event) -> tuple[State, Event]:
        setting, seat, turn, offer, made, _, _, events = self
        if event.kind == CRASH:
            return State(setting, seat, turn, None, made, 0, "crash", (*events, event)), event
        ended = originals.ending(setting, turn, event.kind)
        offer = offer if ended == "accepted" else event.trade
        return State(setting, 1 - seat, turn + 1, offer, made, 0, ended, (*events, event)), event

    def legal(self) -> Legal:
        """What the seat to move may do. By the originals' rules nothing is checked: there it is the same list, as what
        their prompts allow."""
        if self.ended:
            return Legal((), None)
        return strict.legal(self.setting, self.turn, self.offer, self.made[self.seat])

    @property
    def outcome(self) -> Outcome | None:
        """None while the game goes on."""
        if not self.ended:
            return None
        setting, deal = self.setting, self.ended == "accepted" and self.offer is not None
        resources = after(setting.resources, self.offer) if deal and self.offer else setting.resources
        return Outcome(self.ended, self.events[-1].seat, self.offer if deal else None, resources,
                       setting.game.payoffs(setting, deal, resources), setting.game.as_paper(setting, deal, resources))

    def public(self, seat: int) -> str:
        """The public part of this seat's last message, as the other player gets it to read; "" before there is one."""
        for event in reversed(self.events):
            if event.seat == seat and event.valid:
                if self.setting.compat:
                    return originals.handed_on(self.setting, event.raw)
                return tags.handed_on(self.setting, tags.public(event))
        return ""

    def private(self, seat: int) -> tuple[str, ...]:
        """What this seat thought beside each of its texts, invalid ones included; "" where it did not say."""
        return tuple(tags.loose(event.raw, tags.REASON) for event in self.events if event.seat == seat)

    def view(self, seat: int) -> View:
        """What this seat may know: nothing of the other's goal, worth or thoughts, and its stock only in open games."""
        setting, legal = self.setting, self.legal() if seat == self.seat else Legal((), None)
        last = self.events[-1] if self.events else None
        return View(
            setting.game.name, seat, f"Player {SEATS[seat]}", setting.resources[seat], setting.values[seat],
            setting.game.goal(setting, seat), setting.resources[1 - seat] if setting.game.open_stock else None,
            tuple(tags.public(event) for event in self.events if event.kind in KINDS), self.offer,
            (*(move.kind for move in legal.moves), *([OFFER] if legal.offers else [])),
            max(0, setting.proposals - self.made[seat]), setting.messages - self.turn,
            last.why if last and last.seat == seat else "", tuple(setting.limits[0]))


def start(setting: Setting) -> State:
    return State(setting, setting.first)
