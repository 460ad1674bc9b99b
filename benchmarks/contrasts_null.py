"""How often a contrast finds what is not there, and what is: `python benchmarks/contrasts_null.py [WHAT ...]`.

    null      two arms that are the same recipe, simulated: how often `verdict.judge` calls them different
    family    eight such arms: how often it calls any of the 28 pairs different
    planted   one arm better by the detectable size of the design (power .8, computed): how often it is found
    real      the embedded model: one recipe run with many seeds, its runs dealt out to two arms (only if it is named)

Simulated: 5 seeds (and 3), 2,000 problems of very different difficulty (about 65 % right), the luck of a seed with an
SD of two points in each arm by itself, as runs of the `contrast` preset have it; problems that suit one arm more than
the other; every seed is asked the same problems, and once more every seed a half of twice as many. Two arms with the
same settings and seed give the very same answers here, so `real` gives each arm seeds of its own: lots that share no
run, and then 200 deals of all runs, which do. Two minutes of one core; `real` takes about three more.
"""

from __future__ import annotations

import argparse
import math
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from sirius_core import jobs
from sirius_core.contrast.first_look import PHASE
from sirius_core.contrast.verdict import Final, Verdict, judge
from sirius_core.settings import preset
from sirius_core.statistics import counted, detectable
from sirius_core.store import Store
from sirius_core.store.browse import Browse

SIMULATED = 200
SMALL = {"rounds": 1, "problems": 60, "max_solutions": 2, "heldout": 200, "validation": 16, "new_wordings": 0,
         "withheld_forms": 0, "controls": 0, "interim": 0, "max_repairs": 0, "workers": 1}
RUNS, LOTS = 90, (3, 5)


@dataclass(frozen=True)
class Design:
    """What a simulated contrast looks like; shares of 1, except the two SDs of problems (logits)."""

    seeds: int = 5
    items: int = 2000
    accuracy: float = 0.65
    luck: float = 0.02  # SD of a seed in one arm
    difficulty: float = 1.5
    suits: float = 0.3  # SD of what a problem owes to one arm
    half: bool = False  # every seed is asked a random half of twice as many problems

    def logits(self, share: float) -> float:
        """The logit at which problems of these difficulties are answered rightly in this share."""
        return _logit(share, math.hypot(self.difficulty, self.suits))

    def detectable(self) -> float:
        """The difference of two arms that this many seeds find with power .8."""
        chance = _chance(self.logits(self.accuracy) + _spread(math.hypot(self.difficulty, self.suits)))
        noise = float((chance * (1 - chance)).mean())  # of one answer
        slope = self.suits * noise  # a logit's SD as a share
        return detectable(math.sqrt(2 * (self.luck**2 + noise / self.items)), self.seeds,
                          fixed=2 * slope**2 / self.items)

    def draw(self, rng: np.random.Generator, lifts: Sequence[float]) -> Final:
        """A contrast in which arm number n is better by ``lifts[n]``."""
        count = self.items * (1 + self.half)
        difficulty = rng.normal(0, self.difficulty, count)
        slope = (self.logits(self.accuracy + 0.01) - self.logits(self.accuracy - 0.01)) / 0.02
        asked = [rng.permutation(count)[: self.items] for _ in range(self.seeds)]
        names, found = [f"t{i}" for i in range(count)], dict[str, dict[int, dict[str, int]]]()
        for arm, lift in enumerate(lifts):
            level = self.logits(self.accuracy + lift) + difficulty + rng.normal(0, self.suits, count)
            found[f"arm {arm}"] = {}
            for seed, items in enumerate(asked):
                right = rng.random(count) < _chance(level + rng.normal(0, self.luck * slope))
                found[f"arm {arm}"][seed] = {names[i]: int(right[i]) for i in items.tolist()}
        return found


@cache
def _spread(sd: float) -> np.ndarray:
    """By how much 20,000 problems differ."""
    return sd * np.random.default_rng(0).standard_normal(20_000)


@cache
def _logit(share: float, sd: float) -> float:
    low, high = -10.0, 10.0
    while high - low > 1e-9:
        middle = (low + high) / 2
        low, high = (middle, high) if float(_chance(middle + _spread(sd)).mean()) < share else (low, middle)
    return low


