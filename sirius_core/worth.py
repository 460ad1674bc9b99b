"""What reviewing bought: a round's training once more at equal steps, with what people let in and with what nobody
checked, on the same held-out problems.

    worth(run, 1)["pairs"][0]      {"of": "people", "over": "accept all", "mode": "sampled", "delta": 0.042, ...}

An *arm* is what one way of reviewing would have let into the round's library. Every arm learns from the checkpoints
that played the round, with the seeds of the round's own training and exactly as many examples for each role: as many
as the arm with the most has, the smaller sets filled up with repeats, so that nobody trains longer and nobody loses an
example. There is no gate. All arms answer the held-out problems with the same seeds.

Nothing of this touches the experiment: its episodes stand in the phases ``worth:ARM:sampled`` and ``worth:ARM:greedy``,
weights are blobs that no round names, the outcome is the measurement ``worth``. What is trained and played is found
again, so a stopped measurement goes on where it was.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from . import review, statistics
from .episodes import Call, play
from .errors import UsageError
from .evaluate import MODES, accuracy, greedy
from .finetune import TuneJob
from .improve import Run
from .models import Voices
from .rollout import Plan, Records, Work
from .store import Store
from .training import Example, Library
from .trajectories import Task, Trajectory, digest

PEOPLE, ALL, NOBODY = "people", "accept all", "nobody"
MEASUREMENT, _TRAINED = "worth", "worth:trained"  # {"round N": record}; {a fine-tuning: (hash, steps)}


@dataclass(frozen=True)
class Arm:
    """What one way of reviewing lets into the library: ``replays``; ``edited`` are ids of those that a person wrote.

    ``caught``: of how many planted repairs (the second number) the reviewer let none pass (the first).
    """

    name: str
    replays: tuple[Trajectory, ...] = ()
    edited: frozenset[str] = frozenset()
    caught: tuple[int, int] | None = None


def people(store: Store, experiment: str, round: int, name: str = PEOPLE) -> Arm:
    """The decisions in force; what nobody has decided stays out."""
    decided = store.repairs.decisions(experiment, round)
    open_ones = {r.replay for r in store.repairs.find(experiment, round) if r.id not in decided}
    replays, edited = review.admitted(store, experiment, round, round)
    return Arm(name, tuple(t for t in replays if t.id not in open_ones), edited)


def accept_all(store: Store, experiment: str, round: int) -> Arm:
    """Every mended repair: what a run without review does."""
    found = store.episodes.many([r.replay for r in store.repairs.find(experiment, round) if r.mended and r.replay])
    return Arm(ALL, tuple(sorted(found.values(), key=lambda t: (t.task, t.path.attempt, t.path.branch, t.path.draw))))


def reviewed(store: Store, experiment: str) -> int | None:
    """The last round in which somebody decided something."""
    rounds = range(len(store.experiments.reports(experiment)), 0, -1)
    return next((r for r in rounds if store.repairs.decisions(experiment, r)), None)


def measured(store: Store, experiment: str) -> dict[str, Any] | None:
    """The record of the last round that was measured."""
    found: dict[str, dict[str, Any]] = store.experiments.measurement(experiment, MEASUREMENT) or {}
    return max(found.values(), key=lambda record: int(record["round"]), default=None)


def worth(run: Run, round: int, arms: Sequence[Arm] = (), pairs: Sequence[tuple[str, str]] = ()) -> dict[str, Any]:
    """The record of a round (see `_record`), stored with the experiment among those of its other rounds.

    Without ``arms``: people, accept all, nobody. ``pairs`` of (of, over) are compared, Holm-corrected in each mode;
    without them every other arm is set against accept all, or against the last one.
    """
    store, e = run.store, run.experiment.id
    if run.settings.update in ("prompts", "none"):
        raise UsageError(f"setting update={run.settings.update}: no repair is learned from, so review buys nothing")
    if not arms:
        if not store.repairs.decisions(e, round):
            raise UsageError(f"nobody has decided anything in round {round} of {e}: there is no review to measure")
        arms = (people(store, e, round), accept_all(store, e, round), Arm(NOBODY))
    names = [arm.name for arm in arms]
    over = ALL if ALL in names else names[-1]
    pairs = pairs or [(name, over) for name in names if name != over]
    libraries = {arm.name: run.library(round, (arm.replays, arm.edited)) for arm in arms}
    earned = {name: run.training_sets(round, library) for name, library in libraries.items()}
    counts = {model: max(len(sets.get(model, ())) for sets in earned.values())
              for model in sorted({model for sets in earned.values() for model in sets})}
    models = run.models_after(round - 1)
    trained = {name: _train(run, round, name, models, run.training_sets(round, library, counts))
               for name, library in libraries.items()}
    right = {name: _test(run, round, name, {**models, **{m: hash for m, (hash, _) in found.items()}})
             for name, found in trained.items()}
    record = _record(run, round, arms, libraries, earned, counts, trained, right, pairs)
    kept = store.experiments.measurement(e, MEASUREMENT) or {}
    store.experiments.set_measurement(e, MEASUREMENT, {**kept, f"round {round}": record})
    return record


# -- one arm ---------------------------------------------------------------------------------------------------------
Trained = Mapping[str, tuple[str, int]]  # {model: (hash of its weights, optimiser steps)}


def _train(
    run: Run, round: int, name: str, models: Mapping[str, str], sets: Mapping[str, list[Example]]
) -> Trained:
    """The arm's checkpoints. A fine-tuning that was done before, for whichever arm, is not done again."""
    store, e = run.store, run.experiment.id
    jobs = {model: run.tune_job(round, models, model, examples) for model, examples in sets.items()}
    keys = {model: _key(job) for model, job in jobs.items()}
    known: dict[str, tuple[str, int]] = store.experiments.measurement(e, _TRAINED) or {}
    todo = [job for model, job in jobs.items() if keys[model] not in known]
    if todo:
        made = run.machine.tune(todo, _on_step(run, round, name, len(todo)))
        with store.write():
            known |= {keys[job.model]: (store.weights.put(tuned.blob), tuned.steps)
                      for job, tuned in zip(todo, made, strict=True)}
            store.experiments.set_measurement(e, _TRAINED, known)
    return {model: (known[key][0], known[key][1]) for model, key in keys.items()}


