"""One game on paper: what every message did, what the offers would have come to, how it ended. Plain values.

    sheet = rows(state, ("seller", "buyer"))    a row for each message, invalid ones included
    offers(state, ("seller", "buyer"))          the offers over time, as Plotly JSON
    ending(state, ("seller", "buyer"))          ``deal at 52 ZUP after 4 messages``

And the figure of many: the cross-play matrix, with cells that can be clicked. Beside the payoffs of `games` nothing is
reckoned here; a page, a notebook and a person at the table read the same words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from . import crossplay, figures, games
from .errors import Missing
from .figures import BLUE, GREEN, GREY, ORANGE
from .games import Event, Setting, State, Trade
from .games.trades import after
from .store import Store
from .teams import negotiation
from .teams.negotiation import roles_of as roles_of
from .trajectories import Task, Trajectory

if TYPE_CHECKING:
    import pandas as pd
    from plotly.graph_objects import Figure

Roles = Sequence[str]  # of seat 0 and seat 1
KINDS = {"offer": "offers", "accept": "accepts", "reject": "rejects", "wait": "waits", "invalid": "no legal move",
         "forfeit": "forfeits", "over": "speaks after the end"}
"""What an event is called in a table."""
COLOURS = (ORANGE, BLUE)
SYMBOLS = ("circle", "square")


# -- in words ----------------------------------------------------------------------------------------------------------
def named(role: str) -> str:
    """A role within a sentence: ``the seller``, ``RED``."""
    return role.upper() if role in ("red", "blue") else f"the {role}"


def bundle(items: Any) -> str:
    """``5 X, 2 Y``; ``nothing``."""
    return ", ".join(f"{amount} {item}" for item, amount in items if amount) or "nothing"


def terms(setting: Setting, trade: Trade, roles: Roles) -> str:
    """An offer in words: ``52 ZUP``; ``60 for the proposer, 40 for the responder``; ``RED gives 5 X, BLUE gives 7 Y``.
    """
    if setting.game.name == "sell_and_buy":
        return f"{measure(setting, trade)} {currency(setting)}"
    if setting.game.name == "ultimatum":
        red, blue = (sum(amount for _, amount in held) for held in after(setting.resources, trade))
        return f"{red} for {named(roles[0])}, {blue} for {named(roles[1])}"
    return f"{named(roles[0])} gives {bundle(trade.red)}, {named(roles[1])} gives {bundle(trade.blue)}"


def currency(setting: Setting) -> str:
    """What prices are in: ``ZUP``, ``Dollars``; of a barter, units."""
    if setting.game.name == "resource_exchange":
        return "units"
    return next(item for held in setting.resources[::-1] for item, _ in held if not dict(setting.values[0]).get(item))


def holdings(setting: Setting, trade: Trade, roles: Roles) -> str:
    """Who would hold what."""
    pairs = zip(roles, after(setting.resources, trade), strict=True)
    return "; ".join(f"{role}: {bundle(held)}" for role, held in pairs)


def measure(setting: Setting, trade: Trade) -> int:
    """The one number of an offer: the price; what RED keeps of the pot; by how much RED's stock grows."""
    red, blue = (sum(amount for _, amount in gives) for gives in trade)
    if setting.game.name == "sell_and_buy":
        money = currency(setting)
        return sum(amount for gives in trade for item, amount in gives if item == money)
    if setting.game.name == "ultimatum":
        return sum(amount for _, amount in setting.resources[0]) + blue - red
    return blue - red


def payoffs(setting: Setting, trade: Trade | None) -> tuple[float, float]:
    """What each seat would have of this deal; None: of no deal."""
    resources = setting.resources if trade is None else after(setting.resources, trade)
    return setting.game.payoffs(setting, trade is not None, resources)


