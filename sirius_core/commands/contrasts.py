"""``sirius contrast``: two or more arms over several seeds, from a file, a lesson, or one that stands; the verdict."""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..errors import SiriusError, UsageError
from . import Add, again, changes_of, common, existing, line
from .experiments import no_interrupt

STANDS = re.compile(r"contrast-[0-9]+")


def add(command: Add) -> None:
    contrast = command("contrast", _contrast, "Which arm is better: a TOML file of arms, a lesson, or a contrast that "
                                              "stands (contrast-3), over several seeds; ends with one sentence.")
    contrast.add_argument("what", metavar="FILE_OR_LESSON")
    contrast.add_argument("--seeds", type=int, metavar="N", help="seeds 0 to N-1; of one that stands: more, up to N")
    contrast.add_argument("--equal", metavar="X", help="what is held equal: calls, tokens, examples, steps; '' nothing")
    contrast.add_argument("--set", action="append", default=[], metavar="KEY=VALUE",
                          help="change a setting of all arms; of one that stands only budgets and workers")
    contrast.add_argument("--predict", metavar="ARM", help="before it begins: which arm will be ahead; '' for none")
    contrast.add_argument("--points", type=float, metavar="P", help="by how many points")
    contrast.add_argument("--why", default="", metavar="TEXT", help="and why")
    contrast.add_argument("--author", default="", help="who predicts")
    contrast.add_argument("--detach", action="store_true", help="carry it on in a process of its own")
    common(contrast)


def _contrast(args: argparse.Namespace) -> int:
    from ..store import Store
    from ..store.contrasts import predictable

    standing = STANDS.fullmatch(args.what)
    if standing:
        existing(args.db)
    plan = None if standing else _plan(args)
    with Store(args.db) as store:
        if plan is not None and args.predict is not None:  # with a prediction that cannot be kept nothing is made
            predictable([arm.name for arm in plan.arms], args.predict, args.points)
        contrast = _standing(store, args) if plan is None else _created(store, plan)
        print(f"contrast {contrast} in {args.db}", file=sys.stderr, flush=True)
        if args.predict is not None:
            store.contrasts.predict(contrast, args.author, args.predict, args.points, args.why)
    return _carry_on(args, contrast)


def _plan(args: argparse.Namespace) -> Any:
    """The plan of a file or a lesson, changed as the command says."""
    from .. import lessons
    from ..contrast import plan

    if args.what.endswith(".toml") or Path(args.what).is_file():
        made = plan.read(args.what)
    elif args.what in lessons.KEYS:
        made = lessons.get(args.what).plan
    else:
        raise UsageError(f"there is no file and no lesson {args.what!r}; the lessons are {', '.join(lessons.KEYS)}")
    changes = changes_of(args.set)
    for arm in made.arms:
        if own := sorted(set(changes) & set(arm.changes)):
            raise UsageError(f"--set {own[0]}: arm {arm.name!r} sets it itself; change it in the file")
    seeds = made.seeds if args.seeds is None else plan.seeds_of(args.seeds)
    return replace(made, settings={**made.settings, **changes}, seeds=seeds,
                   equal=made.equal if args.equal is None else args.equal)


def _created(store: Any, plan: Any) -> str:
    from .. import campaign

    return campaign.create(store, plan)


def _standing(store: Any, args: argparse.Namespace) -> str:
    """A contrast that stands, with more seeds and with other budgets where the command says so."""
    from .. import campaign

    contrast = str(store.contrasts.get(args.what).id)
    if args.equal is not None:
        raise UsageError("--equal: what is held equal is part of the contrast; make a new one")
    if changes := changes_of(args.set):
        campaign.change(store, contrast, changes)
    had = len(campaign.plan_of(store, contrast).seeds)
    if args.seeds is not None and args.seeds < had:
        raise UsageError(f"--seeds {args.seeds}: {contrast} has {had} seeds already")
    if args.seeds is not None and args.seeds > had:
        campaign.more_seeds(store, contrast, args.seeds - had)
    return contrast


