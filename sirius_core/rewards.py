"""(task, trajectory) to Reward: rules, never a model's opinion. A stopped episode earns 0 and stays in the count."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from . import answers
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


def agreement(task: Task, trajectory: Trajectory) -> Reward:
    """The vote as label, without the truth (Multiagent Finetuning): each turn earns 1 if its answer is the winner.

    The winner is the plurality among the seats' last turns; among equals the one said by the first seat. ``value`` is
    the share of last turns that agree with it.
    """
    last = {turn.seat or turn.role: vote(turn.text, task.kind) for turn in trajectory.turns}
    votes = Counter(said for said in last.values() if said)
    if trajectory.outcome.stop is not None or not votes:
        return Reward(0.0, None, "nobody gave an answer")
    most = max(votes.values())
    winner = next(said for said in last.values() if said and votes[said] == most)
    turns = {i: float(vote(turn.text, task.kind) == winner) for i, turn in enumerate(trajectory.turns)}
    return Reward(most / len(last), winner, f"{most} of {len(last)} say {winner!r}", turns)


def vote(text: str, kind: str) -> str:
    """The answer that a text states, as votes are counted: read as the task's kind, else what follows ``Answer:``."""
    if kind in answers.KINDS and answers.KINDS[kind].marked and (read := answers.extract(text, kind)):
        return str(read.value)
    return " ".join(text.rpartition("Answer:")[2].split()).lower()
