"""Finished contrasts within a second: every arm and seed is played by the machine that only acts (actors.py)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from actors import ActingMachine

from sirius_core import campaign, jobs
from sirius_core.contrast import Arm, Plan
from sirius_core.contrast.conclusion import conclude
from sirius_core.improve import Run, improve
from sirius_core.store import Store

SMALL: Mapping[str, Any] = {"rounds": 1, "problems": 8, "max_solutions": 1, "max_repairs": 8, "validation": 4,
                            "heldout": 12, "new_wordings": 0, "withheld_forms": 0, "controls": 0}
APART = (Arm("never learns", {"rounds": 0, "update": "none"}), Arm("learns", {}))
TWO = (Arm("play again", {"critic": "none"}), Arm("critic", {"critic": "gold"}))


def planned(arms: Sequence[Arm] = TWO, seeds: int = 1, *, equal: str = "", question: str = "Does a critic help?",
            name: str = "critic or again", **settings: Any) -> Plan:
    """A small plan."""
    return Plan(name, tuple(arms), question, "tiny", tuple(range(seeds)), equal, {**SMALL, **settings})


def conduct(store: Store, plan: Plan, *, runs: int | None = None, done: bool = True) -> str:
    """A contrast of which the first ``runs`` runs (all) are played; ``done`` concludes it. Returns its id."""
    contrast = campaign.create(store, plan)
    carry_on(store, contrast, plan, runs=runs, done=done)
    return contrast


def carry_on(store: Store, contrast: str, plan: Plan, *, runs: int | None = None, done: bool = True) -> None:
    """The runs of a contrast that was made, and its job row as a process would leave it."""
    legs = [(seed, arm) for seed in plan.seeds for arm in plan.arms]
    chosen = legs[: len(legs) if runs is None else runs]
    for seed, arm in chosen:
        e = jobs.create(store, f"{plan.name}: {arm.name}", plan.settings_of(arm), seed, contrast=contrast, arm=arm.name)
        improve(Run(store, e, ActingMachine(e)))
        store.experiments.set_job(e.id, status="done", seconds=20.0)
    store.contrasts.set_job(contrast, status="stopped", done=len(chosen), total=len(legs), seconds=20.0 * len(chosen))
    if done:
        body, figure = conclude(store, contrast)
        store.contrasts.add_verdict(contrast, len(plan.seeds), body, json.dumps(figure))
        store.contrasts.set_job(contrast, status="done")
