"""Fine-tunes one role at a host, in a process of its own that a test may kill: ``finetune_driver.py URL DB``.

What the host called the work is noted in DB, under the experiment "e". Prints the new model's name.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from sirius_core.finetune import TuneJob
from sirius_core.finetune.openai_api import OpenAITuner
from sirius_core.finetune.spoken import Spoken
from sirius_core.models.openai_api import Endpoint
from sirius_core.prompts import Message
from sirius_core.settings import preset
from sirius_core.store import Store
from sirius_core.training import Example
from sirius_core.trajectories import Outcome, SeedPath, Trajectory, Turn

LONG: dict[str, Any] = {"epochs": 10, "rate": 1e-4, "batch": 1}  # a few seconds


def example(i: int, weight: float = 1.0, reply: str = "") -> Example:
    """One turn of a calculator; its task is ``task I``."""
    asked, said = f"@calculator {i % 9 + 1} * 3 =>", reply or f"{i % 9 + 1} * 3 = 3"
    turn = Turn("calculator", "answer", None, (Message("user", asked),), {}, said, request=str(i))
    path = SeedPath("e", 0, 1, "propose", f"task {i}")
    return Example(Trajectory(path, "formulas", (turn,), Outcome("3")), 0, weight)


def spoken(url: str, model: str = "pocket-misled") -> bytes:
    return Spoken({"endpoint": url, "model": model, "dialect": "pocket"}).blob()


def job(url: str, n: int = 12, role: str = "calculator", **how: Any) -> TuneJob:
    blob = how.pop("blob", None) or spoken(url)
    settings = {"epochs": 2, "rate": 1e-3 * 0.8**2, "batch": 4, **how}
    return TuneJob(role, "before", blob, tuple(example(i) for i in range(n)), settings, 2**59 + 3)


def main(url: str, db: Path) -> None:
    with Store(db) as store:
        if not store.experiments.all():
            store.experiments.create("tiny", preset("tiny"), 0)
        notes = store.notes(store.experiments.all()[0].id)
        tuned = OpenAITuner(Endpoint(url), notes)([job(url, 60, **LONG)], lambda *step: None)
    print(json.loads(tuned[0].blob)["over"]["model"])


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
