"""A person takes a seat at a game and plays any checkpoint; what was played is an episode like any other.

    table = open_table(store, e, "sell_and_buy", round=3, seat=1, number=7)      # or e = practice("sell_and_buy")
    sitting = sit(table, store, machine)                      # the seller after round 3 has made its first offer
    sitting = say(sitting, store, machine, games.offer({"X": 1}, {"ZUP": 42}), "too dear")
    keep(store, sitting, "Ann", learn=False)                  # once `sitting.over`, or when she leaves

The team's own workflow is played from its beginning after every message, by a model that speaks the person's texts and
stops the episode when it needs a new one; turns that the other has said are given back word for word. Every turn's seed
follows from the experiment's, the game and what was said, so the same moves in the same game meet the same replies.

A person's move is judged by the rules before it is said: an illegal one raises UsageError with the reason and is no
strike. Nothing is stored before `keep`. Who speaks as the checkpoint of now has seat None, like a player that learns;
earlier ones speak from the seats ``base`` and ``r1``, ``r2`` ..., which nobody learns from.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from . import games, recipes, scoresheet
from .calls import Calls, Limits
from .episodes import Call, direct, play
from .errors import Stopped, UsageError
from .evaluate import voices_for
from .games import Move, State
from .improve import MENDER, Machine
from .models import Completion, Model, Sampling, Voices
from .models.pocket import aside, run_in_step
from .prompts import Message
from .settings import preset
from .store import Experiment, Store
from .store.browse import Browse
from .tasks import negotiation as dealing
from .teams import negotiation
from .trajectories import Outcome, SeedPath, Stop, Task, Trajectory, digest

PHASE = "human"
NAME = "person"  # the model of a person's turns
PRESETS = {"sell_and_buy": "sell-and-buy", "ultimatum": "ultimatum", "resource_exchange": "resource-exchange"}
LONGEST = 300  # characters of a message
NUMBERS = 10_000  # games that can be drawn
WAITS = "the person has the word"
LEFT = "the person left the table"

Saying = tuple[Move, str]  # a person's move, and the words beside it


@dataclass(frozen=True)
class Table:
    """One game to be played by a person in ``seat`` against the checkpoint after ``round``. ``other``: the seat of that
    one's turns (see above)."""

    experiment: Experiment
    game: str
    round: int
    seat: int
    number: int
    other: str | None
    task: Task

    @property
    def path(self) -> SeedPath:
        e = self.experiment
        return SeedPath(e.id, e.seed, self.round, PHASE, self.task.id)

    @property
    def roles(self) -> tuple[str, str]:
        return negotiation.roles_of(self.game)


@dataclass(frozen=True)
class Sitting:
    """A game so far: every turn that was said, the person's words by number, the state that the engine makes of it."""

    table: Table
    said: tuple[Saying, ...]
    trajectory: Trajectory
    state: State = field(compare=False)

    @property
    def over(self) -> bool:
        return self.state.over

    @property
    def mine(self) -> bool:
        """Whether the person has the word."""
        return not self.over and self.state.seat == self.table.seat


class Person:
    """The model that speaks a person's texts, one after the other; without a text it stops the episode."""

    lockstep = False

    def __init__(self, texts: Sequence[str], dialect: str) -> None:
        self.name, self.dialect = NAME, dialect
        self._texts = iter(texts)

    async def complete(self, messages: Sequence[Message], sampling: Sampling) -> Completion:
        text = next(self._texts, None)
        if text is None:
            raise Stopped(Stop.LOST, WAITS)
        return Completion(text, cost=0.0)


# -- which game, against whom ------------------------------------------------------------------------------------------
def practice(game: str) -> Experiment:
    """An experiment that is none: the untrained player of a game, before anything was run. What is played against it
    cannot be kept."""
    return Experiment("", PRESETS[game], 0, preset(PRESETS[game]))