def _key(job: TuneJob) -> str:
    return digest(job.model, job.before, [(e.content, e.weight) for e in job.examples], dict(job.settings), job.seed)


def _on_step(run: Run, round: int, name: str, jobs: int) -> Callable[[str, int, int, float], None]:
    at: dict[str, tuple[int, int]] = {}

    def heard(model: str, step: int, steps: int, loss: float) -> None:
        run.bench.rollout.check()
        at[model] = (step, steps)
        total = max(1, sum(n for _, n in at.values())) * jobs // len(at)
        run.on_progress(round, f"{name}: train", sum(k for k, _ in at.values()), total)

    return heard


def _test(run: Run, round: int, name: str, models: Mapping[str, str]) -> dict[str, dict[str, int]]:
    """{mode: {task: 1 if right}} on the held-out problems."""
    bench, voices = run.bench, run.voices(models, "evaluate")
    judge = run.recipe.examiner or run.recipe.judge
    speaks = {"sampled": voices, "greedy": greedy(voices)}
    branch = digest(sorted(models.items()))

    def work(item: tuple[str, Task, Voices]) -> Work:
        mode, task, voice = item
        path = replace(bench.path(round, f"worth:{name}:{mode}", task), branch=branch)

        async def go(call: Call) -> Records:
            played = await play(run.recipe.team, task, voice, path, call)
            return Records((replace(played, reward=judge(task, played)),))

        return Work(f"{name}/{branch}/{mode}/{task.id}", go)

    plan = [(mode, task, speaks[mode]) for mode in MODES for task in bench.tasks["heldout"]]
    heard = bench.rollout.on_progress
    bench.rollout.on_progress = lambda done, total: run.on_progress(round, f"{name}: test", done, total)
    try:
        bench.rollout.run(round, "worth", Plan(plan, work), lockstep=voices.lockstep)
    finally:
        bench.rollout.on_progress = heard
    found = {mode: run.store.episodes.find(run.experiment.id, round=round, phase=f"worth:{name}:{mode}", whole=False)
             for mode in MODES}
    return {mode: {t.task: int(run.success(t)) for t in played if t.path.branch == branch}
            for mode, played in found.items()}


