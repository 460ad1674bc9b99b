"""``sirius run``, ``resume``, ``status``, ``stop`` and ``measure``."""

from __future__ import annotations

import argparse
import json
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..errors import SiriusError, UsageError
from ..settings import Settings
from . import Add, changes_of, common, existing, line, megabytes


def add(command: Add) -> None:
    run = command("run", _run, "Run a preset (quickstart, actor-critic, sell-and-buy ...) or a JSON file of settings "
                  "as a new experiment.")
    run.add_argument("preset", metavar="PRESET_OR_FILE")
    run.add_argument("--seed", type=int, default=0)
    run.add_argument("--rounds", type=int)
    run.add_argument("--model", metavar="NAME", help="a model at an endpoint instead of the embedded one")
    run.add_argument("--base-url", metavar="URL", help="the endpoint (default: OpenAI's); its key: --set key_env=NAME")
    resume = command("resume", _resume, "Go on with an experiment that was stopped or paused.")
    resume.add_argument("experiment")
    resume.add_argument("--go-on", action="store_true", help="with review on: go on with the decisions that there are")
    for sub in (run, resume):
        common(sub)
        sub.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change a setting")
        sub.add_argument("--max-db-mb", type=megabytes, default=0, help="never let the database grow beyond this")
    common(command("status", _status, "List experiments, newest first."))
    stop = command("stop", _stop, "Ask a running experiment, or a contrast, to stop; it can go on later.")
    stop.add_argument("experiment")
    common(stop)
    measure = command("measure", _measure, "pass@k of the base and of the team now, k = 1 to 64.")
    measure.add_argument("experiment")
    measure.add_argument("--samples", type=int, default=64)
    measure.add_argument("--problems", type=int, default=100)
    common(measure)


def _run(args: argparse.Namespace) -> int:
    from .. import jobs
    from ..store import Store

    given = {"rounds": args.rounds, "model": args.model, "base_url": args.base_url}
    changes = changes_of(args.set) | {name: value for name, value in given.items() if value is not None}
    name, chosen = chosen_settings(args.preset, changes)
    with Store(args.db, max_mb=args.max_db_mb) as store:
        experiment = jobs.create(store, name, chosen, args.seed).id
    return _carry_on(args, experiment)


def chosen_settings(name: str, changes: Mapping[str, Any]) -> tuple[str, Settings]:
    """(name, settings) of a preset, or of a JSON file of settings, with changes."""
    from .. import settings

    if name.endswith(".json"):
        return Path(name).stem, settings.Settings().changed({**settings_file(Path(name)), **changes})
    return name, settings.preset(name, changes)


def settings_file(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"cannot read settings from {str(path)!r}: {error}") from None
    if not isinstance(found, dict):
        raise UsageError(f"{str(path)!r} must hold one JSON object of settings")
    return found


def _resume(args: argparse.Namespace) -> int:
    from .. import jobs, review
    from ..store import Store

    existing(args.db)
    with Store(args.db) as store:
        store.experiments.get(args.experiment)

    def prepare() -> None:
        changes = changes_of(args.set)
        with Store(args.db, max_mb=args.max_db_mb) as store:
            if changes:
                jobs.change(store, args.experiment, changes)
            if args.go_on:
                review.go_on(store, args.experiment, store.experiments.job(args.experiment).round)

    return _carry_on(args, args.experiment, prepare)


def _carry_on(args: argparse.Namespace, experiment: str, prepare: Callable[[], None] = lambda: None) -> int:
    """From here on the experiment exists: with --json it is printed whatever happens."""
    from .. import jobs

    started = time.monotonic()

    def hear(news: str) -> None:
        print(f"{time.monotonic() - started:7.1f} s  {news}", file=sys.stderr, flush=True)

    try:
        print(f"experiment {experiment} in {args.db}", file=sys.stderr, flush=True)
        prepare()
        jobs.run(args.db, experiment, hear=hear, max_mb=args.max_db_mb)
        return 0
    except SiriusError as error:
        print(line(error, args), file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        with no_interrupt():
            jobs.interrupted(args.db, experiment)
        raise
    finally:
        with no_interrupt():
            if args.json:
                print(json.dumps(summary(args.db, experiment)), flush=True)
            else:
                _print_rounds(args.db, experiment)


@contextmanager
def no_interrupt() -> Iterator[None]:
    """Whoever presses Ctrl-C once too often still gets to read how it ended."""
    try:
        old = signal.signal(signal.SIGINT, signal.SIG_IGN)
    except ValueError:  # not the main thread, which gets no signals
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, old)


