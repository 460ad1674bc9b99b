"""What waits for a person: repairs, and instructions that a writer rewrote."""

from __future__ import annotations

from sirius_core import review, rewriting
from sirius_core.store import Experiment, Store
from sirius_core.store.browse import Browse

from .numbers import many


def label(store: Store, e: Experiment) -> str:
    """``Review 3 repairs``; empty if nothing waits in the round that is open."""
    if not e.settings.review:
        return ""
    round = Browse(store.db).closed(e.id)
    found = ((review.waiting(store, e.id, round), "repair"),
             (rewriting.waiting(store, e.id, round), "rewritten instruction"))
    parts = [many(len(waiting), noun) for waiting, noun in found if waiting]
    return f"Review {' and '.join(parts)}" if parts else ""
