"""``sirius export``, ``rebuild``, ``manifest`` and ``check``: what was learned from, and whether the file is true."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from . import Add, common, existing


def add(command: Add) -> None:
    export = command(
        "export", _export, "A round's library as JSON lines for other tools, a file for each model, with provenance."
    )
    export.add_argument("experiment")
    export.add_argument("--round", type=int, help="default: the last one that was trained")
    export.add_argument("--model", metavar="ROLE", help="only this role's, or * for a model that all share")
    export.add_argument("--format", default="openai", choices=("openai", "trl", "preferences"),
                        help="openai and trl: chat lines; preferences: repair over failure, edit over both (DPO)")
    export.add_argument("--out", type=Path, default=Path("export"), metavar="FOLDER")
    common(export)
    rebuild = command("rebuild", _rebuild, "Derive a round's training sets anew from their sources and compare hashes.")
    manifest = command("manifest", _manifest, "What it takes to repeat a round, as JSON: seeds, settings, hashes.")
    for sub in (rebuild, manifest):
        sub.add_argument("experiment")
        sub.add_argument("--round", type=int, help="default: the last one that was trained")
        common(sub)
    check = command("check", _check, "Derive every hash and number of the database anew and say exactly what differs.")
    common(check)


def _export(args: argparse.Namespace) -> None:
    from .. import export
    from ..store import Store

    existing(args.db)
    with Store(args.db) as store:
        store.experiments.get(args.experiment)
        files = export.folder(store, args.experiment, args.round, args.out, args.format, args.model)
        round = export.sets(store, args.experiment, args.round, args.model)[0]["round"]
    rows = [{"file": str(f.path), "model": f.model, "examples": f.examples, "left_out": f.left_out,
             "training_set": f.training_set, "provenance": str(f.provenance)} for f in files]
    if args.json:
        print(json.dumps({"experiment": args.experiment, "round": round, "format": args.format, "files": rows}))
        return
    for f in files:
        out = f", {f.left_out} left out for their licence" if f.left_out else ""
        print(f"{f.path}: {f.examples} {'pairs' if args.format == 'preferences' else 'examples'}{out}")


def _rebuild(args: argparse.Namespace) -> int:
    from .. import export, provenance
    from ..store import Store

    existing(args.db)
    with Store(args.db) as store:
        round = export.sets(store, store.experiments.get(args.experiment).id, args.round)[0]["round"]
        found = provenance.rebuild(store, args.experiment, round)
    if args.json:
        sets = [{"model": r.model, "equal": r.equal, "stored": r.stored, "derived": r.derived} for r in found]
        print(json.dumps({"experiment": args.experiment, "round": round, "sets": sets}))
    for r in found if not args.json else ():
        said = f"{r.examples_derived} examples, equal" if r.equal else (
            f"stored {r.stored} ({r.examples_stored} examples), derived {r.derived} ({r.examples_derived})")
        print(f"round {round} {r.model}: {said}")
    return 0 if all(r.equal for r in found) else 1


def _manifest(args: argparse.Namespace) -> None:
    from .. import export, provenance
    from ..store import Store

    existing(args.db)
    with Store(args.db) as store:
        round = export.sets(store, store.experiments.get(args.experiment).id, args.round)[0]["round"]
        print(json.dumps(provenance.manifest(store, args.experiment, round), indent=None if args.json else 2))


def _check(args: argparse.Namespace) -> int:
    from .. import crossplay, figures, measures
    from ..contrast.conclusion import differing
    from ..store import Store

    def hear(news: str) -> None:
        print(news, file=sys.stderr, flush=True)

    existing(args.db)
    with Store(args.db) as store:
        problems = store.check(figures.for_round, hear, measures.again(store))
        hear("verdicts")
        problems += differing(store)
        hear("cross-play")
        problems += crossplay.differing(store)
    print(json.dumps({"problems": problems}) if args.json else "\n".join(problems) or "the database is sound")
    return 1 if problems else 0
