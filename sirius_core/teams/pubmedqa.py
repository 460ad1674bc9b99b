"""Context analyst - problem solver (SiriuS, PubMedQA): one reads the passages, the other answers from the summary.

Unlike the paper's analyst, ours reads the question, too: it is asked for what bears on it.
"""

from __future__ import annotations

from typing import Any

from ..trajectories import Task
from . import Team, from_files
from .chat import blame, context, form, ordinary, view


async def workflow(task: Task, ask: Any) -> Any:
    question = ordinary(task, task.question)
    summary = await ask("analyst", context=context(task) or "(none)", question=question)
    return await ask("solver", question=question, summary=summary, form=form(task))


pubmedqa = Team("pubmedqa", from_files("pubmedqa", borrowed={"rephraser": "mending"}), workflow, ("analyst", "solver"),
                "solver", view, blame)
