"""``sirius credit``: each role's part in what a finished experiment learned (see sirius_core/credit.py)."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from . import Add, common, existing
from .measuring import cancel, measuring, progress

NAME = "credit"
PROGRESS, CANCEL = progress(NAME), cancel(NAME)
PROBLEMS = 400
WAYS = {"left_out": "lost without its training", "added": "its training alone"}


def add(command: Add) -> None:
    credit = command("credit", _credit, "Which role earned it: one role's checkpoint swapped at a time.")
    credit.add_argument("experiment")
    credit.add_argument("--problems", type=int, default=PROBLEMS, metavar="N",
                        help=f"held-out problems (default {PROBLEMS}); what is played is found again")
    common(credit)


def _credit(args: argparse.Namespace) -> None:
    existing(args.db)
    found = measure(args.db, args.experiment, args.problems, hear=lambda line: print(line, file=sys.stderr))
    if args.json:
        print(json.dumps({"experiment": args.experiment, **found}))
        return
    for name, team in found["teams"].items():
        print(f"{name:32} {team['correct']}/{team['n']} = {team['accuracy']:.1%} "
              f"({team['low']:.1%} to {team['high']:.1%})")
    for role, ways in found["roles"].items():
        for way, said in WAYS.items():
            d = ways[way]
            print(f"{role}: {_points(d)} points ({said}), +{d['gained']} -{d['lost']}, p = {d['p']:.2g}, "
                  f"{d['holm']:.2g} for all")
        if part := ways["shapley"]:
            print(f"{role}: {_points(part)} points of {100 * found['gain']['value']:+.1f} are its own (Shapley)")


def _points(d: dict[str, Any]) -> str:
    return f"{100 * d['value']:+.1f} ({100 * d['low']:+.1f} to {100 * d['high']:+.1f})"


def measure(
    path: Path,
    experiment: str,
    problems: int = PROBLEMS,
    *,
    hear: Callable[[str], None] = lambda line: None,
    machine: Any = None,
) -> dict[str, Any]:
    """`credit.credit` in this process; what was played when it was stopped is found again by the next one."""
    from ..credit import credit

    with measuring(path, experiment, NAME, hear, machine) as run:
        return credit(run, problems)
