"""Teams for the word problems of tasks/formulas: analyst - calculator - summarizer, or one agent alone.

The analyst reads the problem and writes a plan, ``z - x * y : 3 7 1 - 3 5 * 9``; only its expression is public. The
calculator works it out digit by digit; the summarizer copies the result and adds the unit. The critic sees numbers,
transcript and a gold answer (or the team's own in its place, when blind), but not the wording: it has to infer what
went wrong. The rephraser removes the mention of advice from a revised turn.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import Stopped
from ..pocket.dialect import read_verdict
from ..pocket.notation import parse_plan, stated_result
from ..trajectories import Stop, Task, Trajectory
from . import Blame, Parsed, Team, from_files

_MISSING = "?"  # what the critic reads in place of a turn that was never spoken


def plan(text: str) -> Parsed:
    """The analyst's reply: its expression is what the calculator sees. No readable plan ends the episode."""
    read = parse_plan(text)
    if read is None:
        raise Stopped(Stop.NO_ANSWER, f"no plan can be read from {text!r}")
    return Parsed({"formula": read.formula, "expression": read.expression}, read.expression)


async def chain(task: Task, ask: Any) -> Any:
    expression = await ask("analyst", parse=plan, question=task.question)
    steps = await ask("calculator", expression=expression)
    return await ask("summarizer", question=task.question, steps=steps)


def answer_of(text: str) -> Parsed:
    """The solo reply is ``plan | steps | answer``."""
    parts = text.split(" | ")
    if len(parts) != 3:
        raise Stopped(Stop.NO_ANSWER, f"no answer can be read from {text!r}")
    return Parsed(parts[2], parts[2])


async def solo(task: Task, ask: Any) -> Any:
    return (await ask("solo", parse=answer_of, question=task.question)).value


def view(task: Task, failed: Trajectory, shown: str | None) -> Mapping[str, str]:
    """What the critic reads of a failed episode; ``shown`` is the gold answer, or None for the blind critic."""
    said = {turn.role: turn.text for turn in failed.turns if turn.text}
    if solo_text := said.get("solo"):
        said = dict(zip(("analyst", "calculator", "summarizer"), solo_text.split(" | "), strict=False))
    answer = said.get("summarizer", _MISSING)
    numbers = " , ".join(" ".join(str(task.data[name])) for name in "xyz" if task.data[name] is not None)
    result = stated_result(said.get("calculator", "")) or _MISSING
    return {"numbers": numbers, "plan": said.get("analyst", _MISSING), "result": result, "answer": answer,
            "gold": answer if shown is None else shown}


def blame(critique: str, failed: Trajectory) -> Blame | None:
    """Which turn a critique blames, and its feedback; None for ``fine``, for garbage and for a turn never spoken."""
    read = read_verdict(critique)
    if read is None:
        return None
    turn = failed.turn_of(read[0])
    turn = failed.turn_of("solo") if turn is None else turn
    return None if turn is None else Blame(turn, read[1])


_LIMITS = {"analyst": 48, "calculator": 120, "summarizer": 16, "critic": 16, "rephraser": 120, "solo": 150}

_CHAIN, _MENDERS = ("analyst", "calculator", "summarizer"), ("critic", "rephraser")

formula_chain = Team("formula_chain", from_files("formulas", (*_CHAIN, *_MENDERS)), chain, _CHAIN, "summarizer", view,
                     blame, _LIMITS)
formula_solo = Team("formula_solo", from_files("formulas", ("solo", *_MENDERS)), solo, ("solo",), "solo", view, blame,
                    _LIMITS)
