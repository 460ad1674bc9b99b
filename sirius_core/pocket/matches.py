"""Games between checkpoints, many in step, with nothing around them: the yardstick of a base that negotiates.

Experiments play by their own teams, trajectories and reports.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

from sirius_core import games
from sirius_core.games import Setting, State
from sirius_core.pocket import haggling
from sirius_core.pocket.dialect import PROMPTS
from sirius_core.statistics import wilson

Speak = Callable[[str, list[str]], list[str]]
"""(role, prompts) to replies."""
SPREAD = 4


def play(settings: Sequence[Setting], speak: Callable[[int], Speak]) -> list[State]:
    """The games played to their ends; ``speak(turn)(role, prompts)`` answers all who move at this turn."""
    states = [games.start(setting) for setting in settings]
    aims = [["", ""] for _ in states]
    turn = 0
    while moving := [i for i, state in enumerate(states) if not state.over]:
        asked: dict[str, list[int]] = {}
        for i in moving:
            asked.setdefault(haggling.ROLES[settings[i].game.name][states[i].seat], []).append(i)
        for role, which in asked.items():
            views = [states[i].view(states[i].seat) for i in which]
            prompts = [PROMPTS[role].format_map(haggling.slots(view, aims[i][view.seat]))
                       for i, view in zip(which, views, strict=True)]
            for i, view, text in zip(which, views, speak(turn)(role, prompts), strict=True):
                said = haggling.read(view, text)
                aims[i][view.seat] = said.aim or aims[i][view.seat]
                states[i] = (states[i].said(text) if said.move is None else states[i].moved(said.move))[0]
        turn += 1
    return states


def dealt(game: str, n: int, rng: random.Random) -> list[Setting]:
    """Games like the papers' in distribution, every amount up to `SPREAD` away."""
    def near(amount: int) -> int:
        return amount + rng.randint(-SPREAD, SPREAD)

    def options() -> dict[str, Any]:
        if game == "sell_and_buy":
            return {"cost": near(40), "value": near(60)}
        if game == "ultimatum":
            return {"pot": near(100)}
        return {"red": {"X": near(25), "Y": near(5)}, "blue": {"X": near(5), "Y": near(25)}}

    return [games.setting(game, **options()) for _ in range(n)]


def tally(states: Sequence[State]) -> dict[str, Any]:
    """Deals, invalid texts, payoffs of finished games: counts, rates with 95 % intervals, means over all games.

    ``losses``: deals by which the seat is worse off than by none.
    """
    outcomes = [state.outcome for state in states if state.outcome is not None]
    deals = [outcome for outcome in outcomes if outcome.trade is not None]
    texts = sum(len(state.events) for state in states)
    invalid = sum(not event.valid for state in states for event in state.events)
    deal = wilson(len(deals), len(outcomes))
    return {
        "n": len(outcomes), "deals": len(deals), "deal_rate": len(deals) / len(outcomes), "low": deal.low,
        "high": deal.high, "texts": texts, "invalid": invalid, "invalid_rate": invalid / texts,
        "forfeits": sum(outcome.ended == "forfeit" for outcome in outcomes),
        "payoffs": [sum(outcome.payoffs[seat] for outcome in outcomes) / len(outcomes) for seat in (0, 1)],
        "losses": [sum(outcome.payoffs[seat] < 0 for outcome in deals) for seat in (0, 1)],
    }
