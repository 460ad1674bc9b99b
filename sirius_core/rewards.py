"""(task, trajectory) to Reward: rules, never a model's opinion. A stopped episode earns 0 and stays in the count."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from . import answers, votes
from .errors import UnknownName, UsageError
from .games import GAMES
from .tasks.scores import game
from .trajectories import Reward, Task, Trajectory, Turn

Judge = Callable[[Task, Trajectory], Reward]


def right(task: Task, trajectory: Trajectory) -> Reward:
    """1 if the answer equals the truth as the task compares it, else 0; says what was read and why. Of a game its
    score (`game`)."""
    if task.source in GAMES:
        return game(task, trajectory)
    outcome = trajectory.outcome
    turns, lucky = _steps(task, trajectory)
    if outcome.stop is not None or outcome.answer is None:
        return Reward(
            0.0, None, f"{outcome.stop or 'no answer'}: {outcome.why}", turns, None if lucky is None else False
        )
    verdict = answers.judge_text(outcome.answer, task.answer, task.kind, tolerance=task.data.get("tolerance"))
    read = None if verdict.read is None else str(verdict.read.value)
    return Reward(float(verdict.right), read, verdict.why, turns, None if lucky is None else lucky and verdict.right)


def _steps(task: Task, trajectory: Trajectory) -> tuple[dict[int, float], bool | None]:
    if task.source != "formulas":
        return {}, None
    from .tasks.formulas import turn_marks

    return turn_marks(task, trajectory)


def right_by_right_steps(task: Task, trajectory: Trajectory) -> Reward:
    """1 if the answer is right and so is every step that led to it; where steps cannot be checked they are not."""
    found = right(task, trajectory)
    if not found.right or found.lucky is False:
        return found
    return replace(found, value=0.0, why=f"right, but by wrong steps: {found.why}")


def right_unit(task: Task, trajectory: Trajectory) -> Reward:
    """A sloppy test: 1 if the answer's unit is the right one, whatever stands before it.

    ``lucky`` says whether what passed was not right, or right by wrong steps.
    """
    found, outcome = right(task, trajectory), trajectory.outcome
    if outcome.stop is not None or outcome.answer is None:
        return found
    stated, wanted = (_unit(text) for text in (outcome.answer, task.answer))
    passed = stated != "" and stated == wanted
    why = f"the unit is {stated or 'none'}, the right one is {wanted}"
    return replace(found, value=float(passed), why=why, lucky=passed and (not found.right or bool(found.lucky)))


def _unit(text: str) -> str:
    return votes.read(text, "quantity").partition(" ")[2]


VERIFIERS: dict[str, Judge] = {"right": right, "steps": right_by_right_steps, "unit": right_unit}
"""What a try must show to be learned from, by the name that the setting ``verifier`` has for it."""


def verifiable(verifier: str, task: Task, dialect: str) -> None:
    """UsageError if a verifier cannot judge such tasks, played by models of this dialect."""
    if verifier not in VERIFIERS:
        raise UnknownName("verifier", verifier, VERIFIERS)
    if verifier != "right" and task.source in GAMES:
        raise UsageError(f"setting verifier={verifier}: a game is judged by what it came to; use verifier=right")
    if verifier == "steps" and (task.source != "formulas" or dialect != "pocket"):
        who = "a chat model's" if task.source == "formulas" else f"source={task.source}'s"
        raise UsageError(f"setting verifier=steps: {who} steps cannot be checked, only those of the embedded word "
                         "problems in their own language; use verifier=right")
    if verifier == "unit" and (task.kind != "quantity" or not _unit(task.answer)):
        raise UsageError(f"setting verifier=unit: the answers of source={task.source} have no units that are known "
                         "here; use verifier=right")


def actor_critic(task: Task, trajectory: Trajectory) -> Reward:
    """1 if the answer in the end is right; ``turns`` has each turn's own part in it.

    The actor: a right answer, first or revised. The judge: a verdict that tells the truth about the first answer (one
    that cannot be read does not). The critic: feedback whose revision is right.
    """
    def is_right(answer: str | None) -> bool:
        return answer is not None and answers.judge_text(
            answer, task.answer, task.kind, tolerance=task.data.get("tolerance")).right

    found, turns = right(task, trajectory), trajectory.turns
    acted = {i: is_right(_part(turn, "answer")) for i, turn in enumerate(turns) if turn.role == "actor"}
    marks = {i: float(good) for i, good in acted.items()}
    for i, turn in enumerate(turns):
        if turn.role == "judge":
            marks[i] = float(_part(turn, "verdict") is acted[0])
        elif turn.role == "critic":
            marks[i] = float(acted.get(i + 1, False))
    return replace(found, turns=dict(sorted(marks.items())), lucky=_by_luck(task, trajectory, found))


def _part(turn: Turn, name: str) -> Any:
    """A part of what was read in a turn; None of one in which nothing was."""
    return turn.value.get(name) if isinstance(turn.value, Mapping) else None


def _by_luck(task: Task, trajectory: Trajectory, found: Reward) -> bool | None:
    """Whether an actor's last answer is right by wrong steps; None where they cannot be checked."""
    last = trajectory.turn_of("actor")
    if task.source != "formulas" or last is None:
        return None
    from .tasks.formulas import lucky

    checked = lucky(task, trajectory.turns[last].text)
    return None if checked is None else found.right and checked


def agreement(task: Task, trajectory: Trajectory) -> Reward:
    """The vote as label, without the truth (Multiagent Finetuning): each turn earns 1 if its answer is the winner.

    The winner, kept in ``read``, is what the team answered (`votes.decided`). ``value`` is the share of the last turns
    that agree with it, all of them in the denominator; ``turns`` has every turn that states an answer.
    """
    label, rounds = votes.decided(trajectory, task.kind), votes.by_round(trajectory, task.kind)
    if not label:
        return Reward(0.0, None, f"{trajectory.outcome.stop or 'no answer'}: nobody gave an answer")
    places = votes.speaking(trajectory)
    turns = {i: float(said[seat] == label) for place, said in zip(places, rounds, strict=True)
             for seat, i in place.items()}
    agree = sum(said == label for said in rounds[-1].values())
    why = f"{agree} of {len(rounds[-1])} say {label!r}"
    return Reward(agree / len(rounds[-1]), label, why, dict(sorted(turns.items())))
