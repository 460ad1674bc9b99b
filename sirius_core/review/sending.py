"""A branch that somebody kept joins the queue: a replay in which one turn was said otherwise."""

from __future__ import annotations

from ..errors import UsageError
from ..store import Store
from ..trajectories import Repair, digest
from .admission import learned_from

PHASE = "sent"


def send(store: Store, trajectory_id: str, author: str, note: str = "") -> str:
    """Put a replay with exactly one edited turn into the queue of the first round that is open; its item's id.

    Only branches of training problems can be sent: held-out problems never enter a library. Sent twice, it stands
    there once.
    """
    branch = store.episodes.get(trajectory_id)
    experiment = store.experiments.get(branch.path.experiment)
    if branch.parent is None or len(branch.edits) != 1:
        raise UsageError("only a replay in which one turn was edited can be sent to review")
    if (split := store.experiments.split_of(experiment.id, branch.task)) != "train":
        raise UsageError(f"this problem is a {split} one: what is learned from is never drawn from there")
    round = max(1, len(store.experiments.reports(experiment.id)))
    if learned_from(store, experiment.id, round):
        round += 1  # this one learns already
    if round > experiment.settings.rounds:
        raise UsageError(f"every round of {experiment.id} is over; raise it: "
                         f"sirius resume {experiment.id} --set rounds={round}")
    (turn, text), = branch.edits.items()
    role = store.episodes.get(branch.parent).turns[turn].role
    made = Repair(
        digest("sent", trajectory_id), branch.parent, branch.id, branch.task, note, "person", turn, role, note, text,
        text, (), branch.id, branch.earned(experiment.settings.threshold),
    )
    with store.write():
        store.repairs.add(experiment.id, round, PHASE, [made])
        store.people.sent(made.id, author, note)
    return made.id
