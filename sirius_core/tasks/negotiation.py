"""Games of negotiation as tasks: one task is one game to be played, with amounts of its own.

``data`` holds ``game`` (`Setting.as_dict`), ``number``, ``learner`` (the seat that learns or is tested; None: both) and
``opponent`` (who sits opposite: ``base``, ``latest``, ``pool``). Training games, validation and held-out ones have
amounts around the paper's setting in distribution, ``withheld_forms`` around the one out of it. Wherever one seat is
tested each number is played from both seats, and the opponent is the untrained model. A group is a number: its two
games have the same amounts.

Training games follow the experiment's seed; the other splits are the same for every experiment. Amounts repeat between
splits: they are drawn from a few, and no game has an answer that could be learned by heart.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from random import Random
from typing import Any

from .. import games
from ..errors import SiriusError, UsageError
from ..games.game import COMMON
from ..pocket.haggling import ROLES as ROLES
from ..settings import Settings
from ..settings.texts import options_of
from ..trajectories import Task

BASE, LATEST, POOL = "base", "latest", "pool"  # opponents; ``rN``: as it was after round N
ANYWHERE = (*COMMON, "item", "currency", "money")
TITLES = {"withheld_forms": "out of distribution", "heldout": "held-out games", "train": "training games",
          "validation": "validation games"}
_BUNDLE = re.compile(r"\s*(\w+)\s*:\s*([0-9]{1,15})\s*")


def splits(settings: Settings, seed: int) -> Mapping[str, tuple[Task, ...]]:
    game, opponent = settings.source, settings.opponent
    known, unknown = distributions(settings)

    def tasks(split: str, count: int, about: games.Setting, place: int = 0, against: str = BASE) -> tuple[Task, ...]:
        both = against == LATEST
        made = []
        for i in range(count):
            number, learner = (i, None) if both else divmod(i, 2)
            drawn = around(about, settings.spread, Random(f"games/{game}/{split}/{place}/{number}"))
            made.append(task(drawn, split, f"{split}/{place}/{number}", number, learner, against))
        return tuple(made)

    return {
        "train": tasks("train", settings.problems, known, seed, opponent),
        "validation": tasks("validation", settings.validation, known),
        "heldout": tasks("heldout", settings.heldout, known),
        "withheld_forms": tasks("withheld_forms", settings.withheld_forms, unknown),
    }


def task(setting: games.Setting, split: str, group: str, number: int, learner: int | None, opponent: str) -> Task:
    """One game as a task; ``learner`` is the seat that counts (None: both)."""
    row = f"{group}/{'both' if learner is None else learner}/{opponent}"
    data = {"game": setting.as_dict(), "number": number, "learner": learner, "opponent": opponent, "row": row}
    return Task.of(setting.game.name, row, split, question(setting, learner), "", group=group, data=data)


def describe(settings: Settings, made: Mapping[str, tuple[Task, ...]]) -> dict[str, Any]:
    """What `tasks.describe` says of any source; a game has no answer that could be said always."""
    from .describing import describe_tasks

    found = describe_tasks(settings.source, "part of Sirius Lab (MIT)", made)
    known, unknown = distributions(settings)
    counts = ", ".join(f"{n:,} {TITLES[split]}" for split, n in found["splits"].items())
    about = f"amounts within {settings.spread} of the setting's" if settings.spread else "all with the same amounts"
    return {**found, "notes": [f"in distribution: {table(known)}", f"out of distribution: {table(unknown)}",
                                "amounts repeat between splits: no game has an answer to be learned by heart"],
            "line": f"{settings.source}: {counts}; {about}"}


def setting_of(task: Task) -> games.Setting:
    """The setting of a task's game."""
    return games.from_dict(task.data["game"])


def question(setting: games.Setting, learner: int | None) -> str:
    """The game in one line for people, and who counts in it; no player reads it."""
    who = "both learn" if learner is None else f"the {ROLES[setting.game.name][learner]} counts"
    return f"{table(setting)}; {who}"


def table(setting: games.Setting) -> str:
    """What is on the table, in one line for people."""
    if setting.game.name == "sell_and_buy":
        (item, cost), (_, value) = setting.values[0][0], setting.values[1][0]
        money = setting.resources[1][0][0]
        what = f"one {item} that costs the seller {cost} {money} and is worth {value} {money} to the buyer"
    elif setting.game.name == "ultimatum":
        money, pot = setting.resources[0][0]
        what = f"{pot} {money} to share"
    else:
        red, blue = (", ".join(f"{n} {item}" for item, n in held) for held in setting.resources)
        what = f"RED has {red}; BLUE has {blue}"
    return f"{setting.game.title}: {what}; {setting.messages} messages"


# -- settings --------------------------------------------------------------------------------------------------------
def distributions(settings: Settings) -> tuple[games.Setting, games.Setting]:
    """(in distribution, out of it): the paper's settings, the first with what ``settings.game`` changes in it, the
    second with what of it is no amount that the two differ in (`ANYWHERE`). UsageError in one line."""
    game, said = games.get(settings.source), options_of(settings.game)
    names = list(game.settings)
    name = next((key for key, value in said.items() if value is None), names[0])
    try:
        changes = {key: _amount(value) for key, value in said.items() if value is not None}
        if "compat" in changes:
            raise UsageError("the original rules are for replays of old games only")
        known = game.setting(name, **changes)
        common = {key: value for key, value in changes.items() if key in ANYWHERE}
        unknown = game.setting(next(other for other in reversed(names) if other != name), **common)
        for made in (known, unknown):
            _playable(made)
    except SiriusError as error:
        raise UsageError(f"setting game={settings.game!r}: {error}") from None
    return known, unknown


def _amount(said: str) -> Any:
    """``44``; a name; ``X:25 Y:5`` as amounts by item, in the order of their names."""
    if said.isdecimal():
        return int(said)
    if ":" not in said:
        return said
    pairs = [(found[1], int(found[2])) for found in _BUNDLE.finditer(said)]
    if len(dict(pairs)) < len(pairs):
        raise UsageError(f"{said!r} names an item twice")
    return dict(sorted(pairs))


def _playable(setting: games.Setting) -> None:
    """UsageError where no deal could be worth anything to both, or a score would have nothing to be a share of."""
    if setting.game.name == "sell_and_buy":
        (_, cost), (_, value), (currency, money) = (*(side[0] for side in setting.values), setting.resources[1][0])
        if cost >= value:
            raise UsageError("there is nothing to agree on: the value must be above the cost")
        if cost >= money:
            raise UsageError(f"there is nothing to agree on: the buyer needs more than the cost, {cost} {currency}")
    if setting.game.name == "resource_exchange" and not all(any(dict(side).values()) for side in setting.resources):
        raise UsageError("there is nothing to exchange: both players must have something")


def around(setting: games.Setting, spread: int, random: Random) -> games.Setting:
    """The setting with each amount moved by chance, by at most ``spread``."""
    def near(amount: int, least: int) -> int:
        return max(least, amount + random.randint(-spread, spread))

    game = setting.game.name
    held = [dict(side) for side in setting.resources]
    values = [dict(side) for side in setting.values]
    if game == "sell_and_buy":
        ((item, cost),), ((_, value),) = setting.values
        cost = near(cost, 0)
        values = [{item: cost}, {item: near(value, cost + 1)}]
    else:
        held = [{item: near(amount, 1) if amount else 0 for item, amount in side.items()} for side in held]
    return games.from_dict({**setting.as_dict(), "resources": held, "values": values})
