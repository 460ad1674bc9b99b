"""The placebo: examples kept at random, whether the team was right or not; it must not learn.

With ``examples`` (or a contrast that holds them equal) they are as many as another arm's.
"""

from __future__ import annotations

from ..settings import Settings
from ..training import at_random
from . import Recipe, all_in_one, each_role, team_of


def recipe(settings: Settings) -> Recipe:
    model_of = all_in_one if settings.sharing == "shared" else each_role
    return Recipe(name="placebo", team=team_of(settings), select=at_random, model_of=model_of)
