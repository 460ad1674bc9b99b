"""Debates with one scripted model for each role and seat, in either language, whose replies arrive in any order."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from sirius_core.episodes import play
from sirius_core.models import Completion, Sampling, ScriptedModel, Voices
from sirius_core.pocket.grammar import Problem, draw
from sirius_core.prompts import Message
from sirius_core.tasks import formulas
from sirius_core.teams import Team, debate
from sirius_core.trajectories import SeedPath, Task, Trajectory

PATH = SeedPath("e", 0, 1, "propose", "t")
SUM = Task("sum", "gsm8k", "train", "What is 40 + 2?", "42", "number")
PROBLEM: Problem = next(p for p in draw("train", "all", 50, 0) if p.family == "travel" and p.formula == "x * y")
POCKET = formulas.task(PROBLEM, "train")
RIGHT = POCKET.answer

Script = Mapping[str, Sequence[str]]  # {role/seat: what it says, in order}


class Late(ScriptedModel):
    """A model whose every reply comes ``turns`` turns of the event loop late."""

    def __init__(self, replies: Sequence[str], dialect: str, turns: int) -> None:
        super().__init__(replies, dialect=dialect)
        self.turns = turns

    async def complete(self, messages: Sequence[Message], sampling: Sampling) -> Completion:
        reply = await super().complete(messages, sampling)
        for _ in range(self.turns):
            await asyncio.sleep(0)
        return reply


def voices(script: Script, dialect: str = "chat", order: Sequence[str] = ()) -> Voices:
    """``order``: seats in the order in which their replies arrive."""
    late = {seat: 5 * place for place, seat in enumerate(order)}
    return Voices({key: Late(said, dialect, late.get(key.partition("/")[2], 0)) for key, said in script.items()})


def debated(
    script: Script, task: Task = SUM, team: Team | None = None, dialect: str = "chat", order: Sequence[str] = ()
) -> Trajectory:
    """A debate; without ``team`` of as many agents and rounds as the script has."""
    return asyncio.run(play(team or sized(script), task, voices(script, dialect, order), PATH))


def sized(script: Script, view: str = "raw", vote: str = "plain") -> Team:
    agents = sum(key.startswith("generator/") for key in script)
    rounds = 1 + max([len(said) for key, said in script.items() if key.startswith("critic/")], default=0)
    return debate.of(agents, rounds, view, vote)


def script(*rounds: Sequence[str], say: str = "Answer: {}") -> dict[str, list[str]]:
    """``script("123", "133")``: what each seat says in each round."""
    found: dict[str, list[str]] = {}
    for number, said in enumerate(rounds):
        for seat, answer in enumerate(said, start=1):
            found.setdefault(f"{'critic' if number else 'generator'}/{seat}", []).append(say.format(answer))
    return found


def asked(trajectory: Trajectory, role: str, seat: str) -> list[str]:
    """The last message of each request to a seat."""
    return [t.messages[-1].content for t in trajectory.turns if (t.role, t.seat) == (role, seat)]
