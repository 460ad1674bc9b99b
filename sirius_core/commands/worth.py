"""``sirius worth``: what reviewing a round bought, measured (see sirius_core/worth.py)."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..errors import UsageError
from . import Add, common, existing
from .measuring import cancel, measuring, progress

NAME = "worth"
PROGRESS, CANCEL = progress(NAME), cancel(NAME)


def add(command: Add) -> None:
    worth = command("worth", _worth, "What reviewing a round bought: trained with and without, at equal steps.")
    worth.add_argument("experiment")
    worth.add_argument("--round", type=int, help="default: the last one in which somebody decided something")
    worth.add_argument("--scripted", action="store_true",
                       help="also for an oracle, a sloppy and a random reviewer, while the round waits")
    common(worth)


def _worth(args: argparse.Namespace) -> None:
    existing(args.db)
    found = measure(args.db, args.experiment, args.round, args.scripted, hear=lambda line: print(line, file=sys.stderr))
    if args.json:
        print(json.dumps(found))
        return
    for name, arm in found["arms"].items():
        shares = ", ".join(f"{mode} {arm[mode]['correct']}/{arm[mode]['n']} = {arm[mode]['accuracy']:.1%} "
                           f"({arm[mode]['low']:.1%} to {arm[mode]['high']:.1%})" for mode in ("sampled", "greedy"))
        print(f"{name:10} {shares}; {arm['repairs']} repairs, {arm['edited']} by hand, {arm['solved']} problems solved")
    for pair in found["pairs"]:
        print(f"{pair['of']} over {pair['over']}, {pair['mode']}: {100 * pair['delta']:+.1f} points "
              f"({100 * pair['low']:+.1f} to {100 * pair['high']:+.1f}), +{pair['gained']} -{pair['lost']}, "
              f"p = {pair['p']:.2g}, {pair['holm']:.2g} for all pairs")


def measure(
    path: Path,
    experiment: str,
    round: int | None = None,
    scripted: bool = False,
    *,
    hear: Callable[[str], None] = lambda line: None,
    machine: Any = None,
) -> dict[str, Any]:
    """`worth.worth` in this process, under the experiment's lock; SIGTERM, Ctrl-C or `CANCEL` stop it at the next call.

    What was trained and played by then is found again by the next one.
    """
    from ..reviewers import REVIEWERS, arm
    from ..worth import NOBODY, Arm, accept_all, people, reviewed, worth

    with measuring(path, experiment, NAME, hear, machine) as run:
        place = round if round is not None else reviewed(run.store, experiment) or run.round
        if not 0 < place <= run.round:
            raise UsageError(f"round {place} of {experiment} has nothing to measure yet")
        arms: list[Arm] = []
        if scripted:
            decided = bool(run.store.repairs.decisions(experiment, place))
            arms = [*([people(run.store, experiment, place)] if decided else []),
                    *(arm(run, place, name) for name in REVIEWERS),
                    accept_all(run.store, experiment, place), Arm(NOBODY)]
        return worth(run, place, arms)
