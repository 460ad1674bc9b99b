"""One team's several tries at a problem made one answer: by majority vote, or by the first that a critic lets pass.

Each try speaks from a seat of its own, "1", "2" ..., and knows nothing of the others, so that an episode of all tries
can be replayed and asked about like any other. Their number is fixed, or what a number of tokens pays for: one try at
least, and another as long as one more of the average size still fits, at most `MOST`. A try that ends in a failure of
the model has no answer and stays in the count.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

from .. import votes
from ..errors import Stopped, UsageError
from ..trajectories import Outcome, SeedPath, Task, Trajectory
from . import Team

MOST = 64


def majority(team: Team, samples: int = 5, tokens: int = 0) -> Team:
    """The plurality of the tries' answers (`votes.winner`: among equals that of the first try)."""

    async def workflow(task: Task, ask: Any) -> str | None:
        tried: dict[str, str | Stopped | None] = {}
        if tokens:
            async for seat, said in one_by_one(team, task, ask, samples, tokens):
                tried[seat] = said
        else:
            async with asyncio.TaskGroup() as group:
                tries = {str(n): group.create_task(one_try(team, task, ask.seated(str(n))))
                         for n in range(1, samples + 1)}
            tried = {seat: made.result() for seat, made in tries.items()}
        found = {seat: votes.read(said, task.kind) if isinstance(said, str) else "" for seat, said in tried.items()}
        (settled,) = votes.settled([found], task.kind)
        won, _ = votes.winner(settled)
        return answered(tried, next((seat for seat, said in settled.items() if said and said == won), ""))

    return replace(alone(team), name="vote", workflow=workflow)


def best_of(team: Team, samples: int = 5, tokens: int = 0) -> Team:
    """The first try with an answer that the blind critic does not blame, else the first with an answer.

    The critic reads a try as it reads a failure that it is to mend, but never the right answer; its calls count.
    UsageError for a team that has no critic.
    """
    view, blame = team.view, team.blame
    if view is None or blame is None:
        raise UsageError(f"team {team.name!r} has no critic that could choose among its tries: take another team, or "
                         "the recipe vote")

    async def workflow(task: Task, ask: Any) -> str | None:
        tried: dict[str, str | Stopped | None] = {}
        async for seat, said in one_by_one(team, task, ask, samples, tokens):
            tried[seat] = said
            if isinstance(said, str) and not await blamed(task, ask.seated(seat), said):
                return said
        return answered(tried, next((seat for seat, said in tried.items() if isinstance(said, str)), ""))

    async def blamed(task: Task, ask: Any, said: str) -> bool:
        made = Trajectory(SeedPath("", 0, 0, "try", task.id), team.name, ask.turns(), Outcome(said))
        prompt = team.role("critic").prompt("answer", ask.dialect("critic"))
        slots = {**view(task, made, None), "role": ", ".join(team.chain)}
        try:
            critique = await ask("critic", **{name: text for name, text in slots.items() if name in prompt.slots})
        except Stopped:
            return False
        return blame(str(critique), made) is not None

    kept = alone(team, "critic")
    return replace(kept, name="best_of_k", workflow=workflow, judges=("critic",))


def alone(team: Team, *more: str) -> Team:
    """The team without those who would mend it, but ``more``."""
    roles = {name: role for name, role in team.roles.items() if name not in team.menders or name in more}
    return replace(team, roles=roles, chain=(), view=None, blame=None)


async def one_try(team: Team, task: Task, ask: Any) -> str | Stopped | None:
    """What the team answers, or what kept it from an answer."""
    try:
        said = await team.workflow(task, ask)
    except Stopped as stopped:
        return stopped
    except BaseExceptionGroup as group:  # of a team with parallel turns
        stops, rest = group.split(Stopped)
        if stops is None or rest is not None:
            raise
        first: BaseException = stops
        while isinstance(first, BaseExceptionGroup):
            first = first.exceptions[0]
        assert isinstance(first, Stopped)
        return first
    return None if said is None or not str(said).strip() else str(said)


async def one_by_one(
    team: Team, task: Task, ask: Any, samples: int, tokens: int
) -> AsyncIterator[tuple[str, str | Stopped | None]]:
    """(seat, what it answered) of one try after the other, ``samples`` of them, or as many as ``tokens`` pay for."""
    done = 0
    while done < (MOST if tokens else samples) and (not tokens or ask.tokens * (done + 1) <= tokens * done or not done):
        seat = str(done + 1)
        yield seat, await one_try(team, task, ask.seated(seat))
        done += 1


def answered(tried: dict[str, str | Stopped | None], seat: str) -> str | None:
    """The answer of ``seat``. Without one: None, or the stop where every try was stopped."""
    if seat:
        said = tried[seat]
        assert isinstance(said, str)
        return said
    stops = [said for said in tried.values() if isinstance(said, Stopped)]
    if len(stops) == len(tried):
        raise stops[0]
    return None
