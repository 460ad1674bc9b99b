"""``sirius cross-play``: every player in both seats against every other, over the same games (see crossplay.py)."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from . import Add, common, existing
from .measuring import cancel, measuring, progress

NAME = "cross_play"
PROGRESS, CANCEL = progress(NAME), cancel(NAME)


def add(command: Add) -> None:
    cross = command("cross-play", _cross_play, "Who earns what against whom: every player in both seats, same games.")
    cross.add_argument("experiment")
    cross.add_argument("--players", default="base,now", metavar="LIST",
                       help="base, now, a round, or EXPERIMENT:ROUND of another one (default base,now)")
    cross.add_argument("--games", type=int, metavar="N",
                       help="games in each cell (default: the setting matrix); what is played is found again")
    cross.add_argument("--out-of-distribution", action="store_true", help="also with the paper's other amounts")
    common(cross)


def _cross_play(args: argparse.Namespace) -> None:
    existing(args.db)
    found = measure(args.db, args.experiment, [said.strip() for said in args.players.split(",") if said.strip()],
                    args.games, args.out_of_distribution, hear=lambda line: print(line, file=sys.stderr))
    if args.json:
        print(json.dumps({"experiment": args.experiment, **found}))
        return
    for line in lines(found):
        print(line)


def measure(
    path: Path,
    experiment: str,
    players: Sequence[str] = ("base", "now"),
    games: int | None = None,
    out_of_distribution: bool = False,
    *,
    hear: Callable[[str], None] = lambda line: None,
    machine: Any = None,
) -> dict[str, Any]:
    """`crossplay.play` in this process; what was played when it was stopped is found again by the next one."""
    from ..crossplay import SPLITS, play

    with measuring(path, experiment, NAME, hear, machine) as run:
        return play(run, players, games, SPLITS if out_of_distribution else SPLITS[:1])


def lines(record: Mapping[str, Any]) -> list[str]:
    """The record as a table for a terminal: a line for each cell, then what beats base x base."""
    titles, roles = {p["key"]: p["title"] for p in record["players"]}, record["roles"]
    width = max(len(title) for title in titles.values()) + 2
    told = []
    for part in record["splits"].values():
        told.append(f"{part['title']}: {roles[0]} (first), {roles[1]} (second); payoffs as in the paper, of all games")
        for cell in part["cells"]:
            n, deals = cell["numbers"], cell["numbers"]["deals"]
            price = f", price {n['price']['value']:.1f}" if n.get("price", {}).get("value") is not None else ""
            told.append(f"  {titles[cell['red']]:{width}}{titles[cell['blue']]:{width}}{_signed(n['paper_red'])}  "
                        f"{_signed(n['paper_blue'])}  deals {deals['value']:.0%} of {deals['n']}{price}, "
                        f"losing deals {n['lost_games_red']['value']:.1%} / {n['lost_games_blue']['value']:.1%}, "
                        f"invalid {n['invalid']['value']:.1%}")
        for d in part["differences"]:
            if d["measure"] == "payoff":
                told.append(f"  the {roles[d['seat']]} of {titles[d['red']]} x {titles[d['blue']]} earns "
                            f"{_signed(d)} beyond base x base, paired over {d['n']} games")
        if part["rank"]:
            mass, first = part["rank"]["both"], part["rank"]["first"]
            told.append("  alpha-rank, taking both seats: " + ", ".join(
                f"{titles[key]} {mass[key]:.2f} (first in {first[key]:.0%} of draws)"
                for key in sorted(mass, key=lambda key: -mass[key])))
    return told


def _signed(number: Mapping[str, Any]) -> str:
    ends = "" if number["low"] is None else f" ({number['low']:+.1f} to {number['high']:+.1f})"
    return f"{number['value']:+.1f}{ends}"
