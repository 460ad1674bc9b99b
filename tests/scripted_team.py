"""Chat teams with scripted voices: tasks of each kind, an episode played, a failure mended."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace

from sirius_core import teams
from sirius_core.episodes import direct, play
from sirius_core.models import Sampling, ScriptedModel, Voices
from sirius_core.pocket.grammar import draw
from sirius_core.prompts import Message
from sirius_core.repair import CriticRepair, Failure
from sirius_core.rewards import right
from sirius_core.rollout import Records
from sirius_core.tasks import formulas
from sirius_core.trajectories import SeedPath, Task, Trajectory

CHAT = [name for name in teams.TEAMS if teams.get(name).view is not None]  # those that a critic can mend
PATH, MENDING = SeedPath("e", 0, 1, "propose", "t"), SeedPath("e", 0, 1, "repair", "t")
PROBLEM = next(p for p in draw("train", "all", 50, 0) if p.family == "travel")
FORMULA = formulas.task(PROBLEM, "train")
LETTER = Task("t1", "mmlu", "train", "Which unit measures force?\nA) kg\nB) J\nC) N\nD) W", "C", "letter")
NUMBER = Task("t2", "theoremqa", "train", "A mass of 2 kg gains 3 m/s^2. Which force acts?", "6.0", "number",
              data={"tolerance": 0.01})
MEDICAL = Task("t3", "pubmedqa", "train", "Does it help?", "yes", "yes_no_maybe",
               data={"context": "We gave feedback to 40 patients.\n31 improved (p < 0.01)."})
TASKS = {"physics": NUMBER, "chemistry": LETTER, "pubmedqa": MEDICAL, "chain": LETTER, "solver": NUMBER,
         "formula_chain": FORMULA, "formula_solo": FORMULA, "debate": LETTER}

Script = Callable[[Sequence[Message], Sampling], str] | list[str]


def voices(script: Script, dialect: str = "chat") -> Voices:
    return Voices({"*": ScriptedModel(script, dialect=dialect)})


def played(team: str, task: Task, script: Script) -> Trajectory:
    """An episode with its reward."""
    trajectory = asyncio.run(play(teams.get(team), task, voices(script), PATH))
    return replace(trajectory, reward=right(task, trajectory))


def failure(team: str, failed: Trajectory, task: Task, model: ScriptedModel) -> Failure:
    return Failure(task, failed, teams.get(team), Voices({"*": model}), right, MENDING)


def mended(team: str, failed: Trajectory, task: Task, script: Script, how: CriticRepair | None = None) -> Records:
    return asyncio.run((how or CriticRepair())(failure(team, failed, task, ScriptedModel(script)), direct))
