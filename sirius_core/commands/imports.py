"""``sirius import`` and ``keep``: traces from elsewhere, and the library that becomes of them."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

from . import Add, again, common, existing


def add(command: Add) -> None:
    take = command("import", _import, "Import a JSONL of traces from elsewhere, to look at, review and export.")
    take.add_argument("file", type=Path)
    take.add_argument("--name", default="", help="of the experiment (default: the file's)")
    take.add_argument("--kind", default="", help="how the answers are compared (default: guessed from the first ones)")
    common(take)
    keep = command("keep", _keep, "Make the library of an imported experiment: what is right, and what was let in.")
    keep.add_argument("experiment")
    common(keep)


def _import(args: argparse.Namespace) -> None:
    from .. import imports
    from ..store import Store

    def progress(what: str, done: int, total: int) -> None:
        of = f" of {total:,}" if total else ""
        print(f"\r{what} {args.file.name}: {done:,}{of} traces", end="", file=sys.stderr, flush=True)

    try:
        with Store(args.db) as store:
            taken = imports.take(store, args.file, args.name, args.kind, progress)
    finally:
        print(file=sys.stderr)
    if args.json:
        print(json.dumps(asdict(taken)))
        return
    if taken.before:
        print(f"{taken.experiment}: this file was imported before; nothing is there twice")
    print(f"{taken.experiment}: {taken.traces:,} traces, {taken.right:,} right, {taken.wrong:,} wrong, "
          f"{taken.not_judged:,} not judged, {taken.waiting:,} for review")
    for note in taken.notes:
        print(note)
    if taken.differ:
        print(f"{taken.differ:,} state another reward than the rule gives; the rule's counts")
    print(f"then: sirius keep {taken.experiment}{again(args.db)}")


def _keep(args: argparse.Namespace) -> None:
    from .. import imports
    from ..store import Store

    existing(args.db)
    with Store(args.db) as store:
        made = imports.keep(store, args.experiment)
    if args.json:
        print(json.dumps({"experiment": args.experiment, "library": made}))
        return
    for model, n in made.items():
        print(f"{model}: {n} examples")
    print(f"then: sirius export {args.experiment}{again(args.db)}")
