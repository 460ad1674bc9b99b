"""A contrast carried out: seed by seed, arm by arm, every arm an experiment of its own; then what may be said.

    contrast = create(store, plan)      checked as a whole; no arm exists yet, so people may still predict
    carry_on(path, contrast)            plays what is not there yet, then stores the verdict
    launch(path, contrast)              the same in a process of its own

What is done is read from the database, so a contrast that was killed anywhere goes on as if nothing had happened. Where
a budget is held equal, the first arm of a seed sets the measure, round by round, and the later arms of that seed are
made with it. A run that fails is kept as failed, and the others go on: the verdict leaves that seed out and says so.
A failure of the machine (no server, no room in the file) ends the work instead; it is tried again when that is mended,
and so are the runs that failed.
"""

from __future__ import annotations

import json
import os
import re
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from . import jobs
from .contrast.conclusion import conclude
from .contrast.plan import HELD, Plan, from_dict
from .contrast.results import differing_tests, per_round, starved
from .errors import BudgetSpent, Busy, Cancelled, ModelError, Paused, SiriusError, StoreError, UsageError
from .finetune.pocket import PocketMachine
from .machines import embedded
from .models.pocket import Engine, aside
from .processes import beside, detach, interruptible, lock, log_file, running
from .settings import Settings
from .store import ACTIVE, ContrastJob, Experiment, Store
from .store.contrasts import PLANNED

Hear = Callable[[str], None]
FREE = ("max_calls", "max_tokens", "max_cost", "workers", "concurrency", "deadline", "attempts", "key_env")
"""Settings that touch no result: the only ones that may change once a contrast stands."""
FILES = ("recipe", "data", "checkpoint")


# -- make ------------------------------------------------------------------------------------------------------------
def create(store: Store, plan: Plan) -> str:
    """A new contrast, every arm checked as `jobs.create` does it; returns its id. Nothing is played yet.

    UsageError where an arm cannot run, where the arms would be tested on different problems, and where a budget is to
    be held equal to a first arm that learns nothing, or that leaves another arm nothing for its repairs.
    """
    if why := differing_tests(plan) or starved(plan):
        raise UsageError(why)
    arms = []
    for place, arm in enumerate(plan.arms):
        try:
            held = {HELD[plan.equal]: "1"} if plan.equal and place else {}
            settings = jobs.checked(store, plan.settings_of(arm).changed(held), plan.seeds[0])
        except UsageError as error:
            error.args = (f"arm {arm.name!r}: {error}",)
            raise
        if plan.equal and not place and not settings.rounds:
            raise UsageError(f"equal={plan.equal}: the first arm, {arm.name!r}, sets the measure, but it learns in no "
                             "round; begin with an arm that learns, or hold nothing equal")
        found = {name: getattr(settings, name) for name in FILES if name in {**plan.settings, **arm.changes}}
        arms.append(replace(arm, changes={**arm.changes, **found}))
    made = replace(plan, arms=tuple(arms))  # files by their whole path: it may be carried on from another folder
    return store.contrasts.add(made.name, made.question, made.as_dict())


def plan_of(store: Store, contrast: str) -> Plan:
    return from_dict(store.contrasts.get(contrast).plan)


def more_seeds(store: Store, contrast: str, n: int) -> tuple[int, ...]:
    """Give a contrast ``n`` more seeds, the next whole numbers; it waits until somebody carries it on. Returns all."""
    plan = plan_of(store, contrast)
    if n < 1:
        raise UsageError(f"{n} more seeds: at least one")
    first = max(plan.seeds) + 1
    longer = replace(plan, seeds=(*plan.seeds, *range(first, first + n)))
    with store.write():
        store.contrasts.set_plan(contrast, longer.as_dict())
        if store.contrasts.job(contrast).status not in ACTIVE:
            store.contrasts.set_job(contrast, status=PLANNED, message="", total=len(longer.seeds) * len(longer.arms))
    return longer.seeds


def change(store: Store, contrast: str, changes: Mapping[str, Any]) -> None:
    """Change settings that touch no result (`FREE`) in the plan and in every run that is not done."""
    if fixed := sorted(set(changes) - set(FREE)):
        raise UsageError(f"setting {fixed[0]} is part of the contrast; only {', '.join(sorted(FREE))} may change")
    plan = plan_of(store, contrast)
    arms = tuple(replace(a, changes={k: v for k, v in a.changes.items() if k not in changes}) for a in plan.arms)
    changed = replace(plan, settings={**plan.settings, **changes}, arms=arms)
    with store.write():
        store.contrasts.set_plan(contrast, changed.as_dict())
        for e in store.experiments.of_contrast(contrast):
            if store.experiments.job(e.id).status != "done":
                jobs.change(store, e.id, changes)


