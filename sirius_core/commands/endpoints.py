"""``sirius serve``, ``doctor``, ``prices``, ``estimate``, ``first-look`` and ``data``: real models and real data."""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import BudgetSpent, Cancelled, UsageError
from . import Add, again, any_port, changes_of, common, existing

if TYPE_CHECKING:
    from ..store import Experiment, Store


def add(command: Add) -> None:
    serve = command("serve", _serve, "The pocket model behind the OpenAI protocol, on this machine only.")
    serve.add_argument("--port", type=any_port, default=8399, help="0: a free one")
    serve.add_argument("--workers", type=int, default=2)
    serve.add_argument("--folder", type=Path, help="where fine-tuned models are kept (default: in memory)")

    doctor = command("doctor", _doctor, "Twenty calls that say whether an endpoint is ready for bootstrapping.")
    doctor.add_argument("url", metavar="URL", help="the base URL, e.g. http://127.0.0.1:8000/v1")
    doctor.add_argument("--model", required=True, metavar="NAME")
    doctor.add_argument("--seed", type=int, default=0)

    estimate = command("estimate", _estimate, "What an experiment would cost: a pilot of eight problems, then a range.")
    estimate.add_argument("preset", metavar="PRESET_OR_FILE")
    estimate.add_argument("--experiment", action="store_true", help="it names one that stands already")
    estimate.add_argument("--seed", type=int, default=0)

    look = command("first-look", _first_look, "Your own problems: one agent, a chain, demos and rewritten prompts.")
    look.add_argument("data", metavar="FILE_OR_CONTRAST",
                      help="a CSV or JSONL file with questions and answers; or contrast-1, to start or go on with one")
    look.add_argument("--seed", type=int, default=0)
    look.add_argument("--yes", action="store_true", help="start without asking, once the cost is known")

    for sub in (doctor, estimate, look):
        if sub is not doctor:
            sub.add_argument("--model", metavar="NAME", default="", help="the model at an endpoint")
            sub.add_argument("--base-url", metavar="URL", default="", help="the endpoint (default: OpenAI's)")
        sub.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change a setting")
        common(sub)

    prices = command("prices", _prices, "Show or set what models cost, in US dollars per million tokens.")
    prices.add_argument("model", nargs="?")
    prices.add_argument("input", nargs="?", type=float, help="for tokens read")
    prices.add_argument("output", nargs="?", type=float, help="for tokens written")
    prices.add_argument("--cached", type=float, help="for tokens read from the server's cache")
    prices.add_argument("--note", default="", help="where the price was found, and when")
    prices.add_argument("--remove", action="store_true")
    common(prices)

    data = command("data", _data, "What a dataset holds: counts, splits, doubled questions, licence.")
    data.add_argument("source")
    data.add_argument("--data", default="", metavar="PATH", help="its official file or folder")
    data.add_argument("--seed", type=int, default=0)
    data.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change a setting")
    data.add_argument("--json", action="store_true", help="one JSON object on stdout")


def _serve(args: argparse.Namespace) -> None:
    from ..server import serve

    serve(args.port, folder=args.folder, workers=args.workers)


def _doctor(args: argparse.Namespace) -> None:
    from .. import doctor, jobs, machines
    from ..improve import Run
    from ..settings import preset
    from ..store import Store

    changes = {"recipe": "star", "rounds": 0, "problems": 40, "validation": 4, "heldout": 4, "new_wordings": 0,
               "withheld_forms": 0, "controls": 0, "update": "none"}
    settings = preset("quickstart", changes).changed({**changes_of(args.set), "model": args.model,
                                                      "base_url": args.url})
    with tempfile.TemporaryDirectory() as folder, Store(Path(folder) / "doctor.db") as store:
        if args.db.exists():
            with Store(args.db) as prices:
                for row in prices.prices.all():
                    store.prices.set(*row[:4])
        experiment = jobs.create(store, "doctor", settings, args.seed)
        machine = machines.machine_for(settings, store, experiment.id)
        try:
            found = doctor.checkup(Run(store, experiment, machine))
        finally:
            machine.close()
    if args.json:
        print(json.dumps({**asdict(found), "zone": found.zone, "model": args.model, "base_url": args.url}))
    else:
        print("\n".join(doctor.lines(found, args.model)))


def _estimate(args: argparse.Namespace) -> None:
    from .. import estimate, jobs
    from ..store import Store
    from .experiments import chosen_settings

    experiment = args.preset
    if not args.experiment:
        name, settings = chosen_settings(args.preset, _given(args))
        with Store(args.db) as store:
            experiment = jobs.create(store, name, settings, args.seed).id
    found = jobs.estimate(args.db, experiment, hear=lambda line: print(line, file=sys.stderr))
    if args.json:
        print(json.dumps({"experiment": experiment, **found}))
    else:
        print("\n".join(estimate.lines(found)))
        print(f"start it: sirius resume {experiment}" + again(args.db))