def ending(state: State, roles: Roles) -> str:
    """How the game ended, in one line without its numbers."""
    outcome = state.outcome
    if outcome is None:
        return "not over: it was left"
    who, n = named(roles[outcome.seat]), sum(event.valid for event in state.events)
    after_n = f"after {n} message{'' if n == 1 else 's'}"
    if outcome.trade is not None:
        at = " at " if state.setting.game.name == "sell_and_buy" else ": "
        return f"deal{at}{terms(state.setting, outcome.trade, roles)}, {after_n}"
    return {
        "rejected": f"no deal: {who} rejects, {after_n}",
        "cap": f"no deal: nobody agreed within {state.setting.messages} messages",
        "forfeit": f"no deal: {who} made two moves in a row that are not legal",
    }.get(outcome.ended, f"no deal: {outcome.ended}, {after_n}")


def limits(setting: Setting, roles: Roles) -> list[tuple[str, float]]:
    """The lines beyond which a seat loses, or that part the two evenly: (what it is, where on the axis of offers)."""
    if setting.game.name == "sell_and_buy":
        (cost,), (value,) = (tuple(values.values()) for values in map(dict, setting.values))
        seller = roles.index("seller") if "seller" in roles else 0
        low, high = ((cost, value) if seller == 0 else (value, cost))
        return [("the seller's cost", low), ("the buyer's highest price", high)]
    if setting.game.name == "ultimatum":
        return [("an even split", sum(amount for held in setting.resources for _, amount in held) / 2)]
    return [("an even swap", 0)]


# -- the sheet ---------------------------------------------------------------------------------------------------------
class Line(NamedTuple):
    """One text of a game. ``message`` counts the moves; a text that is no move has the number of the one it stood for.

    ``red`` and ``blue`` are both payoffs if the offer were accepted, ``left`` the offers that the speaker then has.
    """

    turn: int
    message: int
    seat: int
    who: str
    kind: str
    what: str
    offer: str
    measure: int | None
    holdings: str
    red: float | None
    blue: float | None
    left: int
    rule: str
    why: str
    thought: str
    said: str
    open: Trade | None


def lines(state: State, roles: Roles) -> list[Line]:
    """Every text of a game in order; ``turn`` counts them from 0, as the turns of an episode."""
    setting, found, message, made = state.setting, [], 1, [0, 0]
    standing: Trade | None = None
    for i, event in enumerate(state.events):
        trade = event.trade if event.kind == "offer" else None
        made[event.seat] += trade is not None
        red, blue = payoffs(setting, trade) if trade is not None else (None, None)
        shown = trade if trade is not None else standing if event.kind == "accept" else None
        found.append(Line(
            i, message, event.seat, roles[event.seat], event.kind, KINDS.get(event.kind, event.kind),
            terms(setting, shown, roles) if shown is not None else "",
            measure(setting, trade) if trade is not None else None,
            holdings(setting, trade, roles) if trade is not None else "", red, blue,
            max(0, setting.proposals - made[event.seat]), event.rule, event.why,
            _thought(event), games.tags.public(event).message, standing))
        if event.valid and event.move is not None:
            message += 1
            standing = trade
    return found


def _thought(event: Event) -> str:
    return games.tags.loose(event.raw, games.tags.REASON)


def rows(state: State, roles: Roles) -> list[dict[str, Any]]:
    """The sheet for frames and pages: message, turn, who, what, offer, holdings, one payoff for each role, offers_left,
    why."""
    return [{"message": line.message, "turn": line.turn, "who": line.who, "what": line.what, "offer": line.offer,
             "holdings": line.holdings, roles[0]: line.red, roles[1]: line.blue, "offers_left": line.left,
             "why": f"{line.rule}: {line.why}" if line.rule else ""} for line in lines(state, roles)]


def axis(setting: Setting, roles: Roles) -> str:
    """What `measure` is, for an axis."""
    form = {"sell_and_buy": "price in {1}", "ultimatum": "{0} keeps, in {1}", "resource_exchange": "{0} gains, in {1}"}
    return form[setting.game.name].format(named(roles[0]), currency(setting))


