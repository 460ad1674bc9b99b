"""What reviewing buys, with scripted reviewers: `python benchmarks/worth.py [setting ...] [--seeds 0 1 2]`.

    mixed      100 problems, one try each, two critiques of each failure, eight passes: the critic mends some,
               a person can mend most of the rest
    thin       80 problems, three critiques: few failures are left for a person to mend
    short      150 problems, one critique, two passes (ten steps): too short to tell libraries apart

For each seed one round is played, repaired and paused; oracle, sloppy and random reviewers decide it on copies; then
every arm is trained at equal steps and answers the same held-out problems. A line of JSON for each seed, then one for
each pair of arms over all seeds, with an interval for crossed seeds and problems (`statistics.crossed`). Runs in a
temporary folder, one worker process; a minute of one core for each seed. Which settings tell reviewers apart was looked
for with seed 10 on 500 of the held-out problems; the figures are those of other seeds.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from sirius_core import reviewers, statistics
from sirius_core.errors import WaitingForReview
from sirius_core.improve import Run, improve
from sirius_core.machines import machine_for
from sirius_core.settings import preset
from sirius_core.store import Store
from sirius_core.store.browse import Browse
from sirius_core.worth import ALL, NOBODY, Arm, accept_all, worth

COMMON = {"rounds": 1, "review": True, "replays": 0, "controls": 0, "new_wordings": 0, "withheld_forms": 0,
          "heldout": 1000, "validation": 20, "workers": 1}
SETTINGS: dict[str, dict[str, Any]] = {
    "mixed": {"problems": 100, "max_solutions": 1, "max_critiques": 2, "epochs": 8},
    "thin": {"problems": 80, "max_solutions": 1, "max_critiques": 3, "epochs": 8},
    "short": {"problems": 150, "max_solutions": 1},
}
ARMS = ("oracle", "sloppy", "random")
PAIRS = (("oracle", ALL), ("oracle", "sloppy"), ("sloppy", "random"), ("random", NOBODY), (ALL, NOBODY))
MODES = ("sampled", "greedy")


def one(folder: Path, name: str, seed: int) -> dict[str, dict[str, dict[str, int]]]:
    """One seed of a setting, printed; {mode: {arm: {task: right}}}."""
    started = time.perf_counter()
    settings = preset("quickstart", {**COMMON, **SETTINGS[name]})
    with Store(folder / f"{name}-{seed}.db") as store:
        e = store.experiments.create(name, settings, seed)
        machine = machine_for(settings, store, e.id)
        try:
            run = Run(store, e, machine)
            with suppress(WaitingForReview):
                improve(run)
            arms = [*(reviewers.arm(run, 1, arm) for arm in ARMS), accept_all(store, e.id, 1), Arm(NOBODY)]
            found = worth(run, 1, arms, PAIRS)
        finally:
            machine.close()
        show = {arm: {**{mode: round(100 * record[mode]["accuracy"], 1) for mode in MODES},
                      **{key: record[key] for key in ("repairs", "edited", "solved", "earned", "caught")}}
                for arm, record in found["arms"].items()}
        pairs = [f"{p['of']} - {p['over']}, {p['mode']}: {100 * p['delta']:+.1f} ({100 * p['low']:+.1f} to "
                 f"{100 * p['high']:+.1f}) holm p = {p['holm']:.2g}" for p in found["pairs"]]
        print(json.dumps({"setting": name, "seed": seed, "base": store.experiments.reports(e.id)[0]["accuracy"],
                          "n": found["n"], "examples": found["examples"], "steps": found["steps"],
                          "equal": found["equal"], "arms": show, "pairs": pairs,
                          "seconds": round(time.perf_counter() - started)}), flush=True)
        browse = Browse(store.db)
        return {mode: {arm: browse.right(e.id, 1, f"worth:{arm}:{mode}") for arm in found["arms"]} for mode in MODES}


def main(wanted: list[str], seeds: list[int]) -> None:
    for name in wanted:
        with tempfile.TemporaryDirectory() as place:
            tables = [one(Path(place), name, seed) for seed in seeds]
        for mode in MODES:
            for of, over in PAIRS:
                tasks = list(tables[0][mode][of])
                after, before = ([[t[mode][arm][task] for task in tasks] for t in tables] for arm in (of, over))
                d = statistics.crossed(after, before)
                print(json.dumps({"setting": name, "mode": mode, "pair": f"{of} - {over}", "seeds": len(seeds),
                                  "n": len(tasks), "points": [round(100 * v, 1) for v in (d.estimate, d.low, d.high)]}),
                      flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("settings", nargs="*", default=["mixed"])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    args = parser.parse_args()
    main(args.settings, args.seeds)
