"""Three in a row for any problem: one plans, one carries out, one states the answer. Each reads all before it."""

from __future__ import annotations

from typing import Any

from ..trajectories import Task
from . import Team, from_files
from .chat import blame, form, problem, view


def in_a_row(name: str, first: str, second: str) -> Team:
    """The team of ``first``, ``second`` and a summarizer whose prompts stand in ``prompts/NAME``."""

    async def workflow(task: Task, ask: Any) -> Any:
        question = problem(task)
        explanation = await ask(first, question=question)
        work = await ask(second, question=question, explanation=explanation)
        return await ask("summarizer", question=question, explanation=explanation, work=work, form=form(task))

    members = (first, second, "summarizer")
    return Team(name, from_files(name, borrowed={"rephraser": "mending"}), workflow, members, "summarizer", view, blame)


chain = in_a_row("chain", "analyst", "worker")
