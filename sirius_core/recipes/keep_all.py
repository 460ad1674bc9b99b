"""The placebo of a filter: all plays are kept, right or wrong, and nothing is repaired. More data is not a lesson."""

from __future__ import annotations

from ..settings import Settings
from ..training import everything
from . import Recipe, all_in_one, each_role, team_of


def recipe(settings: Settings) -> Recipe:
    model_of = all_in_one if settings.sharing == "shared" else each_role
    return Recipe(name="keep_all", team=team_of(settings), select=everything, model_of=model_of)
