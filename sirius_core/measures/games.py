"""What the learner makes of the held-out games against the untrained model, as each role.

Every game counts, whatever became of it. A game is played once from each seat with the same amounts; intervals draw the
games again, and what changed since round 0 is paired by game.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .. import statistics
from .played import Played, bad_offers, texts
from .rows import Row, mean, row

BEYOND = ("paper", "deals", "lost_games")
"""What is also told of the games out of distribution."""


def measure(now: Sequence[Played], base: Sequence[Played], roles: tuple[str, str], where: str = "",
            only: Sequence[str] = ()) -> list[Row]:
    """Rows of one split, those of seat 0 first. ``base``: the same split in round 0 (() in round 0 itself); ``where``
    follows the role; ``only``: these measures alone."""
    before, rows = {p.task: p for p in base}, list[Row]()
    for seat, role in enumerate(roles):
        place = f"{role}, {where}" if where else role
        made = _of_seat([p for p in now if p.learner == seat], seat, place)
        pairs = [(before[p.task], p) for p in now if p.learner == seat and p.task in before]
        if pairs:
            change = [b.payoffs[seat] - a.payoffs[seat] for a, b in pairs]
            made += _means({"payoff_change": change}, [p.group for _, p in pairs], place)
        rows += [found for found in made if not only or found["measure"] in only]
    return rows


def _of_seat(played: Sequence[Played], seat: int, place: str) -> list[Row]:
    if not played:
        return []
    games, deals = [p.group for p in played], [p for p in played if p.deal]
    said = [(p.group, bad) for p in played for bad in texts(p, seat)]
    offered = [(p.group, taken) for p in played for taken in bad_offers(p, seat)]

    def share(name: str, values: Sequence[bool], clusters: Sequence[str]) -> Row:
        return mean(name, place, [int(v) for v in values], clusters)

    return [
        *_means({"paper": [p.paper[seat] for p in played], "payoff": [p.payoffs[seat] for p in played]}, games, place),
        share("deals", [p.deal for p in played], games),
        share("lost_games", [p.lost[seat] for p in played], games),
        share("lost_deals", [p.lost[seat] for p in deals], [p.group for p in deals]),
        share("bad_taken", [taken for _, taken in offered], [group for group, _ in offered]),
        share("invalid", [bad for _, bad in said], [group for group, _ in said]),
        share("forfeits", [p.forfeit and p.by == seat for p in played], games),
    ]


def _means(columns: Mapping[str, Sequence[float]], clusters: Sequence[str], place: str) -> list[Row]:
    return [row(name, place, found.estimate, found.n, found.low, found.high)
            for name, found in statistics.resampled(columns, clusters).items()]
