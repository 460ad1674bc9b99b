"""Actor, judge and critic without learning: what the prompts alone do (Table 5's "Prompt")."""

from __future__ import annotations

from .. import teams
from ..settings import Settings
from . import Recipe


def recipe(settings: Settings) -> Recipe:
    return Recipe(name="prompted", team=teams.get("actor_critic"), learns=False)