def _carry_on(args: argparse.Namespace, contrast: str) -> int:
    """From here on the contrast exists: with --json it is printed whatever happens."""
    from .. import campaign

    started = time.monotonic()

    def hear(news: str) -> None:
        print(f"{time.monotonic() - started:7.1f} s  {news}", file=sys.stderr, flush=True)

    try:
        if args.detach:
            campaign.launch(args.db, contrast)
            print("it goes on by itself, and the contrast page shows how far it is; what came of it: "
                  f"sirius contrast {contrast}{again(args.db)}", file=sys.stderr)
        else:
            campaign.carry_on(args.db, contrast, hear=hear)
        return 0
    except SiriusError as error:
        print(line(error, args), file=sys.stderr)
        return error.exit_code
    finally:
        with no_interrupt():
            found = summary(args.db, contrast)
            if args.json:
                print(json.dumps(found), flush=True)
            else:
                print("\n".join(lines(found)), flush=True)


def stop(args: argparse.Namespace) -> None:
    """``sirius stop contrast-3``"""
    from .. import campaign

    campaign.stop(args.db, args.experiment)
    if args.json:
        print(json.dumps(summary(args.db, args.experiment)))


def summary(db: Path, contrast: str) -> dict[str, Any]:
    """The object of ``sirius contrast --json`` (its schema: contrast.schema.json)."""
    from .. import campaign
    from ..contrast import telling
    from ..store import Store

    with Store(db) as store:
        record, job = store.contrasts.get(contrast), campaign.status(store, contrast)
        said = store.contrasts.verdict(contrast) or {}
        arms: dict[str, Any] = {}
        for arm, by_seed in telling.ends(store, contrast).items():
            over = telling.mean(list(by_seed.values())) if by_seed else None
            arms[arm] = {
                "final": [{"seed": c.seed, "n": c.n, "correct": c.correct, "accuracy": c.accuracy}
                          for c in by_seed.values()],
                "mean": over and over.estimate, "low": over and over.low, "high": over and over.high}
        verdict = None if not said else {name: said[name] for name in ("level", "sentence", "order", "why")}
        return {"contrast": contrast, "name": record.name, "question": record.question, "status": job.status,
                "message": job.message, "seeds": list(record.plan["seeds"]), "equal": record.plan["equal"],
                "arms": arms, "pairs": said.get("pairs", []), "verdict": verdict,
                "left_out": said.get("left_out", []), "fairness": said.get("fairness", []),
                "predictions": said.get("predictions") or [
                    {"author": p.author, "arm": p.arm, "points": p.points, "reason": p.reason, "came": None}
                    for p in store.contrasts.predictions(contrast)],
                "seconds": job.seconds, "db": str(db)}


def lines(found: Mapping[str, Any]) -> list[str]:
    """The same for a terminal."""
    out = []
    for arm, record in found["arms"].items():
        if record["mean"] is None:
            out.append(f"{arm:20} not finished with any seed")
            continue
        each = " ".join(f"{100 * end['accuracy']:.1f}" for end in record["final"])
        asked = sum(end["n"] for end in record["final"])
        out.append(f"{arm:20} {record['mean']:.1%} ({record['low']:.1%} to {record['high']:.1%}) over "
                   f"{len(record['final'])} seed{'s' * (len(record['final']) > 1)}, {asked:,} answers: {each}")
    out += [_pair(pair) for pair in found["pairs"]]
    if found["verdict"] is not None:
        out += ["", *filter(None, (found["verdict"]["sentence"], found["verdict"]["why"]))]
    out += [*found["left_out"], *found["fairness"], *_predicted(found["predictions"])]
    if found["status"] != "done":
        out.append(f"{found['contrast']} is {found['status']}{': ' * bool(found['message'])}{found['message']}")
    return out


def _pair(pair: Mapping[str, Any]) -> str:
    d, seed = pair["delta"], "" if pair["seed"] is None else f", seed {pair['seed']}"
    told = "different" if pair["different"] else "cannot be told apart"
    return (f"{pair['other']} over {pair['one']}{seed}: {100 * d['estimate']:+.1f} points ({100 * d['low']:+.1f} to "
            f"{100 * d['high']:+.1f}), +{pair['gained']} -{pair['lost']}, p = {pair['p']:.2g} "
            f"({pair['p_holm']:.2g} after Holm): {told}")


def _predicted(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    out = []
    for row in rows:
        what = f"{row['arm']!r} ahead" if row["arm"] else "no difference"
        by = "" if row["points"] is None else f" by {row['points']:g} points"
        why = f", because {row['reason']}" if row["reason"] else ""
        out.append(f"{row['author'] or 'somebody'} predicted {what}{by}{why}"
                   + (f": {row['came']}" if row["came"] else ""))
    return out
