"""SiriuS with actor, judge and critic (section 3.2): each learns the turns that did their own part.

The actor learns right answers: first ones, revisions as it was asked for them, and the same revisions rephrased so that
they stand as first ones. The judge learns right verdicts, of which those that it reached by a wrong answer of its own
are left out; the critic feedback whose revision is right. ``train_roles`` leaves one of them the base,
``sharing=shared`` makes them one model (Table 5); ``critic=none`` leaves the rephrased revisions out.
"""

from __future__ import annotations

from .. import teams
from ..repair import OwnRevision, revised
from ..rewards import actor_critic
from ..settings import Settings
from ..training import by_turn
from . import Recipe, all_in_one, each_role


def recipe(settings: Settings) -> Recipe:
    return Recipe(
        name="actor_critic",
        team=teams.get("actor_critic"),
        judge=actor_critic,
        repair=None if settings.critic == "none" else OwnRevision(),
        select=by_turn,
        model_of=all_in_one if settings.sharing == "shared" else each_role,
        mends=revised,
    )
