"""Self-correction: an actor answers, looks at its own answer once more by itself, and answers again.

What a judge and a critic must beat (arXiv 2502.04780, Table 5). Its first answer is asked for in the same words as that
of `actor_critic`, so with one seed both begin with the same answers. Nobody says whether the first one was right.
"""

from __future__ import annotations

from typing import Any

from ..pocket.ordinary import to_ordinary
from ..trajectories import Task
from . import Role, Team, from_files
from .actor_critic import reader, shown
from .debate import asked


async def workflow(task: Task, ask: Any) -> Any:
    read, dialect = reader(task), ask.dialect("actor")
    first = await ask("actor", parse=read, **asked(task, dialect))
    again = await ask("actor", "again", parse=read, **asked(task, dialect), **_shown(task, dialect, first))
    return again.value["answer"]


def _shown(task: Task, dialect: str, first: Any) -> dict[str, str]:
    return {"response": shown(task, dialect, first)["response"]}


def _actor() -> Role:
    """The actor of `actor_critic`, who looks again where that one revises."""
    actor = from_files("self_correct", borrowed={"actor": "actor_critic"})["actor"]
    return Role("actor", {key: prompt for key, prompt in actor.prompts.items() if key[0] in ("answer", "again")})


self_correct = Team("self_correct", {"actor": _actor()}, workflow, ("actor",), "actor", limits={"pocket:actor": 150},
                    spoken={"chat": to_ordinary}, lesson="actor/again")
