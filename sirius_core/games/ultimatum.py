"""Multi-turn Ultimatum: one player has a pot and must agree with the other on a split (arXiv 2402.05863)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import UsageError
from .game import Game, Pair, Setting, item_name, real, whole
from .moves import Offers, Range
from .trades import Holdings


@dataclass(frozen=True)
class Ultimatum(Game):
    """Without a deal both lose everything. The original engine leaves the pot with RED then (an old bug of its own,
    which only ``compat`` repeats)."""

    name = "ultimatum"
    title = "Ultimatum"
    messages = 8
    options = {"pot": 100, "currency": "Dollars"}
    settings = {"100": {}, "1000": {"pot": 1000}}
    tags = ("my name", "move", "my resources", "reason", "player answer", "message", "newly proposed trade")
    last_word = True
    open_stock = True

    def deal(self, options: Mapping[str, Any]) -> dict[str, Any]:
        money = item_name("currency", options["currency"])
        return {"resources": (((money, whole("pot", options["pot"], 1)),), ((money, 0),))}

    def check(self, setting: Setting) -> None:
        red, blue = setting.resources
        if len(red) != 1 or len(blue) != 1 or red[0][0] != blue[0][0] or (red[0][1] > 0) == (blue[0][1] > 0):
            raise UsageError("in Ultimatum one player has a pot of one currency and the other 0 of it")

    def offers(self, setting: Setting) -> Offers:
        red, blue = ((Range(held[0][0], 0, held[0][1]),) for held in setting.resources)
        return Offers(red, blue, nothing=True)

    def proposals(self, messages: int) -> int:
        """Every message may be an offer, except the last one (`last_word`)."""
        return messages - messages // 2

    def payoffs(self, setting: Setting, deal: bool, resources: Holdings) -> Pair:
        """What each takes home."""
        if not deal and not setting.compat:
            return 0, 0
        money = setting.resources[0][0][0]
        red, blue = (dict(held).get(money, 0) for held in resources)
        return red, blue

    def as_paper(self, setting: Setting, deal: bool, resources: Holdings) -> Pair:
        """The share of the pot in per cent, less 50: SiriuS's "split - 50" for a pot of any size."""
        pot = setting.resources[0][0][1] + setting.resources[1][0][1]
        red, blue = (real(int(amount)) * 100 / pot - 50 for amount in self.payoffs(setting, deal, resources))
        return red, blue

    def goal(self, setting: Setting, seat: int) -> str:
        return "Agree on a split and take as much of it as you can; without a deal both get nothing."


GAME = Ultimatum()
