"""The chain without learning (CoMM): what the same roles do untrained."""

from __future__ import annotations

from ..settings import Settings
from . import Recipe, team_of


def recipe(settings: Settings) -> Recipe:
    return Recipe(name="chain", team=team_of(settings), learns=False)