# -- the record ------------------------------------------------------------------------------------------------------
def _record(
    run: Run, round: int, arms: Sequence[Arm], libraries: Mapping[str, Library],
    earned: Mapping[str, Mapping[str, list[Example]]], counts: Mapping[str, int], trained: Mapping[str, Trained],
    right: Mapping[str, Mapping[str, Mapping[str, int]]], pairs: Sequence[tuple[str, str]],
) -> dict[str, Any]:
    """{round, n, examples: {model: of every arm}, steps: {model: of every arm}, equal, decisions: `_decisions`,
    arms: {name: {repairs, edited, caught, solved, earned: {model: n before it was filled up}, steps, models, sampled,
    greedy}}, pairs: [{of, over, mode, n, delta, low, high, gained, lost, p, holm}]}; ``equal`` is False where an arm
    had no example at all for some role, so that this role stayed as it was."""
    tasks = run.bench.tasks["heldout"]
    steps = [{model: n for model, (_, n) in found.items()} for found in trained.values()]
    most = {model: max(found.get(model, 0) for found in steps) for model in counts}
    return {
        "round": round,
        "n": len(tasks),
        "examples": dict(counts),
        "steps": most,
        "equal": all(found == most for found in steps),
        "decisions": _decisions(run.store, run.experiment.id, round),
        "arms": {
            arm.name: {
                "repairs": len(arm.replays),
                "edited": len(arm.edited),
                "caught": arm.caught,
                "solved": len({t.task for t in libraries[arm.name].successes()}),
                "earned": {model: len(examples) for model, examples in earned[arm.name].items()},
                "steps": {model: n for model, (_, n) in trained[arm.name].items()},
                "models": {model: hash for model, (hash, _) in trained[arm.name].items()},
                **{mode: accuracy([right[arm.name][mode][t.id] for t in tasks], tasks) for mode in MODES},
            }
            for arm in arms
        },
        "pairs": [row for mode in MODES for row in _compared(tasks, right, pairs, mode)],
    }


def _compared(
    tasks: Sequence[Task], right: Mapping[str, Mapping[str, Mapping[str, int]]], pairs: Sequence[tuple[str, str]],
    mode: str,
) -> list[dict[str, Any]]:
    """A row for each pair: McNemar's exact test, and the difference with its interval, over the same problems."""
    rows: list[dict[str, Any]] = []
    for of, over in pairs:
        after, before = ([right[name][mode][t.id] for t in tasks] for name in (of, over))
        test = statistics.mcnemar(before, after)
        delta = statistics.paired_delta(before, after, [t.group or t.id for t in tasks])
        rows.append({"of": of, "over": over, "mode": mode, "n": test.n, "delta": delta.estimate, "low": delta.low,
                     "high": delta.high, "gained": test.gained, "lost": test.lost, "p": test.p})
    corrected = statistics.holm([row["p"] for row in rows])
    return [{**row, "holm": p} for row, p in zip(rows, corrected, strict=True)]


def _decisions(store: Store, experiment: str, round: int) -> dict[str, Any]:
    """{n, accept, edit, reject, authors, seconds}: the decisions in force and the time that they were looked at."""
    found = store.repairs.decisions(experiment, round).values()
    verdicts = Counter(d.verdict for d in found)
    return {"n": len(found), **{name: verdicts[name] for name in ("accept", "edit", "reject")},
            "authors": len({d.author for d in found}), "seconds": sum(d.seconds for d in found)}
