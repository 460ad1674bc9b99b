"""Multiagent debate (arXiv 2305.14325): three seats answer, then each revises with the others' answers in view.

Rounds are synchronous: everyone reads what was said in the round before. Generators speak first, critics after; a
seat's critic has its generator's turn as its own history. The answer is the plurality of the last turns.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

from ..rewards import vote
from ..trajectories import Task
from . import Team, from_files
from .chat import form, problem

SEATS, ROUNDS = ("1", "2", "3"), 2


async def workflow(task: Task, ask: Any) -> str | None:
    said: list[Any] = []
    for _ in range(ROUNDS):
        async with asyncio.TaskGroup() as group:
            turns = [group.create_task(_speak(task, ask, seat, said)) for seat in SEATS]
        said = [turn.result() for turn in turns]
    votes = Counter(counted for reply in said if (counted := vote(reply, task.kind)))
    if not votes:
        return None
    winner = max(votes, key=lambda counted: votes[counted])  # among equals: the first seat's
    return next(str(reply) for reply in said if vote(reply, task.kind) == winner)


async def _speak(task: Task, ask: Any, seat: str, said: list[Any]) -> Any:
    if not said:
        return await ask("generator", seat=seat, question=problem(task), form=form(task))
    others = "\n\n".join(f"Agent {reply.seat}: {reply.public}" for reply in said if reply.seat != seat)
    own = [reply for reply in said if reply.seat == seat]
    return await ask("critic", seat=seat, history=own, question=problem(task), others=others, form=form(task))


debate = Team("debate", from_files("debate"), workflow)
