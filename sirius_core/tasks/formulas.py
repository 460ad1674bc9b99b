"""Word problems of school physics in the pocket language (sirius_core.pocket.grammar says how they are made).

Split by canonical operand pair: what a team is tested on, it has never multiplied or divided. ``new_wordings`` are
combinations never fine-tuned; ``withheld_forms`` are question forms never fine-tuned in any combination, with
``data["form_decides"]`` where the question, and not the family, decides the formula. Training problems follow the
experiment's seed; the other splits are the same for every experiment, so that checkpoints can be compared.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from ..errors import UsageError
from ..pocket.grammar import Problem, draw
from ..pocket.marking import Marks, check, check_solo
from ..settings import Settings
from ..trajectories import Task, Trajectory

MOST = {"problems": 1500, "validation": 5000, "heldout": 5000}
"""Beyond these the pools of operand pairs run out of fresh ones, and problems would repeat one another's numbers."""


def task(problem: Problem, split: str) -> Task:
    """The Task of a problem; ``data`` holds the problem's fields.

    The kind reads a chat reply's ``Answer: 315 m`` too; a text in the pocket language counts as it stands.
    """
    data = dataclasses.asdict(problem)
    row = f"{problem.wording_id}/{problem.x}/{problem.y}/{problem.z}"
    return Task.of("formulas", row, split, problem.question, problem.answer, kind="quantity",
                   group=f"{problem.pair[0]}x{problem.pair[1]}", data=data)


def problem(task: Task) -> Problem:
    """The problem of a task (stored as JSON, which has no tuples)."""
    return Problem(**{**task.data, "pair": tuple(task.data["pair"])})


def splits(settings: Settings, seed: int) -> Mapping[str, tuple[Task, ...]]:
    s = settings
    for name, most in MOST.items():
        if (asked := getattr(s, name)) > most:
            raise UsageError(f"{name}={asked}: the embedded word problems have at most {most:,}; set {name}={most}")
    return {
        "train": tuple(task(p, "train") for p in draw("train", "old", s.problems, seed)),
        "validation": tuple(task(p, "validation") for p in draw("validation", "old", s.validation, 0)),
        "heldout": tuple(task(p, "heldout") for p in draw("heldout", "old", s.heldout, 0)),
        "new_wordings": tuple(task(p, "new_wordings") for p in draw("heldout", "new", s.new_wordings, 0)),
        "withheld_forms": tuple(task(p, "withheld_forms") for p in draw("heldout", "withheld", s.withheld_forms, 0)),
    }


def marks(task: Task, trajectory: Trajectory) -> Marks:
    """Exact marks of every step of an episode of the chain or of the solo team."""
    said = {turn.role: turn.text for turn in trajectory.turns}
    if "solo" in said:
        return check_solo(problem(task), said["solo"])
    return check(problem(task), said.get("analyst", ""), said.get("calculator", ""), said.get("summarizer", ""))


def turn_marks(task: Task, trajectory: Trajectory) -> tuple[dict[int, float], bool]:
    """({turn index: 1.0 if that turn did its part, given what it was handed}, lucky)."""
    found = marks(task, trajectory)
    good = {
        "analyst": found.formula_right and found.expression_right,
        "calculator": found.result_right,
        "summarizer": found.copied_right and found.unit_right,
        "solo": found.answer_right,
    }
    return {i: float(good[t.role]) for i, t in enumerate(trajectory.turns) if t.role in good}, found.lucky
