"""The figures that CHANGELOG.md states, measured again: `python benchmarks/quickstart_figures.py [what ...]`.

    seeds      sirius run quickstart, seeds 0 1 2: base, end, new wordings, withheld forms, wall seconds, peak memory
    placebo    success ignored; every role gets as many examples a round as the role that had most (seed 0, 1, 2)
    uncoached  a run without repair on a base whose corpus has no critic or revision text
    novice     the base that is too weak; fluent: the base with little left to gain
    rounds     twelve rounds with and without the gate: is any later round below the best (Holm-corrected)?
    bases      the shipped bases' own manifests

Runs in a temporary folder and prints one line of JSON per run. Nothing is tuned here.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from sirius_core.statistics import holm, mcnemar
from sirius_core.store import Store

SEEDS = (0, 1, 2)


def run(folder: Path, name: str, *arguments: str) -> dict[str, Any]:
    """One `sirius run` in a process of its own: its JSON object, with wall seconds, peak MB and the database."""
    db = folder / f"{name}.db"
    started = time.perf_counter()
    command = [sys.executable, "-m", "sirius_core", "run", *arguments, "--json", "--db", str(db)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout)
    found["wall"] = round(time.perf_counter() - started, 1)
    found["peak_mb"] = round(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024)
    found["database"] = db
    return found


def show(name: str, found: dict[str, Any]) -> None:
    first, last = found["rounds"][0], found["rounds"][-1]

    def share(report: dict[str, Any], *keys: str) -> str | None:
        record: Any = report["tests"]
        for key in keys:
            record = record.get(key) if record else None
        return record and f"{record['accuracy']:.1%} ({record['low']:.1%}-{record['high']:.1%})"

    rows = {
        f"{at} {split.replace('_', ' ')} {mode}": share(report, split, mode)
        for at, report in (("base", first), ("end", last))
        for split in ("heldout", "new_wordings", "withheld_forms")
        for mode in ("sampled", "greedy")
    } | {
        f"{at} withheld, {kind.replace('_', ' ')}": share(report, "withheld_forms", kind, "sampled")
        for at, report in (("base", first), ("end", last))
        for kind in ("family_decides", "form_decides")
    }
    curve = [round(r["accuracy"], 3) for r in found["rounds"]]
    print(json.dumps({"run": name, "curve": curve, "greedy": [round(r["greedy_accuracy"], 3) for r in found["rounds"]],
                      **rows, "examples": [r["library"] for r in found["rounds"][1:]],
                      "wall": found["wall"], "peak MB of the largest process": found["peak_mb"]}), flush=True)


def below_best(found: dict[str, Any]) -> list[tuple[int, float]]:
    """(round, Holm-corrected one-sided p) of every round after the best one, against it."""
    accuracies = [r["accuracy"] for r in found["rounds"]]
    best = accuracies.index(max(accuracies))
    with Store(found["database"]) as store:
        def right(n: int) -> dict[str, int]:
            rows = store.episodes.results(found["experiment"], n, "evaluate:heldout:sampled")
            return {r.task: int(r.reward > 0.5) for r in rows}

        top = right(best)
        later = range(best + 1, len(accuracies))
        ps = [mcnemar(list(top.values()), [right(n)[t] for t in top], "lower").p for n in later]
    return list(zip(later, [round(p, 4) for p in holm(ps)], strict=True))


def main(wanted: list[str]) -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        counts: dict[int, str] = {}
        for seed in SEEDS if {"seeds", "placebo"} & set(wanted) else ():
            found = run(folder, f"seed{seed}", "quickstart", "--seed", str(seed))
            counts[seed] = ",".join(str(max(r["library"].values())) for r in found["rounds"][1:])
            show(f"quickstart, seed {seed}", found)
        for seed in SEEDS if "placebo" in wanted else ():
            show(f"placebo, seed {seed}", run(
                folder, f"placebo{seed}", "quickstart", "--seed", str(seed), "--set", "recipe=placebo", "--set",
                f"examples={counts[seed]}", "--set", "gate=false"))
        for base in ("uncoached", "novice", "fluent"):
            if base in wanted:
                extra = ["--set", "critic=none"] if base == "uncoached" else []
                show(base, run(folder, base, "quickstart", "--set", f"base={base}", *extra))
        for gate in ("true", "false") if "rounds" in wanted else ():
            found = run(folder, f"rounds-{gate}", "quickstart", "--rounds", "12", "--set", f"gate={gate}")
            show(f"twelve rounds, gate {gate}", found)
            print(json.dumps({"below the best, Holm-corrected p": below_best(found)}), flush=True)
    if "bases" in wanted:
        from sirius_core.pocket import checkpoint, pretraining

        for name in pretraining.BASES:
            print(json.dumps({name: checkpoint.load(pretraining.base(name))[1]}), flush=True)


if __name__ == "__main__":
    os.environ.setdefault("PYTHONPATH", str(Path(__file__).resolve().parents[1]))
    main(sys.argv[1:] or ["seeds"])
