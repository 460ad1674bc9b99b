"""Games of negotiation with scripted players, in both dialects."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sirius_core import games, teams
from sirius_core.episodes import play
from sirius_core.models import Completion, ScriptedModel, Voices
from sirius_core.rewards import right
from sirius_core.tasks import negotiation
from sirius_core.trajectories import SeedPath, Task, Trajectory

PATH = SeedPath("e", 0, 1, "propose", "t")
Said = str | Completion


def game(name: str = "sell_and_buy", learner: int | None = 0, opponent: str = "base", split: str = "train",
         **changes: Any) -> Task:
    """One game as a task, without chance in its amounts."""
    return negotiation.task(games.setting(name, **changes), split, "g", 0, learner, opponent)


def price(ask: int) -> games.Move:
    return games.offer({"X": 1}, {"ZUP": ask})


def share(part: int) -> games.Move:
    return games.offer({"Dollars": part}, {"Dollars": 0})


def swap(red: int, blue: int) -> games.Move:
    return games.offer({"X": red}, {"Y": blue})


def tagged(task: Task, moves: Sequence[games.Move], **more: str) -> list[str]:
    """The replies in which both seats in turn say these moves, as chat models write them."""
    setting = negotiation.setting_of(task)
    return [games.write(setting, turn % 2, move, turn, **more) for turn, move in enumerate(moves)]


def played(task: Task, red: Sequence[Said], blue: Sequence[Said], dialect: str = "chat",
           path: SeedPath = PATH) -> Trajectory:
    """The game in which the seats say these texts, judged."""
    voices = Voices({role: ScriptedModel(_one_by_one(said), dialect=dialect)
                     for role, said in zip(negotiation.ROLES[task.source], (red, blue), strict=True)})
    made = asyncio.run(play(teams.get(task.source), task, voices, path))
    return replace(made, reward=right(task, made))


def talked(task: Task, *moves: games.Move) -> Trajectory:
    """The game in which these moves are made, by chat models."""
    said = tagged(task, moves)
    return played(task, said[0::2], said[1::2])


def _one_by_one(said: Sequence[Said]) -> Any:
    rest = iter(said)
    return lambda messages, sampling: next(rest)


def asked(trajectory: Trajectory, role: str) -> str:
    """Everything that a role was ever asked, as one text."""
    return "\n".join(m.content for t in trajectory.turns if t.role == role for m in t.messages)


def kinds(trajectory: Trajectory) -> list[Any]:
    return [t.value and t.value["kind"] for t in trajectory.turns]


