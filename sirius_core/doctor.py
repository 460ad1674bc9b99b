"""Twenty calls that say whether an endpoint is ready for bootstrapping: ``sirius doctor URL --model NAME``.

Eleven problems are played by one agent alone. Then the critic looks at three wrong answers, and each is rewritten and
rephrased (three calls); if the model made fewer, right ones are spoilt by planting another problem's answer, and that
is said. Twenty calls give wide intervals: every share comes with its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .episodes import replay
from .evaluate import accuracy, share
from .improve import Run
from .repair import CriticRepair, Failure
from .rollout import Records, Work
from .trajectories import Stop, Task, Trajectory

PLAYS, MENDS = 11, 3
LOW, HIGH = 0.2, 0.8  # where successes and failures are both there to learn from


@dataclass(frozen=True)
class Checkup:
    """What the calls showed. Shares are accuracy records {n, correct, accuracy, low, high}; None: nothing to count."""

    calls: int
    right: Mapping[str, Any]
    read: Mapping[str, Any]  # replies from which an answer could be read
    truncated: int
    refused: int
    lost: int
    obeys: Mapping[str, Any] | None  # critiques that blame somebody in the asked form
    leaks: Mapping[str, Any] | None  # critiques or rewrites that give the answer or the critique away
    planted: int  # wrong answers that had to be planted for the critic
    tokens: int
    cost: float | None
    seconds_per_call: float
    faults: Mapping[str, int]

    @property
    def zone(self) -> str:
        """``too weak``, ``good``, ``too strong``, or ``unclear`` where the interval crosses an end of the zone."""
        if self.right["high"] < LOW:
            return "too weak"
        if self.right["low"] > HIGH:
            return "too strong"
        return "good" if self.right["low"] >= LOW and self.right["high"] <= HIGH else "unclear"


def checkup(run: Run) -> Checkup:
    """``run`` is an experiment of a single agent (recipe ``star``) that nothing was played in yet."""
    voices, tasks = run.voices(run.base_models(), "pilot"), run.bench.tasks["train"][:PLAYS]
    run.bench.play_all(0, "doctor", [("doctor", task, 0, voices) for task in tasks])
    played = {t.task: t for t in run.store.episodes.find(run.experiment.id, round=0, phase="doctor")}
    order = [(task, played[task.id]) for task in tasks]
    failed = [(task, t) for task, t in order if not run.success(t) and t.turns and t.outcome.stop is not Stop.LOST]
    right = [(task, t) for task, t in order if run.success(t)]
    planted = [(task, _spoilt(run, task, t, tasks)) for task, t in right[: max(0, MENDS - len(failed))]]
    chosen = [*failed, *((task, t) for task, t in planted if not run.success(t))][:MENDS]
    made = []
    if chosen and run.recipe.team.view is not None:
        mender = CriticRepair(gold=True)
        mending = run.voices(run.base_models(), "repair")

        def work(task: Task, t: Trajectory) -> Work:
            path = run.bench.path(0, "doctor:mend", task)
            failure = Failure(task, t, run.recipe.team, mending, run.recipe.judge, path, run.settings.threshold)

            async def go(call: Any) -> Records:
                return await mender(failure, call)

            return Work(f"mend/{task.id}", go)

        plan = [work(task, t) for task, t in chosen]
        with run.store.write():
            run.store.episodes.add([t for _, t in chosen if t.parent is not None])
        run.bench.rollout.run(0, "doctor:mend", plan, lockstep=mending.lockstep)
        made = run.store.repairs.find(run.experiment.id, 0, "doctor:mend")
    usage = _usage(run)
    turns = [turn for t in played.values() for turn in t.turns]
    stops = [t.outcome.stop for t in played.values()]
    rewrites = [r for r in made if r.raw or r.leak]
    return Checkup(
        usage["calls"],
        accuracy([int(run.success(t)) for _, t in order], tasks),
        share(sum(t.reward is not None and t.reward.read is not None for t in played.values()), len(played)),
        stops.count(Stop.TRUNCATED),
        stops.count(Stop.REFUSED),
        stops.count(Stop.LOST),
        share(sum(r.turn is not None for r in made), len(made)) if made else None,
        share(sum(bool(r.leak) for r in rewrites), len(rewrites)) if rewrites else None,
        sum(t.parent is not None for _, t in chosen),
        usage["tokens_in"] + usage["tokens_out"],
        usage["cost"],
        sum(turn.ms for turn in turns) / 1000 / max(1, len(turns)),
        usage["faults"],
    )


def _spoilt(run: Run, task: Task, right: Trajectory, tasks: Sequence[Task]) -> Trajectory:
    """The same episode with another problem's answer written over its last turn; no call is made."""
    other = next((t.answer for t in tasks if t.answer != task.answer), f"{task.answer}0")
    last = len(right.turns) - 1
    path = run.bench.path(0, "doctor:planted", task)
    voices = run.voices(run.base_models(), "repair")
    text = f"{right.turns[last].text}\n\nAnswer: {other}"
    made = asyncio.run(replay(right, run.recipe.team, task, voices, edits={last: text}, path=path))
    return replace(made, reward=run.recipe.judge(task, made))


def _usage(run: Run) -> dict[str, Any]:
    from .store.browse import Browse

    browse = Browse(run.store.db)
    return {**browse.usage(run.experiment.id, 0), "faults": browse.faults(run.experiment.id, 0)}


def lines(found: Checkup, model: str) -> list[str]:
    """The check-up for a person, one finding a line."""

    def said(record: Mapping[str, Any]) -> str:
        return (f"{record['correct']} of {record['n']} = {record['accuracy']:.0%} "
                f"({record['low']:.0%} to {record['high']:.0%})")

    zone = {
        "good": "in the zone where bootstrapping pays (20 to 80 %)",
        "too weak": "too weak: under 20 % there are too few successes to learn from; take easier problems",
        "too strong": "too strong: over 80 % there is little left to learn; take harder problems",
        "unclear": "these few calls cannot tell whether it lies in the zone where bootstrapping pays (20 to 80 %)",
    }[found.zone]
    out = [
        f"{model}: {found.calls} calls, {found.tokens:,} tokens, "
        + ("cost unknown (no price known: sirius prices)" if found.cost is None else f"${found.cost:.4f}")
        + f", {found.seconds_per_call:.2f} s a call",
        f"right:            {said(found.right)}; {zone}",
        f"answer readable:  {said(found.read)}",
        f"truncated: {found.truncated}   refused: {found.refused}   lost: {found.lost}",
    ]
    if found.obeys is not None:
        note = f" ({found.planted} of the wrong answers were planted)" if found.planted else ""
        out.append(f"critic obeys:     {said(found.obeys)}{note}")
    if found.leaks is not None:
        out.append(f"repairs leak:     {said(found.leaks)}")
    if found.faults:
        out.append("failed attempts:  " + ", ".join(f"{n} x {name}" for name, n in found.faults.items()))
    return out
