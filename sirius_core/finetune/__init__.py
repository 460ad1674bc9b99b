"""Training set to checkpoint. A back-end is a `Tuner`; `scripted` serves tests and recipes without a model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ..training import Example
from ..trajectories import canonical, digest

OnStep = Callable[[str, int, int, float], None]  # (model, step, steps, loss)


@dataclass(frozen=True)
class TuneJob:
    """One model's fine-tuning: ``before`` is the checkpoint to start from, ``blob`` its bytes."""

    model: str
    before: str
    blob: bytes
    examples: tuple[Example, ...]
    settings: Mapping[str, Any]  # epochs, rate, batch; steps, where their exact number is wanted
    seed: int


@dataclass(frozen=True)
class Tuned:
    """A new checkpoint's bytes, the loss of every optimiser step (nats per token), steps, tokens seen, seconds."""

    blob: bytes
    losses: tuple[float, ...]
    steps: int
    tokens: int
    seconds: float


class Tuner(Protocol):
    def __call__(self, jobs: Sequence[TuneJob], on_step: OnStep) -> list[Tuned]: ...


def scripted(jobs: Sequence[TuneJob], on_step: OnStep) -> list[Tuned]:
    """No training: the new checkpoint is a note of what it would have been trained on."""
    tuned = []
    for job in jobs:
        on_step(job.model, 1, 1, 0.0)
        note = {"before": job.before, "set": digest([e.content for e in job.examples]), "n": len(job.examples)}
        tuned.append(Tuned(canonical(note).encode(), (0.0,), 1, 0, 0.0))
    return tuned
