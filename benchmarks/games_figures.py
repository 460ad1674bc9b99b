"""What the presets of the games come to, as CHANGELOG.md states it: `python benchmarks/games_figures.py [PRESET ...]`.

For seeds 0, 1, 2 of each preset, after its last round, in and out of distribution: the cells of its cross-play matrix
(500 games each, the same games with the same randomness in every cell) and each trained seat's payoff less the base's
in that seat, paired by game, with 95 % interval; deals, invalid moves, losing deals of all deals; wall seconds. Then
in how many seeds the interval lies above 0. About a minute a run. Nothing is tuned here.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from quickstart_figures import SEEDS, run

from sirius_core import crossplay
from sirius_core.store import Store

PRESETS = ("sell-and-buy", "ultimatum", "resource-exchange")
SHOWN = ("deals", "invalid", "payoff_red", "payoff_blue", "lost_deals_red", "lost_deals_blue")
DECIMALS = 3


def said(number: dict[str, Any]) -> str:
    """``4.56 (4.10 to 5.02, n 500)``"""
    if number.get("value") is None:
        return f"- (n {number.get('n', 0)})"
    value, low, high = (round(number[name], DECIMALS) for name in ("value", "low", "high"))
    return f"{value} ({low} to {high}, n {number['n']})"


def shown(name: str, found: dict[str, Any], record: dict[str, Any]) -> Counter[str]:
    """Prints a run; counts the differences of payoff that lie above 0, by split, cell and seat."""
    above: Counter[str] = Counter()
    for split, table in record["splits"].items():
        for cell in table["cells"]:
            numbers = {key: said(cell["numbers"][key]) for key in SHOWN}
            print(json.dumps({"run": name, "split": split, "cell": f"{cell['red']} x {cell['blue']}", **numbers,
                              "endings": cell["endings"]}))
        for line in table["differences"]:
            if line["measure"].startswith("payoff"):
                what = f"{split}: {line['red']} x {line['blue']}, {record['roles'][line['seat']]}"
                above[what] += line["low"] > 0
                print(json.dumps({"run": name, "difference": what, "payoff": said(line)}))
    print(json.dumps({"run": name, "wall": found["wall"], "examples": [r["library"] for r in found["rounds"][1:]]}),
          flush=True)
    return above


def main(wanted: list[str]) -> None:
    with tempfile.TemporaryDirectory() as place:
        for preset in wanted:
            above: Counter[str] = Counter()
            for seed in SEEDS:
                found = run(Path(place), f"{preset}-{seed}", preset, "--seed", str(seed))
                with Store(found["database"]) as store:
                    record = crossplay.measured(store, found["experiment"])
                if record is None:
                    raise SystemExit(f"{preset}, seed {seed}: no matrix was played")
                above.update(shown(f"{preset}, seed {seed}", found, record))
            print(json.dumps({"preset": preset, "seeds with the interval above 0": above}), flush=True)


if __name__ == "__main__":
    os.environ.setdefault("PYTHONPATH", str(Path(__file__).resolve().parents[1]))
    main(sys.argv[1:] or list(PRESETS))
