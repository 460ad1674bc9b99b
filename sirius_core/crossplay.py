"""The cross-play matrix: every player in every seat against every other, over the same games (SiriuS, Figures 2 and 5).

    play(run, ("base", "now"), games=500)["splits"]["heldout"]["cells"][1]["numbers"]["payoff_red"]

A player is the team's checkpoints after a round: ``base``, ``now``, ``2``, or ``OTHER-0-1:3`` of another experiment of
the same game and base. In a cell RED x BLUE one player takes seat 0 and the other seat 1. All cells play the same games
with the same randomness for the same request (`SeedPath`), so that differences between cells are paired by game. The
games have the amounts of the round's tests and more of the same kind; both seats are asked alike, whoever sits there.

Nothing of this touches a round, its report or its library: the games stand as episodes in the phases
``cross:SPLIT:RED:BLUE``, what they come to is the measurement ``cross_play`` (see cross_table). What is played is found
again, so a stopped matrix goes on where it was and a larger one extends it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from random import Random
from typing import Any, Protocol

from . import cross_table
from .episodes import Call
from .episodes import play as play_episode
from .errors import Missing, UsageError
from .evaluate import Bench
from .measures.played import Played, read
from .models import Voices
from .rollout import Plan, Records, Work
from .settings import Settings
from .store import Experiment, Store
from .tasks import negotiation
from .trajectories import Task, Trajectory

MEASUREMENT, PHASE = "cross_play", "cross"
SPLITS = ("heldout", "withheld_forms")
BASE, NOW = "base", "now"
_SPOKEN = re.compile("base|r[0-9]+")


class Table(Protocol):
    """What a matrix needs of a run (see improve.Run)."""

    @property
    def bench(self) -> Bench: ...
    @property
    def on_progress(self) -> Callable[[int, str, int, int], None]: ...  # (round, phase, done, total)
    def models_after(self, round: int) -> dict[str, str]: ...
    def voices(self, models: Mapping[str, str], phase: str = "") -> Voices: ...


@dataclass(frozen=True)
class Player:
    """``key`` is its short name, unique in a matrix: ``base``, ``r2``, ``OTHER-0-1:2``."""

    key: str
    experiment: str
    round: int

    @property
    def title(self) -> str:
        head, _, _ = self.key.rpartition(":")
        spoken = "base" if self.round == 0 else f"round {self.round}"
        return f"{spoken} of {head}" if head else spoken


def play(run: Table, players: Sequence[str] = (BASE, NOW), games: int | None = None,
         splits: Sequence[str] = SPLITS, rivals: Sequence[str] | None = None) -> dict[str, Any]:
    """Play what is not stored yet and store the record of all cells so far (see `cross_table.record`).

    Every one of ``players`` in seat 0 against every one of ``rivals`` (the same, unless named) in seat 1, ``games``
    games a cell (`settings.matrix`). UsageError in one line where that cannot be played.
    """
    bench = run.bench
    e, store = bench.experiment, bench.store
    most = bench.settings.matrix if games is None else games
    if source_of(bench) not in negotiation.ROLES:
        raise UsageError(f"{e.id} plays no game with two seats: there is nothing to play crosswise")
    if most < 2:
        raise UsageError(f"a matrix needs at least two games a cell, not {most}")
    if not players:
        raise UsageError("a matrix needs players: name base, now, a round, or EXPERIMENT:ROUND")
    if unknown := [split for split in splits if split not in SPLITS]:
        raise UsageError(f"a matrix is played on {' or '.join(SPLITS)}, not {unknown[0]!r}")
    red, blue = ([player(store, e, said) for said in named] for named in (players, rivals or players))
    asked = {split: deal(bench.settings, source_of(bench), split, most) for split in splits}
    with store.write():
        for tasks in asked.values():
            store.episodes.add_tasks(tasks)
    cells = list(dict.fromkeys((one, two) for one in red for two in blue))
    todo = [(split, one, two) for split in splits for one, two in cells
            if len(_stored(store, e.id, split, one, two)) < most]
    if todo:
        _carry_out(run, todo, asked)
    return summarise(store, e)


def after_last_round(run: Table) -> None:
    """Base and now in both seats, where the settings want a matrix."""
    if run.bench.settings.matrix:
        play(run)


def summarise(store: Store, e: Experiment) -> dict[str, Any]:
    """The record from every stored game of every cell, stored as the measurement."""
    made = derive(store, e)
    store.experiments.set_measurement(e.id, MEASUREMENT, made)
    return made


def measured(store: Store, experiment: str) -> dict[str, Any] | None:
    """The record that was stored last; None before there is one."""
    found: dict[str, Any] | None = store.experiments.measurement(experiment, MEASUREMENT)
    return found


def derive(store: Store, e: Experiment) -> dict[str, Any]:
    """The record, reckoned from the stored games alone; each cell counts what was played of it."""
    phases = store.episodes.phases(e.id, f"{PHASE}:")
    found: dict[str, dict[tuple[Player, Player], list[Played]]] = {}
    for round, phase in phases:
        split, (one, two) = phase.split(":")[1], (player(store, e, key) for key in players_of(phase) or ())
        plays = store.episodes.find(e.id, round=round, phase=phase)
        found.setdefault(split, {})[one, two] = read(plays, store.episodes.tasks([t.task for t in plays]))
    source = e.settings.source
    return cross_table.record(source, negotiation.ROLES[source], {
        split: found[split] for split in SPLITS if split in found}, {split: negotiation.TITLES.get(split, split)
                                                                     for split in SPLITS})


def differing(store: Store) -> Iterator[str]:
    """For `sirius check`: a line for each part of a stored matrix that its games do not say now."""
    for e in store.experiments.all():
        if (stored := measured(store, e.id)) is None:
            continue
        derived = _flat(json.loads(json.dumps(derive(store, e))))
        before = _flat(stored)
        for name in sorted(before.keys() | derived.keys()):
            one, two = before.get(name), derived.get(name)
            close = isinstance(one, float) and isinstance(two, float) and abs(one - two) <= 1e-9
            if one != two and not close:
                yield f"cross_play ({e.id}): {name} is {one!r}, derived {two!r}"


def _flat(value: Any, name: str = "") -> dict[str, Any]:
    """{path: plain value} of a record."""
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    if parts is None:
        return {name: value}
    return {path: leaf for key, part in parts
            for path, leaf in _flat(part, f"{name}.{key}" if name else str(key)).items()}


def source_of(bench: Bench) -> str:
    return bench.recipe.source or bench.settings.source


# -- players ---------------------------------------------------------------------------------------------------------
def player(store: Store, e: Experiment, said: str) -> Player:
    """``base``, ``now``, ``2`` or ``r2``, each also of another experiment: ``OTHER-0-1:2``; UsageError otherwise."""
    other, _, spoken = said.strip().rpartition(":")
    of = e if other in ("", e.id) else _rival(store, e, other)
    closed = _last(store, of.id)
    spoken = spoken.removeprefix("r").strip()
    round = 0 if spoken == BASE else closed if spoken == NOW else int(spoken) if spoken.isdecimal() else -1
    if round < 0:
        raise UsageError(f"player {said!r}: write base, now, a round, or EXPERIMENT:ROUND")
    if round > closed:
        raise UsageError(f"player {said!r}: {of.id} has {closed} trained rounds")
    key = BASE if round == 0 else f"r{round}"
    return Player(key if of is e else f"{of.id}:{key}", of.id, round)


def players_of(phase: str) -> tuple[str, str] | None:
    """The keys of the two players of a phase ``cross:SPLIT:RED:BLUE``, where either may have an experiment before it;
    None for any other phase."""
    head, *words = phase.split(":")
    if head != PHASE or len(words) < 3:
        return None
    cut = 2 if _SPOKEN.fullmatch(words[1]) else 3
    return ":".join(words[1:cut]), ":".join(words[cut:])


def _last(store: Store, experiment: str) -> int:
    """The last round whose checkpoints stand; 0 before any was trained."""
    return next(round for round in count() if store.weights.models(experiment, round + 1) is None)


def _rival(store: Store, e: Experiment, name: str) -> Experiment:
    try:
        other = store.experiments.get(name)
    except Missing:
        raise UsageError(f"player {name}: there is no such experiment here") from None
    for what in ("source", "base", "model", "base_url"):
        if getattr(other.settings, what) != getattr(e.settings, what):
            raise UsageError(f"{name} cannot sit at a table with {e.id}: another {what}, "
                             f"{getattr(other.settings, what)!r}")
    return other


def models_of(run: Table, phase: str) -> dict[str, str] | None:
    """Who spoke in a phase ``cross:SPLIT:RED:BLUE``, by role; None for any other phase."""
    if (named := players_of(phase)) is None:
        return None
    one, two = (player(run.bench.store, run.bench.experiment, key) for key in named)
    return _models(run, negotiation.ROLES[source_of(run.bench)], one, two)


def _models(run: Table, roles: tuple[str, str], one: Player, two: Player) -> dict[str, str]:
    """{"*": base, role of seat 0: its checkpoint, role of seat 1: its checkpoint}."""
    store, base = run.bench.store, run.models_after(0)
    found = {"*": base["*"]}
    for role, who in zip(roles, (one, two), strict=True):
        own = who.experiment == run.bench.experiment.id
        kept = store.weights.models(who.experiment, who.round)
        models = run.models_after(who.round) if own or kept is None else kept[0]
        found[role] = models.get(role) or models["*"]
    return found


# -- the games -------------------------------------------------------------------------------------------------------
def deal(settings: Settings, source: str, split: str, most: int) -> tuple[Task, ...]:
    """The first ``most`` games of a split, each once and for whoever sits there; the first ones have the amounts of
    the round's tests."""
    known, unknown = negotiation.distributions(settings)
    about = known if split == "heldout" else unknown
    made = []
    for number in range(most):
        drawn = negotiation.around(about, settings.spread, Random(f"games/{source}/{split}/0/{number}"))
        group = f"{split}/0/{number}"
        said = negotiation.question(drawn, None).rpartition("; ")[0]
        data = {"game": drawn.as_dict(), "number": number, "learner": None, "opponent": "cross-play"}
        made.append(Task.of(source, f"{group}/cross", split, said, "", group=group, data=data))
    return tuple(made)


