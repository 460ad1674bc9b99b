"""Best of k, no learning: the first of several tries that the blind critic does not blame, else the first.

The team is the chain, or the one that ``settings.team`` names. The critic's calls count like the team's own.
"""

from __future__ import annotations

from ..settings import Settings
from ..teams.vote import best_of
from . import Recipe, team_of


def recipe(settings: Settings) -> Recipe:
    team = best_of(team_of(settings), settings.samples, settings.answer_tokens)
    return Recipe(name="best_of_k", team=team, learns=False)