def offers(state: State, roles: Roles) -> dict[str, Any]:
    """The offers by message, both seats, with the limits as lines and the accepted one marked: Plotly JSON."""
    setting, found = state.setting, lines(state, roles)
    traces: list[dict[str, Any]] = []
    for seat in (0, 1):
        mine = [line for line in found if line.seat == seat and line.measure is not None]
        traces.append({
            "type": "scatter", "mode": "lines+markers", "name": f"{named(roles[seat])} offers",
            "x": [line.message for line in mine], "y": [line.measure for line in mine],
            "line": {"color": COLOURS[seat], "width": 2}, "marker": {"symbol": SYMBOLS[seat], "size": 9},
            "hovertemplate": "message %{x}: %{y}<extra></extra>"})
    last = found[-1] if found else None
    if last is not None and last.kind == "accept" and last.open is not None:
        traces.append({
            "type": "scatter", "mode": "markers", "name": "accepted", "x": [last.message],
            "y": [measure(setting, last.open)],
            "marker": {"symbol": "star", "size": 15, "color": GREEN},
            "hovertemplate": "message %{x}: accepted at %{y}<extra></extra>"})
    end = max(2, found[-1].message if found else 2)
    for name, at in limits(setting, roles):
        traces.append({"type": "scatter", "mode": "lines", "name": name, "x": [0.7, end + 0.3], "y": [at, at],
                       "line": {"color": GREY, "width": 1.5, "dash": "dash"},
                       "hovertemplate": f"{name}: %{{y}}<extra></extra>"})
    return {"data": traces, "layout": {
        "xaxis": {"title": {"text": "message"}, "dtick": 1, "range": [0.7, end + 0.3]},
        "yaxis": {"title": {"text": axis(setting, roles)}},
        "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        "margin": {"l": 10, "r": 10, "t": 30, "b": 10}}}


def matrix(record: Mapping[str, Any], split: str, seat: int, measure: str) -> dict[str, Any]:
    """`figures.cross_play` with an unseen square on each cell: Plotly selects points, and no cells of a heatmap. The
    square's ``customdata`` begins with the players of its cell."""
    figure = figures.cross_play(record, split, seat, measure)
    [heat] = figure["data"]
    cells = [(x, y, more, text) for y, line, said in zip(heat["y"], heat["customdata"], heat["text"], strict=True)
             for x, more, text in zip(heat["x"], line, said, strict=True)]
    form = heat["hovertemplate"].replace("%{z:.1%}", "%{text}").replace("%{z:.2f}", "%{text}")
    squares = {"type": "scatter", "mode": "markers", "x": [c[0] for c in cells], "y": [c[1] for c in cells],
               "customdata": [c[2] for c in cells], "text": [c[3] for c in cells], "hovertemplate": form,
               "marker": {"symbol": "square", "size": 60, "opacity": 0}, "showlegend": False}
    return {"data": [{**heat, "hoverinfo": "skip", "hovertemplate": None}, squares],
            "layout": {**figure["layout"], "clickmode": "event+select", "dragmode": False}}


def of(task: Task, trajectory: Trajectory) -> tuple[State, Roles]:
    """The state and the roles of a stored game: what the functions above take."""
    state = negotiation.played(task, trajectory)
    return state, roles_of(state.setting.game.name)


class SheetFrames:
    """What a notebook asks of one game; `frames.Frames` has these, too."""

    store: Store

    def game(self, trajectory: str) -> pd.DataFrame:
        """One row per text of a game: message, turn, who, what, offer, holdings if it were accepted, both payoffs then
        (a column for each role), offers_left, why it was no legal move."""
        import pandas as pd

        return pd.DataFrame(rows(*self._game(trajectory)))

    def offers(self, trajectory: str) -> Figure:
        """The offers of a game by message, with the limits of both, as the games page shows them."""
        from plotly.graph_objects import Figure

        return Figure(offers(*self._game(trajectory)))

    def matrix(self, experiment: str, split: str = "heldout", seat: int = 0, measure: str = "paper") -> Figure:
        """The cross-play matrix as a heatmap: what the player in ``seat`` comes to, by one of `cross_table.NAMES`."""
        from plotly.graph_objects import Figure

        record = crossplay.measured(self.store, experiment)
        if record is None:
            raise Missing(f"{experiment} has no cross-play matrix yet: sirius cross-play {experiment} plays it")
        return Figure(matrix(record, split, seat, measure))

    def _game(self, trajectory: str) -> tuple[State, Roles]:
        found = self.store.episodes.get(trajectory)
        return of(self.store.episodes.task(found.task), found)
