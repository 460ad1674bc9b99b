"""``sirius what-if``, ``sirius blame`` and ``sirius inquire``: questions about a stored episode."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from . import Add, common, existing


def add(command: Add) -> None:
    what_if = command("what-if", _what_if, "Play an episode again with another text in one turn, and as it was.")
    what_if.add_argument("trajectory")
    what_if.add_argument("--turn", type=int, required=True, metavar="N", help="the turn, counted from 0")
    what_if.add_argument("--text", required=True, help="what it should have said")
    what_if.add_argument("-k", type=int, default=8, help="replays of each kind (default 8)")
    blame = command("blame", _blame, "Estimate which turn of a failed episode was to blame.")
    blame.add_argument("trajectory")
    blame.add_argument("-k", type=int, default=16, help="replays from each turn on (default 16)")
    for sub in (what_if, blame):
        sub.add_argument("--now", action="store_true", help="with the checkpoints in force now, not those of then")
        sub.add_argument("--author", default="", help="who asks")
        common(sub)
    inquire = command("inquire", _inquire, "Carry out a question that was asked, or go on with it.")
    inquire.add_argument("inquiry")
    common(inquire)


def _what_if(args: argparse.Namespace) -> int:
    return _ask(args, kind="whatif", turn=args.turn, text=args.text)


def _blame(args: argparse.Namespace) -> int:
    return _ask(args, kind="blame")


def _ask(args: argparse.Namespace, **question: Any) -> int:
    from .. import inquiries
    from ..store import Store

    existing(args.db)
    with Store(args.db) as store:
        asked = inquiries.ask(store, args.trajectory, k=args.k, now=args.now, author=args.author, **question)
    return _answer(args, asked)


def _inquire(args: argparse.Namespace) -> int:
    existing(args.db)
    return _answer(args, args.inquiry)


def _answer(args: argparse.Namespace, inquiry: str) -> int:
    from .. import inquiries
    from ..statistics import points
    from ..whatif import Blame

    def hear(done: int, total: int) -> None:
        if sys.stderr.isatty():
            print(f"\r{done} of {total} replays ", end="\n" if done == total else "", file=sys.stderr, flush=True)

    asked = inquiries.carry_out(args.db, inquiry, hear=hear)
    found = inquiries.read(asked)
    assert found is not None
    if args.json:
        print(json.dumps({"inquiry": asked.id, "experiment": asked.experiment, "trajectory": asked.trajectory,
                          "kind": asked.kind, "turn": asked.turn, "k": asked.k, "spoken": asked.spoken,
                          "result": asked.result, "says": found.says()}))
        return 0
    print(f"{found.says()}.")
    if isinstance(found, Blame):
        for turn, (share, value) in enumerate(zip(found.shares, found.values, strict=True)):
            print(f"  turn {turn}, {found.speakers[turn]}: {points(share)}; right in {value} from here on afresh")
    print(f"Spoken by the checkpoints in force after round {asked.spoken}; inquiry {asked.id}.")
    return 0
