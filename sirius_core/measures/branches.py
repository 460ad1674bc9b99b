"""What became of a first answer: whether it was right, what a judge said of it, whether the answer in the end is right.

Of the team `actor_critic`, and of `self_correct`, where nobody judges. An episode that stopped stays in every count:
what was not said is not right, and a verdict that never came cannot be read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from .. import answers, votes
from ..store import Experiment, Store
from ..teams import Team
from ..teams.actor_critic import answer_of, verdict_of
from ..trajectories import Task, Trajectory

HELD_OUT = "evaluate:heldout:sampled"
ACTOR, JUDGE = "actor", "judge"
TRUE, FALSE, UNREADABLE, NONE = "true", "false", "unreadable", ""
VERDICTS = (TRUE, FALSE, UNREADABLE)


@dataclass(frozen=True)
class Branch:
    """One episode. ``verdict`` is one of `VERDICTS`, or `NONE` where the team has no judge; ``revised`` whether a
    second answer was asked for. ``said`` and ``ended`` are the first and the last answer as votes read them, "" where
    none can be read."""

    trajectory: str
    task: str
    group: str
    first: bool
    verdict: str
    revised: bool
    final: bool
    said: str
    ended: str


def applies(team: Team) -> bool:
    """Whether a team has an actor who may answer twice: after a judge's False, or by looking again. A vote over several
    such tries has no one first answer."""
    twice = ACTOR in team.roles and (judged(team) or any(prompt == "again" for prompt, _ in team.roles[ACTOR].prompts))
    return twice and team.name != "vote"


def judged(team: Team) -> bool:
    """Whether somebody says True or False of its first answers."""
    return JUDGE in team.roles


def of_round(store: Store, e: Experiment, team: Team, round: int) -> list[Branch]:
    """What became of the held-out problems in a round, in the order of the problems; empty before it was tested."""
    held = store.episodes.find(e.id, round=round, phase=HELD_OUT)
    place = {task: i for i, task in enumerate(store.experiments.splits(e.id).get("heldout", ()))}
    held.sort(key=lambda t: (place.get(t.task, 0), t.task))
    return read(held, store.episodes.tasks(sorted({t.task for t in held})), judged(team), e.settings.threshold)


def read(trajectories: Iterable[Trajectory], tasks: Mapping[str, Task], judged: bool, threshold: float) -> list[Branch]:
    """A branch of every trajectory, in their order; final answers are right where the reward is above ``threshold``."""
    return [_branch(t, tasks[t.task], judged, threshold) for t in trajectories]


def _branch(t: Trajectory, task: Task, judged: bool, threshold: float) -> Branch:
    acted = [turn for turn in t.turns if turn.role == ACTOR]
    said, ended = ((answer_of(acted[i]) or "") if acted else "" for i in (0, -1))
    right = bool(said) and answers.judge_text(said, task.answer, task.kind, tolerance=task.data.get("tolerance")).right
    last = ended if t.outcome.stop is None else ""
    return Branch(t.id, task.id, task.group or task.id, right, _verdict(t) if judged else NONE, len(acted) > 1,
                  t.earned(threshold), votes.read(said, task.kind), votes.read(last, task.kind))


def _verdict(t: Trajectory) -> str:
    turn = next((turn for turn in t.turns if turn.role == JUDGE), None)
    told = None if turn is None else verdict_of(turn)
    return UNREADABLE if told is None else TRUE if told else FALSE
