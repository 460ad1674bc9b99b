"""Fine-tuning of the embedded model: real gradients on the reply's tokens, one copy of the weights per model."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import SiriusError
from ..models import Model
from ..models.pocket import Engine
from . import OnStep, Tuned, TuneJob
from .samples import learning_examples


class PocketTuner:
    """Trains the jobs side by side on the engine's workers; the result does not depend on how many there are."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def __call__(self, jobs: Sequence[TuneJob], on_step: OnStep) -> list[Tuned]:
        from ..pocket import learning

        started = time.perf_counter()
        work: list[Any] = []
        for job in jobs:
            self._engine.model(job.before, job.blob)
            examples = learning_examples(job.examples)
            s = job.settings
            schedule = learning.Schedule(epochs=s["epochs"], batch=s["batch"], rate=s["rate"], steps=s.get("steps"))
            manifest = {"parent": job.before, "model": job.model, "examples": len(examples)}
            work.append((job.before, examples, schedule, job.seed, manifest))

        def relay(index: int, step: int, steps: int, loss: float) -> None:
            on_step(jobs[index].model, step, steps, loss)

        try:
            trained = self._engine.train(work, relay)
        except FloatingPointError as error:
            raise SiriusError(f"fine-tuning diverged ({error}); start again with a lower rate") from None
        seconds = (time.perf_counter() - started) / max(1, len(jobs))
        return [Tuned(t.blob, tuple(t.losses), t.steps, t.tokens, seconds) for t in trained]


class PocketMachine:
    """What an experiment on the embedded model plays and learns on. ``base`` names a shipped checkpoint."""

    def __init__(self, engine: Engine, base: str) -> None:
        self.engine, self._base, self.tune = engine, base, PocketTuner(engine)

    def base(self) -> bytes:
        from ..pocket import pretraining

        return pretraining.base(self._base)

    def mender(self) -> None:
        return None

    def model(self, name: str, blob: bytes) -> Model:
        return self.engine.model(name, blob)

    def describe(self) -> Mapping[str, Any]:
        from ..pocket.workers import blas

        return blas()

    def close(self) -> None:
        self.engine.close()