def _first_look(args: argparse.Namespace) -> int:
    from .. import contrast, jobs
    from ..settings import preset
    from ..store import Store

    with Store(args.db) as store:
        look, arms = args.data, store.experiments.of_contrast(args.data)
        if not arms:
            if not args.model:
                raise UsageError("a first look needs a model at an endpoint: --model NAME [--base-url URL]")
            given = {"source": "table", **contrast.THRIFTY, **_given(args), "data": args.data}
            question = "One agent, a chain, the chain with demonstrations, the chain with rewritten prompts?"
            look, arms = contrast.begin(store, Path(args.data).stem, question, contrast.FIRST_LOOK,
                                        preset("quickstart", given), args.seed, jobs.create)
        else:
            for e in arms if args.set else ():
                jobs.change(store, e.id, changes_of(args.set))
        known_of = {e.id: _known_estimate(store, e) for e in arms}
    stopped: BudgetSpent | Cancelled | None = None
    try:
        arms = _play_arms(args, look, arms, known_of)
    except (BudgetSpent, Cancelled) as stop:  # what goes on is the whole look
        stopped = type(stop)(re.sub(r"sirius resume \S+", f"sirius first-look {look} --yes", str(stop)))
    with Store(args.db) as store:
        rows = contrast.table(store, look)
    if args.json:
        print(json.dumps({"contrast": look, "arms": rows}))
    elif arms:
        print("\n".join(contrast.lines(rows)))
    if stopped is not None:
        raise stopped
    return 0


def _known_estimate(store: Store, arm: Experiment) -> dict[str, Any] | None:
    """What was estimated for an arm; None where that should be done, again once a price is known."""
    found = store.experiments.measurement(arm.id, "estimate")
    priced = store.prices.get(arm.settings.model) is not None and not store.experiments.reports(arm.id)
    return None if found and priced and found["high"]["cost"] is None else found


def _play_arms(
    args: argparse.Namespace, look: str, arms: list[Experiment], known_of: Mapping[str, dict[str, Any] | None]
) -> list[Experiment]:
    """Say what it will cost, and play every arm once that is agreed to; returns the arms that were played."""
    from .. import estimate, jobs

    low, high, known = 0.0, 0.0, True
    for e in arms:
        found = known_of[e.id] or jobs.estimate(args.db, e.id)
        print(f"{e.arm:16} " + "; ".join(estimate.lines(found)[-1:]), file=sys.stderr)
        known = known and found["high"]["cost"] is not None
        low, high = low + (found["low"]["cost"] or 0.0), high + (found["high"]["cost"] or 0.0)
    total = f"${low:.2f} to ${high:.2f}" if known else "cost unknown: say the price first (sirius prices)"
    print(f"all together     {total}; what arms have in common is paid once", file=sys.stderr)
    if not args.yes and not (sys.stdin.isatty() and input("Start? [y/N] ").strip().lower() in ("y", "yes")):
        print(f"not started; start it with: sirius first-look {look} --yes" + again(args.db), file=sys.stderr)
        return []
    for e in arms:
        print(e.arm, file=sys.stderr, flush=True)
        jobs.run(args.db, e.id, hear=lambda line: print(f"    {line}", file=sys.stderr, flush=True))
    return arms


def _prices(args: argparse.Namespace) -> None:
    from ..store import Store

    if (args.input is None) != (args.output is None):
        raise UsageError("two prices are needed, for tokens read and for tokens written: sirius prices MODEL 0.15 0.6")
    if args.model is None:
        existing(args.db)
    with Store(args.db) as store:
        if args.remove and args.model:
            store.prices.remove(args.model)
        elif args.input is not None:
            store.prices.set(args.model, args.input, args.output, args.cached, args.note)
        rows = [row for row in store.prices.all() if args.model in (None, row.model)]
    if args.json:
        print(json.dumps({"prices": [row._asdict() for row in rows]}))
    else:
        for row in rows:
            print(f"{row.model:32} {row.input:g} in, {row.output:g} out per million tokens"
                  + ("" if row.cached is None else f", {row.cached:g} cached")
                  + (f"  ({row.note})" if row.note else ""))
        if not rows:
            print("no price is known" + (f" for {args.model}" if args.model else ""), file=sys.stderr)


def _data(args: argparse.Namespace) -> None:
    from .. import tasks
    from ..settings import preset

    settings = preset("quickstart", {**changes_of(args.set), "source": args.source, "data": args.data})
    found = tasks.describe(args.source, settings, args.seed)
    print(json.dumps(found) if args.json else json.dumps(found, indent=2, ensure_ascii=False))


def _given(args: argparse.Namespace) -> dict[str, Any]:
    endpoint = {"model": args.model, "base_url": args.base_url}
    return {**changes_of(args.set), **{name: value for name, value in endpoint.items() if value}}
