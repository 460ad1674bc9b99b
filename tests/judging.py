"""A machine whose actor, judge and critic answer by rule in chat, better with every training: experiments of an
actor-critic team within a second, for the tests of their measures and pages."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from typing import Any

from sirius_core.finetune import OnStep, Tuned, TuneJob
from sirius_core.improve import Run, improve
from sirius_core.models import Completion, Sampling, ScriptedModel
from sirius_core.prompts import Message
from sirius_core.settings import preset
from sirius_core.store import Experiment, Store

SMALL = {"source": "arithmetic", "problems": 16, "heldout": 60, "validation": 4, "max_solutions": 1, "gate": False,
         "controls": 0, "model": "nobody", "base_url": "http://127.0.0.1:9/v1", "update": "demos"}


class Court:
    """Who speaks is told by the system prompt; the right answer is known, and said as often as the level has it."""

    def __init__(self) -> None:
        self.gold: dict[str, str] = {}

    def base(self) -> bytes:
        return b'{"level": 0}'

    def mender(self) -> None:
        return None

    def model(self, name: str, blob: bytes) -> Any:
        level = json.loads(blob)["level"]

        def reply(messages: Sequence[Message], sampling: Sampling) -> Completion:
            text = "\n".join(m.content for m in messages)
            rng = random.Random(f"{text}{sampling.seed if sampling.temperature else ''}")
            gold = next(answer for question, answer in self.gold.items() if question in text)
            return Completion(_said(text, gold, rng, level), tokens_in=len(text.split()), tokens_out=9)

        return ScriptedModel(reply, name=name)

    def describe(self) -> Mapping[str, Any]:
        return {}

    def tune(self, jobs: Sequence[TuneJob], on_step: OnStep) -> list[Tuned]:
        return [Tuned(json.dumps({"level": json.loads(j.blob)["level"] + 1, "role": j.model}).encode(), (0.5,), 1, 9,
                      0.1) for j in jobs]


def _said(text: str, gold: str, rng: random.Random, level: int) -> str:
    if text.startswith("You are the judge"):
        stated = text.rpartition("Answer: ")[2].split()[0]
        sees = rng.random() < 0.65 + 0.1 * level
        told = "I cannot say." if rng.random() < 0.05 else f"Opinion: {(stated == gold) is sees}"
        return f"I find {gold if sees else '0'}. {told}"
    if text.startswith("You are the critic"):
        return "Look at the second step again: is the sum carried on?"
    if text.startswith("You edit texts"):
        return text.rpartition("Text:\n")[2]
    helped = 0.15 if "What a reader says" in text else 0.0
    known = rng.random() < 0.5 + 0.12 * level + helped
    return f"Step by step. Answer: {gold if known else int(gold) + rng.randint(1, 3)}"


def sit(store: Store, name: str = "court", seed: int = 0, **changes: Any) -> Experiment:
    """Play an experiment to its end; with ``recipe`` prompted unless another is named."""
    e = store.experiments.create(name, preset("tiny", {"recipe": "prompted", "rounds": 0, **SMALL, **changes}), seed)
    machine = Court()
    run = Run(store, e, machine)
    machine.gold = {t.question: t.answer for split in run.bench.tasks.values() for t in split}
    improve(run)
    store.experiments.set_job(e.id, status="done")
    return e
