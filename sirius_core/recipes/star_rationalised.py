"""STaR with rationalisation: a failed problem is tried again with the answer as a hint; the hint is not trained on."""

from __future__ import annotations

from ..repair import Rationalisation
from ..settings import Settings
from . import Recipe, team_of


def recipe(settings: Settings) -> Recipe:
    hinted = Rationalisation(max_critiques=1, max_regenerations=settings.max_regenerations)
    return Recipe(name="star_rationalised", team=team_of(settings, single=True), repair=hinted)