def summary(db: Path, experiment: str) -> dict[str, Any]:
    """The object of ``sirius run --json``."""
    from .. import jobs
    from ..store import Store

    with Store(db) as store:
        record, job, reports = (
            store.experiments.get(experiment),
            jobs.status(store, experiment),
            store.experiments.reports(experiment),
        )
        kept = store.weights.models(experiment, len(reports) - 1)
        return {
            "experiment": experiment,
            "name": record.name,
            "seed": record.seed,
            "status": job.status,
            "message": job.message,
            "rounds": reports,
            "models": kept[0] if kept else {},
            "seconds": job.seconds,
            "db": str(db),
        }


def _print_rounds(db: Path, experiment: str) -> None:
    from ..store import Store
    from ..tasks import split_title

    with Store(db) as store:
        beyond = split_title(store.experiments.get(experiment).settings.source, "withheld_forms")
        if data := store.experiments.measurement(experiment, "data"):
            print(data["line"])
    for r in summary(db, experiment)["rounds"]:
        p = "" if r["p_vs_previous"] is None else f"  p = {r['p_vs_previous']:.2g} vs the round before"
        rest = "".join(
            f", {name} {r[key]:.0%}"
            for name, key in (("new wordings", "new_wordings_accuracy"), (beyond, "withheld_forms_accuracy"))
            if r[key] is not None
        )
        if stops := r.get("stops"):  # they count as wrong: whoever reads the number should know
            rest += "; " + ", ".join(f"{n} {stop}" for stop, n in stops.items())
        print(
            f"round {r['round']}: {r['correct']}/{r['n']} = {r['accuracy']:.1%} ({r['low']:.1%} to {r['high']:.1%}), "
            f"greedy {r['greedy_accuracy']:.1%}{rest}{p}"
        )


def _status(args: argparse.Namespace) -> None:
    from .. import jobs
    from ..store import Store

    existing(args.db)
    with Store(args.db) as store:
        found = [(e, jobs.status(store, e.id)) for e in store.experiments.all()]
    rows = [
        {
            "experiment": e.id,
            "name": e.name,
            "status": j.status,
            "round": j.round,
            "phase": j.phase,
            "done": j.done,
            "total": j.total,
        }
        for e, j in found
    ]
    if args.json:
        print(json.dumps({"experiments": rows}))
    for row, (_, job) in zip(rows, found, strict=True) if not args.json else ():
        why = f"  {job.message}" if job.message else ""
        print(f"{row['experiment']:24} {row['status']:8} round {row['round']} {row['phase']} "
              f"{row['done']}/{row['total']}{why}")


def _stop(args: argparse.Namespace) -> None:
    from .. import jobs
    from ..store import Store
    from . import contrasts

    existing(args.db)
    if re.fullmatch(r"contrast-[0-9]+", args.experiment):
        return contrasts.stop(args)
    with Store(args.db) as store:
        store.experiments.get(args.experiment)
    jobs.stop(args.db, args.experiment)
    if args.json:
        print(json.dumps(summary(args.db, args.experiment)))


def _measure(args: argparse.Namespace) -> None:
    from .. import jobs

    existing(args.db)
    measured = jobs.measure(
        args.db, args.experiment, args.samples, args.problems, hear=lambda line: print(line, file=sys.stderr)
    )
    if args.json:
        print(json.dumps(measured))
    else:
        for name, record in measured.items():
            print(f"{name:8}" + "  ".join(f"pass@{k} {m:.1%}" for k, (m, _, _) in record["k"].items()))
