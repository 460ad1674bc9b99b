"""An experiment as a process: in the foreground, or detached from whoever launched it; progress, cancel, resume.

One process at a time runs an experiment (see processes.py). The job row says how far it is; the events are its log.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from . import recipes, rewards, tasks
from .errors import Busy, Cancelled, Paused, SiriusError, UsageError
from .evaluate import voices_for
from .games import GAMES
from .improve import Run, improve
from .machines import code, embedded, machine_for, preflight
from .models.pocket import aside
from .pocket.pretraining import has_read, readers
from .pocket.readable import SOURCES as EMBEDDED
from .processes import beside, detach
from .processes import interruptible as interruptible
from .processes import lock as lock
from .processes import log_file as log_file
from .processes import running as running
from .settings import Settings, preset
from .store import ACTIVE, Experiment, Job, Store
from .store.arms import Arms
from .teams.negotiation import sayable

Hear = Callable[[str], None]
SEEN = {"solo/debate": "a debate", "judge": "a judge", "actor/again": "a second look",
        **dict.fromkeys(("seller", "proposer", "red"), "a negotiation")}
SLOW_START = 30.0  # seconds in which a launched process must have taken its lock


def create(
    store: Store, name: str, settings: Settings, seed: int, *, contrast: str | None = None, arm: str = ""
) -> Experiment:
    """A new experiment, checked as a whole before anything runs."""
    return store.experiments.create(name, checked(store, settings, seed), seed, contrast=contrast, arm=arm)


def checked(store: Store, settings: Settings, seed: int) -> Settings:
    """Settings with which an experiment can be made: files that they name stand there by their whole path. UsageError
    for what can be known to be wrong before anything runs."""
    if abs(seed) >= 2**63:
        raise UsageError(f"seed {seed}: must lie between -(2^63 - 1) and 2^63 - 1")
    recipe, dialect = recipes.get(settings), preflight(settings)
    team, source = recipe.team, recipe.source or settings.source
    if source in GAMES and not (team.opposed and team.name == source):
        raise UsageError(f"setting source={source}: the game is for its two players, and recipe {settings.recipe!r} "
                         f"has the team {team.name!r}: take self_play, placebo, keep_all or chain, and no team")
    if source in GAMES and settings.matrix == 1:
        raise UsageError("setting matrix=1: a matrix needs at least two games a cell; 0 plays none")
    if source not in GAMES and (team.opposed or settings.recipe == "self_play"):
        raise UsageError(f"recipe {settings.recipe!r} plays games here, and source={source} is none: take one (--set "
                         f"source={' or '.join(GAMES)})")
    if dialect == "pocket" and source not in EMBEDDED and not settings.team:
        raise UsageError(f"setting source={settings.source}: the pocket model reads only its own language; name a "
                         "model at an endpoint (--model NAME --base-url URL), or, for problems written in that "
                         "language, the team (--set team=formula_chain)")
    if mute := [role for role in team.roles.values() if not any(d in (dialect, "*") for _, d in role.prompts)]:
        who = "the pocket model" if dialect == "pocket" else settings.model or settings.checkpoint
        raise UsageError(
            f"recipe {settings.recipe!r} cannot be played by {who}: "
            f"its role {mute[0].name!r} has no prompts in the {dialect} dialect"
        )
    if embedded(settings) and team.lesson and not has_read(settings.base, team.lesson):
        fit = " or ".join(f"base={name}" for name in readers(team.lesson))
        raise UsageError(f"recipe {settings.recipe!r} cannot be played by the pocket model on base {settings.base!r}, "
                         f"which never saw {SEEN.get(team.lesson, 'such problems')}: take one that did (--set {fit})")
    voices_for({}, settings, team)  # says which role or prompt of `sampling` the team lacks
    for model in filter(None, (settings.model, settings.mender_model)) if settings.max_cost else ():
        if store.prices.get(model) is None:
            raise UsageError(f"setting max_cost={settings.max_cost}: the price of {model} is not known; say it with: "
                             f"sirius prices {model} INPUT OUTPUT")
    if settings.recipe.endswith(".py"):  # it may be resumed from another folder
        settings = settings.changed({"recipe": str(Path(settings.recipe).resolve())})
    settings = settings.changed({"data": tasks.absolute(settings.data)})
    shown = tasks.preview(recipe.source or settings.source, settings, seed, 1)  # a file that is not there, or is none
    for task in shown:
        rewards.verifiable(settings.verifier, task, dialect)
        if team.opposed and dialect == "pocket":
            sayable(task)
    if not recipe.learns:
        settings = settings.changed({"rounds": 0})
    if settings.checkpoint:
        settings = settings.changed({"checkpoint": str(Path(settings.checkpoint).expanduser().resolve())})
    return settings


def change(store: Store, experiment: str, changes: Mapping[str, Any]) -> None:
    """Change settings that do not touch results (budgets, workers, concurrency, review) before a resume."""
    record = store.experiments.get(experiment)
    before = record.settings
    recipes.playable(before)
    settings = before.changed(changes)
    free = {"max_calls", "max_tokens", "max_cost", "workers", "concurrency", "deadline", "attempts", "key_env",
            "review", "rounds", "replays", "blind", "planted", "doubled"}
    if fixed := sorted(set(changes) - free):
        raise UsageError(
            f"setting {fixed[0]} is part of the experiment; only {', '.join(sorted(free))} may change on resume"
        )
    if settings.rounds != before.rounds and record.contrast in Arms(store.db).planned():
        raise UsageError(f"setting rounds={settings.rounds}: {experiment} is a run of {record.contrast}, whose plan "
                         f"has {before.rounds}")
    if changes.get("rounds") and settings.rounds and not recipes.get(settings).learns:
        raise UsageError(f"setting rounds={settings.rounds}: {settings.recipe!r} learns nothing and has none")
    if "rounds" in changes and (closed := len(store.experiments.reports(experiment)) - 1) > settings.rounds:
        raise UsageError(f"setting rounds={settings.rounds}: {closed} rounds are closed already")
    store.experiments.set_settings(experiment, settings)


@aside
def run(
    path: Path,
    experiment: str,
    *,
    hear: Hear = lambda line: None,
    machine: Any = None,
    max_mb: float = 0,
    trace: Callable[[str], None] | None = None,
) -> Job:
    """Carry an experiment on in this process until it is done, paused or stopped; returns its job row.

    SIGINT and SIGTERM stop it at the next call; a second SIGINT at once. Errors are recorded and raised again. One that
    is done already is left as it is; one that was asked to stop before its process was up stops.
    """
    with Store(path, max_mb=max_mb, trace=trace) as store:
        store.experiments.get(experiment)
        with lock(path, experiment):
            return _run(store, experiment, hear, machine)


def _run(store: Store, experiment: str, hear: Hear, machine: Any) -> Job:
    record, job = store.experiments.get(experiment), store.experiments.job(experiment)
    recipes.playable(record.settings)
    if len(store.experiments.reports(experiment)) > record.settings.rounds:
        if job.status != "done":
            store.experiments.set_job(experiment, status="done", message="", pid=None, cancel=0)
        return store.experiments.job(experiment)
    store.experiments.set_job(experiment, status="running", pid=os.getpid(), cancel=0, message="")
    own = machine is None
    started, before = time.monotonic(), job.seconds
    progress = _Progress(store, experiment, hear)
    status, message = "failed", ""
    try:
        machine = machine or machine_for(record.settings, store, experiment)
        played_by = {**machine.describe(), **code(), **recipes.fingerprint(record.settings)}
        store.experiments.set_machine(experiment, played_by)
        work = Run(store, record, machine, progress)
        progress.cancel = work.bench.rollout.cancel
        if job.status == "queued" and job.cancel:
            work.bench.rollout.cancel()
        with interruptible(work.bench.rollout.cancel):
            improve(work)
        status = "done"
    except Paused as pause:
        status, message = "paused", str(pause)
        raise
    except (Cancelled, KeyboardInterrupt) as stop:
        status, message = "stopped", str(stop)
        raise
    except SiriusError as error:
        message = str(error)
        raise
    except BaseException as error:
        place = recipes.where(error, record.settings.recipe)
        message = f"{type(error).__name__}{place and f'{place} of {record.settings.recipe}'}: {error}"
        raise
    finally:
        if own and machine is not None:
            machine.close()
        seconds = before + time.monotonic() - started
        with suppress(SiriusError):  # a full or read-only file: the error itself is already on its way
            store.experiments.set_job(experiment, status=status, message=message, pid=None, seconds=seconds)
            store.experiments.log(experiment, f"{status}: {message}" if message else status)
    return store.experiments.job(experiment)


@aside
def measure(
    path: Path,
    experiment: str,
    samples: int = 64,
    problems: int = 100,
    *,
    hear: Hear = lambda line: None,
    machine: Any = None,
) -> dict[str, Any]:
    """pass@k of the base and of the team now: {"base": record, "round N": record}, stored with the experiment."""
    from .evaluate import pass_at_k

    if not (0 < samples <= 10_000 and problems > 0):
        raise UsageError(f"pass@k needs 1 to 10,000 samples and at least one problem, not {samples} and {problems}")
    with Store(path) as store, ExitStack() as stack:
        record = store.experiments.get(experiment)
        stack.enter_context(lock(path, experiment))
        own = machine is None
        machine = machine or machine_for(record.settings, store, experiment)
        try:
            run = Run(store, record, machine)
            found = {}
            for round in sorted({0, max(0, run.round - 1)}):
                hear(f"pass@k of round {round}: {samples} tries at {problems} problems")
                voices = run.voices(run.models_after(round))
                found[f"round {round}" if round else "base"] = pass_at_k(run.bench, round, voices, samples, problems)
        finally:
            if own:
                machine.close()
        store.experiments.set_measurement(experiment, "pass_at_k", found)
        return found


@aside
def estimate(
    path: Path, experiment: str, *, hear: Hear = lambda line: None, machine: Any = None
) -> dict[str, Any]:
    """Play a pilot of the experiment and say what the whole would cost (see `estimate.estimate`); stored with it.

    One that has not begun waits then (``paused``) until somebody resumes it.
    """
    from .estimate import estimate as extrapolate
    from .estimate import lines, pilot

    with Store(path) as store, ExitStack() as stack:
        record = store.experiments.get(experiment)
        stack.enter_context(lock(path, experiment))
        own = machine is None
        if begins := not store.experiments.reports(experiment):
            store.experiments.set_job(experiment, status="running", phase="pilot", pid=os.getpid(), message="")
        try:
            machine = machine or machine_for(record.settings, store, experiment)
            run = Run(store, record, machine)
            hear("pilot: a few training problems")
            found = extrapolate(run, pilot(run))
        except SiriusError as error:
            if begins:
                status = "paused" if isinstance(error, Paused) else "failed"
                store.experiments.set_job(experiment, status=status, message=str(error), pid=None)
            raise
        finally:
            if own and machine is not None:
                machine.close()
        store.experiments.set_measurement(experiment, "estimate", found)
        if begins:
            said = f"{lines(found)[-1]}; resume to start it"
            store.experiments.set_job(experiment, status="paused", phase="", pid=None, message=said)
        return found


class _Progress:
    """Writes the job row at most five times a second and at every change of phase; watches the cancel flag."""

    def __init__(self, store: Store, experiment: str, hear: Hear) -> None:
        self.store, self.experiment, self.hear = store, experiment, hear
        self.cancel: Callable[[], None] = lambda: None
        self._at: tuple[int, str] = (-1, "")
        self._last = 0.0

    def __call__(self, round: int, phase: str, done: int, total: int) -> None:
        now, experiments = time.monotonic(), self.store.experiments
        if (round, phase) != self._at:
            self._at, self._last = (round, phase), 0.0
            experiments.log(self.experiment, f"round {round}: {phase}")
            # Somebody who launched it a second time, in the same moment, has left "queued" in the row.
            experiments.set_job(self.experiment, status="running")
            self.hear(f"round {round}: {phase}")
        if now - self._last >= 0.2 or done == total:
            self._last = now
            experiments.set_job(self.experiment, round=round, phase=phase, done=done, total=total)
            if experiments.job(self.experiment).cancel:
                self.cancel()


def first(store: Store) -> Experiment | None:
    """The quickstart that an empty database begins with, to be launched by the caller; None if there is something.

    ``SIRIUS_AUTOSTART=0`` leaves an empty database empty.
    """
    if os.environ.get("SIRIUS_AUTOSTART") == "0" or store.experiments.all():
        return None
    with store.write():  # the app and the command line may come at once: only one of them finds the database empty
        return None if store.experiments.all() else create(store, "quickstart", preset("quickstart"), 0)


# -- detached processes ----------------------------------------------------------------------------------------------
def launch(path: Path, experiment: str) -> int:
    """Start or resume an experiment as a process of its own that outlives the caller; returns its pid."""
    if running(path, experiment):
        raise Busy(f"{experiment} is running already")
    log = log_file(path, experiment)
    beside(path, log.name).close()  # where nothing can be written, nothing is queued
    with Store(path) as store:
        recipes.playable(store.experiments.get(experiment).settings)
        store.experiments.set_job(experiment, status="queued", cancel=0, message="", log=str(log))
    return detach(path, "resume", experiment, log)


def launch_estimate(path: Path, experiment: str) -> int:
    """`estimate` as a process of its own: the job row says what it found; returns its pid."""
    return detach(path, "estimate", experiment, log_file(path, experiment), "--experiment")


def launch_measure(path: Path, experiment: str, samples: int = 64, problems: int = 100) -> int:
    """`measure` as a process of its own, followed by its log; returns its pid. If a run is on, the log says Busy."""
    how = ("--samples", str(samples), "--problems", str(problems))
    return detach(path, "measure", experiment, log_file(path, experiment, "measure"), *how)


def launch_inquiry(path: Path, inquiry: str) -> int:
    """``sirius inquire`` as a process of its own; returns its pid."""
    return detach(path, "inquire", inquiry, log_file(path, inquiry))


def stop(path: Path, experiment: str) -> None:
    """Ask a running experiment to stop; what is committed stays and it can be resumed."""
    with Store(path) as store:
        store.experiments.set_job(experiment, cancel=1)
        pid = store.experiments.job(experiment).pid
    if pid is not None and pid != os.getpid() and running(path, experiment):
        with suppress(OSError):  # it has just ended, or belongs to another user: the flag in its row remains
            os.kill(pid, signal.SIGTERM)


def interrupted(path: Path, experiment: str) -> None:
    """Record an interruption that came before the run could begin: the job does not wait for anybody."""
    with suppress(SiriusError), Store(path) as store:
        if store.experiments.job(experiment).status in ACTIVE and not running(path, experiment):
            store.experiments.set_job(experiment, status="stopped", pid=None)


def status(store: Store, experiment: str) -> Job:
    """The job row; one that no process works on, although it says so, has been interrupted and can be resumed."""
    job = store.experiments.job(experiment)
    if job.status not in ACTIVE or running(store.path, experiment):
        return job
    if job.status == "running":
        return replace(job, status="stopped", message="its process ended unexpectedly; resume to go on")
    age = (datetime.now(UTC) - datetime.fromisoformat(job.updated_at)).total_seconds()
    if age > SLOW_START:
        return replace(job, status="stopped", message="its process did not begin; resume to try again")
    return job


def active(store: Store) -> list[Job]:
    """Jobs that are queued or running now."""
    return [job for e in store.experiments.all() if (job := status(store, e.id)).status in ACTIVE]
