"""Scripted reviewers, who do at the review what people do, by its public functions alone: to measure what reviewing
can buy, and whether the safeguards notice who does not look.

    oracle    knows the rule: accepts what is right on the way, too, mends what the critic could not in the textbook's
              own words, and rejects the rest
    sloppy    accepts nine in ten of what can be accepted, without looking
    random_   tosses a coin

Each reviews a copy of the database, so that several can review the same round and the experiment keeps its people's
decisions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from . import review
from .episodes import replay
from .improve import Run
from .models import Voices
from .models.pocket import run_in_step
from .pocket.notation import canonical_steps, fill, stated_result
from .rewards import Judge
from .store import Store
from .tasks.formulas import problem, turn_marks
from .teams import Team
from .trajectories import Task, Trajectory
from .worth import Arm, people

TRIES = 8  # draws of what follows an edit, before it is given up
CARELESS = 0.9
SECONDS = 1.0  # that each decision is said to have taken
ORACLE = "oracle"


@dataclass(frozen=True)
class Said:
    """A verdict, with its reason or the replay of an edit."""

    verdict: str
    reason: str = ""
    edited: Trajectory | None = None


@dataclass(frozen=True)
class Desk:
    """Where a reviewer sits: one round of an experiment, and who plays on from an edit."""

    store: Store
    experiment: str
    round: int
    team: Team
    judge: Judge
    voices: Voices


Reviewer = Callable[[Desk, review.Shown, Random], Said]


def go_through(desk: Desk, reviewer: Reviewer, author: str, seed: int = 0) -> None:
    """Decide every item of the round; what others had decided is undone first."""
    for item in review.items(desk.store, desk.experiment, desk.round):
        if item.decision is not None:
            review.undo(desk.store, item.id, author)
        shown = review.shown(desk.store, item.id)
        said = reviewer(desk, shown, Random(f"{author}/{seed}/{shown.failed.path.key}/{item.planted}"))
        review.decide(desk.store, item.id, said.verdict, author, reason=said.reason, edited=said.edited,
                      seconds=SECONDS)


def arm(run: Run, round: int, name: str) -> Arm:
    """What the reviewer of that name would let in, decided on a copy; UsageError once the round has been trained."""
    with TemporaryDirectory() as folder:
        copy = Path(folder) / "copy.db"
        run.store.db.run("VACUUM INTO ?", str(copy))
        with Store(copy) as store:
            voices = run.voices(run.models_after(round - 1), "review")
            desk = Desk(store, run.experiment.id, round, run.recipe.team, run.recipe.judge, voices)
            go_through(desk, REVIEWERS[name], name, run.experiment.seed)
            caught = review.catches(store, run.experiment.id).get(name)
            return replace(people(store, run.experiment.id, round, name), caught=caught)


# -- three of them -----------------------------------------------------------------------------------------------------
def oracle(desk: Desk, shown: review.Shown, random: Random) -> Said:
    """Right at the end, right in every turn and without a leak is accepted; else mended; else rejected."""
    again = shown.replay
    if again is not None and again.right and not shown.repair.leak and _sound(shown.task, again):
        return Said("accept")
    at = _first_wrong(shown.task, shown.failed)
    text = None if at is None else canonical(shown.task, shown.failed, at)
    for draw in range(TRIES if text else 0):
        tried = _tried(desk, shown, at or 0, text or "", draw)
        if not (tried.right and _sound(shown.task, tried)):
            continue
        if at == shown.repair.turn:
            return Said("edit", edited=tried)
        # The critic blamed another turn: the branch goes into the queue for itself, as from the explore page.
        sent = review.send(desk.store, tried.id, ORACLE)
        if desk.store.repairs.decision(sent) is None:  # a planted repair has the same failure
            review.decide(desk.store, sent, "accept", ORACLE, seconds=SECONDS)
        break
    return Said("reject", review.REASONS[1 if again is not None and again.right else 0])


def sloppy(desk: Desk, shown: review.Shown, random: Random) -> Said:
    """Accepts nine in ten of what can be accepted."""
    return _unread(shown, random.random() < CARELESS)


def random_(desk: Desk, shown: review.Shown, random: Random) -> Said:
    """Heads or tails."""
    return _unread(shown, random.random() < 0.5)


REVIEWERS: Mapping[str, Reviewer] = {ORACLE: oracle, "sloppy": sloppy, "random": random_}


def _unread(shown: review.Shown, wanted: bool) -> Said:
    can = shown.replay is not None and shown.replay.right
    return Said("accept") if can and wanted else Said("reject", review.REASONS[3 if can else 0])


def _tried(desk: Desk, shown: review.Shown, at: int, text: str, draw: int) -> Trajectory:
    """The failure played on from ``text`` in turn ``at``, stored."""
    if at == shown.repair.turn:
        return review.try_edit(desk.store, shown.item_id, text, team=desk.team, judge=desk.judge, voices=desk.voices,
                               draw=draw)
    path = replace(shown.failed.path, phase="whatif:reviewer")
    played = replay(shown.failed, desk.team, shown.task, desk.voices, edits={at: text}, draw=draw, path=path)
    again = run_in_step(played)
    again = replace(again, reward=desk.judge(shown.task, again))
    desk.store.episodes.add([again])
    return again


def _first_wrong(task: Task, played: Trajectory) -> int | None:
    """The first turn that did not do its part, given what it was handed."""
    marks, _ = turn_marks(task, played)
    return next((i for i, mark in sorted(marks.items()) if mark < 1.0), None)


def _sound(task: Task, played: Trajectory) -> bool:
    """Whether every turn did its part, by the textbook."""
    marks, lucky = turn_marks(task, played)
    return not lucky and all(mark == 1.0 for mark in marks.values())


def canonical(task: Task, failed: Trajectory, index: int) -> str | None:
    """What the textbook says in that turn, given what the turn was handed; None where it has nothing to say.

    ``x * y : 3 5 * 9`` of an analyst, worked steps of a calculator, ``3 1 5 m`` of a summarizer.
    """
    turn, p = failed.turns[index], problem(task)
    if turn.role == "analyst":
        return f"{p.formula} : {fill(p.formula, p.x, p.y, p.z)}"
    if turn.role == "calculator":
        return canonical_steps(turn.slots["expression"])
    if turn.role == "summarizer":
        result = stated_result(turn.slots["steps"])
        return result and f"{result} {p.unit}"
    plan = fill(p.formula, p.x, p.y, p.z)
    steps = canonical_steps(plan)
    return steps and f"{p.formula} : {plan} | {steps} | {p.answer}"