# -- carry on --------------------------------------------------------------------------------------------------------
@aside
def carry_on(
    path: Path,
    contrast: str,
    *,
    hear: Hear = lambda line: None,
    machine: Any = None,
    trace: Callable[[str], None] | None = None,
) -> ContrastJob:
    """Carry a contrast on in this process until its verdict, or until it is stopped or pauses; returns its job row.

    SIGINT, SIGTERM and `stop` end it at the next call. Errors are recorded and raised again. ``hear`` is told of every
    run that has ended. ``machine`` plays all runs (default: what their settings name; one embedded model serves all
    arms on the same base). ``trace`` as in `jobs.run`.
    """
    with Store(path, trace=trace) as store:
        store.contrasts.get(contrast)
        with _held(path, contrast):
            return _carry_on(store, _Campaign(store, contrast, hear, machine, trace))


@contextmanager
def _held(path: Path, contrast: str) -> Iterator[None]:
    try:
        with lock(path, contrast):
            yield
    except Busy as busy:
        if str(busy).startswith(contrast):
            raise Busy(f"{contrast} is being carried on by another process; stop it there, or wait for it") from None
        raise


def _carry_on(store: Store, campaign: _Campaign) -> ContrastJob:
    contrast = campaign.contrast
    before = store.contrasts.job(contrast)
    said = store.contrasts.verdict(contrast)
    if before.status == "done" and said is not None and said["seeds"] == len(campaign.plan.seeds) and (
            not campaign.failed()):
        return before
    campaign.cancelled = before.status == "queued" and before.cancel  # asked to stop before its process was up
    store.contrasts.set_job(contrast, status="running", pid=os.getpid(), cancel=0, message="",
                            total=len(campaign.plan.seeds) * len(campaign.plan.arms))
    started = time.monotonic()
    status, message = "failed", ""
    try:
        with interruptible(campaign.cancel):
            campaign.run()
        status = "done"
    except Paused as pause:
        status, message = "paused", _ours(pause, contrast)
        raise type(pause)(message) from None
    except Cancelled:
        status, message = "stopped", f"{contrast} was stopped; go on with: sirius contrast {contrast}"
        raise Cancelled(message) from None
    except KeyboardInterrupt:
        status = "stopped"
        raise
    except BaseException as error:
        message = f"{'' if isinstance(error, SiriusError) else f'{type(error).__name__}: '}{error}"
        raise
    finally:
        campaign.close()
        with suppress(SiriusError):  # a full or read-only file: the error itself is already on its way
            store.contrasts.set_job(contrast, status=status, message=message, pid=None,
                                    seconds=before.seconds + time.monotonic() - started)
    return store.contrasts.job(contrast)


def _ours(pause: Paused, contrast: str) -> str:
    """Why a run pauses, and the contrast's own way on."""
    if isinstance(pause, BudgetSpent):
        said = re.sub(r"sirius resume \S+", f"sirius contrast {contrast}", str(pause))
        return re.sub(r"^\S+ (?=has spent |cannot keep )", f"{contrast} ", said)  # its runs have one budget together
    return f"{pause}; then: sirius contrast {contrast}"


