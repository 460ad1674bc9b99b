"""A branch that somebody kept joins the queue: a replay in which one turn was said otherwise."""

from __future__ import annotations

from ..errors import UsageError
from ..store import Experiment, Store
from ..trajectories import Repair, digest
from .admission import closed

PHASE = "sent"


def send(store: Store, trajectory_id: str, author: str, note: str = "") -> str:
    """Put a replay with exactly one edited turn into the queue of the first round that is open; its item's id.

    Only branches of training problems can be sent: held-out problems never enter a library. Sent twice, it stands
    there once; one whose round went on without a decision can be sent again. UsageError where no round would wait.
    """
    if (waits := sent(store, trajectory_id)) is not None:
        return waits
    branch = store.episodes.get(trajectory_id)
    experiment = store.experiments.get(branch.path.experiment)
    if branch.parent is None or len(branch.edits) != 1:
        raise UsageError("only a replay in which one turn was edited can be sent to review")
    if (split := store.experiments.split_of(experiment.id, branch.task)) != "train":
        raise UsageError(f"this problem is a {split} one: what is learned from is never drawn from there")
    round = max(1, len(store.experiments.reports(experiment.id)))
    if closed(store, experiment.id, round):
        round += 1  # this one goes on already
    _waits(experiment, round)
    (turn, text), = branch.edits.items()
    role = store.episodes.get(branch.parent).turns[turn].role
    earlier = _items(store, trajectory_id)
    made = Repair(
        digest("sent", trajectory_id, *([round] if earlier else [])), branch.parent, branch.id, branch.task, note,
        "person", turn, role, note, text, text, (), branch.id, branch.earned(experiment.settings.threshold),
    )
    with store.write():
        store.repairs.add(experiment.id, round, PHASE, [made])
        store.people.sent(made.id, author, note)
    return made.id


def sent(store: Store, trajectory_id: str) -> str | None:
    """The item of a branch that was sent, which waits or was decided; None of one that waits nowhere."""
    return next((item for item in _items(store, trajectory_id)
                 if store.repairs.decision(item) is not None or not closed(store, *store.repairs.place(item))), None)


def _items(store: Store, trajectory_id: str) -> list[str]:
    """Every item under which a branch was sent: a sent one is its own mend."""
    return [r.id for r in store.repairs.of_replay(trajectory_id) if r.mend == trajectory_id]


def _waits(experiment: Experiment, round: int) -> None:
    """UsageError unless the experiment has such a round, and waits for people in it."""
    over, asks = round > experiment.settings.rounds, experiment.settings.review
    if over or not asks:
        what = (f"every round of {experiment.id} is over; raise it" if asks else
                f"{experiment.id} runs without review, so no round of it waits for a decision; turn it on")
        changes = f"{'' if asks else ' --set review=true'}{f' --set rounds={round}' if over else ''}"
        raise UsageError(f"{what}: sirius resume {experiment.id}{changes}")
