"""Self-play (SiriuS, section 3): each player learns from its own messages in games that came out well for it.

Of a game whose score for a player clears ``settings.threshold`` every message of its own is an example, once (``draws``
plays no part). With ``settings.refusals`` also each that turned down an open offer worth less to it than no deal,
whatever the game came to: who learns from deals alone would forget to refuse. No player learns from a game in which it
signed such an offer itself, from a text that was no legal move, or from its opponent. Nothing is mended.
"""

from __future__ import annotations

from random import Random

from ..settings import Settings
from ..tasks.scores import NO_DEAL
from ..training import Example, Library, Select
from ..trajectories import Trajectory
from . import Recipe, all_in_one, each_role, team_of


def own_messages(refusals: bool) -> Select:
    def earns(t: Trajectory, turn: int, threshold: float) -> bool:
        said = t.turns[turn].value
        if t.reward is None or turn not in t.reward.turns or not isinstance(said, dict) or said.get("rule"):
            return False
        score, nothing, offered = t.reward.turns[turn], NO_DEAL.get(t.team, 0.0), said.get("offered")
        declined = offered is not None and offered < nothing and said["kind"] != "accept"
        return score >= nothing and (score > threshold or (refusals and declined))

    def select(library: Library, draws: int, random: Random) -> list[Example]:
        return [e for t in library.tried for e in library.credited(t) if earns(t, e.turn, library.threshold)]

    return select


def recipe(settings: Settings) -> Recipe:
    model_of = all_in_one if settings.sharing == "shared" else each_role
    return Recipe("self_play", team_of(settings), select=own_messages(settings.refusals), model_of=model_of)
