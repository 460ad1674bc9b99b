"""Traces from elsewhere: a team that nobody here can play, a judge by rule, each role a library of its own."""

from __future__ import annotations

from typing import Any

from ..settings import Settings
from ..teams import Team
from ..trajectories import Task
from . import IMPORTED, Recipe, playable


def recipe(settings: Settings) -> Recipe:
    async def nobody(task: Task, ask: Any) -> None:
        playable(settings)

    return Recipe(name=IMPORTED, team=Team(IMPORTED, {}, nobody))
