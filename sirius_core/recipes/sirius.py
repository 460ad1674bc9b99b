"""SiriuS (arXiv 2502.04780): learn from the team's successes and from failures that a critic's feedback mended."""

from __future__ import annotations

from ..repair import CriticRepair
from ..settings import Settings
from . import Recipe, all_in_one, each_role, team_of


def recipe(settings: Settings) -> Recipe:
    critic = CriticRepair(
        gold=settings.critic == "gold",
        each=settings.repair_turn == "each",
        max_critiques=settings.max_critiques,
        max_regenerations=settings.max_regenerations,
    )
    return Recipe(
        name="sirius",
        team=team_of(settings),
        repair=None if settings.critic == "none" else critic,
        model_of=all_in_one if settings.sharing == "shared" else each_role,
    )
