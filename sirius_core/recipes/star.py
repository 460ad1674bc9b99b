"""STaR without rationalisation (arXiv 2203.14465): one agent alone learns from its own right solutions."""

from __future__ import annotations

from .. import teams
from ..settings import Settings
from . import Recipe


def recipe(settings: Settings) -> Recipe:
    return Recipe(name="star", team=teams.get("formula_solo"))
