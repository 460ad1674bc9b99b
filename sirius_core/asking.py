"""One problem put to a team as it stood after any round, as often as wanted. Nothing that it says is stored.

    task = heldout(store, e)[0]                     # or written(store, e, "train moves 3 0 m/s for 5 s . how far ?")
    ask(store, e, task, round=0, draws=4)           # the untrained base
    ask(store, e, task, round=3, draws=4)           # the team that round 3 made
    ask(store, e, task, round=3, draws=4, first=4)  # and four times more

A draw is an episode with a seed path of its own (phase `PHASE`), so the same draws of the same question are the same
answers. On an endpoint every reply goes to the journal, and the same draws are not paid twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from . import recipes
from .calls import Calls, Limits
from .episodes import Call, direct, play
from .errors import UsageError
from .evaluate import voices_for
from .games import GAMES
from .improve import MENDER, Machine, opponents
from .machines import embedded, machine_for
from .models import Voices
from .models.pocket import aside, run_in_step
from .recipes import Recipe
from .store import Experiment, Store
from .store.browse import Browse
from .trajectories import SeedPath, Task, Trajectory

PHASE = "asked"
MOST = 64  # draws at once


def heldout(store: Store, e: Experiment) -> tuple[Task, ...]:
    """The problems on which the experiment was tested and never trained, in their order."""
    ids = store.experiments.splits(e.id).get("heldout", ())
    found = store.episodes.tasks(list(ids))
    return tuple(replace(found[id], split="heldout") for id in ids)


def written(store: Store, e: Experiment, text: str) -> Task:
    """A person's own problem. Where the embedded model plays, in its language: UnreadableText names the words that it
    does not know. The right answer is known where the grammar could have asked this; else ``answer`` is empty.
    """
    text = " ".join(text.split())
    if not text:
        raise UsageError("there is no question: write one")
    if e.settings.source in GAMES:
        raise UsageError("a game is not written: take one of the held-out games, or a seat of your own (page Games)")
    if not embedded(e.settings):
        return Task.of(e.settings.source, text, PHASE, text, "")
    from .pocket.reading import read
    from .pocket.vocabulary import encode
    from .tasks.formulas import task

    encode(text)
    known = read(text)
    return Task.of("formulas", text, PHASE, text, "", kind="quantity") if known is None else task(known, PHASE)


def in_training(store: Store, e: Experiment, task: Task) -> bool:
    """Whether the experiment trains on problems of the same group (of the word problems: with the same numbers)."""
    ids = store.experiments.splits(e.id).get("train", ())
    return bool(task.group) and any(t.group == task.group for t in store.episodes.tasks(list(ids)).values())


def calls_each(store: Store, e: Experiment) -> int:
    """How many calls one draw takes, by what the base took for its first test."""
    ids = store.experiments.splits(e.id).get("heldout", ())
    rows = Browse(store.db).same_problem(e.id, ids[0], "evaluate:heldout:sampled") if ids else []
    return len(store.episodes.get(rows[0].id).turns) if rows else max(1, len(recipes.get(e.settings).team.chain))


def last_round(store: Store, e: Experiment) -> int:
    """The last closed round; -1 before the base is measured."""
    return Browse(store.db).closed(e.id) - 1


@aside
def ask(
    store: Store,
    e: Experiment,
    task: Task,
    round: int,
    draws: int = 1,
    *,
    first: int = 0,
    machine: Machine | None = None,
) -> tuple[Trajectory, ...]:
    """Draws ``first`` to ``first + draws - 1`` of the team after ``round``, judged where the right answer is known.

    The embedded model plays in this process. UsageError where that round is not closed, or nobody here can play it.
    """
    if not 0 < draws <= MOST or first < 0:
        raise UsageError(f"{draws} draws from {first} on: between 1 and {MOST} at once")
    recipes.playable(e.settings)
    kept = store.weights.models(e.id, round)
    if kept is None or round > last_round(store, e):
        raise UsageError(f"round {round} of {e.id} is not closed: nobody speaks for it yet")
    recipe, own = recipes.get(e.settings), machine is None
    machine = machine or _machine(store, e)
    try:
        began = store.weights.models(e.id, 0) or kept
        models = {role: machine.model(name, store.weights.get(name))
                  for role, name in {**opponents(recipe.team, began[0]["*"]), **kept[0]}.items() if role != MENDER}
        voices = voices_for(models, e.settings, recipe.team, "evaluate")
        return run_in_step(_played(store, e, recipe, task, voices, round, range(first, first + draws)))
    finally:
        if own:
            machine.close()


async def _played(
    store: Store, e: Experiment, recipe: Recipe, task: Task, voices: Voices, round: int, draws: Sequence[int]
) -> tuple[Trajectory, ...]:
    async def all_with(call: Call) -> tuple[Trajectory, ...]:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(play(recipe.team, task, voices, path, call)) for path in paths]
        return tuple(_judged(recipe, task, t.result()) for t in tasks)

    paths = [SeedPath(e.id, e.seed, round, PHASE, task.id, draw=draw) for draw in draws]
    try:
        if voices.lockstep:
            return await all_with(direct)
        s = e.settings
        calls = Calls(store, e.id, s.concurrency, Limits(s.deadline, s.attempts))
        calls.begin(round, PHASE)
        try:
            return await all_with(calls)
        finally:
            await calls.end()
    except BaseExceptionGroup as group:  # of several that failed alike, one is enough for a person
        raise _first(group) from None


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _judged(recipe: Recipe, task: Task, played: Trajectory) -> Trajectory:
    if not task.answer:
        return played
    judge = recipe.examiner or recipe.judge
    return replace(played, reward=judge(task, played))


def _machine(store: Store, e: Experiment) -> Any:
    if not embedded(e.settings):
        return machine_for(e.settings.changed({"workers": 1}), store, e.id)
    from .finetune.pocket import PocketMachine
    from .models.pocket import Engine

    return PocketMachine(Engine(), e.settings.base)
