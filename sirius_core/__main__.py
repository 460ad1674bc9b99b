"""The command line ``sirius``: the same calls that the pages make.

Progress goes to stderr. With ``--json`` stdout carries exactly one object (its schema: report.schema.json beside this
file). Exit codes: 0 done, 1 our error in one clear line, 2 usage, 3 paused (review or budget), 130 interrupted.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NoReturn

from . import __version__
from .errors import Cancelled, SiriusError, UsageError

DEFAULT_DB = "lab.db"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    args = parser().parse_args(arguments)
    try:
        return int(args.command(args) or 0)
    except SiriusError as error:
        print(f"sirius: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("sirius: interrupted; what was finished is stored", file=sys.stderr)
        return Cancelled.exit_code
    except OSError as error:  # nobody reads on, or a disk is full: what stands in stdout's buffer can go nowhere
        with suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            return 0
        print(f"sirius: {error}", file=sys.stderr)
        return SiriusError.exit_code


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(UsageError.exit_code, f"sirius: {message} (see: {self.prog} --help)\n")


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    top = _Parser(prog="sirius", description="A team of language-model agents that improves itself.")
    top.add_argument("--version", action="version", version=f"sirius-lab {__version__}")
    commands = top.add_subparsers(required=True, metavar="COMMAND", parser_class=_Parser)

    def command(name: str, function: Any, help: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=help, description=help)
        sub.set_defaults(command=function)
        return sub

    def common(sub: argparse.ArgumentParser) -> None:
        sub.add_argument(
            "--db", type=Path, default=Path(os.environ.get("SIRIUS_DB", DEFAULT_DB)), help="the database file"
        )
        sub.add_argument("--json", action="store_true", help="one JSON object on stdout")

    run = command(
        "run", _run, "Run a preset (quickstart, tiny, contrast) or a JSON file of settings as a new experiment."
    )
    run.add_argument("preset", metavar="PRESET_OR_FILE")
    run.add_argument("--seed", type=int, default=0)
    run.add_argument("--rounds", type=int)
    resume = command("resume", _resume, "Go on with an experiment that was stopped or paused.")
    resume.add_argument("experiment")
    resume.add_argument("--go-on", action="store_true", help="with review on: go on with the decisions that there are")
    for sub in (run, resume):
        common(sub)
        sub.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change a setting")
        sub.add_argument("--max-db-mb", type=_megabytes, default=0, help="never let the database grow beyond this")
    common(command("status", _status, "List experiments, newest first."))
    stop = command("stop", _stop, "Ask a running experiment to stop; it can be resumed.")
    stop.add_argument("experiment")
    common(stop)
    measure = command("measure", _measure, "pass@k of the base and of the team now, k = 1 to 64.")
    measure.add_argument("experiment")
    measure.add_argument("--samples", type=int, default=64)
    measure.add_argument("--problems", type=int, default=100)
    common(measure)
    common(command("check", _check, "Check the database: integrity, foreign keys, checkpoints."))
    pocket = command("pocket", _pocket, "Rebuild a shipped checkpoint of the embedded model.")
    pocket.add_argument("action", choices=["pretrain"])
    pocket.add_argument("base", nargs="?", default="misled")
    pocket.add_argument("--out", type=Path, help="where to write it (default: NAME.npz here)")
    lab = command("lab", _lab, "Open the lab in a browser; an empty database starts the quickstart by itself.")
    lab.add_argument("--port", type=_port, default=8501)
    lab.add_argument("--no-browser", action="store_true")
    common(lab)
    command("notebook", _notebook, "Open the notebooks in JupyterLab.")
    return top


def _megabytes(text: str) -> float:
    if not 0 <= (size := float(text)) <= 1e9:  # also false for NaN
        raise ValueError
    return size


def _port(text: str) -> int:
    if not 0 < (port := int(text)) < 65536:
        raise ValueError
    return port


_megabytes.__name__, _port.__name__ = "size", "port"  # argparse: invalid size value: '-1'


# -- experiments -----------------------------------------------------------------------------------------------------
def _changes(pairs: Sequence[str]) -> dict[str, str]:
    changes = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            raise UsageError(f"--set {pair!r}: write it as KEY=VALUE")
        changes[name.strip()] = value.strip()
    return changes


def _run(args: argparse.Namespace) -> int:
    from . import jobs, settings
    from .store import Store

    changes: dict[str, Any] = _changes(args.set)
    if args.rounds is not None:
        changes["rounds"] = args.rounds
    name = args.preset
    if name.endswith(".json"):
        chosen = settings.Settings().changed({**_settings_file(Path(name)), **changes})
        name = Path(name).stem
    else:
        chosen = settings.preset(name, changes)
    with Store(args.db, max_mb=args.max_db_mb) as store:
        experiment = jobs.create(store, name, chosen, args.seed).id
    return _carry_on(args, experiment)


def _settings_file(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"cannot read settings from {str(path)!r}: {error}") from None
    if not isinstance(found, dict):
        raise UsageError(f"{str(path)!r} must hold one JSON object of settings")
    return found


def _resume(args: argparse.Namespace) -> int:
    from . import jobs, review
    from .store import Store

    _existing(args.db)
    with Store(args.db) as store:
        store.experiments.get(args.experiment)

    def prepare() -> None:
        changes = _changes(args.set)
        with Store(args.db, max_mb=args.max_db_mb) as store:
            if changes:
                jobs.change(store, args.experiment, changes)
            if args.go_on:
                review.go_on(store, args.experiment, store.experiments.job(args.experiment).round)

    return _carry_on(args, args.experiment, prepare)


def _carry_on(args: argparse.Namespace, experiment: str, prepare: Callable[[], None] = lambda: None) -> int:
    """From here on the experiment exists: with --json it is printed whatever happens."""
    from . import jobs

    started = time.monotonic()

    def hear(line: str) -> None:
        print(f"{time.monotonic() - started:7.1f} s  {line}", file=sys.stderr, flush=True)

    try:
        print(f"experiment {experiment} in {args.db}", file=sys.stderr, flush=True)
        prepare()
        jobs.run(args.db, experiment, hear=hear, max_mb=args.max_db_mb)
        return 0
    except SiriusError as error:
        print(f"sirius: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        with _no_interrupt():
            jobs.interrupted(args.db, experiment)
        raise
    finally:
        with _no_interrupt():
            if args.json:
                print(json.dumps(summary(args.db, experiment)), flush=True)
            else:
                _print_rounds(args.db, experiment)


@contextmanager
def _no_interrupt() -> Iterator[None]:
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
    from . import jobs
    from .store import Store

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
    for r in summary(db, experiment)["rounds"]:
        p = "" if r["p_vs_previous"] is None else f"  p = {r['p_vs_previous']:.2g} vs the round before"
        rest = "".join(
            f", {name} {r[key]:.0%}"
            for name, key in (("new wordings", "new_wordings_accuracy"), ("withheld forms", "withheld_forms_accuracy"))
            if r[key] is not None
        )
        print(
            f"round {r['round']}: {r['correct']}/{r['n']} = {r['accuracy']:.1%} ({r['low']:.1%} to {r['high']:.1%}), "
            f"greedy {r['greedy_accuracy']:.1%}{rest}{p}"
        )


def _status(args: argparse.Namespace) -> None:
    from . import jobs
    from .store import Store

    _existing(args.db)
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
    for row in rows if not args.json else []:
        print(
            f"{row['experiment']:24} {row['status']:8} round {row['round']} {row['phase']} {row['done']}/{row['total']}"
        )


def _stop(args: argparse.Namespace) -> None:
    from . import jobs
    from .store import Store

    _existing(args.db)
    with Store(args.db) as store:
        store.experiments.get(args.experiment)
    jobs.stop(args.db, args.experiment)
    if args.json:
        print(json.dumps(summary(args.db, args.experiment)))


def _measure(args: argparse.Namespace) -> None:
    from . import jobs

    _existing(args.db)
    measured = jobs.measure(
        args.db, args.experiment, args.samples, args.problems, hear=lambda line: print(line, file=sys.stderr)
    )
    if args.json:
        print(json.dumps(measured))
    else:
        for name, record in measured.items():
            print(f"{name:8}" + "  ".join(f"pass@{k} {m:.1%}" for k, (m, _, _) in record["k"].items()))


def _check(args: argparse.Namespace) -> int:
    from .store import Store

    _existing(args.db)
    with Store(args.db) as store:
        problems = store.check()
    print(json.dumps({"problems": problems}) if args.json else "\n".join(problems) or "the database is sound")
    return 1 if problems else 0


def _existing(db: Path) -> None:
    if not os.path.exists(db):  # unlike Path.exists also where a folder may not be entered
        raise UsageError(f"there is no database {str(db)!r}; sirius run quickstart makes one, --db names another")


# -- the embedded model, the app, the notebooks ----------------------------------------------------------------------
def _pocket(args: argparse.Namespace) -> None:
    if os.environ.get("OPENBLAS_NUM_THREADS") != "1":
        # BLAS reads it once, when NumPy is loaded: begin again with it set
        os.environ.update(dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1"))
        os.execv(sys.executable, [sys.executable, "-m", "sirius_core", *sys.argv[1:]])
    from .pocket import pretraining

    if args.base not in pretraining.BASES:
        from .errors import UnknownName

        raise UnknownName("base", args.base, pretraining.BASES)

    out = args.out or Path(f"{args.base}.npz")
    if not out.parent.is_dir() or out.is_dir():  # told before the minutes that it takes
        raise UsageError(f"cannot write {str(out)!r}: name a file in a folder that exists")

    def on_step(step: int, steps: int, loss: float) -> None:
        if step % 100 == 0 or step == steps:
            print(f"\r{args.base}: step {step}/{steps}, loss {loss:.3f}", end="", file=sys.stderr, flush=True)

    started = time.process_time()
    blob = pretraining.pretrain(args.base, on_step)
    out.write_bytes(blob)
    print(f"\n{out}: {len(blob):,} bytes, {time.process_time() - started:.0f} s of one core", file=sys.stderr)


def _lab(args: argparse.Namespace) -> int:
    from . import jobs
    from .store import Store

    app = Path(__file__).resolve().parents[1] / "app.py"
    if not app.exists():
        raise UsageError("the app is not part of the installed package: run `make lab` in a checkout")
    if find_spec("streamlit") is None:
        raise UsageError("the app needs streamlit: pip install 'sirius-lab[app]'")
    with socket.socket() as probe:  # before anything is started
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", args.port))
        except OSError as error:
            raise UsageError(
                f"port {args.port} cannot be used ({error.strerror}): a lab may be open there already; "
                f"another: sirius lab --port {args.port % 65535 + 1}"
            ) from None
    db = args.db.resolve()
    with Store(db) as store:
        first = jobs.first(store)
    if first is not None:
        jobs.launch(db, first.id)
    print(f"Sirius Lab: http://127.0.0.1:{args.port}", file=sys.stderr)
    options = {
        "server.address": "127.0.0.1",
        "server.port": str(args.port),
        "server.headless": str(args.no_browser).lower(),
        "server.showEmailPrompt": "false",  # or the first start would wait for an answer in the terminal
    }
    flags = [part for name, value in options.items() for part in (f"--{name}", value)]
    command = [sys.executable, "-m", "streamlit", "run", str(app), *flags]
    os.chdir(app.parent)  # .streamlit/config.toml is read from there
    os.execve(sys.executable, command, {**os.environ, "SIRIUS_DB": str(db)})


def _notebook(args: argparse.Namespace) -> None:
    if find_spec("jupyterlab") is None:
        raise UsageError("the notebooks need JupyterLab: make notebook installs it")
    folder = Path(__file__).resolve().parents[1] / "notebooks"
    os.execv(sys.executable, [sys.executable, "-m", "jupyterlab", "--ip", "127.0.0.1", str(folder)])


if __name__ == "__main__":
    sys.exit(main())
