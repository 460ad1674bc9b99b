"""Decisions, flags and blind judgements, as they are recorded: rows that never change.

A decision is one transaction that looks again: two windows never decide one item twice, and what has been trained
stands.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..errors import Decided, UsageError
from ..store import Review, Store, now
from ..trajectories import Repair, Trajectory, digest
from .admission import closed, learned_from
from .planted import Planted

REASONS = ("still wrong", "right for a wrong reason", "leaks the answer", "unclear")


@dataclass(frozen=True, slots=True)
class Batch:
    """Several items decided at once: their decisions share author and time."""

    items: tuple[str, ...]
    author: str
    created_at: str
    planted: tuple[Planted, ...] = ()  # the known-bad ones among them


def decide(
    store: Store,
    item_id: str,
    verdict: str,
    author: str,
    *,
    reason: str = "",
    edited: Trajectory | None = None,
    seconds: float = 0.0,
) -> Planted | None:
    """Record a decision: accept, edit or reject.

    An edit needs its replay (`try_edit`, `advise`): one that succeeded and does not leak. Raises Decided if somebody
    has decided meanwhile. Of a planted repair it returns what was planted; that decision never enters table review.
    """
    if verdict not in ("accept", "edit", "reject"):
        raise UsageError(f"a decision is accept, edit or reject, not {verdict!r}")
    with store.write():
        return _decide(store, Review(item_id, author, verdict, reason, seconds=seconds, created_at=now()), edited)


def decide_many(store: Store, item_ids: Sequence[str], verdict: str, author: str, *, reason: str = "") -> Batch:
    """Accept or reject several items in one transaction: all, or none if one of them cannot be decided so."""
    if verdict not in ("accept", "reject"):
        raise UsageError(f"several items can be accepted or rejected together, not {verdict!r}")
    with store.write():
        at = now()
        found = [_decide(store, Review(item, author, verdict, reason, created_at=at)) for item in item_ids]
    return Batch(tuple(item_ids), author, at, tuple(p for p in found if p is not None))


def undo(store: Store, item_id: str, author: str) -> None:
    """Take back the decision in force, whoever made it; this, too, is a row with an author."""
    with store.write():
        _undo(store, item_id, author, now())


def undo_many(store: Store, batch: Batch, author: str) -> int:
    """Take back what is left of a batch; returns how many decisions that was."""
    with store.write():
        mine = [item for item in batch.items if (found := _in_force(store, item)) is not None
                and (found.author, found.created_at) == (batch.author, batch.created_at)]
        at = now()
        for item in mine:
            _undo(store, item, author, at)
        return len(mine)


def flag(store: Store, item_id: str, author: str, raised: bool = True, note: str = "") -> None:
    """Mark an item for another look, or take the mark away. It decides nothing."""
    store.people.place(item_id)
    store.people.flag(item_id, author, raised, note)


def judge(store: Store, item_id: str, author: str, turn: int | None, seconds: float = 0.0) -> None:
    """Before the repair is shown: at which turn the episode went wrong, in this reviewer's eyes; None: cannot say."""
    store.people.place(item_id)
    store.people.judge(item_id, author, turn, seconds)


def judged(store: Store, item_id: str, author: str) -> bool:
    """Whether this reviewer has said where the episode went wrong."""
    return store.people.judged(item_id, author)


# -- inside the transaction --------------------------------------------------------------------------------------------
def _decide(store: Store, review: Review, edited: Trajectory | None = None) -> Planted | None:
    row = store.people.find_planted(review.repair)
    _open(store, review.repair)
    if (found := _in_force(store, review.repair)) is not None:
        raise Decided(found.author, found.verdict)
    repair = store.repairs.get(row.repair if row else review.repair)
    threshold = store.experiments.get(store.repairs.place(repair.id)[0]).settings.threshold
    text, replayed = repair.rephrased, repair.replay
    if review.verdict == "edit":
        if edited is None or edited.parent != repair.failed or repair.turn is None or repair.turn not in edited.edits:
            raise UsageError("an edit is decided with its replay: try it first")
        if not edited.earned(threshold):
            raise UsageError("this edit does not lead to the right answer: it may not enter the library")
        text, replayed = edited.edits[repair.turn], edited.id
        if any(r.leak for r in store.repairs.of_replay(edited.id)):
            raise UsageError("this rewrite gives away where it comes from: it may not enter the library")
    elif review.verdict == "accept" and (
        repair.replay is None or not store.episodes.get(repair.replay).earned(threshold)
    ):
        raise UsageError("this repair's replay is wrong: it can be edited or rejected, not accepted")
    if review.verdict != "reject" and _planted(store, repair, text):
        raise UsageError("this text is known to be wrong: it may not enter the library")
    if row is not None:
        told = store.people.told(review.repair, review.author)
        store.people.decide_planted(review)
        return Planted(row.rule, review.verdict != "accept", told)
    store.repairs.decide(
        replace(review, text=text, before=digest(repair.rephrased), after=digest(text), replay=replayed)
    )
    return None


def _planted(store: Store, repair: Repair, text: str) -> bool:
    """Whether the text was planted in this failure's place, however it is spaced."""
    return text.split() in [planted.split() for planted in store.people.planted_texts(repair.failed)]


def _undo(store: Store, item_id: str, author: str, at: str) -> None:
    row = store.people.find_planted(item_id)
    _open(store, item_id)
    if _in_force(store, item_id) is None:
        raise UsageError("nobody has decided this: there is nothing to take back")
    review = Review(item_id, author, "undo", created_at=at)
    if row is not None:
        store.people.decide_planted(review)
    else:
        repair = store.repairs.get(item_id)
        text = digest(repair.rephrased)
        store.repairs.decide(replace(review, text=repair.rephrased, before=text, after=text, replay=repair.replay))


def _open(store: Store, item_id: str) -> None:
    experiment, round = store.people.place(item_id)
    if learned_from(store, experiment, round):
        raise UsageError(f"round {round} of {experiment} has been trained already: its decisions stand")
    if closed(store, experiment, round):
        raise UsageError(f"round {round} of {experiment} goes on already: its decisions stand")


def _in_force(store: Store, item_id: str) -> Review | None:
    return store.repairs.decision(item_id) or store.people.planted_decision(item_id)
