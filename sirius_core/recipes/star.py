"""STaR without rationalisation (arXiv 2203.14465): one agent alone learns from its own right solutions."""

from __future__ import annotations

from ..settings import Settings
from . import Recipe, team_of


def recipe(settings: Settings) -> Recipe:
    return Recipe(name="star", team=team_of(settings, single=True))
