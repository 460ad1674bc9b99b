"""Word problems of school physics in the pocket language (sirius_core.pocket.grammar says how they are made).

Split by canonical operand pair: what a team is tested on, it has never multiplied or divided. ``new_wordings`` are
combinations never fine-tuned; ``withheld_forms`` are question forms never fine-tuned in any combination, with
``data["form_decides"]`` where the question, and not the family, decides the formula. Training problems follow the
experiment's seed; the other splits are the same for every experiment, so that checkpoints can be compared.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from .. import answers
from ..errors import UsageError
from ..pocket.dialect import ADVISED
from ..pocket.grammar import Problem, draw
from ..pocket.marking import Marks, check, check_solo
from ..pocket.notation import Expression, digits, fill, read_expression
from ..pocket.ordinary import is_pocket, planned_in, result_in
from ..settings import Settings
from ..trajectories import Task, Trajectory

ROLES = ("analyst", "calculator", "summarizer", "solo")
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
    return _marks(task, {turn.role: turn.text for turn in trajectory.turns})


def _marks(task: Task, said: Mapping[str, str]) -> Marks:
    if "solo" in said:
        return check_solo(problem(task), said["solo"])
    return check(problem(task), said.get("analyst", ""), said.get("calculator", ""), said.get("summarizer", ""))


def turn_marks(task: Task, trajectory: Trajectory) -> tuple[dict[int, float], bool | None]:
    """({turn index: 1.0 if that turn did its part, given what it was handed}, lucky).

    A turn in ordinary text has a mark where what it states can be read; its working cannot be checked, so whether an
    answer is lucky is judged by what it states, and is None where that leaves it open. Where a team tries several
    times, each from a seat of its own, every try is marked by itself, and lucky is None.
    """
    spoken = [(i, t) for i, t in enumerate(trajectory.turns) if t.role in ROLES]
    if not spoken or any(t.role == "generator" for t in trajectory.turns):  # a debate: each of its turns is an answer
        return {}, None
    by_seat: dict[str | None, dict[str, str]] = {}
    for _, t in spoken:
        by_seat.setdefault(t.seat, {})[t.role] = t.text
    found = {seat: _marks_of(task, said) for seat, said in by_seat.items()}
    turns = {i: float(mark) for i, t in spoken if (mark := found[t.seat][0].get(t.role)) is not None}
    return turns, found[None][1] if list(found) == [None] else None


def lucky(task: Task, text: str) -> bool | None:
    """Whether one whole reply is right by wrong steps; None for ordinary text, whose working cannot be checked."""
    own = text.removeprefix(f"{ADVISED} ")
    return check_solo(problem(task), own).lucky if is_pocket(own) else None


def _marks_of(task: Task, said: Mapping[str, str]) -> tuple[Mapping[str, bool | None], bool | None]:
    """Marks of one try, {role: did its part, None: unknown}, and lucky."""
    if not all(is_pocket(text) for text in said.values()):
        return _spoken_marks(task, said)
    found = _marks(task, said)
    return {
        "analyst": found.formula_right and found.expression_right,
        "calculator": found.result_right,
        "summarizer": found.copied_right and found.unit_right,
        "solo": found.answer_right,
    }, found.lucky


def _spoken_marks(task: Task, said: Mapping[str, str]) -> tuple[dict[str, bool | None], bool | None]:
    """Marks of a team with a role that speaks ordinary text, {role: did its part, None: unknown}, and lucky."""
    p = problem(task)
    if "solo" in said:
        return {"solo": answers.judge_text(said["solo"], task.answer, task.kind).right}, None
    planned, result = planned_in(said.get("analyst", "")), result_in(said.get("calculator", ""))
    expression = read_expression(planned or "")
    read = answers.extract(said.get("summarizer", ""), task.kind)
    good: dict[str, bool | None] = {
        "analyst": planned == fill(p.formula, p.x, p.y, p.z), "calculator": None, "summarizer": None}
    if expression is not None and result is not None:
        exact = _exact_value(expression)
        good["calculator"] = None if exact is None else result == exact
    if read is not None and result is not None:
        good["summarizer"] = answers.same(read, f"{result} {p.unit}", task.kind)
    if read is None or not answers.same(read, task.answer, task.kind):
        return good, False
    return good, True if False in good.values() else None if None in good.values() else False


def _exact_value(expression: Expression) -> str | None:
    """The value as the language writes it; None where it is no whole number from 0 on."""
    value = expression.value
    whole = "/" not in expression.formula or (expression.y != 0 and expression.x % expression.y == 0)
    return digits(value) if value is not None and value >= 0 and whole else None
