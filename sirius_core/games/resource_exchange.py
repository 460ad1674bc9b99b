"""Resource Exchange: two players with unlike stocks swap; more is better (arXiv 2402.05863)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import UsageError
from .game import Game, Pair, Setting, bundle, moved, real
from .moves import Offers, Range
from .trades import Bundle, Holdings, amounts


@dataclass(frozen=True)
class ResourceExchange(Game):
    """Zero-sum in what is counted: one seat's payoff is what the other gave it beyond what it got."""

    name = "resource_exchange"
    title = "Resource Exchange"
    messages = 8
    options = {"red": {"X": 25, "Y": 5}, "blue": {"X": 5, "Y": 25}, "red_goal": {}, "blue_goal": {}}
    settings = {"25/5": {}, "35/15": {"red": {"X": 35, "Y": 15}, "blue": {"X": 15, "Y": 35}}}
    tags = ("my name", "my resources", "my goals", "reason", "player answer", "message", "newly proposed trade")
    waits = True

    def deal(self, options: Mapping[str, Any]) -> dict[str, Any]:
        return {"resources": (bundle("red", options["red"]), bundle("blue", options["blue"])),
                "goals": (bundle("red_goal", options["red_goal"]), bundle("blue_goal", options["blue_goal"]))}

    def check(self, setting: Setting) -> None:
        items = set(dict(setting.resources[0])) | set(dict(setting.resources[1]))
        if not all(setting.resources):
            raise UsageError("both players must have something to exchange")
        for seat in (0, 1):
            unknown = set(dict(setting.goals[seat])) - items
            if unknown:
                raise UsageError(f"a goal names {min(unknown)}, which nobody has; known: {', '.join(sorted(items))}")

    def offers(self, setting: Setting) -> Offers:
        red, blue = (_upto(held) for held in setting.resources)
        return Offers(red, blue, nothing=False)

    def payoffs(self, setting: Setting, deal: bool, resources: Holdings) -> Pair:
        red, blue = (sum(moved(*pair).values()) for pair in zip(setting.resources, resources))
        return red, blue

    def as_paper(self, setting: Setting, deal: bool, resources: Holdings) -> Pair:
        red, blue = (real(sum(moved(*pair).values())) for pair in zip(setting.resources, resources))
        return red, blue

    def goal(self, setting: Setting, seat: int) -> str:
        wanted = setting.goals[seat]
        return f"Reach {amounts(wanted)}." if wanted else "Get as many resources as you can, of whatever kind."


def _upto(held: Bundle) -> tuple[Range, ...]:
    return tuple(Range(item, 0, amount) for item, amount in held)


GAME = ResourceExchange()
