"""A machine that only bargains: players of Sell&Buy by rule, in the embedded model's language. Training makes them ask
for more; untrained ones now and then sign a deal at a loss, or say what is no move. Databases of games in a second.
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from typing import Any

from hagglers import HagglingMachine

from sirius_core.improve import Run, improve
from sirius_core.models import Completion, Sampling
from sirius_core.pocket.notation import digits
from sirius_core.prompts import Message
from sirius_core.settings import preset
from sirius_core.store import Experiment, Store

SMALL = {"source": "sell_and_buy", "recipe": "self_play", "base": "trader", "rounds": 2, "problems": 12,
         "validation": 8, "heldout": 20, "new_wordings": 0, "withheld_forms": 12, "matrix": 12, "controls": 0,
         "max_solutions": 1, "gate": False}


class Bargainer:
    """One checkpoint: ``level`` is how often it was trained."""

    dialect, lockstep = "pocket", True

    def __init__(self, name: str, level: int) -> None:
        self.name, self.level = name, level

    async def complete(self, messages: Sequence[Message], sampling: Sampling) -> Completion:
        text = messages[-1].content
        rng = random.Random(sampling.seed if sampling.temperature else text)
        said = self._said(text.removesuffix(" =>").split(" | "), rng)
        return Completion(said, "stop", len(text.split()), len(said.split()), 1.0)

    def _said(self, parts: list[str], rng: random.Random) -> str:
        tag, worth = parts[0].split(" ")[0], number(parts[0].partition(" ")[2].partition(" ")[2])
        side = 1 if tag == "@seller" else -1
        turns, left = parts[2].split(" : "), parts[3].split()
        offered = number(turns[-1].removeprefix("they ")) if turns[-1].startswith("they ") else None
        aim = worth + side * (6 + 5 * self.level + rng.randint(0, 4))
        if rng.random() < 0.04:
            return "aim 5 : what"
        gain = None if offered is None else side * (offered - worth)
        sloppy = rng.random() < 0.2 / (1 + self.level)
        if gain is not None and (gain >= 4 + 4 * self.level or sloppy or (gain >= 0 and left[0] in "12")):
            return f"aim {digits(aim)} : accept"
        if left[0] == "1":
            return f"aim {digits(aim)} : reject"
        if left[1] == "0":
            return f"aim {digits(aim)} : {'accept' if gain is not None and gain >= 0 else 'reject'}"
        return f"aim {digits(aim)} : offer {digits(max(0, aim + side * rng.randint(0, 6)))}"


def number(words: str) -> int | None:
    """The number that ``4 0`` spells; None for anything else."""
    packed = words.replace(" ", "")
    return int(packed) if packed.isdecimal() else None


class BargainingMachine(HagglingMachine):
    """The same machine with bargainers; "checkpoints" are notes of a level."""

    def model(self, name: str, blob: bytes) -> Any:
        return Bargainer(name, json.loads(blob)["level"])


def bargain(store: Store, name: str = "bargain", seed: int = 0, **changes: Any) -> Experiment:
    """A finished experiment of Sell&Buy in ``store``."""
    experiment = store.experiments.create(name, preset("tiny", {**SMALL, **changes}), seed)
    improve(Run(store, experiment, BargainingMachine()))
    store.experiments.set_job(experiment.id, status="done", message="", seconds=9.0)
    return experiment