def _chance(logit: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-logit))


def simulated(design: Design, lifts: Sequence[float], runs: int, seed: int) -> list[Verdict]:
    rng = np.random.default_rng(seed)
    return [judge(design.draw(rng, lifts)) for _ in range(runs)]


def different(verdicts: Sequence[Verdict]) -> int:
    """In how many any pair is called different."""
    return sum(any(pair.different for pair in verdict.pairs) for verdict in verdicts)


def found(verdicts: Sequence[Verdict]) -> int:
    """In how many arm 1 is called better than arm 0."""
    return sum(verdict.pairs[0].different and verdict.pairs[0].delta.estimate > 0 for verdict in verdicts)


def covered(verdicts: Sequence[Verdict], truth: float) -> int:
    return sum(verdict.pairs[0].delta.low <= truth <= verdict.pairs[0].delta.high for verdict in verdicts)


# The embedded model --------------------------------------------------------------------------------

def played(runs: int) -> list[Mapping[str, int]]:
    """The held-out answers of one small recipe with seeds 0, 1, ..."""
    answers = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "null.db"
        for seed in range(runs):
            with Store(path) as store:
                e = jobs.create(store, "null", preset("contrast", SMALL), seed)
            jobs.run(path, e.id)
            with Store(path) as store:
                answers.append(Browse(store.db).right(e.id, SMALL["rounds"], PHASE, threshold=e.settings.threshold))
    return answers


def dealt(answers: Sequence[Mapping[str, int]], order: Sequence[int], lot: int) -> Verdict:
    """Two arms of ``lot`` runs each, the first of ``order``."""
    return judge({"a": {seed: answers[order[seed]] for seed in range(lot)},
                  "b": {seed: answers[order[lot + seed]] for seed in range(lot)}})


def real(runs: int) -> None:
    answers = played(runs)
    scores = [sum(run.values()) / len(run) for run in answers]
    print(f"real: {runs} runs of one recipe, {len(answers[0])} problems, {np.mean(scores):.1%} right, SD of a run "
          f"{100 * np.std(scores, ddof=1):.1f} points, {sum(os.times()[:4]):.0f} s of CPU", flush=True)
    rng = np.random.default_rng(0)
    for size in LOTS:
        apart = [dealt(answers, range(first, first + 2 * size), size)
                 for first in range(0, runs - 2 * size + 1, 2 * size)]
        deals = [dealt(answers, rng.permutation(runs).tolist(), size) for _ in range(SIMULATED if apart else 0)]
        print(f"  {size} and {size} seeds: called different {counted(different(apart), len(apart))} of the lots that "
              f"share no run, {different(deals)}/{len(deals)} of the deals", flush=True)


def main() -> None:
    said = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    said.add_argument("what", nargs="*", default="simulated",
                      choices=("simulated", "null", "family", "planted", "real"))
    said.add_argument("--seed", type=int, default=0)
    said.add_argument("--runs", type=int, default=RUNS, help="of the embedded model")
    args = said.parse_args()
    what = {"null", "family", "planted"} if "simulated" in args.what else set(args.what)
    for design in (Design(), Design(half=True), Design(seeds=3)):
        asked = "each a half of 4,000" if design.half else "the same 2,000"
        head = f"{design.seeds} seeds, {asked} problems"
        size = design.detectable()
        if "null" in what:
            made = simulated(design, (0, 0), SIMULATED, args.seed)
            print(f"null, {head}: called different {counted(different(made), SIMULATED)}, interval covers 0 in "
                  f"{covered(made, 0)}", flush=True)
        if "family" in what and not design.half:
            made = simulated(design, (0,) * 8, SIMULATED // 4, args.seed)
            print(f"family of 8 arms, {head}: any pair called different {counted(different(made), len(made))}",
                  flush=True)
        if "planted" in what:
            made = simulated(design, (-size / 2, size / 2), SIMULATED, args.seed + 1)
            print(f"planted, {head}: {100 * size:.1f} points (detectable with power .8) found "
                  f"{counted(found(made), SIMULATED)}, interval covers it in {covered(made, size)}", flush=True)
    if "real" in what:
        real(args.runs)


if __name__ == "__main__":
    main()
