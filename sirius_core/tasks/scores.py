"""A game that was played, read again from its turns: the state that the engine came to, and what it is worth.

A seat's score is 0.5 for an even deal; without a deal it has gained nothing: 0, and 0.5 in Resource Exchange, where
nothing was lost either.

    sell_and_buy        payoff / (value - cost): the share of what there is to gain
    ultimatum           share of the pot
    resource_exchange   0.5 + (what it has more than at the start) / (2 * its stock at the start)

A deal that is worth less to a seat than no deal has a score below that of no deal (`NO_DEAL`).
"""

from __future__ import annotations

from typing import Any, NamedTuple

from .. import games
from ..games.tags import REASON, loose
from ..games.trades import after
from ..pocket import haggling
from ..pocket.haggling import ROLES
from ..trajectories import Reward, Stop, Task, Trajectory, Turn
from .negotiation import setting_of

NO_DEAL = {"sell_and_buy": 0.0, "ultimatum": 0.0, "resource_exchange": 0.5}


CUT_OFF = "Your reply was cut off before it ended, or could not be used."


class Heard(NamedTuple):
    """What became of a reply: the state after it, the event, and the private thought beside the move."""

    state: games.State
    event: games.Event
    thought: str


def hear(state: games.State, text: str, dialect: str) -> Heard:
    """What the seat to move does by saying ``text`` in its dialect: a tagged text, or ``aim 5 3 : offer 5 2``.

    What the embedded model means is written out as a tagged text, with its aim as the reason.
    """
    if dialect != "pocket":
        after_it, event = state.said(text)
        return Heard(after_it, event, loose(text, REASON))
    found = haggling.read(state.view(state.seat), text)
    if found.move is None:
        return Heard(*_because(state.said(text), found.why), found.aim)
    return Heard(*state.moved(found.move, reason=found.aim), found.aim)


def cut_off(state: games.State, text: str = "") -> Heard:
    """The same for a reply that is no whole text (truncated, refused, unreadable): no move, whatever it holds."""
    after_it, event = _because(state.said(""), CUT_OFF)
    return Heard(after_it, event._replace(raw=text), "")


def _because(heard: tuple[games.State, games.Event], why: str) -> tuple[games.State, games.Event]:
    """An invalid move for this reason."""
    state, event = heard
    event = event._replace(why=why)
    return state._replace(events=(*state.events[:-1], event)), event


def said(state: games.State, turn: Turn) -> Heard:
    """What a recorded turn did, by what stands in it alone."""
    if turn.finish != "stop":
        return cut_off(state, turn.text)
    return hear(state, turn.text, "pocket" if is_pocket(turn) else "chat")


def is_pocket(turn: Turn) -> bool:
    """Whether a turn was asked, and so answered, in the embedded model's language."""
    return len(turn.messages) == 1 and turn.messages[0].content.startswith("@")


def played(task: Task, trajectory: Trajectory) -> games.State:
    """The game as far as it was played, by the engine."""
    state = games.start(setting_of(task))
    for turn in trajectory.turns:
        if turn.finish == Stop.LOST:  # the call failed, not the player
            break
        state = said(state, turn).state
    return state


def score(setting: games.Setting, seat: int, payoff: float) -> float:
    """A seat's score of a payoff; a loss stays one where both cannot gain, as in no game that is dealt."""
    if setting.game.name == "sell_and_buy":
        return payoff / (abs(setting.values[1][0][1] - setting.values[0][0][1]) or 1)
    stock = sum(amount for _, amount in setting.resources[seat])
    if setting.game.name == "ultimatum":
        return payoff / max(1, stock, sum(amount for _, amount in setting.resources[1 - seat]))
    return 0.5 + payoff / (2 * max(1, stock))


def scores(state: games.State) -> tuple[float, float]:
    """Both seats' scores of a game; one that is not over counts as no deal."""
    payoffs = state.outcome.payoffs if state.outcome is not None else (0, 0)
    red, blue = (score(state.setting, seat, payoffs[seat]) for seat in (0, 1))
    return red, blue


def worth(state: games.State, seat: int) -> float | None:
    """A seat's score if the open offer were carried out; None where none is open."""
    if state.offer is None:
        return None
    setting = state.setting
    return score(setting, seat, setting.game.payoffs(setting, True, after(setting.resources, state.offer))[seat])


def game(task: Task, trajectory: Trajectory) -> Reward:
    """What the game was worth to whom it is about, within 0 and 1; ``turns`` has each turn's seat's own score.

    Where both learn it is the better one. A game that never ended (a call was lost) is worth nothing.
    """
    state, learner = played(task, trajectory), task.data["learner"]
    found, setting = scores(state), state.setting
    seats = [event.seat for event in state.events]
    turns = {i: found[seat] for i, seat in zip(range(len(trajectory.turns)), seats, strict=False)}
    if state.outcome is None:
        stop = trajectory.outcome.stop or Stop.NO_ANSWER
        return Reward(0.0, None, f"{stop}: {trajectory.outcome.why}", turns)
    payoffs = state.outcome.payoffs
    names = ROLES[setting.game.name]
    gained = ", ".join(f"the {name} {_signed(payoff, setting.game.name)}" for name, payoff in zip(names, payoffs))
    value = max(found) if learner is None else found[learner]
    return Reward(min(1.0, max(0.0, value)), ended(state), f"{ended(state)}; {gained}", turns)


def _signed(payoff: float, name: str) -> str:
    return f"takes {payoff:g}" if name == "ultimatum" else f"gains {payoff:+g}" if payoff else "gains 0"


def ended(state: games.State) -> str:
    """How the game ended, in one line: ``deal: X for 52 ZUP``, ``no deal: rejected``, ``forfeit by the buyer``."""
    outcome, setting = state.outcome, state.setting
    if outcome is None:
        return "not over"
    who = ROLES[setting.game.name][outcome.seat]
    if outcome.trade is None:
        return {"rejected": f"no deal: rejected by the {who}", "forfeit": f"forfeit by the {who}"}.get(
            outcome.ended, "no deal: no message left")
    red, blue = (", ".join(f"{n} {item}" for item, n in side) for side in outcome.trade)
    if setting.game.name == "sell_and_buy":
        return f"deal: {outcome.trade.red[0][0]} for {blue or f'0 {setting.resources[1][0][0]}'}"
    if setting.game.name == "ultimatum":
        return f"deal: {' : '.join(str(_amount(held)) for held in outcome.resources)}"
    return f"deal: {red or 'nothing'} for {blue or 'nothing'}"


def _amount(held: Any) -> int:
    return sum(amount for _, amount in held)
