"""What commands that measure a finished experiment share: its lock, its machine, a word about how far they are.

A page that launches one finds two measurements beside its own: ``NAME:progress``, [round, phase, done, total], and
``NAME:cancel``, which it sets to stop it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..improve import Run

OFTEN = 0.2  # seconds between two looks at the database


def progress(name: str) -> str:
    return f"{name}:progress"


def cancel(name: str) -> str:
    return f"{name}:cancel"


@contextmanager
def measuring(
    path: Path, experiment: str, name: str, hear: Callable[[str], None], machine: Any = None
) -> Iterator[Run]:
    """The experiment's run, under its lock; SIGTERM, Ctrl-C or the flag stop it at the next call."""
    from .. import jobs
    from ..improve import Run
    from ..machines import machine_for
    from ..store import Store

    with Store(path) as store:
        record = store.experiments.get(experiment)
        with jobs.lock(path, experiment):
            store.experiments.set_measurement(experiment, cancel(name), False)
            own = machine is None
            machine = machine or machine_for(record.settings, store, experiment)
            try:
                run = Run(store, record, machine)
                run.on_progress = _Progress(run, name, hear)
                with jobs.interruptible(run.bench.rollout.cancel):
                    yield run
            finally:
                if own:
                    machine.close()


class _Progress:
    """Says where the measurement is, and looks whether somebody wants it to stop."""

    def __init__(self, run: Run, name: str, hear: Callable[[str], None]) -> None:
        self.run, self.name, self.hear = run, name, hear
        self._phase, self._last = "", 0.0

    def __call__(self, round: int, phase: str, done: int, total: int) -> None:
        if phase != self._phase:
            self._phase, self._last = phase, 0.0
            self.hear(f"round {round}, {phase}")
        if (now := time.monotonic()) - self._last >= OFTEN:
            self._last = now
            experiments, e = self.run.store.experiments, self.run.experiment.id
            experiments.set_measurement(e, progress(self.name), [round, phase, done, total])
            if experiments.measurement(e, cancel(self.name)):
                self.run.bench.rollout.cancel()
