"""What demonstrations do to a model whose weights never change: `python benchmarks/demonstrations.py [base ...]`.

For every base (default: imitator; misled was never shown how to use any) and each of three seeds one round with
update=demos: the team tries 800 training problems three times, and its right replies become what it is shown. Then 400
held-out problems, the same for every seed, sampled and greedy, with

    plain      nothing shown
    real       for every request the most similar demonstrations of the role's own, four at most, as far as they fit
    random     four of the same, drawn at random
    shuffled   the most similar, but each with the reply that belongs to another
    failures   the most similar among the replies of tries that failed

One line of JSON per arm and mode: right of n with its interval, how often each role did its part given right inputs,
and McNemar's exact test against plain over the same problems. At the end, over the seeds, the mean difference of every
arm to plain with its crossed interval. Nothing is tuned here.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from sirius_core.evaluate import MODES, compare, greedy, right_by_task, roles, share
from sirius_core.finetune import TuneJob
from sirius_core.finetune.demos import DemoTuner
from sirius_core.finetune.spoken import Spoken
from sirius_core.improve import Run, improve
from sirius_core.machines import machine_for
from sirius_core.pocket import pretraining
from sirius_core.pocket.checkpoint import digest
from sirius_core.settings import Settings
from sirius_core.statistics import crossed
from sirius_core.store import Store
from sirius_core.training import Example

Rights = dict[tuple[str, str], list[int]]

SEEDS = (0, 1, 2)
CHANGES = {"update": "demos", "rounds": 1, "critic": "none", "controls": 0, "gate": False, "new_wordings": 0,
           "withheld_forms": 0}


def shelves(run: Run) -> dict[str, dict[str, str]]:
    """{arm: {role: checkpoint}} for the arms beside the plain one; every checkpoint stands over the same weights."""
    real = {role: Spoken.parse(run.store.weights.get(name)) for role, name in run.models_after(1).items()
            if role != "*"}
    failed = [t for t in run.store.episodes.find(run.experiment.id, round=1, phase="propose") if not run.success(t)]
    tuner = DemoTuner(run.settings.demos, run.settings.demo_choice, run.settings.demo_tokens)
    wrong = {}
    for role, spoken in real.items():
        examples = tuple(Example(t, i) for t in failed for i, turn in enumerate(t.turns) if turn.role == role)
        plain = replace(spoken, demos=()).blob()
        made = tuner([TuneJob(role, "", plain, examples, {}, spoken.seed)], lambda *_: None)[0]
        wrong[role] = Spoken.parse(made.blob)
        wrong[role] = replace(wrong[role], demos=wrong[role].demos[: len(spoken.demos)])
    arms = {
        "real": real,
        "random": {role: replace(spoken, choice="random") for role, spoken in real.items()},
        "shuffled": {role: spoken.shuffled(run.experiment.seed) for role, spoken in real.items()},
        "failures": wrong,
    }
    with run.store.write():
        return {arm: {role: run.store.weights.put(spoken.blob()) for role, spoken in shown.items()}
                for arm, shown in arms.items()}


def play(run: Run, arm: str, models: Mapping[str, str]) -> None:
    voices = run.voices({**run.base_models(), **models})
    by_mode = {"sampled": voices, "greedy": greedy(voices)}
    run.bench.play_all(1, f"evaluate {arm}", [(f"{arm}:{mode}", task, 0, by_mode[mode]) for mode in MODES
                                              for task in run.bench.tasks["heldout"]])


def measure(base: str, seed: int, path: Path) -> Rights:
    """Right or not on every held-out problem by (arm, mode), printed as it comes.

    Plain and real are the two reports of an ordinary run.
    """
    settings = Settings().changed({**CHANGES, "base": base})
    with Store(path) as store:
        experiment = store.experiments.create(f"{base} {seed}", settings, seed)
        machine = machine_for(settings, store, experiment.id)
        try:
            run = Run(store, experiment, machine)
            improve(run)
            places = {"plain": (0, "evaluate:heldout:"), "real": (1, "evaluate:heldout:")}
            shown = shelves(run)
            for arm in ("random", "shuffled", "failures"):
                play(run, arm, shown[arm])
                places[arm] = (1, f"{arm}:")
        finally:
            machine.close()
        return {(arm, mode): row(run, base, seed, arm, mode, place) for arm, place in places.items() for mode in MODES}


def row(run: Run, base: str, seed: int, arm: str, mode: str, place: tuple[int, str]) -> list[int]:
    here = (place[0], place[1] + mode)
    right = right_by_task(run.bench, *here)
    parts = {role: round(found["accuracy"], 3) for role, found in roles(run.bench, *here).items()}
    found = {"base": base, "seed": seed, "arm": arm, "mode": mode, **share(sum(right.values()), len(right)), **parts}
    if arm != "plain":
        paired = compare(run.bench, (0, f"evaluate:heldout:{mode}"), here)
        found |= {"gained": paired.gained, "lost": paired.lost, "p": paired.p}
    print(json.dumps(found), flush=True)
    return [right[task.id] for task in run.bench.tasks["heldout"]]


def main(bases: list[str]) -> None:
    for base in bases:
        print(json.dumps({"base": base, "weights": digest(pretraining.base(base))}), flush=True)
        seeds: list[Rights] = []
        for seed in SEEDS:
            with tempfile.TemporaryDirectory() as folder:
                seeds.append(measure(base, seed, Path(folder) / "lab.db"))
        for arm, mode in seeds[0]:
            if arm != "plain":
                delta = crossed([found[arm, mode] for found in seeds], [found["plain", mode] for found in seeds])
                print(json.dumps({"base": base, "arm": arm, "mode": mode, "minus plain": delta.estimate,
                                  "low": delta.low, "high": delta.high, "seeds": len(seeds)}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:] or ["imitator"])