class _Campaign:
    """The work on one contrast in this process."""

    def __init__(self, store: Store, contrast: str, hear: Hear, machine: Any, trace: Any) -> None:
        self.store, self.contrast, self.plan, self.cancelled = store, contrast, plan_of(store, contrast), False
        self._hear, self._given, self._trace = hear, machine, trace
        self._kept: tuple[tuple[str, int], PocketMachine] | None = None

    def cancel(self) -> None:
        """Stop before the next run, or at the next phase. Safe from a signal handler."""
        self.cancelled = True

    def run(self) -> None:
        """All that is not done yet, seed by seed so that all arms' curves fill together, and the verdict. Seeds that
        are added meanwhile are played, too."""
        place = 0
        while place < len(legs := [(seed, arm.name) for seed in self.plan.seeds for arm in self.plan.arms]):
            self.store.contrasts.set_job(self.contrast, done=place, total=len(legs))
            self._check()
            seed, arm = legs[place]
            self._leg(seed, arm, f"{place + 1} of {len(legs)}: seed {seed}, {arm}")
            place += 1
            self.plan = plan_of(self.store, self.contrast)
        self.store.contrasts.set_job(self.contrast, done=len(legs), message="comparing")
        self._hear("comparing")
        body, figure = conclude(self.store, self.contrast)
        self.store.contrasts.add_verdict(self.contrast, len(self.plan.seeds), body, json.dumps(figure))

    def failed(self) -> bool:
        """Whether some run is not there, or not done."""
        done = {(e.seed, e.arm) for e in self.store.experiments.of_contrast(self.contrast)
                if self.store.experiments.job(e.id).status == "done"}
        return any((seed, arm.name) not in done for seed in self.plan.seeds for arm in self.plan.arms)

    def close(self) -> None:
        if self._kept is not None:
            self._kept[1].close()
            self._kept = None

    def _made(self, seed: int, arm: str) -> Experiment | None:
        return next((e for e in self.store.experiments.of_contrast(self.contrast) if (e.seed, e.arm) == (seed, arm)),
                    None)

    def _leg(self, seed: int, arm: str, where: str) -> None:
        """One run, made where it is not there yet. What it fails of is on its job row."""
        e = self._made(seed, arm)
        if e is not None and self.store.experiments.job(e.id).status == "done":
            return
        try:
            if e is None:
                if (settings := self._settings(seed, arm)) is None:
                    self._hear(f"{where}: not begun, for the first arm has set no measure")
                    return
                e = jobs.create(self.store, f"{self.plan.name}: {arm}", settings, seed, contrast=self.contrast, arm=arm)
            jobs.run(self.store.path, e.id, hear=lambda news: self._phase(f"{where}: {news}"),
                     machine=self._machine(e), trace=self._trace)
        except (StoreError, ModelError, Paused, Cancelled, Busy, MemoryError):
            raise  # nothing that the arm has done wrong
        except Exception as error:
            why = (e and self.store.experiments.job(e.id).message) or error
            self._hear(f"{where}: failed ({why}); the others go on")
            return
        last = self.store.experiments.reports(e.id)[-1]
        self._hear(f"{where}: {last['correct']}/{last['n']} = {last['accuracy']:.1%}")

    def _settings(self, seed: int, arm: str) -> Settings | None:
        """An arm's settings, held to what the first arm of this seed used; None where that one has not got through."""
        chosen = next(a for a in self.plan.arms if a.name == arm)
        settings = self.plan.settings_of(chosen)
        if not self.plan.equal or chosen is self.plan.arms[0]:
            return settings
        first = self._made(seed, self.plan.arms[0].name)
        if first is None or self.store.experiments.job(first.id).status != "done":
            return None
        used = [row[self.plan.equal] for row in per_round(self.store, first.id, first.settings.rounds)]
        return settings.changed({HELD[self.plan.equal]: ",".join(str(max(1, n)) for n in used)})

    def _phase(self, news: str) -> None:
        self._check()
        self.store.contrasts.set_job(self.contrast, message=news)

    def _check(self) -> None:
        if self.cancelled or self.store.contrasts.job(self.contrast).cancel:
            raise Cancelled(f"{self.contrast} was stopped")

    def _machine(self, e: Experiment) -> Any:
        """What plays a run: one embedded model for all that have its base and workers, its processes started once."""
        if self._given is not None or not embedded(e.settings):
            self.close()
            return self._given
        key = (e.settings.base, e.settings.workers)
        if self._kept is None or self._kept[0] != key:
            self.close()
            self._kept = (key, PocketMachine(Engine(e.settings.workers), e.settings.base))
        self._kept[1].engine.forget()  # the checkpoints of the run before: a hundred need no more room than one
        return self._kept[1]


# -- processes -------------------------------------------------------------------------------------------------------
def launch(path: Path, contrast: str) -> int:
    """Carry a contrast on in a process of its own that outlives the caller; returns its pid."""
    if running(path, contrast):
        raise Busy(f"{contrast} is being carried on already")
    log = log_file(path, contrast)
    beside(path, log.name).close()  # where nothing can be written, nothing is queued
    with Store(path) as store:
        store.contrasts.get(contrast)
        store.contrasts.set_job(contrast, status="queued", cancel=0, message="", log=str(log))
    return detach(path, "contrast", contrast, log)


def stop(path: Path, contrast: str) -> None:
    """Ask a contrast to stop; what is committed stays, and it can be carried on."""
    with Store(path) as store:
        store.contrasts.get(contrast)
        store.contrasts.set_job(contrast, cancel=1)
        pid = store.contrasts.job(contrast).pid
        for e in store.experiments.of_contrast(contrast):
            if store.experiments.job(e.id).status == "running":
                store.experiments.set_job(e.id, cancel=1)  # the run itself looks at this several times a second
    if pid is not None and pid != os.getpid() and running(path, contrast):
        with suppress(OSError):  # it has just ended, or belongs to another user: the flag in its row remains
            os.kill(pid, signal.SIGTERM)


def status(store: Store, contrast: str) -> ContrastJob:
    """The job row; one that no process works on, although it says so, has been interrupted and can be carried on."""
    job = store.contrasts.job(contrast)
    if job.status not in ACTIVE or running(store.path, contrast):
        return job
    if job.status == "running":
        return replace(job, status="stopped", message="its process ended unexpectedly; carry it on")
    age = (datetime.now(UTC) - datetime.fromisoformat(job.updated_at)).total_seconds()
    if age > jobs.SLOW_START:
        return replace(job, status="stopped", message="its process did not begin; carry it on to try again")
    return job
