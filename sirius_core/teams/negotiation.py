"""Teams for the games of negotiation: two players talk by turns until they agree, refuse, or have nothing left to say.

The engine (`games`) keeps the game; the workflow hands each player what its seat may know and its reply to the engine.
An invalid move, a truncated or refused reply included, is told why and asked for once more; the second in a row
forfeits. Who learns or is tested speaks from no seat; its untrained opponent from seat ``base``, one of an earlier
round from ``rN``.

The embedded model gets a whole compact prompt each time and no history (`pocket.haggling`): what it carries on is the
aim that it stated last. Chat models get rules, stock and goal as a system prompt, their own earlier turns as history,
and of the other player its public part alone. A reason, a stock, a goal or an aim never reaches the other seat.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from .. import games
from ..errors import Stopped
from ..games import tags
from ..games.trades import amounts
from ..pocket import haggling
from ..tasks.negotiation import BASE, LATEST, POOL, setting_of
from ..tasks.scores import CUT_OFF, Heard, cut_off, ended, hear, worth
from ..tasks.scores import played as played
from ..trajectories import Stop, Task
from . import Parsed, Team, from_files

CUT = (Stop.TRUNCATED, Stop.REFUSED, Stop.NO_ANSWER, Stop.UNREADABLE)
"""Replies that are no whole text: invalid moves."""
BEGIN = "Nobody has said anything yet: you begin."


def roles_of(game: str) -> tuple[str, str]:
    """(role of seat 0, role of seat 1)"""
    return haggling.ROLES[game]


async def haggle(task: Task, ask: Any) -> str:
    """One game; its answer is how it ended, in one line."""
    state = games.start(setting_of(task))
    roles, said, aims = roles_of(state.setting.game.name), ([], []), ["", ""]  # type: ignore[var-annotated]
    note = ""
    while not state.over:
        seat = state.seat
        role, place = roles[seat], seat_of(task, ask, seat)
        dialect = ask.dialect(role, place)
        heard: list[Heard] = []
        parse = partial(_read, state, dialect, heard)
        try:
            if dialect == "pocket":
                await ask(role, seat=place, parse=parse, **haggling.slots(state.view(seat), aims[seat]))
            else:
                prompt = "again" if state.strikes and not note else "answer"
                slots = again(state) if prompt == "again" else {"heard": f"{asked(state)}{note}"}
                reply = await ask(role, prompt, seat=place, history=said[seat], parse=parse, **rules(state), **slots)
                said[seat].append(reply)
            note = ""
        except Stopped as stopped:
            if stopped.stop not in CUT:
                raise
            heard, note = [cut_off(state)], f"\n\n{CUT_OFF}"
        state, _, thought = heard[0]
        aims[seat] = thought or aims[seat]
    return ended(state)


def sayable(task: Task) -> None:
    """UsageError for a game that the embedded language has no words for."""
    haggling.slots(games.start(setting_of(task)).view(0), "")


def seat_of(task: Task, ask: Any, seat: int) -> str | None:
    """From which seat of its role a player speaks: None for who learns or is tested."""
    opponent, role = task.data["opponent"], roles_of(task.source)[seat]
    if task.data["learner"] in (None, seat) or opponent == LATEST:
        return None
    if opponent != POOL:
        return str(opponent)
    pool = [name for name in ask.seats(role) if name != BASE]
    return str(ask.settled(role, pool)) if pool else BASE


def _read(state: games.State, dialect: str, heard: list[Heard], text: str) -> Parsed:
    """A reply as a turn keeps it; what became of it is put into ``heard``."""
    found = hear(state, text, dialect)
    heard.append(found)
    event = found.event
    return Parsed(value_of(state, found), tags.handed_on(state.setting, tags.public(event)) if event.valid else "")


def value_of(state: games.State, found: Heard) -> dict[str, Any]:
    """A turn's typed value: what became of a reply in ``state``, and the thought beside it. ``offered``: the seat's own
    score if it had taken the offer that was open, None without one."""
    event = found.event
    trade = None if event.trade is None else dict(zip(games.SEATS, map(dict, event.trade), strict=True))
    return {"seat": event.seat, "kind": event.kind, "rule": event.rule, "why": event.why, "trade": trade,
            "reason": found.thought, "offered": worth(state, event.seat)}


# -- what a chat model is told ---------------------------------------------------------------------------------------
def rules(state: games.State) -> Mapping[str, str]:
    """The slots of the system prompt: the same in all messages of a seat, and of the other one nothing that is not
    public from the start."""
    setting, seat = state.setting, state.seat
    view = state.view(seat)
    return {"messages": str(setting.messages), "proposals": str(setting.proposals),
            "first": "You speak" if setting.first == seat else "The other player speaks",
            "items": ", ".join(view.items), "resources": amounts(view.resources), "goal": view.goal}


def asked(state: games.State) -> str:
    """What the other player has said, in public, and how many messages are left."""
    return f"{state.public(1 - state.seat) or BEGIN}\n\n{_left(state)}"


def again(state: games.State) -> Mapping[str, str]:
    return {"why": state.view(state.seat).problem, "left": _left(state)}


def _left(state: games.State) -> str:
    view = state.view(state.seat)
    return f"Messages left, this one included: {view.messages_left}. Offers left to you: {view.proposals_left}."


def _team(name: str) -> Team:
    roles, found = roles_of(name), from_files(name)
    limits = {f"pocket:{role}": 40 for role in roles}
    return Team(name, {role: found[role] for role in roles}, haggle, limits=limits, lesson=roles[0], opposed=True)


sell_and_buy, ultimatum, resource_exchange = map(_team, ("sell_and_buy", "ultimatum", "resource_exchange"))
