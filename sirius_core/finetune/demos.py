"""Learning without training: a role's best examples become the demonstrations that it is shown."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..models.in_context import Demo, frame, tokens, words
from ..training import Example
from . import OnStep, Tuned, TuneJob
from .spoken import Spoken

MOST = 512  # demonstrations in a checkpoint: a library of thousands finds nothing nearer that would be worth its bytes


@dataclass(frozen=True)
class DemoTuner:
    """A `Tuner` that shows instead of training: ``count`` demonstrations a request, within ``budget`` tokens."""

    count: int = 4
    choice: str = "similar"
    budget: int = 2000
    most: int = MOST

    def __call__(self, jobs: Sequence[TuneJob], on_step: OnStep) -> list[Tuned]:
        """No optimiser runs: no losses, no steps; ``tokens`` is what the demonstrations hold together."""
        tuned = []
        for job in jobs:
            started, before = time.perf_counter(), Spoken.parse(job.blob)
            demos = best(job.examples, before.dialect, self.budget, self.most)
            after = replace(before, demos=demos, choice=self.choice, budget=self.budget, count=self.count,
                            seed=job.seed)
            on_step(job.model, 1, 1, 0.0)
            held = sum(size(demo, before.dialect) for demo in demos)
            tuned.append(Tuned(after.blob(), (), 0, held, time.perf_counter() - started))
        return tuned


def size(demo: Demo, dialect: str) -> int:
    return sum(tokens(message.content, dialect) for message in demo.messages)


def best(examples: Sequence[Example], dialect: str, budget: int, most: int = MOST) -> tuple[Demo, ...]:
    """At most ``most`` different demonstrations, in the order of their hashes.

    Of each question first the reply that was produced most often (by weight; equals by hash), then the second of each,
    and so on, so that the shelf covers the questions before it repeats them. An example that alone is over the budget,
    or says nothing, is left out.
    """
    frequency: dict[str, float] = defaultdict(float)
    first: dict[str, Example] = {}
    kinds: dict[tuple[str, str], set[str]] = {}
    for example in examples:
        said = example.said
        frequency[example.content] += example.weight
        first.setdefault(example.content, example)
        kinds.setdefault((said.role, said.prompt), set()).add(frame(said.messages))
    by_question: dict[str, list[tuple[float, Demo]]] = {}
    for content, example in first.items():
        said = example.said
        ask = tuple(m for m in said.messages if m.role != "system")
        if not ask or not said.text.strip():
            continue
        # an instruction that differs from task to task names no kind of request
        alike = len(kinds[said.role, said.prompt]) == 1
        demo = Demo(ask, said.text, said.slots.get("question", ""), frame(said.messages) if alike else "", content)
        if size(demo, dialect) <= budget:
            question = " ".join(words(demo.question or ask[-1].content))
            by_question.setdefault(f"{demo.frame}/{question}", []).append((-frequency[content], demo))
    ranked = [(rank, weight, demo.key, demo) for found in by_question.values()
              for rank, (weight, demo) in enumerate(sorted(found, key=lambda pair: (pair[0], pair[1].key)))]
    kept = [demo for *_, demo in sorted(ranked, key=lambda one: one[:3])[:most]]
    return tuple(sorted(kept, key=lambda demo: demo.key))
