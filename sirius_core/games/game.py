"""What every game has in common, and one setting of a game: who has what, what it is worth, how long they talk."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from ..errors import UnknownName, UsageError
from .moves import Offers
from .trades import ITEM, MOST, RESERVED, Bundle, Holdings

COMPAT = ("", "paper", "sirius")
"""Whose rules: ours (strict), NegotiationArena's as its paper was run, SiriuS's. The last two replay old games."""
COMMON = ("messages", "proposals", "first", "compat")
MOST_MESSAGES = 100
Pair = tuple[float, float]
Limits = Mapping[str, tuple[int, int]]  # {item of the game: (least, most) that a seat gives}


@dataclass(frozen=True)
class Game(ABC):
    """The rules that are this game's own. One value per game (`GAMES`); the engine does the rest."""

    name: ClassVar[str]
    title: ClassVar[str]
    messages: ClassVar[int]
    """How many messages both seats have together, where a setting does not say."""
    options: ClassVar[Mapping[str, Any]]
    """What a setting may say beside COMMON, with its defaults: the paper's setting in distribution."""
    settings: ClassVar[Mapping[str, Mapping[str, Any]]]
    """The paper's settings by name, first the one in distribution, then the one out of it."""
    tags: ClassVar[tuple[str, ...]]
    """The parts of a reply in the order in which the paper asks for them."""
    offer_word: ClassVar[str] = "NONE"
    """The answer that goes with an offer."""
    waits: ClassVar[bool] = False
    last_word: ClassVar[bool] = False
    """Whether the last message may only accept or reject."""
    open_stock: ClassVar[bool] = False
    """Whether a seat is told what the other one has."""

    @abstractmethod
    def deal(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """``resources``, ``values``, ``goals`` of a `Setting` with these options; UsageError says what is wrong."""

    @abstractmethod
    def check(self, setting: Setting) -> None:
        """UsageError where this is no setting of this game."""

    @abstractmethod
    def offers(self, setting: Setting) -> Offers:
        """Every offer that is legal for either seat, whenever it may make one."""

    @abstractmethod
    def payoffs(self, setting: Setting, deal: bool, resources: Holdings) -> Pair:
        """Each seat's own utility of ending with ``resources``, by a ``deal`` or without one."""

    @abstractmethod
    def as_paper(self, setting: Setting, deal: bool, resources: Holdings) -> Pair:
        """The same as SiriuS reports it (Table 2)."""

    @abstractmethod
    def goal(self, setting: Setting, seat: int) -> str:
        """What a seat wants, in one sentence that only it may read."""

    def proposals(self, messages: int) -> int:
        """How many offers a seat has (arXiv 2402.05863): one message fewer than it has in all."""
        return max(1, messages // 2 - 1)

    def setting(self, name: str = "", **changes: Any) -> Setting:
        """``setting("40/60")``, ``setting(cost=44, value=58, messages=6)``: a named setting with changes."""
        if name and name not in self.settings:
            raise UnknownName(f"setting of {self.name}", name, self.settings)
        for key in changes:
            if key not in self.options and key not in COMMON:
                raise UnknownName(f"option of {self.name}", key, (*self.options, *COMMON))
        options = {**self.options, **(self.settings[name] if name else {}), **changes}
        common = {key: options[key] for key in COMMON if options.get(key) is not None}
        return Setting(self, **self.deal(options), **{"messages": self.messages, **common})


@dataclass(frozen=True)
class Setting:
    """One game to be played. ``values``: what a unit is worth to each seat; ``goals``: amounts that each aims at, ()
    for as much as possible; ``proposals``: offers that each seat has; ``first``: the seat that moves first."""

    game: Game
    resources: Holdings
    values: Holdings = ((), ())
    goals: Holdings = ((), ())
    messages: int = 8
    proposals: int = 0
    first: int = 0
    compat: str = ""
    offers: Offers = field(init=False, compare=False, repr=False)
    limits: tuple[Limits, Limits] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        for name in ("resources", "values", "goals"):
            object.__setattr__(self, name, _pair(name, getattr(self, name)))
        whole("messages", self.messages, 2, MOST_MESSAGES)
        if self.proposals == 0 and type(self.proposals) is int:
            object.__setattr__(self, "proposals", self.game.proposals(self.messages))
        whole("proposals", self.proposals, 1, MOST_MESSAGES)
        whole("first", self.first, 0, 1)
        if self.compat not in COMPAT:
            raise UnknownName("compat", str(self.compat), COMPAT[1:])
        if self.compat and self.first:
            raise UsageError("in the original games RED moves first: first must be 0")
        self.game.check(self)
        offers = self.game.offers(self)
        object.__setattr__(self, "offers", offers)
        items = dict.fromkeys(item for item, _, _ in (*offers.red, *offers.blue))
        object.__setattr__(self, "limits", tuple(
            {item: (least, most) for item, least, most in side} | {
                item: (0, 0) for item in items if item not in {own for own, _, _ in side}}
            for side in (offers.red, offers.blue)))

    def mirrored(self) -> Setting:
        """The same game with the seats exchanged, who moves first included."""
        red, blue = self.resources
        return replace(self, resources=(blue, red), values=self.values[::-1], goals=self.goals[::-1],
                       first=1 - self.first)

    def as_dict(self) -> dict[str, Any]:
        """JSON-able; `games.from_dict` reads it."""
        return {"game": self.game.name, **{name: [dict(side) for side in getattr(self, name)]
                                           for name in ("resources", "values", "goals")},
                **{name: getattr(self, name) for name in ("messages", "proposals", "first", "compat")}}


def whole(name: str, value: Any, least: int, most: int = MOST) -> int:
    """``value`` if it is a whole number in that range; UsageError names it otherwise."""
    if type(value) is not int or not least <= value <= most:
        raise UsageError(f"{name} must be a whole number from {least} to {most}, not {value!r}")
    return value


def bundle(name: str, value: Any) -> Bundle:
    """Items and amounts, from a mapping or pairs, in the order given."""
    try:
        items = dict(value)
    except (TypeError, ValueError):
        raise UsageError(f"{name} must be amounts of items, such as {{'X': 25}}, not {value!r}") from None
    for item, amount in items.items():
        item_name(name, item)
        whole(f"{name}: {item}", amount, 0)
    return tuple(items.items())


def item_name(name: str, value: Any) -> str:
    if not isinstance(value, str) or not ITEM.fullmatch(value) or value in RESERVED:
        raise UsageError(f"{name}: an item is called by a letter and then letters, digits or _, and not "
                         f"{', '.join(RESERVED)}; not {value!r}")
    return value


def moved(before: Bundle, after: Bundle) -> dict[str, int]:
    """By how much each item of a seat has changed."""
    held = dict(before)
    return {item: amount - held.get(item, 0) for item, amount in after}


def real(value: int) -> float:
    """As a float; an amount that only the original rules let pass may be beyond all floats."""
    try:
        return float(value)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")


def _pair(name: str, value: Any) -> Holdings:
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise UsageError(f"{name} must be two, RED's and BLUE's, not {value!r}")
    return bundle(f"{name} of RED", value[0]), bundle(f"{name} of BLUE", value[1])
