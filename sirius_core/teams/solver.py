"""One agent alone, for any problem: the baseline of every team, and who learns in STaR."""

from __future__ import annotations

from typing import Any

from ..trajectories import Task
from . import Team, from_files
from .chat import blame, form, problem, view


async def workflow(task: Task, ask: Any) -> Any:
    return await ask("solver", question=problem(task), form=form(task))


solver = Team("solver", from_files("solver", borrowed={"rephraser": "mending"}), workflow, ("solver",), "solver", view,
              blame)
