"""Games as people read them: roles, amounts, opponents, how a game ended for both."""

from __future__ import annotations

from sirius_core import games, scoresheet
from sirius_core.games import State
from sirius_core.scoresheet import Roles, bundle, named
from sirius_core.trajectories import Task

ICONS = {"seller": ":material/storefront:", "buyer": ":material/shopping_bag:", "proposer": ":material/savings:",
         "responder": ":material/back_hand:", "red": ":material/looks_one:", "blue": ":material/looks_two:"}
GAMES = {name: game.title for name, game in games.GAMES.items()}
GOALS = {
    "sell_and_buy": "One thing for sale. The seller knows its cost, the buyer what it is worth to them: neither knows "
                    "the other's.",
    "ultimatum": "A pot to be split. Both may propose; without a deal both get nothing.",
    "resource_exchange": "Two unlike stocks. Whoever gets more than they give wins by that much.",
}


def amount(value: float) -> str:
    """``+12``, ``−3``, ``0``: a payoff, which has a sign."""
    text = f"{abs(value):.10g}"
    return text if not value else f"+{text}" if value > 0 else f"−{text}"


def opponent(role: str, round: int) -> str:
    """``the seller before training``, ``the seller after round 3``."""
    return f"{named(role)} before training" if round == 0 else f"{named(role)} after round {round}"


def counts(task: Task) -> str:
    """Whose game it is: ``the buyer counts``."""
    learner = task.data.get("learner")
    return "both learn" if learner is None else f"{named(scoresheet.roles_of(task.source)[learner])} counts"


def sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def payoffs(state: State, roles: Roles) -> list[tuple[str, str]]:
    """Both payoffs, raw and as the paper has them: ``("seller", "+12 (as the paper: +2)")``."""
    outcome = state.outcome
    if outcome is None:
        return []
    return [(role_title(role), f"{amount(raw)} (as the paper: {amount(paper)})")
            for role, raw, paper in zip(roles, outcome.payoffs, outcome.paper, strict=True)]


def role_title(role: str) -> str:
    """A role as a label: ``seller``, ``RED``."""
    return role.upper() if role in ("red", "blue") else role


def has(setting: games.Setting, seat: int) -> str:
    """What a seat has at the start: ``1 X``."""
    return bundle(setting.resources[seat])


def worth(setting: games.Setting, seat: int) -> str:
    """What that is worth to it, in one sentence that only it may read."""
    if setting.game.name == "sell_and_buy":
        (item, value), money = setting.values[seat][0], scoresheet.currency(setting)
        if dict(setting.resources[seat]).get(item):
            return f"It cost you **{value} {money}**. You gain what you are paid beyond that."
        return f"One {item} is worth **{value} {money}** to you. You gain what you pay less than that."
    if setting.game.name == "ultimatum":
        return "You gain what you take home. Without a deal both get nothing."
    return "Every unit counts as one, whatever its kind: you gain what you get beyond what you give."


def limit(setting: games.Setting, seat: int, role: str) -> str:
    """What the other side kept to itself, said once the game is over; empty where nothing was hidden."""
    if setting.game.name == "sell_and_buy":
        value, money = setting.values[seat][0][1], scoresheet.currency(setting)
        what = "cost" if role == "seller" else "highest price"
        return f"{sentence(named(role))}'s {what} was {value} {money}."
    if setting.game.name == "resource_exchange":
        return f"{sentence(named(role))} had {bundle(setting.resources[seat])}."
    return ""


def does(line: scoresheet.Line) -> str:
    """A line of the sheet as a sentence about its speaker: ``offers 55 ZUP``."""
    long = " for " in line.offer or " gives " in line.offer
    if line.kind == "offer":
        return f"offers{':' if long else ''} {line.offer}"
    if line.kind == "accept":
        return "accepts" if long else f"accepts {line.offer}"
    return {"reject": "rejects", "wait": "waits", "invalid": "says nothing that is a legal move",
            "forfeit": "does so again, and forfeits"}.get(line.kind, line.what)