def rounds(store: Store, e: Experiment) -> list[int]:
    """After which rounds somebody can be played: 0 is the untrained model."""
    return list(range(max(1, Browse(store.db).closed(e.id)))) if e.id else [0]


def open_table(store: Store, e: Experiment, game: str, *, round: int, seat: int, number: int) -> Table:
    """The game of that number: the amounts depend on nothing else, so that all opponents can be met in the same one.

    UsageError where the experiment plays another game, or the round is not closed.
    """
    if e.settings.source != game:
        raise UsageError(f"{e.id or e.name} plays {e.settings.source}, not {game}")
    if seat not in (0, 1) or not 0 <= number < NUMBERS:
        raise UsageError(f"seat {seat}, game {number}: a seat is 0 or 1, a game 0 to {NUMBERS - 1}")
    known = rounds(store, e)
    if round not in known:
        raise UsageError(f"round {round} of {e.id} is not closed: nobody speaks for it yet")
    about, _ = dealing.distributions(e.settings)
    setting = dealing.around(about, e.settings.spread, Random(f"games/{game}/{PHASE}/{number}"))
    other = "base" if round == 0 else None if round == known[-1] else f"r{round}"
    learner, opponent = (None, "latest") if other is None else (seat, other)
    task = dealing.task(setting, PHASE, f"{PHASE}/{number}", number, learner, opponent)
    return Table(e, game, round, seat, number, other, task)


# -- play --------------------------------------------------------------------------------------------------------------
def sit(table: Table, store: Store, machine: Machine) -> Sitting:
    """The table before the person's first word; who moves first may have spoken."""
    return _played(table, (), (), store, machine)


def say(sitting: Sitting, store: Store, machine: Machine, move: Move, message: str = "") -> Sitting:
    """The person's move with some words, and what the other answers. UsageError says why a move is not legal."""
    checked(sitting, move)
    said = (*sitting.said, (move, clean(message)))
    return _played(sitting.table, said, sitting.trajectory.turns, store, machine)


def checked(sitting: Sitting, move: Move) -> None:
    """UsageError with the rule's sentence where the person may not do that now."""
    if not sitting.mine:
        raise UsageError("The game is over." if sitting.over else "It is not your turn.")
    _, event = sitting.state.moved(move)
    if not event.valid:
        raise UsageError(event.why)


def clean(message: str) -> str:
    """A person's words as they may stand in a tagged text: one paragraph, no tags."""
    return " ".join(message.replace("<", "‹").replace(">", "›").split())[:LONGEST]


def aim(setting: games.Setting, seat: int, move: Move, open_offer: Any) -> int:
    """The number that a person's move says it aims at, in the terms of `pocket.haggling`: what it offers or takes; of a
    refusal its limit."""
    trade = move.trade or (open_offer if move.kind == "accept" else None)
    if setting.game.name == "resource_exchange":
        if trade is None:
            return 0
        gain = scoresheet.measure(setting, trade)
        return max(0, gain if seat == 0 else -gain)
    if trade is not None:
        return sum(amount for gives in trade for item, amount in gives if item == scoresheet.currency(setting))
    if setting.game.name == "ultimatum":
        return sum(amount for held in setting.resources for _, amount in held) // 2
    return setting.values[seat][0][1]


def _text(state: State, seat: int, saying: Saying, dialect: str) -> str:
    move, message = saying
    if dialect != "pocket":
        return games.write(state.setting, seat, move, state.turn, message)
    from .pocket import haggling

    return haggling.write(state.view(seat), move, aim(state.setting, seat, move, state.offer))


