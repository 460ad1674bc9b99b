"""A question about a stored episode, asked, carried out by a process of its own, and answered (see whatif.py).

    inquiry = ask(store, trajectory, turn=1, text="...")     what if this turn had said ...
    inquiry = ask(store, trajectory, kind="blame", k=16)     which turn was to blame
    carry_out(path, inquiry)                                 plays what is not stored yet, and answers

The process holds a file lock, like a run: killed at any moment it loses what it was just playing, and asking again
goes on. The replays are episodes like any others, so an answer can always be derived from them again.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from . import crossplay, jobs, recipes, whatif
from .errors import Busy, Cancelled, Missing, SiriusError, UsageError
from .improve import Run
from .machines import embedded, machine_for
from .models import Voices
from .models.pocket import aside
from .rewards import Judge
from .store import ACTIVE, Experiment, Store
from .store.inquiries import Inquiry
from .trajectories import Trajectory, digest
from .whatif import Blame, Variant, WhatIf

Hear = Callable[[int, int], None]  # (replays that are stored, replays in all)
ASKED = ("whatif", "blame")  # kinds of inquiry, and the heads of the phases of their replays
TESTED = ("evaluate", "pass", "validate", "human")  # heads of phases played by the checkpoints of their own round
AGAIN = "stopped; ask again to go on"
STOPPED = "its process ended before the answer; ask again to go on"


# -- ask -------------------------------------------------------------------------------------------------------------
def ask(
    store: Store,
    trajectory_id: str,
    kind: str = "whatif",
    turn: int | None = None,
    text: str = "",
    k: int = 8,
    now: bool = False,
    author: str = "",
) -> str:
    """The id of a question, checked as a whole; it is carried out by `carry_out`, or ``jobs.launch_inquiry``.

    ``now``: the checkpoints that are in force now speak, not those of then. The same question has the same id: asked
    again it goes on where it stopped, and a larger ``k`` extends its draws.
    """
    parent = store.episodes.get(trajectory_id)
    experiment = store.experiments.get(parent.path.experiment)
    playable(store, experiment, parent)
    if kind not in ASKED:
        raise UsageError(f"an inquiry is a whatif or a blame, not {kind!r}")
    if not 0 < k <= whatif.MOST:
        raise UsageError(f"k = {k}: between 1 and {whatif.MOST:,} replays")
    if kind == "blame":
        if parent.earned(experiment.settings.threshold):
            raise UsageError("this episode came right: no turn is to blame")
        turn, text = None, ""
    else:
        turn = _edited(experiment, parent, turn, text)
    if now and played_as(store, parent) == crossplay.PHASE:
        raise UsageError("a game of the cross-play matrix is played on by the two who played it: ask without now")
    spoken = len(store.experiments.reports(experiment.id)) - 1 if now else then(store, parent)
    if spoken < 0:
        raise UsageError("no round is closed yet, so no checkpoints are in force: ask for those of then")
    inquiry = digest(trajectory_id, kind, turn, text, k, spoken)[:16]
    store.inquiries.add(inquiry, experiment.id, trajectory_id, kind, turn, text, k, spoken, author)
    asked = status(store, inquiry)
    if asked.status not in (*ACTIVE, "done"):
        store.inquiries.set(inquiry, status="queued", message="", pid=None)
    return inquiry


def playable(store: Store, experiment: Experiment, parent: Trajectory) -> None:
    """UsageError with one clear line for an episode that nobody here can play again."""
    if experiment.settings.recipe == "imported":
        raise UsageError("these episodes were imported: the team that spoke them is not here, so none can be replayed")
    team = recipes.get(experiment.settings).team
    if parent.team != team.name:
        raise UsageError(f"only what the team said can be played again; these are the calls of {parent.team!r}")
    if not parent.turns:
        raise UsageError("this episode has no turn")


def _edited(experiment: Experiment, parent: Trajectory, turn: int | None, text: str) -> int:
    last = len(parent.turns) - 1
    if turn is None or not 0 <= turn <= last:
        raise UsageError(f"turn {turn}: the episode has turns 0 to {last}")
    if not text.strip():
        raise UsageError("what should the turn have said? The text is empty")
    if text == parent.turns[turn].text:
        raise UsageError("this is what the turn said: change something")
    if embedded(experiment.settings):
        from .pocket.vocabulary import encode

        encode(text)
    return turn


def then(store: Store, trajectory: Trajectory) -> int:
    """The round after which the checkpoints that spoke an episode were in force: tries and repairs of round t were
    spoken by the checkpoints after t - 1, tests of round t by those after t."""
    head, _, rest = trajectory.path.phase.partition(":")
    if head in ASKED and rest.isdecimal():
        return int(rest)
    return trajectory.path.round if head in TESTED else max(0, trajectory.path.round - 1)


def played_as(store: Store, trajectory: Trajectory) -> str:
    """The head of the phase in which an episode was first played: a replay of a what-if goes by the episode that it
    replays."""
    return _first(store, trajectory).path.phase.partition(":")[0]


def _first(store: Store, trajectory: Trajectory) -> Trajectory:
    while trajectory.path.phase.partition(":")[0] in ASKED and trajectory.parent is not None:
        trajectory = store.episodes.get(trajectory.parent)
    return trajectory


# -- carry out -------------------------------------------------------------------------------------------------------
@aside
def carry_out(path: Path, inquiry: str, *, hear: Hear = lambda done, total: None, machine: Any = None) -> Inquiry:
    """Play what is not stored yet, in this process, and store the answer. Errors are recorded and raised again."""
    with Store(path) as store:
        asked = store.inquiries.get(inquiry)
        with _held(path, inquiry):
            if asked.status == "done":
                return asked
            store.inquiries.set(inquiry, status="running", message="", pid=os.getpid())
            state: dict[str, Any] = {"status": "failed"}
            try:
                state = {"status": "done", "result": _played(store, asked, hear, machine).as_dict()}
            except (Cancelled, KeyboardInterrupt):
                state = {"status": "stopped", "message": AGAIN}
                raise Cancelled(AGAIN) from None
            except BaseException as error:
                kind = "" if isinstance(error, SiriusError) else f"{type(error).__name__}: "
                state["message"] = f"{kind}{error}"
                raise
            finally:
                with suppress(SiriusError):  # a full or read-only file: the error itself is on its way
                    store.inquiries.set(inquiry, pid=None, **state)
        return store.inquiries.get(inquiry)


@contextmanager
def _held(path: Path, inquiry: str) -> Iterator[None]:
    """The lock of a question; Busy if another process answers it."""
    try:
        with jobs.lock(path, inquiry):
            yield
    except Busy:
        raise Busy(f"inquiry {inquiry} is being answered by another process; ask again for its answer") from None


def _played(store: Store, asked: Inquiry, hear: Hear, machine: Any) -> WhatIf | Blame:
    experiment = store.experiments.get(asked.experiment)
    settings = experiment.settings.changed({"workers": 1})
    own = machine is None
    machine = machine or machine_for(settings, store, experiment.id)
    try:
        run = Run(store, experiment, machine)
        parent = store.episodes.get(asked.trajectory)
        place = played_as(store, parent)
        models = crossplay.models_of(run, _first(store, parent).path.phase) or run.models_after(asked.spoken)
        voices = run.voices(models, "evaluate" if place == crossplay.PHASE else place)
        judge = run.recipe.examiner if place in TESTED and run.recipe.examiner else run.recipe.judge

        def progress(done: int, total: int) -> None:
            store.inquiries.set(asked.id, done=done, total=total)
            hear(done, total)

        rollout = replace(run.bench.rollout, chunk=whatif.BLOCK, on_progress=progress)
        with jobs.interruptible(rollout.cancel):
            _play(rollout, parent, asked, run, voices, judge)
    finally:
        if own:
            machine.close()
    return answer(store, asked)


def _play(rollout: Any, parent: Trajectory, asked: Inquiry, run: Run, voices: Voices, judge: Judge) -> None:
    task = run.store.episodes.task(parent.task)
    work = whatif.plan(parent, variants(parent, asked), asked.phase, task, run.recipe.team, voices, judge)
    rollout.run(parent.path.round, asked.phase, work, lockstep=voices.lockstep)


def variants(parent: Trajectory, asked: Inquiry) -> tuple[Variant, ...]:
    """What is played for a question."""
    if asked.kind == "blame":
        return whatif.blame(parent, asked.k)
    assert asked.turn is not None
    return whatif.what_if(parent, asked.turn, asked.text, asked.k)


def answer(store: Store, asked: Inquiry) -> WhatIf | Blame:
    """What the stored replays say: the same as ``asked.result``, derived again. Missing before all were played."""
    parent = store.episodes.get(asked.trajectory)
    threshold = store.experiments.get(asked.experiment).settings.threshold
    wanted = [whatif.ids(parent, v, asked.phase) for v in variants(parent, asked)]
    found = store.episodes.many([i for group in wanted for i in group])
    if gone := [i for group in wanted for i in group if i not in found]:
        raise Missing(f"{len(gone)} replays of inquiry {asked.id} are not played yet; ask again to go on")
    played = [[found[i] for i in group] for group in wanted]
    if asked.kind == "blame":
        return whatif.blame_of(parent, played, threshold)
    return whatif.whatif_of(parent, played[0], played[1] if len(played) > 1 else None, threshold)


def read(asked: Inquiry) -> WhatIf | Blame | None:
    """The stored answer; None before there is one."""
    return whatif.read(asked.kind, asked.result)


# -- watch -----------------------------------------------------------------------------------------------------------
def status(store: Store, inquiry: str) -> Inquiry:
    """The inquiry; one that no process works on, although it says so, was interrupted and can be asked again."""
    return alive(store, store.inquiries.get(inquiry))


def alive(store: Store, asked: Inquiry) -> Inquiry:
    """The same inquiry with the status that is true now."""
    if asked.status not in ACTIVE or jobs.running(store.path, asked.id):
        return asked
    age = (datetime.now(UTC) - datetime.fromisoformat(asked.updated_at)).total_seconds()
    if asked.status == "queued" and age < jobs.SLOW_START:
        return asked
    return replace(asked, status="stopped", message=STOPPED)


def cancel(path: Path, inquiry: str) -> None:
    """Stop a process that carries it out; what is played stays, and asking again goes on."""
    with Store(path) as store:
        asked = store.inquiries.get(inquiry)
        if asked.pid is not None and asked.pid != os.getpid() and jobs.running(path, inquiry):
            with suppress(OSError):  # it has just ended
                os.kill(asked.pid, signal.SIGTERM)
        elif asked.status == "queued":
            store.inquiries.set(inquiry, status="stopped", message=AGAIN)
