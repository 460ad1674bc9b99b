"""Sell&Buy: a seller with one thing and its cost, a buyer with money and a highest price (arXiv 2402.05863)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import UsageError
from .game import Game, Pair, Setting, item_name, moved, real, whole
from .moves import Offers, Range
from .trades import Bundle, Holdings


@dataclass(frozen=True)
class SellAndBuy(Game):
    """Cost and highest price are private. Nothing stops a deal at a loss: whoever signs one has that payoff."""

    name = "sell_and_buy"
    title = "Sell&Buy"
    messages = 10
    options = {"cost": 40, "value": 60, "money": 100, "item": "X", "currency": "ZUP"}
    settings = {"40/60": {}, "30/70": {"cost": 30, "value": 70}}
    tags = ("proposal count", "my resources", "my goals", "reason", "player answer", "newly proposed trade", "message")
    offer_word = "PROPOSAL"

    def setting(self, name: str = "", **changes: Any) -> Setting:
        """SiriuS's code stops after 8 messages; both papers say 10."""
        short = {"messages": 8} if changes.get("compat") == "sirius" else {}
        return super().setting(name, **{**short, **changes})

    def deal(self, options: Mapping[str, Any]) -> dict[str, Any]:
        item, money = item_name("item", options["item"]), item_name("currency", options["currency"])
        cost, value = whole("cost", options["cost"], 0), whole("value", options["value"], 0)
        return {"resources": (((item, 1),), ((money, whole("money", options["money"], 1)),)),
                "values": (((item, cost),), ((item, value),))}

    def check(self, setting: Setting) -> None:
        (red, blue), values = setting.resources, setting.values
        if len(red) != 1 or len(blue) != 1 or red[0][0] == blue[0][0]:
            raise UsageError("in Sell&Buy one player has one thing and the other has money")
        if any(len(side) != 1 for side in values) or values[0][0][0] != values[1][0][0]:
            raise UsageError("in Sell&Buy both players must say what the thing is worth to them, and nothing else")
        sold = values[0][0][0]
        if sold not in (red[0][0], blue[0][0]) or setting.resources[self.seller(setting)] != ((sold, 1),):
            raise UsageError(f"in Sell&Buy the seller has exactly one {sold}")

    def seller(self, setting: Setting) -> int:
        """The seat that has the thing."""
        return int(setting.resources[0][0][0] != setting.values[0][0][0])

    def currency(self, setting: Setting) -> str:
        return setting.resources[1 - self.seller(setting)][0][0]

    def offers(self, setting: Setting) -> Offers:
        """The thing, whole, for a price that the buyer can pay."""
        sold = setting.values[0][0][0]
        red, blue = ((Range(item, int(item == sold), amount),) for ((item, amount),) in setting.resources)
        return Offers(red, blue, nothing=False)

    def price(self, setting: Setting, resources: Holdings) -> int:
        """The money that has come to the seller."""
        return dict(resources[self.seller(setting)]).get(self.currency(setting), 0)

    def payoffs(self, setting: Setting, deal: bool, resources: Holdings) -> Pair:
        """price - cost and value - price; 0 and 0 without a deal."""
        money = self.currency(setting)
        red, blue = (_worth(values, money, moved(*pair))
                     for values, *pair in zip(setting.values, setting.resources, resources))
        return red, blue

    def as_paper(self, setting: Setting, deal: bool, resources: Holdings) -> Pair:
        """The price above the middle between cost and value for the seller, below it for the buyer."""
        if not deal:
            return 0.0, 0.0
        middle = (setting.values[0][0][1] + setting.values[1][0][1]) / 2
        gain = real(self.price(setting, resources)) - middle
        return (gain, -gain) if self.seller(setting) == 0 else (-gain, gain)

    def goal(self, setting: Setting, seat: int) -> str:
        (item, worth), money = setting.values[seat][0], self.currency(setting)
        if seat == self.seller(setting):
            return f"Sell {item}, which cost you {worth} {money} to make, for as much as you can."
        return f"Buy {item}, for which you would pay at most {worth} {money}, for as little as you can."


def _worth(values: Bundle, money: str, changed: Mapping[str, int]) -> int:
    """Items at their value, money as it is (`Valuation.value` of the original). KeyError: an item without a value."""
    worth = dict(values)
    return sum(amount if item == money else worth[item] * amount for item, amount in changed.items())


GAME = SellAndBuy()
