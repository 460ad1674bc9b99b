"""Does the blame estimate find a planted fault? `python benchmarks/blame.py [--db FILE] [--n 150]`.

On the real checkpoints of a quickstart (seed 0; run in a temporary folder unless --db names a finished one, of which a
copy is used): training tries that came right, ``n`` drawn at random. In each one turn, drawn at random, gets a fault by
rule: one token of what the turn hands on (a digit or the sign of the analyst's expression, a digit of the calculator's
result or of the summarizer's answer) becomes another one. The turns after it are said afresh by the checkpoints of
then, up to four times, until the episode ends with a wrong answer (one that nobody could read stops at the fault: no
riddle); that failure is what the estimate is asked about (whatif.py), which
is told neither the turn nor the rule. Once with the tries of the last round, whose team is mostly right, and once with
those of round 1, whose team is untrained.

One line of JSON per team and k = 8 and 16: how often the turn with the largest estimate is the planted one (top-1, with
Wilson's interval), beside chance and "always the last turn"; how often "cannot tell" was said, and the hits among the
told; hits by planted role. Nothing is tuned here.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

from sirius_core import jobs, whatif
from sirius_core.episodes import Call, replay
from sirius_core.improve import Run
from sirius_core.machines import machine_for
from sirius_core.models import Voices
from sirius_core.rollout import Records, Work
from sirius_core.settings import preset
from sirius_core.statistics import counted
from sirius_core.store import Store
from sirius_core.trajectories import Trajectory, Turn

DIGITS, SIGNS = "0123456789", "*/+-"
HANDED_ON = {"analyst": ":", "calculator": "="}  # what follows the last of these; of the summarizer all of it


def fault(turn: Turn, random: Random) -> str:
    """The turn's text with one token of what it hands on replaced by another digit or sign."""
    mark = HANDED_ON.get(turn.role, "")
    words = turn.text.split()
    start = len(words) - words[::-1].index(mark) if mark else 0
    places = [i for i in range(start, len(words)) if words[i] in DIGITS + SIGNS]
    place = random.choice(places)
    kind = DIGITS if words[place] in DIGITS else SIGNS
    leads = place == start or words[place - 1] not in DIGITS  # no number begins with 0
    words[place] = random.choice([t for t in kind if t != words[place] and not (leads and t == "0")])
    return " ".join(words)


class Bench:
    """The checkpoints that spoke the tries of a round, and a rollout to play with them."""

    def __init__(self, run: Run, round: int) -> None:
        self.run, self.round, self.spoken = run, round, round - 1
        self.voices: Voices = run.voices(run.models_after(self.spoken), "propose")

    def plant(self, n: int) -> list[tuple[int, Trajectory]]:
        """(planted turn, the failure) of ``n`` tries that had come right; one that never fails is left out."""
        run, random = self.run, Random(f"planted/{self.round}")
        right = [t for t in run.store.episodes.find(run.experiment.id, round=self.round, phase="propose") if t.right]
        chosen = [(t, random.randrange(len(t.turns))) for t in random.sample(right, min(n, len(right)))]
        plan = [self._fails(t, turn, fault(t.turns[turn], random)) for t, turn in chosen]
        run.bench.rollout.run(self.round, "planted", plan, lockstep=True)
        found = run.store.episodes.find(run.experiment.id, round=self.round, phase="planted")
        return [(next(iter(t.edits)), t) for t in found]

    def _fails(self, parent: Trajectory, turn: int, text: str) -> Work:
        run = self.run
        task = run.store.episodes.task(parent.task)

        async def go(call: Call) -> Records:
            for draw in range(4):
                again = await replay(parent, run.recipe.team, task, self.voices, edits={turn: text}, draw=draw,
                                     path=replace(parent.path, phase="planted"), call=call)
                again = replace(again, reward=run.recipe.judge(task, again))
                if not again.right and again.outcome.stop is None:
                    return Records((again,))
            return Records()

        return Work(f"planted/{parent.id}", go)

    def blamed(self, failures: list[Trajectory], k: int) -> list[list[list[Trajectory]]]:
        """For each failure and each of its turns k replays from that turn on."""
        run, phase = self.run, f"blame:{self.spoken}"
        plan = [work for t in failures for work in whatif.plan(
            t, whatif.blame(t, k), phase, run.store.episodes.task(t.task), run.recipe.team, self.voices,
            run.recipe.judge)]
        run.bench.rollout.run(self.round, phase, plan, lockstep=True)
        found = {t.id: t for t in run.store.episodes.find(run.experiment.id, round=self.round, phase=phase)}
        return [[[found[i] for i in whatif.ids(t, v, phase)] for v in whatif.blame(t, k)] for t in failures]


def measured(bench: Bench, n: int) -> Iterator[dict[str, Any]]:
    planted = bench.plant(n)
    replays = bench.blamed([t for _, t in planted], 16)
    tried = bench.run.store.episodes.results(bench.run.experiment.id, bench.round, "propose")
    for k in (8, 16):
        found = [whatif.blame_of(t, [group[:k] for group in groups], 0.5)
                 for (_, t), groups in zip(planted, replays, strict=True)]
        hits = [b.most == turn for b, (turn, _) in zip(found, planted, strict=True)]
        told = [hit for hit, b in zip(hits, found, strict=True) if b.told is not None]
        roles = Counter(t.turns[turn].role for turn, t in planted)
        by_role = Counter(t.turns[turn].role for hit, (turn, t) in zip(hits, planted, strict=True) if hit)
        count = len(planted)
        right = sum(r.reward > 0.5 for r in tried)
        yield {"team": f"tries of round {bench.round}", "right": counted(right, len(tried)),
               "k": k, "n": count, "top1": counted(sum(hits), count),
               "chance": counted(round(sum(1 / len(t.turns) for _, t in planted)), count),
               "last_turn": counted(sum(turn == len(t.turns) - 1 for turn, t in planted), count),
               "cannot_tell": counted(count - len(told), count), "top1_of_told": counted(sum(told), len(told)),
               "by_role": {role: counted(by_role[role], of) for role, of in sorted(roles.items())}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--db", type=Path)
    parser.add_argument("--n", type=int, default=150)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        db = Path(folder) / "lab.db"
        if args.db:
            shutil.copy(args.db, db)
        else:
            with Store(db) as store:
                made = jobs.create(store, "quickstart", preset("quickstart", {"controls": 0}), 0)
            jobs.run(db, made.id, hear=lambda line: print(line, file=sys.stderr))
        with Store(db) as store:
            experiment = store.experiments.all()[-1]
            machine = machine_for(experiment.settings.changed({"workers": 1}), store, experiment.id)
            run = Run(store, experiment, machine)
            for number in (run.round - 1, 1):
                started = time.perf_counter()
                for line in measured(Bench(run, number), args.n):
                    print(json.dumps({**line, "seconds": round(time.perf_counter() - started, 1)}), flush=True)
            machine.close()


if __name__ == "__main__":
    main()
