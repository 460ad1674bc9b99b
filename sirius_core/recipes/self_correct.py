"""Self-correction without learning: one actor answers, looks at its answer again by itself, and answers once more."""

from __future__ import annotations

from .. import teams
from ..settings import Settings
from . import Recipe


def recipe(settings: Settings) -> Recipe:
    return Recipe(name="self_correct", team=teams.get("self_correct"), learns=False)
