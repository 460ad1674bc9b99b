"""How a review goes: how far it is, what each reviewer caught, how often they agree with the critic."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median

from ..store import Store
from .queue import items


@dataclass(frozen=True, slots=True)
class Progress:
    """Of a round's queue as it is shown, planted repairs included; ``median_seconds`` is None before a decision. Those
    that were accepted together took no time each and count for no pace."""

    total: int
    accepted: int
    edited: int
    rejected: int
    left: int
    median_seconds: float | None


def progress(store: Store, experiment: str, round: int) -> Progress:
    """How far the review of a round is."""
    found = items(store, experiment, round)
    decided = [item.decision for item in found if item.decision is not None]
    counts = Counter(decision.verdict for decision in decided)
    paced = [decision.seconds for decision in decided if decision.seconds]
    return Progress(
        len(found), counts["accept"], counts["edit"], counts["reject"], len(found) - len(decided),
        median(paced) if paced else None,
    )


def catches(store: Store, experiment: str) -> dict[str, tuple[int, int]]:
    """{reviewer: (planted repairs that they did not accept, planted repairs that they decided)}.

    The first decision counts, undone or not: after it the page has told what was planted.
    """
    return _counted((author, verdict != "accept") for _, author, verdict in store.people.first_planted(experiment))


def blind_agreement(store: Store, experiment: str) -> dict[str, tuple[int, int]]:
    """{reviewer: (times they blamed the turn that the critic blames, before they saw the repair; times asked)}."""
    return _counted((j.author, j.turn is not None and j.turn == j.critic) for j in store.people.judgements(experiment))


def dwell(store: Store, experiment: str) -> list[float]:
    """Seconds that each decision took, in order of time."""
    return store.people.seconds(experiment)


def _counted(found: Iterable[tuple[str, bool]]) -> dict[str, tuple[int, int]]:
    counts: dict[str, list[bool]] = defaultdict(list)
    for author, good in found:
        counts[author].append(good)
    return {author: (sum(marks), len(marks)) for author, marks in sorted(counts.items())}
