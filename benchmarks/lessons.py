"""What comes of the lessons over 20 seeds: `python benchmarks/lessons.py FOLDER [LESSON ...] [--seeds 20] [--write]`.

Every arm is played as `sirius contrast LESSON` plays it, with one worker process. Arms with equal settings and seed are
the same run, whichever lessons they stand in, and are played once; FOLDER/runs.jsonl keeps what a run ended with, so
that the work can be stopped and goes on where it was. A run takes 5 to 9 s of one core (votes-or-gold: see
docs/lessons.md). ``--write`` puts the result into sirius_core/lessons/measured/LESSON.json. The settings of the lessons
were looked for with seeds 100 and above; the figures are those of seeds 0 to 19.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from textwrap import wrap
from typing import Any

from sirius_core import jobs, lessons, recipes
from sirius_core.contrast import results
from sirius_core.contrast.plan import HELD, Arm, Plan
from sirius_core.contrast.verdict import judge
from sirius_core.lessons import Lesson
from sirius_core.settings import Settings
from sirius_core.statistics import Interval, mcnemar
from sirius_core.store import Store
from sirius_core.store.browse import Browse

TEST = "evaluate:heldout:sampled"
Run = dict[str, Any]


class Runs:
    """FOLDER/runs.jsonl: {settings that are not the default ones, seed} and what came of it; a line for each run."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.file = folder / "runs.jsonl"
        lines = self.file.read_text().splitlines() if self.file.exists() else []
        self._kept = {_key(run["settings"], run["seed"]): run for run in map(json.loads, lines)}

    def get(self, settings: Settings, seed: int) -> Run:
        """The run, played now if it was not before."""
        chosen = changed(settings)
        if (found := self._kept.get(_key(chosen, seed))) is None:
            found = self._kept[_key(chosen, seed)] = {"settings": chosen, "seed": seed, **play(settings, seed)}
            with self.file.open("a") as out:
                out.write(json.dumps(found) + "\n")
        return found


def _key(chosen: dict[str, Any], seed: int) -> str:
    return json.dumps([chosen, seed], sort_keys=True)


def changed(settings: Settings) -> dict[str, Any]:
    """The settings that are not the default ones and that touch results."""
    plain = Settings().as_dict()
    return {name: value for name, value in settings.as_dict().items() if value != plain[name] and name != "workers"}


def play(settings: Settings, seed: int) -> Run:
    """One experiment in a database of its own: {rounds, right, n, passed, lucky, used, cpu}.

    ``rounds`` are accuracies, the untrained team's first; ``passed`` the shares of the same answers that pass the test
    by which the arm learns; ``lucky`` those of lucky traces in the libraries; ``right`` the last round's answers as
    bits in hexadecimal, problem by problem; ``used`` what each round took (`results.per_round`); ``cpu`` seconds of
    this process and its workers.
    """
    before = _cpu()
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "run.db"
        with Store(path) as store:
            made = jobs.create(store, "lesson", settings.changed({"workers": 1}), seed)
        jobs.run(path, made.id)
        with Store(path) as store:
            reports = store.experiments.reports(made.id)
            last, asked = len(reports) - 1, store.experiments.splits(made.id)["heldout"]
            right = Browse(store.db).right(made.id, last, TEST, threshold=settings.threshold)
            found = {"rounds": [report["accuracy"] for report in reports], "n": len(asked),
                     "right": bits([right[task] for task in asked]),
                     "passed": [_passed(store, made.id, settings, round) for round in range(last + 1)],
                     "lucky": [report["lucky_library"] for report in reports[1:]],
                     "used": results.per_round(store, made.id, last)}
    return {**found, "cpu": round(_cpu() - before, 1)}


def _passed(store: Store, experiment: str, settings: Settings, round: int) -> float:
    judge, tried = recipes.get(settings).judge, store.episodes.find(experiment, round=round, phase=TEST)
    tasks = store.episodes.tasks([t.task for t in tried])
    return sum(judge(tasks[t.task], t).value > settings.threshold for t in tried) / len(tried)


