"""What is heard of a training while it goes on: how far it is, and the losses so far for whoever watches."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from ..store import Store
from ..store.weights import round_to
from . import OnStep, TuneJob

EVERY = 1.0  # seconds between two looks at the losses
NAME = "losses"  # of the measurement that holds them; what counts lands with the checkpoint


def listener(
    store: Store,
    experiment: str,
    round: int,
    jobs: Sequence[TuneJob],
    check: Callable[[], None],
    on_progress: Callable[[int, str, int, int], None],
) -> OnStep:
    """An `OnStep` that checks whether to stop, tells progress, and keeps the losses where a page finds them:
    ``{"round": N, "by": {model: [loss, ...]}}``."""
    at: dict[str, tuple[int, int]] = {}
    losses: dict[str, list[float]] = {job.model: [] for job in jobs}
    told = time.monotonic()

    def heard(model: str, step: int, steps: int, loss: float) -> None:
        nonlocal told
        check()
        at[model] = (step, steps)
        losses[model].append(round_to(loss))
        total = max(1, sum(n for _, n in at.values())) * len(jobs) // len(at)
        on_progress(round, "train", sum(k for k, _ in at.values()), total)
        if time.monotonic() - told > EVERY:
            told = time.monotonic()
            store.experiments.set_measurement(experiment, NAME, {"round": round, "by": losses})

    return heard
