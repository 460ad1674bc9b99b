"""What may enter the library, and when a round's review is over."""

from __future__ import annotations

from .. import rewriting
from ..store import Store
from ..trajectories import Trajectory

PHASE = "review"  # of the work rows that say so
GO_ON, REVIEWED = "go on", "reviewed"


def go_on(store: Store, experiment: str, round: int) -> None:
    """Let the round go on with the decisions that there are."""
    store.episodes.finish(experiment, round, PHASE, [GO_ON])
    rewriting.go_on(store, experiment, round)


def close(store: Store, experiment: str, round: int) -> None:
    """The round's review is over: its decisions stand, and what nobody has decided stays out, whatever the setting
    will be in later rounds. Looked at and closed in one transaction, no decision falls between the two."""
    store.episodes.finish(experiment, round, PHASE, [REVIEWED])


def learned_from(store: Store, experiment: str, round: int) -> bool:
    """Whether a round's training has begun: from then on its decisions stand."""
    return store.weights.models(experiment, round) is not None or bool(store.weights.training_sets(experiment, round))


def closed(store: Store, experiment: str, round: int) -> bool:
    """Whether a round's decisions stand: it goes on, or has learned."""
    return REVIEWED in store.episodes.finished(experiment, round, PHASE) or learned_from(store, experiment, round)


def admitted(store: Store, experiment: str, first: int, last: int) -> tuple[list[Trajectory], frozenset[str]]:
    """(replays that may enter the library, ids of those that carry a person's text), rounds ``first`` to ``last``.

    A round that was reviewed, or is being, needs a decision for each; one that was not takes every mended repair. What
    a person sent needs a decision in any case.
    """
    ids: dict[str, bool] = {}
    settings = store.experiments.get(experiment).settings
    for round in range(first, last + 1):
        reviewed = REVIEWED in store.episodes.finished(experiment, round, PHASE) or (
            settings.review and not learned_from(store, experiment, round))
        decisions = store.repairs.decisions(experiment, round)
        for phase in ("repair", "sent"):
            for repair in store.repairs.find(experiment, round, phase):
                decision = decisions.get(repair.id)
                if decision is not None and decision.verdict == "edit" and decision.replay is not None:
                    ids[decision.replay] = True
                elif repair.replay is not None and (
                    decision.verdict == "accept"
                    if decision is not None
                    else repair.mended and not reviewed and phase == "repair"
                ):
                    ids.setdefault(repair.replay, phase == "sent" and repair.critic == "person")
    found = store.episodes.many(list(ids))
    order = {i: (p.round, p.task, p.attempt, p.branch, p.draw) for i in ids for p in [found[i].path]}
    right = [found[i] for i in ids if found[i].earned(settings.threshold)]
    right.sort(key=lambda t: order[t.id])  # not that of arrival
    return right, frozenset(t.id for t in right if ids[t.id])