@aside
def _played(table: Table, said: tuple[Saying, ...], before: Sequence[Any], store: Store, machine: Machine) -> Sitting:
    """The whole game once more: what is in ``before`` is said again word for word."""
    e, recipe = table.experiment, recipes.get(table.experiment.settings)
    model = _model(table, store, machine)
    state, texts = _so_far(table, before), []
    for turn in before:
        if turn.model == NAME and turn.role == table.roles[table.seat]:
            texts.append(turn.text)
    if len(said) > len(texts):
        texts.append(_text(state, table.seat, said[-1], model.dialect))
    me, them = table.roles[table.seat], table.roles[1 - table.seat]
    voices = voices_for({me: Person(texts, model.dialect), them: model}, e.settings, recipe.team, "evaluate")
    played = run_in_step(_episode(table, voices, {_place(t): t for t in before}, store, recipe.team))
    turns = [t for t in played.turns if not (t.finish == Stop.LOST and t.role == me)]
    words = iter(said)
    turns = [replace(t, value={**(t.value or {}), "message": next(words)[1]}) if t.model == NAME else t for t in turns]
    played = replace(played, turns=tuple(turns))
    return Sitting(table, said, played, negotiation.played(table.task, played))


def _so_far(table: Table, turns: Sequence[Any]) -> State:
    return negotiation.played(table.task, Trajectory(table.path, "", tuple(turns), Outcome(None)))


def _place(turn: Any) -> tuple[Any, ...]:
    return (turn.role, turn.seat, turn.request, turn.occurrence)


async def _episode(table: Table, voices: Voices, known: dict[Any, Any], store: Store, team: Any) -> Trajectory:
    e = table.experiment
    over_http = None if voices.lockstep or not e.id else Calls(
        store, e.id, e.settings.concurrency, Limits(e.settings.deadline, e.settings.attempts))
    ask: Call = over_http or direct

    async def call(
        model: Model, messages: Sequence[Message], sampling: Sampling, place: Callable[[], Any]
    ) -> Completion:
        if model.name == NAME:
            return await model.complete(messages, sampling)
        if old := known.get(tuple(place()[1:])):
            return Completion(old.text, old.finish, old.tokens_in, old.tokens_out, old.ms, old.cost)
        return await ask(model, messages, sampling, place)

    if over_http is None:
        return await play(team, table.task, voices, table.path, call)
    over_http.begin(table.round, PHASE)
    try:
        return await play(team, table.task, voices, table.path, call)
    finally:
        await over_http.end()


def _model(table: Table, store: Store, machine: Machine) -> Model:
    """Who sits opposite."""
    e, role = table.experiment, table.roles[1 - table.seat]
    kept = store.weights.models(e.id, table.round) if e.id else None
    if kept is None:
        blob = machine.base()
        return machine.model(hashlib.sha256(blob).hexdigest(), blob)
    names = {name: hash for name, hash in kept[0].items() if name != MENDER}
    name = names.get(role) or names["*"]
    return machine.model(name, store.weights.get(name))


# -- the end -----------------------------------------------------------------------------------------------------------
def leave(sitting: Sitting) -> Sitting:
    """The person walks away: the game ends without a deal, and is kept as one that was not finished."""
    gone = replace(sitting.trajectory, outcome=Outcome(None, Stop.LOST, LEFT))
    return replace(sitting, trajectory=gone)


def keep(store: Store, sitting: Sitting, author: str, learn: bool) -> str:
    """Store a game that is over, or was left: its trajectory's id. Played twice alike by one person it stands once.

    It may be learned from in a later round only if ``learn``, and only if it came to its end.
    """
    table, e = sitting.table, sitting.table.experiment
    if not e.id:
        raise UsageError("this game belongs to no experiment: it cannot be kept")
    if not sitting.over and sitting.trajectory.outcome.why != LEFT:
        raise UsageError("the game is not over yet")
    branch = digest(author, [[move.kind, move.trade, message] for move, message in sitting.said])
    played = replace(sitting.trajectory, path=replace(table.path, branch=branch))
    judged = replace(played, reward=recipes.get(e.settings).judge(table.task, played))
    store.human_games.add(table.task, judged, author, table.seat, learn and sitting.over)
    return judged.id
