"""What the actor-critic preset comes to: `python benchmarks/actor_critic.py [SPLIT] [NAME=VALUE ...]`.

Seeds 0, 1, 2 of `sirius run actor-critic` with the given settings changed (``seeds=0`` plays seed 0 alone), each in a
temporary folder. Printed per seed: first and final answers on held-out problems (800 at the end) with the paired test
between them, and what the judge and the revision do, untrained and at the end; then the balanced accuracy of both
judges on a fixed set: 250 right and 250 wrong first answers of the untrained actor, made once from problems of SPLIT
(heldout; validation, on which the settings were tuned), each judged once (T=1). Every figure has its n and a 95 %
interval.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from sirius_core import jobs
from sirius_core.measures import value
from sirius_core.pocket import checkpoint, pretraining
from sirius_core.pocket.dialect import PROMPTS, opinion
from sirius_core.pocket.grammar import Problem, Split, draw
from sirius_core.pocket.marking import check_solo
from sirius_core.pocket.measuring import reply, shown
from sirius_core.pocket.transformer import Weights
from sirius_core.settings import preset
from sirius_core.statistics import Interval, mean_of_two, wilson
from sirius_core.store import Store

BASE, OF_EACH = "sceptic", 250
ROWS = ("first", "final", "final_minus_first", "tp", "passed_right", "passed_wrong", "flagged_mended", "spoilt")
Answers = list[tuple[Problem, str]]


def fixed_set(split: Split) -> tuple[Answers, Answers]:
    """(right, wrong) first answers of the untrained actor, those that came first of each."""
    weights, shape = checkpoint.load(pretraining.base(BASE))[0], pretraining.shape(BASE)
    problems = draw(split, "old", 1000, 7)
    said = reply(weights, shape, "actor", [PROMPTS["actor"].format(question=p.question) for p in problems], 1.0, 7)
    found: tuple[Answers, Answers] = ([], [])
    for problem, text in zip(problems, said, strict=True):
        found[0 if check_solo(problem, text).answer_right else 1].append((problem, text))
    assert min(map(len, found)) >= OF_EACH
    return found[0][:OF_EACH], found[1][:OF_EACH]


def judged(weights: Weights, answers: Sequence[tuple[Problem, str]], wanted: bool) -> Interval:
    """How often a judge says what is true of answers that are all right, or all wrong."""
    asked = [PROMPTS["judge"].format(question=p.question, response=shown(text)) for p, text in answers]
    said = reply(weights, pretraining.shape(BASE), "judge", asked, 1.0, 11)
    return wilson(sum(opinion(text) is wanted for text in said), len(said))


def balanced(weights: Weights, right: Answers, wrong: Answers) -> str:
    one, two = judged(weights, right, True), judged(weights, wrong, False)
    both = mean_of_two(one, two)
    return (f"{both.estimate:.3f} ({both.low:.3f}-{both.high:.3f}); true of right {one.estimate:.3f}, "
            f"false of wrong {two.estimate:.3f}, n = {one.n} + {two.n}")


def told(rows: Sequence[Any], name: str) -> str:
    row = value(rows, name)
    if row is None or row["value"] is None:
        return "-"
    p = f" p={row['p']:.1e}" if row.get("p") is not None else ""
    return f"{row['value']:.3f} ({row['low']:.3f}-{row['high']:.3f}) n={row['n']}{p}"


def play(seed: int, changes: dict[str, str], right: Answers, wrong: Answers) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path, started = Path(folder) / "actor_critic.db", time.perf_counter()
        with Store(path) as store:
            made = jobs.create(store, "actor-critic", preset("actor-critic", changes), seed)
        jobs.run(path, made.id)
        wall = time.perf_counter() - started
        with Store(path) as store:
            reports = store.experiments.reports(made.id)
            models, _ = store.weights.models(made.id, reports[-1]["round"]) or ({}, {})
            judge = checkpoint.load(store.weights.get(models.get("judge") or models["*"]))[0]
        learned, seconds = reports[1:], {k: round(v, 1) for k, v in reports[-1]["phases"].items()}
        print(f"\nseed {seed}: {wall:.0f} s; examples by round {[r['library'] for r in learned]}, repaired "
              f"{[r['repaired'] for r in learned]}, kept {[r['updates']['accepted'] for r in learned]}, seconds of the "
              f"last round {seconds}")
        print(f"  final by round {[round(r['accuracy'], 3) for r in reports]}, greedy "
              f"{[round(r['greedy_accuracy'], 3) for r in reports]}")
        for name in ROWS:
            print(f"  {name:18} base {told(reports[0]['measures'], name):44} end {told(reports[-1]['measures'], name)}")
        print(f"  judge on the fixed set, end: {balanced(judge, right, wrong)}", flush=True)


def main() -> None:
    split = next((a for a in sys.argv[1:] if "=" not in a), "heldout")
    changes = dict(a.split("=", 1) for a in sys.argv[1:] if "=" in a)
    seeds = [int(seed) for seed in changes.pop("seeds", "0,1,2").split(",")]
    right, wrong = fixed_set(cast(Split, split))
    untrained = checkpoint.load(pretraining.base(BASE))[0]
    print(f"fixed set of {split} problems; untrained judge: {balanced(untrained, right, wrong)}")
    for seed in seeds:
        play(seed, changes, right, wrong)


if __name__ == "__main__":
    main()
