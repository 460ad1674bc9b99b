"""What a person says in a failure's place, tried before it counts: an edited turn, or a critique of one's own."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any, TypeVar

from ..calls import Calls
from ..episodes import Call, direct, replay
from ..errors import UsageError
from ..leaks import told
from ..models import Voices
from ..models.pocket import run_in_step
from ..repair import Advised, Failure
from ..rewards import Judge
from ..rollout import Records
from ..store import Store
from ..teams import Team
from ..trajectories import Repair, Task, Trajectory

PHASE = "review"
T = TypeVar("T")


def try_edit(
    store: Store,
    item_id: str,
    text: str,
    *,
    team: Team,
    judge: Judge,
    voices: Voices,
    draw: int = 0,
    calls: Calls | None = None,
    check: Callable[[str], object] = len,
) -> Trajectory:
    """Replay the failed episode with a person's text in the repaired turn; the result is stored and returned.

    ``voices`` are the models of then; ``calls`` puts journal, deadline and retries around them, which an endpoint
    needs. ``check`` raises if the model could not read the text.
    """
    _, turn, failed, task = _of(store, item_id)
    if not text.strip():
        raise UsageError("the edited text is empty")
    check(text)
    path = replace(failed.path, phase=PHASE)

    async def play_on(how: Call) -> Trajectory:
        return await replay(failed, team, task, voices, edits={turn: text}, draw=draw, path=path, call=how)

    again = _carried_out(play_on, calls, path.round)
    again = replace(again, reward=judge(task, again))
    store.episodes.add([again])
    return again


def advise(
    store: Store,
    item_id: str,
    feedback: str,
    *,
    team: Team,
    judge: Judge,
    voices: Voices,
    calls: Calls | None = None,
    draw: int = 0,
    check: Callable[[str], object] = len,
) -> Repair:
    """A person's critique of the repaired turn, carried out: the role rewrites the turn in its own words.

    Rewrite, rephrase, leak check and replay are the critic's own way (`repair.Advised`). The repair and its episodes
    are stored under the phase ``review``; to let it in, decide "edit" with its replay. Another ``draw`` of the same
    words is another rewrite. The replay is missing where the role gave no rewrite.
    """
    repair, turn, failed, task = _of(store, item_id)
    if not feedback.strip():
        raise UsageError("the critique is empty")
    check(feedback)
    said = failed.turns[turn]
    in_pocket = voices.model(said.role, said.seat).dialect == "pocket"
    if not in_pocket and (given := told(feedback, said, task)):
        raise UsageError(f"the role may not be told the right answer: {given[0]}")
    threshold = store.experiments.get(failed.path.experiment).settings.threshold
    failure = Failure(task, failed, team, voices, judge, replace(failed.path, phase=PHASE), threshold)
    how = Advised(turn=turn, feedback=feedback, draw=draw)

    async def mend(call: Call) -> Records:
        return await how(failure, call)

    found = _carried_out(mend, calls, failed.path.round)
    experiment, round = store.repairs.place(repair.id)
    with store.write():
        store.episodes.add(found.trajectories)
        store.repairs.add(experiment, round, PHASE, found.repairs)
    return found.repairs[-1]


def _of(store: Store, item_id: str) -> tuple[Repair, int, Trajectory, Task]:
    """(repair, its turn, the failed episode, its task) of an item."""
    row = store.people.find_planted(item_id)
    repair = store.repairs.get(row.repair if row else item_id)
    if repair.turn is None:
        raise UsageError("this critique blamed no turn: there is nothing to edit")
    failed = store.episodes.get(repair.failed)
    return repair, repair.turn, failed, store.episodes.task(failed.task)


def _carried_out(work: Callable[[Call], Coroutine[Any, Any, T]], calls: Calls | None, round: int) -> T:
    async def go() -> T:
        if calls is None:
            return await work(direct)
        calls.begin(round, PHASE)
        try:
            return await work(calls)
        finally:
            await calls.end()

    return run_in_step(go())
