"""Majority vote (self-consistency), no learning: the plurality of several tries, or of as many as some tokens pay for.

The team is the chain, or the one that ``settings.team`` names.
"""

from __future__ import annotations

from ..settings import Settings
from ..teams.vote import majority
from . import Recipe, team_of


def recipe(settings: Settings) -> Recipe:
    team = majority(team_of(settings), settings.samples, settings.answer_tokens)
    return Recipe(name="vote", team=team, learns=False)