def phase_of(split: str, one: Player, two: Player) -> str:
    return f"{PHASE}:{split}:{one.key}:{two.key}"


def round_of(e: str, one: Player, two: Player) -> int:
    """The round in which a cell's games stand: that of its newest player of this experiment."""
    return max((who.round for who in (one, two) if who.experiment == e), default=0)


def _stored(store: Store, e: str, split: str, one: Player, two: Player) -> list[Trajectory]:
    return store.episodes.find(e, round=round_of(e, one, two), phase=phase_of(split, one, two), whole=False)


def _carry_out(run: Table, todo: Sequence[tuple[str, Player, Player]], asked: Mapping[str, Sequence[Task]]) -> None:
    """Game by game, all cells together: batches are large, and more games later go on after these."""
    bench = run.bench
    e, roles = bench.experiment.id, negotiation.ROLES[source_of(bench)]
    judge: Callable[[Task, Trajectory], Any] = bench.recipe.examiner or bench.recipe.judge
    voices = {(one, two): run.voices(_models(run, roles, one, two), "evaluate") for _, one, two in todo}

    def work(item: tuple[Task, str, Player, Player]) -> Work:
        task, split, one, two = item
        path = bench.path(round_of(e, one, two), phase_of(split, one, two), task)

        async def go(call: Call) -> Records:
            played = await play_episode(bench.recipe.team, task, voices[one, two], path, call)
            return Records((replace(played, reward=judge(task, played)),))

        return Work(f"{split}/{one.key}/{two.key}/{task.id}", go)

    plan = [(asked[split][i], split, one, two) for i in range(len(asked[todo[0][0]])) for split, one, two in todo]
    last, heard = max(round_of(e, one, two) for _, one, two in todo), bench.rollout.on_progress
    bench.rollout.on_progress = lambda done, total: run.on_progress(last, MEASUREMENT, done, total)
    try:
        bench.rollout.run(0, PHASE, Plan(plan, work), lockstep=any(v.lockstep for v in voices.values()))
    finally:
        bench.rollout.on_progress = heard
