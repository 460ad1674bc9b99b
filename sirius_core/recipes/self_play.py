"""Self-play (SiriuS, section 3): each player learns from its own messages in games that came out well for it.

Two players of a game, against the untrained model, each other's latest checkpoint or any earlier one (the setting
``opponent``). Of a game whose score for a player clears ``settings.threshold`` every message of its own is one example,
once: what made the game is the whole of it (``draws`` plays no part). With ``settings.refusals`` also each message that
turned down an open offer worth less to the player than no deal, whatever the game came to: who learns from deals alone
would forget to refuse. No player learns from a game in which it signed such an offer itself, from a text that was no
legal move, or from what its opponent said. Nothing is mended.
"""

from __future__ import annotations

from random import Random

from ..errors import UsageError
from ..settings import Settings
from ..tasks.scores import NO_DEAL
from ..training import Example, Library, Select
from ..trajectories import Trajectory
from . import Recipe, all_in_one, each_role, team_of


def own_messages(refusals: bool, threshold: float) -> Select:
    def select(library: Library, draws: int, random: Random) -> list[Example]:
        return [example for t in library.tried for example in library.credited(t) if earns(t, example.turn)]

    def earns(t: Trajectory, turn: int) -> bool:
        said = t.turns[turn].value
        if t.reward is None or turn not in t.reward.turns or not isinstance(said, dict) or said.get("rule"):
            return False
        score, nothing = t.reward.turns[turn], NO_DEAL.get(t.team, 0.0)
        if score < nothing:
            return False
        offered = said.get("offered")
        declined = offered is not None and offered < nothing and said["kind"] != "accept"
        return score > threshold or (refusals and declined)

    return select


def recipe(settings: Settings) -> Recipe:
    team = team_of(settings)
    if not team.opposed:
        raise UsageError(f"recipe 'self_play' plays games, and team {team.name!r} plays none: take a game for the "
                         "source (--set source=sell_and_buy, ultimatum or resource_exchange)")
    return Recipe("self_play", team, select=own_messages(settings.refusals, settings.threshold),
                  model_of=all_in_one if settings.sharing == "shared" else each_role)
