"""Multiagent debate (arXiv 2305.14325), no learning; beside it stands the vote after its first round."""

from __future__ import annotations

from ..settings import Settings
from . import Recipe, debate_of


def recipe(settings: Settings) -> Recipe:
    return Recipe(name="debate", team=debate_of(settings), learns=False)
