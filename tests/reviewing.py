"""An experiment that waits for people, made once for all tests of the review; each gets a copy."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from actors import ActingMachine, act

from sirius_core import review
from sirius_core.errors import WaitingForReview
from sirius_core.improve import Run, improve
from sirius_core.pocket.vocabulary import encode
from sirius_core.review import Item
from sirius_core.store import Store
from sirius_core.trajectories import Repair, Trajectory

WAITS = {"review": True, "controls": 0, "replays": 3, "planted": 0.3, "blind": 0.3}


@cache
def waiting_db() -> Path:
    """An acting experiment, tiny-0-1, that waits in round 1, with replays and planted repairs."""
    path = Path(tempfile.mkdtemp(prefix="sirius-review-")) / "lab.db"
    with Store(path) as store:
        act(store, **WAITS)
    return path


@dataclass
class Desk:
    """What a test needs of a paused experiment."""

    store: Store
    run: Run

    @property
    def id(self) -> str:
        return self.run.experiment.id

    def items(self, *kinds: str) -> list[Item]:
        """The real items of round 1, of these kinds if any are named."""
        found = review.items(self.store, self.id, 1)
        return [item for item in found if not item.planted and (not kinds or item.kind in kinds)]

    def planted(self) -> list[Item]:
        return [item for item in review.items(self.store, self.id, 1) if item.planted]

    def mended(self) -> list[Repair]:
        return [r for r in map(self.store.repairs.get, (i.id for i in self.items())) if r.mended]

    def how(self) -> dict[str, Any]:
        """What an edit or a critique is tried with: the models of then."""
        voices = self.run.voices(self.run.models_after(0), "repair")
        return {"team": self.run.recipe.team, "judge": self.run.recipe.judge, "voices": voices, "check": encode}

    def right_edit(self, repair: Repair) -> Trajectory:
        """The critic's own text, tried until what follows is right too, as a person would."""
        tries = (review.try_edit(self.store, repair.id, repair.rephrased, draw=k, **self.how()) for k in range(60))
        return next(t for t in tries if t.right)

    def entered(self) -> tuple[set[str], set[str]]:
        """Ids of (what enters the library of round 1, what of it carries a person's text)."""
        kept, edited = review.admitted(self.store, self.id, 1, 1)
        return {t.id for t in kept}, set(edited)

    def go_on(self) -> None:
        """Let round 1 go on; the run stops where round 2 waits."""
        review.go_on(self.store, self.id, self.run.round)
        with suppress(WaitingForReview):
            improve(self.run)

    def trained(self) -> dict[str, str]:
        """{model: hash of its training set} of round 1."""
        rows = self.store.weights.training_sets(self.id, 1)
        return {row["model"]: row["hash"] for row in rows}


@contextmanager
def desk(folder: Path) -> Iterator[Desk]:
    """A copy of the waiting experiment in ``folder``/lab.db, opened."""
    shutil.copy(waiting_db(), folder / "lab.db")
    with Store(folder / "lab.db") as store:
        experiment = store.experiments.get("tiny-0-1")
        yield Desk(store, Run(store, experiment, ActingMachine(experiment)))
