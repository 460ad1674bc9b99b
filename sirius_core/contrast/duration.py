"""About how long a contrast takes: from runs of the same size that were finished here, else from what was measured."""

from __future__ import annotations

from statistics import fmean
from typing import NamedTuple

from ..settings import Settings
from ..store import Store
from .plan import Plan

EPISODE, START = 0.0023, 2.0
"""Seconds of an episode of the embedded model and of a process that begins, with two workers: they give the quickstart
about a minute and the contrast preset about twenty seconds."""
SIZES = ("source", "recipe", "base", "rounds", "problems", "max_solutions", "critic", "max_repairs", "validation",
         "heldout", "interim", "new_wordings", "withheld_forms", "controls", "workers", "model", "agents",
         "debate_rounds", "samples")
"""Settings that say how long a run takes; two runs that agree in them take about as long."""


class About(NamedTuple):
    """``seconds`` for all runs, None where nobody can know; ``finished`` runs of this size were found here."""

    seconds: float | None
    finished: int


def about(store: Store, plan: Plan) -> About:
    """How long the runs of a plan will take, one after the other."""
    took: dict[tuple[object, ...], list[float]] = {}
    for e in store.experiments.all():
        job = store.experiments.job(e.id)
        if job.status == "done" and job.seconds:
            took.setdefault(_size(e.settings), []).append(job.seconds)
    total, finished = 0.0, 0
    for arm in plan.arms:
        settings = plan.settings_of(arm)
        known = took.get(_size(settings), [])
        if not known and (settings.model or settings.checkpoint):
            return About(None, 0)
        finished += len(known)
        total += fmean(known) if known else START + EPISODE * episodes(settings)
    return About(total * len(plan.seeds), finished)


def episodes(s: Settings) -> int:
    """About how many episodes a run plays: tries, repairs with their replays, validation, tests, comparisons."""
    tries, repairs = s.problems * s.max_solutions, 0 if s.critic == "none" else 2 * min(s.max_repairs, s.problems)
    tests = s.heldout + s.new_wordings + s.withheld_forms
    before = (s.interim or s.heldout) + s.new_wordings + s.withheld_forms
    rounds = s.rounds * (tries + repairs + (2 * s.validation if s.gate else 0) + 3 * s.controls * s.control_calls // 4)
    return rounds + 2 * (s.rounds * before + tests)


def _size(s: Settings) -> tuple[object, ...]:
    return tuple(getattr(s, name) for name in SIZES)
