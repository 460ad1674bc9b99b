"""From a training example back to where it came from, and forward to what became of it.

    chain = provenance.back(store, trajectory, turn)      example <- turn <- trajectory <- failure, critique, decision
    uses = provenance.forward(store, trajectory, turn)    training sets -> checkpoints -> gate -> test before and after

The SQL view ``v_provenance`` says the same of whole training sets.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .errors import Missing
from .store import Review, Store
from .store.examples import Use
from .trajectories import Repair, Task, Trajectory, Turn


@dataclass(frozen=True)
class Chain:
    """Where a turn came from. ``failed`` is the failure that the trajectory mends, ``repair`` how, ``mend`` the
    episode in which it was criticised and rewritten; ``decisions`` are all that people decided about the repair, oldest
    first, undone ones and undos too; ``decision`` is the one in force, if it admitted this trajectory."""

    task: Task
    trajectory: Trajectory
    turn: int
    failed: Trajectory | None = None
    repair: Repair | None = None
    mend: Trajectory | None = None
    decisions: tuple[Review, ...] = ()

    @property
    def said(self) -> Turn:
        return self.trajectory.turns[self.turn]

    @property
    def decision(self) -> Review | None:
        last = self.decisions[-1] if self.decisions else None
        return last if last is not None and last.replay == self.trajectory.id and last.verdict != "undo" else None


def back(store: Store, trajectory: str, turn: int) -> Chain:
    """Where turn ``turn`` of a trajectory came from. Missing if there is no such turn."""
    found = store.episodes.get(trajectory)
    if not 0 <= turn < len(found.turns):
        raise Missing(f"trajectory {trajectory!r} in {store.path} has no turn {turn}")
    task = store.episodes.task(found.task)
    failed = store.episodes.many([found.parent]).get(found.parent) if found.parent is not None else None
    name = store.examples.repair_of(trajectory)
    if name is None:
        return Chain(task, found, turn, failed)
    repair = store.repairs.get(name)
    mend = store.episodes.many([repair.mend]).get(repair.mend)
    return Chain(task, found, turn, failed, repair, mend, tuple(store.repairs.history(name)))


def of_example(store: Store, training_set: str, position: int) -> Chain:
    """Where the example at ``position`` of a training set came from."""
    return back(store, *store.examples.place(training_set, position))


def forward(store: Store, trajectory: str, turn: int) -> Sequence[Use]:
    """Every training set that the turn went into, and what became of it; an example drawn twice is there twice."""
    return store.examples.uses(trajectory, turn)
