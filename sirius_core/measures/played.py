"""A played game as plain values, from its stored turns: how it ended, who got what, who said what was no move.

The round's measures, the cross-play matrix and the frames of games start here. The engine plays every game again from
its turns' texts; nothing is read from what a report or a reward says.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from .. import games
from ..games.trades import after
from ..tasks import scores
from ..trajectories import Task, Trajectory

Pair = tuple[float, float]
Counts = tuple[int, int]


@dataclass(frozen=True)
class Played:
    """One game. Every pair is RED's (seat 0) and BLUE's (seat 1).

    ``group``: what the same game is called wherever it was played by others; ``learner``: the seat that is tested, None
    where neither or both are; ``ended``: one of `games.ENDINGS`, "" for a game that stopped before its end, and ``by``
    whose doing that was; ``payoffs`` in the game's own unit, ``paper`` as SiriuS reports them; ``share`` of the pot, or
    of what lies between cost and value, None without a deal or where there is no such thing; ``price`` in Sell&Buy.
    ``messages`` counts moves, ``said`` all texts by seat, ``invalid`` those that were no move. ``lost``: whether the
    deal is worth less to that seat than none; ``bad_offers``: how many such offers it was made.
    """

    trajectory: str
    task: str
    group: str
    learner: int | None
    setting: games.Setting
    ended: str
    by: int
    trade: games.Trade | None
    payoffs: Pair
    paper: Pair
    share: Pair | None
    price: int | None
    messages: int
    said: Counts
    invalid: Counts
    lost: tuple[bool, bool]
    bad_offers: Counts

    @property
    def deal(self) -> bool:
        return self.trade is not None

    @property
    def forfeit(self) -> bool:
        return self.ended == "forfeit"

    @property
    def winner(self) -> int | None:
        """The seat with the larger payoff as the paper reports it; None where both have the same: not decisive."""
        red, blue = self.paper
        return None if red == blue else int(blue > red)


def texts(p: Played, seat: int) -> list[bool]:
    """For each text of a seat whether it was no move."""
    return [True] * p.invalid[seat] + [False] * (p.said[seat] - p.invalid[seat])


def bad_offers(p: Played, seat: int) -> list[bool]:
    """For each offer that would have been a loss to this seat whether it took it."""
    return [True] * p.lost[seat] + [False] * (p.bad_offers[seat] - p.lost[seat])


def read(trajectories: Iterable[Trajectory], tasks: Mapping[str, Task]) -> list[Played]:
    """The games among the trajectories, in their order."""
    found = []
    for t in trajectories:
        task = tasks[t.task]
        state = scores.played(task, t)
        found.append(of_state(state, t.id, t.task, task.group or t.task, task.data.get("learner")))
    return found


def of_state(state: games.State, trajectory: str = "", task: str = "", group: str = "", learner: int | None = None
             ) -> Played:
    """What a game came to; one that is not over is worth as much as no deal."""
    setting, outcome = state.setting, state.outcome
    nothing = setting.game.payoffs(setting, False, setting.resources)
    deal = outcome.trade if outcome is not None else None
    red, blue = outcome.payoffs if outcome is not None else nothing
    paper = outcome.paper if outcome is not None else setting.game.as_paper(setting, False, setting.resources)
    said, invalid, bad = [0, 0], [0, 0], [0, 0]
    for event in state.events:
        said[event.seat] += 1
        invalid[event.seat] += not event.valid
        if event.kind == games.moves.OFFER and event.trade is not None:
            other = 1 - event.seat
            worth = setting.game.payoffs(setting, True, after(setting.resources, event.trade))
            bad[other] += worth[other] < nothing[other]
    price, share = _price_and_share(setting, deal)
    return Played(
        trajectory, task, group, learner, setting, state.ended, outcome.seat if outcome is not None else state.seat,
        deal, (float(red), float(blue)), (float(paper[0]), float(paper[1])), share, price,
        sum(event.valid for event in state.events), (said[0], said[1]), (invalid[0], invalid[1]),
        (deal is not None and red < nothing[0], deal is not None and blue < nothing[1]), (bad[0], bad[1]))


def _price_and_share(setting: games.Setting, deal: games.Trade | None) -> tuple[int | None, Pair | None]:
    """(price, both seats' shares) of a deal; None where the game knows no such thing."""
    if deal is None:
        return None, None
    resources = after(setting.resources, deal)
    red, blue = setting.game.payoffs(setting, True, resources)
    price = setting.game.price(setting, resources) if isinstance(setting.game, games.sell_and_buy.SellAndBuy) else None
    if price is None and not isinstance(setting.game, games.ultimatum.Ultimatum):
        return None, None
    whole = red + blue
    return price, (red / whole, blue / whole) if whole > 0 else None
