"""A book of negotiation: what two scripted characters said to one another in games on the real engine.

A character reckons in gains over its own limit: the price above its cost, below its worth, its part of the pot, what it
gets beyond what it gives. It has an aim, opens above it, comes down to it, and towards the end to the least that it
would sign; it takes an offer that is as good as what it would ask for next. Now and then it signs carelessly, walks
out, waits, or says something that is no move and is asked again. Characters know of the other one what a player sees,
and what they guess of its limit has nothing to do with it, so that the book tells no secrets.

What it covers: games around the papers' settings in distribution, within `USUAL`; beside them costs from 20 to 60,
worths 4 to 45 above them, pots from 20 to 800 and from 1,200 to 2,500, stocks with 12 to 40 of one item and 2 to 11 of
another; 4 to 12 messages, either seat first. What it leaves out: whatever lies within `AWAY` of the papers' settings
out of distribution (30/70, 35/15), and pots between 800 and 1,200.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sirius_core import games
from sirius_core.games import SEATS, Move, Setting, State, View
from sirius_core.pocket import haggling
from sirius_core.pocket.books import Bargains
from sirius_core.pocket.dialect import PROMPTS
from sirius_core.pocket.textbook import Lesson

AWAY = 4
"""No game of the book has all its amounts this near to a setting out of distribution."""

USUAL = 5
"""How far the amounts of a usual game lie from those of a setting in distribution."""

OFTEN = 4
MONEY = 100
MOST = 12  # of an item that somebody gives in Resource Exchange: whoever has much of it has that many


@dataclass(frozen=True)
class Character:
    """Gains over the own limit, in units of the game: `least` is what it would sign, `opening` lies above `aim`.

    `firm`: the share of the talk in which it comes down to its aim; `volume`: how much it likes to give in Resource
    Exchange.
    """

    aim: float
    opening: float
    least: float
    firm: float
    volume: int

    def wants(self, progress: float) -> float:
        """The gain that it asks for when this share of the talk, from 0 to 1, is over."""
        if progress < self.firm:
            return self.aim + self.opening * (1 - progress / self.firm)
        return self.aim - (self.aim - self.least) * (progress - self.firm) / max(1e-9, 1 - self.firm)


class Table:
    """Deals and plays games. All randomness comes from `rng`."""

    def __init__(self, book: Bargains, rng: random.Random) -> None:
        self.book, self.rng = book, rng

    # What is dealt.

    def setting(self, game: str) -> Setting:
        messages: dict[str, Any] = {} if self.rng.random() < 0.7 else {"messages": self.rng.randint(4, 12)}
        first = int(self.rng.random() < 0.1)
        amounts = {"sell_and_buy": self._limits, "ultimatum": self._pot, "resource_exchange": self._stocks}[game]()
        return games.setting(game, **amounts, **messages, first=first)

    def _limits(self) -> dict[str, Any]:
        if self.rng.random() < self.book.usual:
            return {"cost": self._near(40), "value": self._near(60), "money": MONEY}
        while True:
            cost = self.rng.randint(20, 60)
            value = min(cost + self.rng.randint(4, 45), MONEY - 1)
            if max(abs(cost - 30), abs(value - 70)) > AWAY:
                return {"cost": cost, "value": value, "money": MONEY}

    def _pot(self) -> dict[str, Any]:
        if self.rng.random() < self.book.usual:
            return {"pot": self._near(100)}
        least, most = self.rng.choices(((20, 200), (200, 800), (1200, 2500)), (7, 2, 1))[0]
        return {"pot": self.rng.randint(least, most)}

    def _stocks(self) -> dict[str, Any]:
        while True:
            if self.rng.random() < self.book.usual:
                many, few = [self._near(25) for _ in SEATS], [self._near(5) for _ in SEATS]
                break
            many = [self.rng.randint(MOST, 40) for _ in SEATS]
            few = [self.rng.randint(2, MOST - 1) for _ in SEATS]
            if max(*(abs(amount - 35) for amount in many), *(abs(amount - 15) for amount in few)) > AWAY:
                break
        red, blue = {"X": many[0], "Y": few[0]}, {"X": few[1], "Y": many[1]}
        return {"red": blue, "blue": red} if self.rng.random() < 0.1 else {"red": red, "blue": blue}

    def _near(self, amount: int) -> int:
        return max(1, amount + self.rng.randint(-USUAL, USUAL))

    def character(self, view: View) -> Character:
        rng, book = self.rng, self.book
        if view.game == "resource_exchange":
            aims, leasts = book.swaps
            aim, least, opening = rng.uniform(*aims), rng.uniform(*leasts), rng.uniform(0, 3)
        else:
            aims, leasts = book.splits if view.game == "ultimatum" else book.prices
            whole = haggling.pot(view) if view.game == "ultimatum" else rng.uniform(8, 45)
            aim = whole * rng.uniform(*aims)
            least, opening = aim * rng.uniform(*leasts), whole * rng.uniform(0, 0.3)
        return Character(aim, opening, min(aim, least), rng.uniform(0.1, 0.8), rng.randint(3, MOST))

    # What is said.

    def played(self, game: str) -> tuple[State, list[Lesson]]:
        """One game and what both seats said in it, as lessons."""
        state = games.start(self.setting(game))
        characters = [self.character(state.view(seat)) for seat in (0, 1)]
        aims, said = ["", ""], list[Lesson]()
        while not state.over:
            seat = state.seat
            view = state.view(seat)
            often = 1 if "offer" in view.moves else 5  # who has no offer left is the one who tries to make one
            if self.rng.random() < often * self.book.slips:
                state, _ = state.said("")
                view = state.view(seat)
            move, aim = self._move(view, characters[seat], aims[seat])
            kind = haggling.ROLES[game][seat]
            prompt = PROMPTS[kind].format_map(haggling.slots(view, aims[seat]))
            said.append(Lesson(kind, prompt, haggling.write(view, move, aim)))
            aims[seat] = str(aim)
            state, event = state.moved(move)
            assert event.valid, event
        return state, said

    def _move(self, view: View, character: Character, stated: str) -> tuple[Move, int]:
        """What a character says now, and the aim that it states."""
        rng = self.rng
        turns = (view.messages_left + 1) // 2  # its own that are left, this one included
        done = sum(public.seat == view.seat for public in view.messages)
        progress = done / max(1, done + turns - 1)
        wanted = character.wants(progress)
        aim = int(stated) if stated else asked(view, character.aim)
        if stated and wanted < character.aim and rng.random() < 0.15:
            aim = asked(view, wanted)
        last = "offer" not in view.moves or view.messages_left == 1
        offered = haggling.gain(view) if view.offer is not None else None
        if offered is not None:
            if rng.random() < self.book.careless or offered >= (character.least if last else wanted - 0.5):
                return games.accept, aim
            if not last and offered < character.least and done and rng.random() < self.book.temper:
                return games.reject, aim
        if last:
            return (games.wait if "wait" in view.moves and rng.random() < 0.5 else games.reject), aim
        if "wait" in view.moves and rng.random() < self.book.waits:
            return games.wait, aim
        return Move("offer", self._offer(view, character, wanted)), aim

    def _offer(self, view: View, character: Character, wanted: float) -> games.Trade:
        if view.game != "resource_exchange":
            amount = asked(view, wanted)
            if amount > 120 and self.rng.random() < 0.6:
                amount = min(round(amount / 10) * 10, haggling.pot(view) - 1)
            return haggling.price(view, amount)
        stock = dict(view.resources)
        plenty, other = sorted(view.items, key=lambda item: -stock[item])
        volume = character.volume
        theirs = dict(view.offer[view.seat]).get(plenty, 0) if view.offer is not None else 0
        if theirs and self.rng.random() < 0.5:
            volume = theirs
        given = max(1, min(volume, stock[plenty], MOST - round(wanted)))
        return haggling.swap(view, ((plenty, given),), ((other, max(1, given + round(wanted))),))


def asked(view: View, wanted: float) -> int:
    """A gain as the game counts: a price, what the player with the pot gives away, so many more than one gives."""
    if view.game == "resource_exchange":
        return max(0, round(wanted))
    pays = haggling.payer(view) == view.seat
    if view.game == "ultimatum":
        pot = haggling.pot(view)
        wanted = min(wanted, 0.95 * pot)  # nobody asks for all of it
        return round(pot - wanted if pays else wanted)
    worth = view.worth[0][1]
    return min(MONEY, max(0, round(worth - wanted if pays else worth + wanted)))


def lessons(book: Bargains, seed: int) -> Iterator[Lesson]:
    """The book's demonstrations, without end; the same for the same book and seed.

    What is said where no offer may be made stands there `OFTEN` times: few games come so far.
    """
    rng = random.Random(f"book/{book.name}/{seed}")
    table = Table(book, rng)
    weights = [sum(book.shares[role] for role in roles) for roles in haggling.ROLES.values()]
    while True:
        for lesson in table.played(rng.choices(list(haggling.ROLES), weights)[0])[1]:
            yield from [lesson] * (OFTEN if haggling.FINAL in lesson.prompt.split() else 1)