def _cpu() -> float:
    both = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in both)


def bits(right: list[int]) -> str:
    """``bits([1, 0, 1, 1, 1]) == "b8"``: the first answer is the highest bit, the last digit filled up with zeros."""
    filled = right + [0] * (-len(right) % 4)
    return "".join(f"{int(''.join(map(str, filled[i:i + 4])), 2):x}" for i in range(0, len(filled), 4))


def held(plan: Plan, arm: Arm, first: Run | None) -> Settings:
    """An arm's settings, held to what the first arm used in each round where the plan holds something equal."""
    settings = plan.settings_of(arm)
    if not plan.equal or first is None:
        return settings
    return settings.changed({HELD[plan.equal]: ",".join(str(max(1, used[plan.equal])) for used in first["used"])})


def carry_out(plan: Plan, seeds: range, runs: Runs) -> dict[str, list[Run]]:
    """{arm: its runs, seed by seed}."""
    made: dict[str, list[Run]] = {arm.name: [] for arm in plan.arms}
    for seed in seeds:
        first: Run | None = None
        for arm in plan.arms:
            started = time.monotonic()
            run = runs.get(held(plan, arm, first), seed)
            first = first or run
            made[arm.name].append(run)
            print(f"{plan.lesson} seed {seed} {arm.name}: " + " ".join(f"{100 * a:.1f}" for a in run["rounds"])
                  + f" %, {run['cpu']} s of CPU, {time.monotonic() - started:.0f} s now", flush=True)
    return made


def record(lesson: Lesson, made: dict[str, list[Run]], seeds: range) -> dict[str, Any]:
    """What ``measured/LESSON.json`` holds; see `lessons.Lesson`."""
    arms = {}
    for name, all_runs in made.items():
        arms[name] = {"settings": changed(lesson.plan.settings_of(_arm(lesson.plan, name))),
                      "final": [run["rounds"][-1] for run in all_runs], "rounds": [run["rounds"] for run in all_runs],
                      "right": [run["right"] for run in all_runs],
                      "used": {what: round(sum(u[what] for run in all_runs for u in run["used"]) / len(all_runs))
                               for what in HELD},
                      "cpu": round(sum(run["cpu"] for run in all_runs) / len(all_runs), 1)}
        if "verifier" in lesson.plan.differing():
            arms[name]["passed"] = [run["passed"] for run in all_runs]
            arms[name]["lucky"] = [run["lucky"] for run in all_runs]
    n = made[lesson.plan.arms[0].name][0]["n"]
    return {"seeds": len(seeds), "items": n, "arms": arms, **said(lesson, arms, n)}


def said(lesson: Lesson, arms: dict[str, Any], n: int) -> dict[str, Any]:
    """What the answers say; without FOLDER, ``--write`` only says it anew."""
    return {"sentence": judge(lessons.final({"items": n, "arms": arms})).sentence,
            "share_as_stated": as_stated(lesson.ahead, arms, n)}


def write(key: str, found: dict[str, Any]) -> None:
    file = lessons.FOLDER / "measured" / f"{key}.json"
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(found, separators=(",", ":")).replace('],"', '],\n"') + "\n")


def _arm(plan: Plan, name: str) -> Arm:
    return next(arm for arm in plan.arms if arm.name == name)


def as_stated(ahead: str, arms: dict[str, Any], n: int) -> int:
    """In how many seeds it came out as the lesson says: ``ahead`` has more right answers than every other arm; or,
    where no arm should be ahead, no two arms differ on the same problems (McNemar's exact test, p < .05)."""
    right = {name: [lessons.answers(row, n) for row in arm["right"]] for name, arm in arms.items()}
    seeds = range(len(next(iter(right.values()))))
    if ahead:
        return sum(all(sum(right[ahead][s]) > sum(right[other][s]) for other in right if other != ahead) for s in seeds)
    first, *others = right
    return sum(all(mcnemar(right[first][s], right[other][s]).p >= 0.05 for other in others) for s in seeds)


