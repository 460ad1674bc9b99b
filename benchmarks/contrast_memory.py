"""How much room a large contrast takes: `python benchmarks/contrast_memory.py [play | draw]`.

    play    10 arms x 10 seeds of the tiny preset on the embedded model, really played and trained, one worker: the
            largest resident memory of the process and its worker after every ten runs, and the size of the file
    draw    a database of 10 arms x 10 seeds x 3 rounds, 2,000 held-out answers each, drawn by chance and without turns:
            seconds and peak resident memory of the verdict with its figure, and of the tables of the contrast page

A line of JSON each. Runs in a temporary folder; `play` takes some four minutes of one core.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from sirius_core import campaign
from sirius_core.contrast import telling
from sirius_core.contrast.conclusion import conclude
from sirius_core.contrast.plan import Plan, parsed
from sirius_core.store import Store
from sirius_core.trajectories import Outcome, Reward, SeedPath, Task, Trajectory

SEEDS, ROUNDS, ITEMS = 10, 2, 2000
ARMS = {f"arm {i}": {"max_solutions": 1 + i % 5, "critic": ("gold", "none")[i // 5]} for i in range(10)}
TINY = {"rounds": 1, "problems": 12, "max_repairs": 8, "validation": 8, "heldout": 24, "new_wordings": 0,
        "withheld_forms": 0, "controls": 0, "workers": 1}


def plan(preset: str, settings: dict[str, Any]) -> Plan:
    return parsed({"preset": preset, "seeds": SEEDS, "settings": settings, "arms": ARMS}, "large", Path("."), "large")


def peak() -> int:
    """MB of the largest resident memory of this program so far."""
    said = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(said.split()[1]) // 1024


def now() -> float:
    """MB that this process and its children hold now."""
    own, total = os.getpid(), 0
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            try:
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
                if int(folder.name) == own or int(fields[1]) == own:
                    total += int(fields[21])
            except OSError:
                continue  # it has just ended
    return total * resource.getpagesize() / 2**20


def play(folder: Path) -> None:
    path, runs, held = folder / "lab.db", 0, []
    with Store(path) as store:
        contrast = campaign.create(store, plan("tiny", TINY))
    started = time.perf_counter()

    def hear(news: str) -> None:
        nonlocal runs
        runs += 1
        held.append(now())
        if runs % 10 == 0:
            print(json.dumps({"runs": runs, "MB": int(max(held[-10:])), "seconds": int(time.perf_counter() - started),
                              "file MB": path.stat().st_size >> 20}), flush=True)

    campaign.carry_on(path, contrast, hear=hear)


def draw(folder: Path) -> None:
    path, chance = folder / "lab.db", random.Random(0)
    tasks = [Task(f"{i:016x}", "formulas", "heldout", f"question {i}", f"{i} N", group=str(i)) for i in range(ITEMS)]
    with Store(path) as store:
        contrast = campaign.create(store, made := plan("contrast", {}))
        store.episodes.add_tasks(tasks)
        for seed in made.seeds:
            for place, arm in enumerate(made.arms):
                e = store.experiments.create(f"large: {arm.name}", made.settings_of(arm), seed, contrast=contrast,
                                             arm=arm.name)
                store.experiments.set_splits(e.id, {"heldout": [t.id for t in tasks]})
                for number in range(ROUNDS + 1):
                    right = [chance.random() < 0.3 + 0.15 * number + 0.01 * place for _ in tasks]
                    store.episodes.add([Trajectory(
                        SeedPath(e.id, seed, number, "evaluate:heldout:sampled", t.id), "team", (), Outcome("1 N"),
                        reward=Reward(float(r), "", "", {})) for t, r in zip(tasks, right, strict=True)])
                    body = {"round": number, "n": ITEMS, "correct": sum(right), "accuracy": sum(right) / ITEMS}
                    store.experiments.add_report(e.id, number, body, {})
                store.experiments.set_job(e.id, status="done")
    subprocess.run([sys.executable, __file__, "look", path, contrast], check=True)  # its memory is its own
    print(json.dumps({"what": "file", "MB": path.stat().st_size >> 20}))


def look(path: Path, contrast: str) -> None:
    with Store(path) as store:
        before, started = peak(), time.perf_counter()
        body, figure = conclude(store, contrast)
        store.contrasts.add_verdict(contrast, SEEDS, body, json.dumps(figure))
        print(json.dumps({"what": "verdict", "seconds": round(time.perf_counter() - started, 1), "MB before": before,
                          "MB": peak(), "pairs": len(body["pairs"])}), flush=True)
        started = time.perf_counter()
        rows = {name: len(telling.rows(store, name, contrast)) for name in telling.ROWS}
        print(json.dumps({"what": "tables", "seconds": round(time.perf_counter() - started, 1), "MB": peak(),
                          "rows": rows}), flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["look"]:
        look(Path(sys.argv[2]), sys.argv[3])
        sys.exit()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("play", "draw"), nargs="*")
    for what in parser.parse_args().what or ("draw", "play"):
        with tempfile.TemporaryDirectory() as made_folder:
            {"play": play, "draw": draw}[what](Path(made_folder))
