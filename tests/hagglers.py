"""A machine that only haggles: it plays the games' pocket roles by rule, and its "fine-tuning" makes a player ask for
more. It makes plausible games within a second."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Mapping, Sequence
from typing import Any

from sirius_core.finetune import OnStep, Tuned, TuneJob
from sirius_core.improve import Run, improve
from sirius_core.models import Completion, Sampling
from sirius_core.pocket.notation import digits
from sirius_core.prompts import Message
from sirius_core.settings import preset
from sirius_core.store import Experiment, Store

TINY = {"recipe": "self_play", "base": "trader", "problems": 12, "heldout": 8, "validation": 8, "withheld_forms": 4,
        "max_solutions": 2, "rounds": 1, "matrix": 0}


class Haggler:
    """One checkpoint's model: ``level`` is how often its role has been trained."""

    dialect, lockstep = "pocket", True

    def __init__(self, name: str, level: int) -> None:
        self.name, self.level = name, level

    async def complete(self, messages: Sequence[Message], sampling: Sampling) -> Completion:
        text = messages[-1].content
        rng = random.Random(sampling.seed if sampling.temperature else text)
        said = self.reply(text, rng)
        return Completion(said, "stop", len(text.split()), len(said.split()), 1.0)

    def reply(self, text: str, rng: random.Random) -> str:
        found = re.match(r"@(\w+) \w+ ([0-9XY ]+) \| aim ([^|]+) \| ([^|]+) \| left ([0-9 ]+(?:final)?)( no)? =>", text)
        assert found, text
        role, own, last, left = found[1], found[2], found[4].split(" : ")[0], found[5]
        offered = last.removeprefix("they ") if last.startswith("they ") and last[5:6].isdigit() else ""
        last_word = left.startswith("1 ") and len(left) == 3
        may_offer = not left.endswith((" 0", " final")) and not last_word
        if rng.random() < 0.03:
            return "aim : offer"  # no move
        if role in ("red", "blue"):
            get = rng.randint(1, 3) + self.level
            if offered:
                give, gain = (sum(map(_number, re.findall(r"((?:\d ?)+) [XY]", s))) for s in offered.split(" for "))
                if gain - give >= rng.randint(-2, 2 + self.level):
                    return "aim 0 : accept"
            x, y = ("X", "Y") if role == "red" else ("Y", "X")
            return f"aim {get} : offer 1 {x} for {1 + get} {y}" if may_offer else "aim 0 : reject"
        ends, more = _number(own), role in ("seller", "responder")
        share = ends // 2 if role in ("proposer", "responder") else ends
        aim = max(0, share + (1 if more else -1) * (rng.randint(0, 14) + 4 * self.level))
        if offered:
            price, least = _number(offered), share + (1 if more else -1) * (rng.randint(-6, 8) + 4 * self.level)
            if (price >= least) if more else (price <= least):
                return f"aim {digits(aim)} : accept"
        if not may_offer or rng.random() < 0.02:
            return f"aim {digits(aim)} : reject"
        return f"aim {digits(aim)} : offer {digits(aim)}"


def _number(words: str) -> int:
    """The number with which this begins."""
    found = re.match(r"[0-9 ]+", words)
    assert found, words
    return int(found[0].replace(" ", ""))


class HagglingMachine:
    """What `Run` needs: a base, models from "checkpoints" that are notes of a level, a tuner that raises it."""

    def base(self) -> bytes:
        return b'{"level": 0, "role": "*"}'

    def mender(self) -> None:
        return None

    def model(self, name: str, blob: bytes) -> Any:
        return Haggler(name, json.loads(blob)["level"])

    def describe(self) -> Mapping[str, Any]:
        return {}

    def close(self) -> None: ...

    def tune(self, jobs: Sequence[TuneJob], on_step: OnStep) -> list[Tuned]:
        tuned = []
        for job in jobs:
            note = {"level": json.loads(job.blob)["level"] + 1, "role": job.model}
            on_step(job.model, 1, 1, 0.5)
            tuned.append(Tuned(json.dumps(note).encode(), (0.5,), 1, 10 * len(job.examples), 0.1))
        return tuned


def haggled(store: Store, game: str = "sell_and_buy", seed: int = 0, **changes: Any) -> Experiment:
    """An experiment of the haggling machine, carried out in ``store``."""
    experiment = store.experiments.create(game, preset("tiny", {**TINY, "source": game, **changes}), seed)
    improve(Run(store, experiment, HagglingMachine()))
    store.experiments.set_job(experiment.id, status="done")
    return experiment
