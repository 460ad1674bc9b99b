"""What the tests of contrasts share: a small plan, and an acting machine that knows the problems of all its runs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from actors import ActingMachine

from sirius_core import tasks
from sirius_core.contrast.plan import Plan, parsed
from sirius_core.errors import SiriusError
from sirius_core.finetune import OnStep, Tuned, TuneJob
from sirius_core.store import Store
from sirius_core.tasks.formulas import problem

TINY = {"rounds": 1, "problems": 8, "max_solutions": 2, "max_repairs": 6, "validation": 2, "heldout": 10,
        "new_wordings": 0, "withheld_forms": 0, "controls": 0, "gate": False, "chunk": 15, "workers": 1}
ARMS = {"again": {"critic": "none"}, "critic": {}}


def small(arms: dict[str, Any] | None = None, **keys: Any) -> Plan:
    """A plan of two arms and two seeds that is done in a second."""
    settings = {**TINY, **keys.pop("settings", {})}
    found = {"preset": "tiny", "seeds": 2, "settings": settings, "arms": arms or ARMS, **keys}
    return parsed(found, "small", Path("."), "small.toml")


class Players(ActingMachine):
    """The acting machine over every problem of a plan. Fine-tuning at a rate above 0.01 diverges."""

    def __init__(self, plan: Plan) -> None:
        self._problems = {}
        for arm in plan.arms:
            settings = plan.settings_of(arm)
            for seed in plan.seeds:
                made = tasks.splits("formulas", settings, seed)
                self._problems |= {t.question: problem(t) for split in made.values() for t in split}

    def tune(self, jobs: Sequence[TuneJob], on_step: OnStep) -> list[Tuned]:
        if any(job.settings["rate"] > 0.01 for job in jobs):
            raise SiriusError("fine-tuning diverged (the gradient is not finite); start again with a lower rate")
        return super().tune(jobs, on_step)

    def close(self) -> None: ...


def told(store: Store, contrast: str) -> list[tuple[Any, ...]]:
    """Every run with its reports, without what the clock says, and the verdict."""
    clock = ("seconds", "phases")
    runs = [(e.arm, e.seed, store.experiments.job(e.id).status,
             [{k: v for k, v in r.items() if k not in clock} for r in store.experiments.reports(e.id)])
            for e in store.experiments.of_contrast(contrast)]
    said = store.contrasts.verdict(contrast) or {}
    return [*runs, tuple(json.dumps(said.get(k)) for k in ("sentence", "pairs", "by_round", "fairness", "left_out"))]
