"""Teams for the word problems of tasks/formulas: analyst - calculator - summarizer, or one agent alone.

The analyst reads the problem and writes a plan, ``z - x * y : 3 7 1 - 3 5 * 9``; only its expression is public. The
calculator works it out digit by digit; the summarizer copies the result and adds the unit. The embedded critic sees
numbers, transcript and a gold answer (or the team's own in its place, when blind), but not the wording: it has to infer
what went wrong. The rephraser removes the mention of advice from a revised turn.

Chat models read all of it in ordinary text (``371 - 35 * 9``) and reply so. What a role hands on is put back into the
embedded language, so that roles of both kinds can play in one team.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..errors import Stopped
from ..pocket.dialect import read_verdict
from ..pocket.notation import read_expression
from ..pocket.ordinary import is_pocket, planned_in, result_in, to_ordinary
from ..prompts import load
from ..trajectories import Stop, Task, Trajectory
from . import Blame, Parsed, Team, chat, from_files, roles

_MISSING = "?"  # what the embedded critic reads in place of a turn that was never spoken


def plan(text: str) -> Parsed:
    """The analyst's reply: its expression is what the calculator sees. No readable plan ends the episode."""
    expression = planned_in(text)
    read = read_expression(expression) if expression else None
    if read is None:
        raise Stopped(Stop.NO_ANSWER, f"no plan can be read from {text[:300]!r}")
    return Parsed({"formula": read.formula, "expression": expression}, str(expression))


def worked(text: str) -> Parsed:
    """The calculator's reply. Of ordinary text the result is handed on, as the embedded language writes it; all of it
    where no whole number can be read."""
    result = None if is_pocket(text) else result_in(text)
    return Parsed(None, text) if result is None else Parsed({"result": result}, f"= {result}")


async def chain(task: Task, ask: Any) -> Any:
    expression = await ask("analyst", parse=plan, question=task.question)
    steps = await ask("calculator", parse=worked, expression=expression)
    return await ask("summarizer", question=task.question, steps=steps)


def answer_of(text: str) -> Parsed:
    """The solo reply in the embedded language is ``plan | steps | answer``; ordinary text states its answer itself."""
    if not is_pocket(text):
        return Parsed(text, text)
    parts = text.split(" | ")
    if len(parts) != 3:
        raise Stopped(Stop.NO_ANSWER, f"no answer can be read from {text[:300]!r}")
    return Parsed(parts[2], parts[2])


async def solo(task: Task, ask: Any) -> Any:
    return (await ask("solo", parse=answer_of, question=task.question)).value


def view(task: Task, failed: Trajectory, shown: str | None) -> Mapping[str, str]:
    """What a critic reads of a failed episode; ``shown`` is the gold answer, or None for the blind critic.

    To the embedded critic's slots come those of any chat critic (teams.chat).
    """
    said = {turn.role: turn.text for turn in failed.turns if turn.text}
    if (solo_text := said.get("solo")) and is_pocket(solo_text):
        said = dict(zip(("analyst", "calculator", "summarizer"), solo_text.split(" | "), strict=False))
    answer = said.get("summarizer", _MISSING)
    numbers = " , ".join(" ".join(number) for number in _numbers(task))
    result = result_in(said.get("calculator", "")) or _MISSING
    return {**chat.view(task, failed, shown), "numbers": numbers, "plan": said.get("analyst", _MISSING),
            "result": result, "answer": answer, "gold": answer if shown is None else shown}


def _numbers(task: Task) -> list[str]:
    """The numbers of a problem: x, y and z, or those of its text where somebody wrote it."""
    if "x" not in task.data:
        return [found.replace(" ", "") for found in re.findall(r"(?<!\S)\d(?: \d)*(?!\S)", task.question)]
    return [str(task.data[name]) for name in "xyz" if task.data[name] is not None]


def blame(critique: str, failed: Trajectory) -> Blame | None:
    """Which turn a critique blames, and its feedback; None for ``fine``, for garbage and for a turn never spoken."""
    read = read_verdict(critique)
    if read is None:
        return None if is_pocket(critique) else chat.blame(critique, failed)
    turn = failed.turn_of(read[0])
    turn = failed.turn_of("solo") if turn is None else turn
    return None if turn is None else Blame(turn, read[1])


# The embedded model's replies are short; a chat model's bound is the experiment's.
_LIMITS = {f"pocket:{role}": most for role, most in {
    "analyst": 48, "calculator": 120, "summarizer": 16, "critic": 16, "rephraser": 120, "solo": 150}.items()}
_SPOKEN = {"chat": to_ordinary}
_CHAIN, _BORROWED = ("analyst", "calculator", "summarizer"), {"rephraser": "mending"}

formula_chain = Team("formula_chain", from_files("formulas", (*_CHAIN, "critic", "rephraser"), _BORROWED), chain,
                     _CHAIN, "summarizer", view, blame, _LIMITS, _SPOKEN, lesson="analyst")
formula_solo = Team(
    "formula_solo",
    {**from_files("formulas", ("solo", "rephraser"), _BORROWED),
     **roles({("critic", "answer", "pocket"): load("formulas")["critic", "answer", "pocket"],
              ("critic", "answer", "chat"): load("solver")["critic", "answer", "chat"]})},
    solo, ("solo",), "solo", view, blame, _LIMITS, _SPOKEN, lesson="solo")
