"""(task, trajectory) to Reward: rules, never a model's opinion. A stopped episode earns 0 and stays in the count."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from . import answers, votes
from .errors import UnknownName, UsageError
from .trajectories import Reward, Task, Trajectory

Judge = Callable[[Task, Trajectory], Reward]


def right(task: Task, trajectory: Trajectory) -> Reward:
    """1 if the answer equals the truth as the task compares it, else 0; says what was read and why."""
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
    if verifier == "steps" and (task.source != "formulas" or dialect != "pocket"):
        who = "a chat model's" if task.source == "formulas" else f"source={task.source}'s"
        raise UsageError(f"setting verifier=steps: {who} steps cannot be checked, only those of the embedded word "
                         "problems in their own language; use verifier=right")
    if verifier == "unit" and (task.kind != "quantity" or not _unit(task.answer)):
        raise UsageError(f"setting verifier=unit: the answers of source={task.source} have no units that are known "
                         "here; use verifier=right")


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
