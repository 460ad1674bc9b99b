"""What the games of a cross-play matrix come to: a cell's numbers, differences paired by game, who is on top.

Plain values that go into the database as they are. A number is {value, low, high, n} with its 95 % interval (games
drawn again for means, Wilson's for shares); ``n`` is what it is a share or a mean of. A failed game stays in every
mean: not to agree is worth what the rules give, whatever the reason.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from . import statistics
from .games import SEATS
from .measures.played import Played, bad_offers, texts
from .measures.rows import mean, row
from .statistics import alpha_rank

Numbers = dict[str, dict[str, Any]]
SEAT = tuple(name.lower() for name in SEATS)
TIMES = 200
"""How often the games are drawn again to say how sure the first place is."""

NAMES: Mapping[str, tuple[str, str]] = {  # without the seat: (title, what it is in one sentence)
    "deals": ("deals", "Games that end with a deal."),
    "forfeits": ("forfeits", "Games lost by two moves in a row that were not legal."),
    "invalid": ("invalid moves", "Of all texts, those that were no legal move."),
    "messages": ("messages", "Moves of a game, both seats together."),
    "payoff": ("payoff", "What the seat earns in a game, in the game's own unit, over all games."),
    "paper": ("payoff as in the paper", "The same as SiriuS reports it (Table 2): the price above or below the middle, "
              "the split less 50 %, resources won; over all games."),
    "wins": ("wins", "Of decisive games, those in which this seat has the larger payoff."),
    "lost_games": ("losing deals, of all games", "Games in which this seat signs a deal worth less to it than none."),
    "lost_deals": ("losing deals, of the deals", "Deals that are worth less to this seat than none."),
    "bad_taken": ("bad offers taken", "Of the offers to this seat that would be a loss, those that it takes."),
    "price": ("price", "The price of a deal."),
    "share": ("share", "RED's share of the pot, or of what lies between cost and value, in a deal."),
}


class Who(Protocol):
    """A player (see crossplay)."""

    @property
    def key(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def experiment(self) -> str: ...
    @property
    def round(self) -> int: ...


Cells = Mapping[tuple[Any, Any], Sequence[Played]]  # {(RED's player, BLUE's player): games}


def record(game: str, roles: tuple[str, str], splits: Mapping[str, Cells], titles: Mapping[str, str]) -> dict[str, Any]:
    """{game, roles, players: [{key, title, experiment, round}], splits: {split: {title, cells, differences, rank}}}.

    ``cells``: {red, blue, n, numbers, endings, prices}, RED's players one after the other. ``differences``: {red, blue,
    seat, measure, value, low, high, n}: that seat's number in this cell less its number in base x base, over the games
    that both have. ``rank``: see `ranked`.
    """
    players = sorted({who for cells in splits.values() for pair in cells for who in pair}, key=_order)
    return {
        "game": game, "roles": list(roles),
        "players": [{"key": p.key, "title": p.title, "experiment": p.experiment, "round": p.round} for p in players],
        "splits": {split: {"title": titles.get(split, split), **_split(cells, players)}
                   for split, cells in splits.items() if cells},
    }


def _order(who: Who) -> tuple[bool, str, int]:
    other = who.key.rpartition(":")[0]
    return other != "", other, who.round


def _split(cells: Cells, players: Sequence[Who]) -> dict[str, Any]:
    pairs = [(one, two) for one in players for two in players if cells.get((one, two))]
    base = next((cells[pair] for pair in pairs if pair[0].key == pair[1].key == "base"), None)
    found = []
    for one, two in pairs:
        if base is not None and (one.key, two.key) != ("base", "base"):
            found += [{"red": one.key, "blue": two.key, **line} for line in differences(
                base, cells[one, two], [seat for seat, who in enumerate((one, two)) if who.key != "base"])]
    return {"cells": [{"red": one.key, "blue": two.key, **cell(cells[one, two])}
                      for one, two in pairs], "differences": found, "rank": ranked(cells, players)}


# -- a cell ----------------------------------------------------------------------------------------------------------
def cell(played: Sequence[Played]) -> dict[str, Any]:
    """{n, numbers, endings, prices, shares} of one cell's games. A pair of numbers is ``payoff_red``, ``payoff_blue``.

    ``endings``: {how: games}; ``prices``, ``shares``: {price, or RED's share in whole per cents: deals}.
    """
    games = [p.group for p in played]
    deals = [p for p in played if p.deal]
    said = [(p.group, bad) for p in played for bad in texts(p, 0) + texts(p, 1)]
    numbers: Numbers = {
        "deals": share([p.deal for p in played], games),
        "forfeits": share([p.forfeit for p in played], games),
        "invalid": share([bad for _, bad in said], [group for group, _ in said]),
    }
    decisive = [p for p in played if p.winner is not None]
    for seat, name in enumerate(SEAT):
        offered = [(p.group, taken) for p in played for taken in bad_offers(p, seat)]
        numbers |= {
            f"wins_{name}": share([p.winner == seat for p in decisive], [p.group for p in decisive]),
            f"lost_games_{name}": share([p.lost[seat] for p in played], games),
            f"lost_deals_{name}": share([p.lost[seat] for p in deals], [p.group for p in deals]),
            f"bad_taken_{name}": share([taken for _, taken in offered], [group for group, _ in offered]),
        }
    columns: dict[str, list[float | None]] = {"messages": [p.messages for p in played]}
    for seat, name in enumerate(SEAT):
        columns |= {f"payoff_{name}": [p.payoffs[seat] for p in played],
                    f"paper_{name}": [p.paper[seat] for p in played]}
    if any(p.price is not None for p in deals):
        columns["price"] = [p.price for p in played]
    if any(p.share is not None for p in deals):
        columns["share"] = [p.share and p.share[0] for p in played]
    numbers |= {name: number(found) for name, found in statistics.resampled(columns, games).items()}
    return {
        "n": len(played), "numbers": numbers,
        "endings": dict(sorted(Counter(p.ended for p in played).items())),
        "prices": _counted(p.price for p in deals),
        "shares": _counted(None if p.share is None else round(100 * p.share[0]) for p in deals),
    }


def share(values: Sequence[bool], clusters: Sequence[str]) -> dict[str, Any]:
    return _bare(mean("", "", [int(v) for v in values], clusters))


def number(found: statistics.Interval) -> dict[str, Any]:
    return _bare(row("", "", found.estimate, found.n, found.low, found.high))


def _bare(made: Mapping[str, Any]) -> dict[str, Any]:
    return {name: made[name] for name in ("value", "low", "high", "n")}


def _counted(values: Any) -> dict[str, int]:
    found = Counter(v for v in values if v is not None)
    return {str(value): found[value] for value in sorted(found)}


# -- two cells -------------------------------------------------------------------------------------------------------
def differences(base: Sequence[Played], other: Sequence[Played], seats: Sequence[int]) -> list[dict[str, Any]]:
    """What these players make of the same games beyond the base in both seats: {seat, measure, value, low, high, n}.

    Measures: payoff, paper and lost_games of each of ``seats``, and deals (seat None).
    """
    before = {p.group: p for p in base}
    pairs = [(before[p.group], p) for p in other if p.group in before]
    columns: dict[tuple[int | None, str], list[float]] = {}
    for seat in seats:
        columns[seat, "payoff"] = [b.payoffs[seat] - a.payoffs[seat] for a, b in pairs]
        columns[seat, "paper"] = [b.paper[seat] - a.paper[seat] for a, b in pairs]
        columns[seat, "lost_games"] = [b.lost[seat] - a.lost[seat] for a, b in pairs]
    columns[None, "deals"] = [b.deal - a.deal for a, b in pairs]
    found = statistics.resampled(columns, [p.group for _, p in pairs])
    return [{"seat": seat, "measure": name, **number(interval)} for (seat, name), interval in found.items()]


# -- who is on top ---------------------------------------------------------------------------------------------------
def ranked(cells: Cells, players: Sequence[Who]) -> dict[str, Any] | None:
    """Alpha-rank of the players that were all played in both seats against one another: {red, blue, both, first}, each
    {player: mass}.

    ``red`` and ``blue`` are the mass of each player in that seat, in the game of two seats; ``both`` that of the game
    in which everybody takes both seats in turn. ``first``: in which share of `TIMES` draws of the games a player has
    the most mass of ``both``; a tie counts for each in part. By payoffs as the paper reports them. None for fewer than
    two players.
    """
    import numpy as np

    own = [p for p in players if cells.get((p, p))]
    while own and (lacking := [p for p in own if any(not cells.get(pair) for q in own for pair in ((p, q), (q, p)))]):
        own.remove(lacking[-1])
    if len(own) < 2:
        return None
    groups = set.intersection(*({p.group for p in cells[one, two]} for one in own for two in own))
    if not groups:
        return None
    # [red player, blue player, seat, game]
    paper = np.array([[[[p.paper[seat] for p in sorted(cells[one, two], key=lambda p: p.group) if p.group in groups]
                        for seat in (0, 1)] for two in own] for one in own])
    red, blue = paper.mean(axis=-1).transpose(2, 0, 1).tolist()
    two, one = alpha_rank.two_seats(red, blue), alpha_rank.one_seat(alpha_rank.both_seats(red, blue))
    first, rng = np.zeros(len(own)), np.random.default_rng(0)
    for _ in range(TIMES):
        drawn = paper[..., rng.integers(0, paper.shape[-1], paper.shape[-1])].mean(axis=-1).transpose(2, 0, 1).tolist()
        mass = np.array(alpha_rank.one_seat(alpha_rank.both_seats(*drawn)).mass)
        best = mass > mass.max() - 1e-6
        first += best / best.sum() / TIMES
    named = {"red": two.of_player(0), "blue": two.of_player(1), "both": one.of_player(), "first": first.tolist()}
    return {name: {p.key: round(float(m), 6) for p, m in zip(own, mass, strict=True)} for name, mass in named.items()}