def told(lesson: Lesson, found: dict[str, Any]) -> list[str]:
    """A few lines for the terminal."""
    lines = [f"{lesson.key}: {found['sentence']}", f"  as stated ({lesson.ahead or 'no difference'}) in "
             f"{found['share_as_stated']} of {found['seeds']} seeds"]
    for name, arm in found["arms"].items():
        means = [sum(column) / len(column) for column in zip(*arm["rounds"], strict=True)]
        lines.append(f"  {name:16} " + " ".join(f"{100 * mean:.1f}" for mean in means)
                     + f" %  used {arm['used']}  {arm['cpu']} s"
                     + (f"  passed {[round(100 * sum(c) / len(c), 1) for c in zip(*arm['passed'], strict=True)]}"
                        if "passed" in arm else ""))
    return lines


def table() -> list[str]:
    """The measured lessons as a table in Markdown: docs/lessons.md holds it."""
    lines = ["| lesson | right after the last round | difference (95 % interval) | as stated | a run |",
             "|---|---|---|---|---|"]
    for lesson in lessons.all():
        if (found := lesson.measured) is None:
            continue
        verdict = judge(lessons.final(found))
        means = {name: sum(arm["final"]) / len(arm["final"]) for name, arm in found["arms"].items()}
        shares = ", ".join(f"{name} {100 * means[name]:.1f} %" for name in verdict.order)
        pairs = [_pair(pair.one, pair.other, pair.delta) for pair in verdict.pairs]
        cpu = [arm["cpu"] for arm in found["arms"].values()]
        lines.append(f"| `{lesson.key}` | {shares} | {'; '.join(pairs)} | {found['share_as_stated']} of "
                     f"{found['seeds']} seeds | {min(cpu):.0f} to {max(cpu):.0f} s |")
    return lines


def texts() -> list[str]:
    """The texts of all lessons in Markdown: docs/lessons.md holds them, too."""
    lines = list[str]()
    for lesson in lessons.all():
        lines += [f"### {lesson.title}", "", f"`{lesson.key}`: {lesson.question}", "",
                  f"- **Often predicted.** {lesson.wrong}", f"- **What comes out.** {lesson.outcome}",
                  f"- **For the teacher.** {lesson.note}", ""]
    return [part for line in lines for part in (wrap(line, 120, subsequent_indent="  " * line.startswith("-")) or [""])]


def _pair(one: str, other: str, delta: Interval) -> str:
    """The better one first: ``gold over blind +1.2 points (-0.3 to +2.7)``."""
    low, middle, high = (100 * value for value in (delta.low, delta.estimate, delta.high))
    if middle < 0:
        one, other, low, middle, high = other, one, -high, -middle, -low
    return f"{other} over {one} {middle:+.1f} points ({low:+.1f} to {high:+.1f})"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path, nargs="?", help="where runs are kept; none: print what docs say")
    parser.add_argument("lessons", nargs="*", default=list(lessons.KEYS))
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first", type=int, default=0, help="the first seed; 100 and above to look for settings")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--equal", choices=("none", *HELD), help="hold this equal instead, arms the other way round")
    args = parser.parse_args()
    if args.folder is None:
        for lesson in lessons.all() if args.write else ():
            if found := lesson.measured:
                write(lesson.key, {**found, **said(lesson, found["arms"], found["items"])})
        print("\n".join([*table(), "", *texts()]))
        return
    runs, seeds = Runs(args.folder), range(args.first, args.first + args.seeds)
    for key in args.lessons:
        lesson = lessons.get(key)
        if args.equal:
            other = replace(lesson.plan, equal=args.equal.replace("none", ""), arms=lesson.plan.arms[::-1])
            lesson = replace(lesson, plan=other)
        found = record(lesson, carry_out(lesson.plan, seeds, runs), seeds)
        print("\n".join(told(lesson, found)), flush=True)
        if args.write and not args.equal:
            write(key, found)


if __name__ == "__main__":
    main()
