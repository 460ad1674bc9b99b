"""One agent alone, no learning: what every team must beat at equal tokens."""

from __future__ import annotations

from ..settings import Settings
from . import Recipe, team_of


def recipe(settings: Settings) -> Recipe:
    return Recipe(name="single", team=team_of(settings, single=True), learns=False)
