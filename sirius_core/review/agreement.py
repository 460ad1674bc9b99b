"""A second look: some decided repairs are judged once more by another reviewer, to see how far people agree.

What the second one says is an *opinion*. It never counts for what enters a library, and who gives it does not see the
decision. Opinion and decision answer one question: may the rewrite enter as it is? A decision to edit says no.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import combinations

from ..errors import UsageError
from ..statistics import Interval
from ..store import Store
from ..trajectories import digest
from .kappa import cohen_kappa
from .queue import Item, items

VERDICTS = ("accept", "reject")


@dataclass(frozen=True, slots=True)
class Pair:
    """Two reviewers on the repairs that both judged; ``table[i][j]``: ``one`` said VERDICTS[i], ``other`` [j]."""

    one: str
    other: str
    table: tuple[tuple[int, int], tuple[int, int]]

    @property
    def n(self) -> int:
        return sum(map(sum, self.table))

    @property
    def agreed(self) -> int:
        return self.table[0][0] + self.table[1][1]

    @property
    def kappa(self) -> Interval:
        return cohen_kappa(self.table)


def second(store: Store, experiment: str, round: int, author: str) -> list[Item]:
    """What this reviewer should judge once more, without the decisions: repairs that others decided, of those a share
    ``settings.doubled``, drawn by the experiment's seed. What nobody could accept needs no second look."""
    found = store.experiments.get(experiment)
    said = {repair for repair, who, _ in store.people.opinions(experiment) if who == author}
    return [
        replace(item, decision=None, blind=False)
        for item in items(store, experiment, round)
        if item.decision is not None and item.decision.author != author and item.id not in said
        and not item.planted and item.kind != "not mended" and _share(found.seed, item.id) < found.settings.doubled
    ]


def opine(
    store: Store, item_id: str, author: str, verdict: str, *, reason: str = "", seconds: float = 0.0
) -> None:
    """Record a second look: accept or reject. Saying it again replaces it; nothing is ever admitted by it."""
    if verdict not in VERDICTS:
        raise UsageError(f"an opinion is accept or reject, not {verdict!r}")
    with store.write():
        decided = store.repairs.decision(item_id)
        if decided is None:
            raise UsageError("nobody has decided this: decide it")
        if decided.author == author:
            raise UsageError("this is your own decision: the second look is somebody else's")
        store.people.opine(item_id, author, verdict, reason, seconds)


def agreement(store: Store, experiment: str) -> list[Pair]:
    """Every two reviewers who judged the same repairs, by name. A decision that was undone counts for nothing."""
    said: dict[str, dict[str, int]] = defaultdict(dict)  # {repair: {reviewer: index into VERDICTS}}
    for repair, who, verdict in store.people.opinions(experiment):
        said[repair][who] = VERDICTS.index(verdict)
    decided = store.repairs.decisions(experiment)
    for repair in said:
        if repair in decided:
            said[repair][decided[repair].author] = int(decided[repair].verdict != "accept")
    tables: dict[tuple[str, str], list[list[int]]] = defaultdict(lambda: [[0, 0], [0, 0]])
    for one, other, i, j in _pairs(said):
        tables[one, other][i][j] += 1
    return [Pair(one, other, ((t[0][0], t[0][1]), (t[1][0], t[1][1]))) for (one, other), t in sorted(tables.items())]


def _pairs(said: dict[str, dict[str, int]]) -> Iterator[tuple[str, str, int, int]]:
    for verdicts in said.values():
        for one, other in combinations(sorted(verdicts), 2):
            yield one, other, verdicts[one], verdicts[other]


def _share(seed: int, item_id: str) -> float:
    """A number from 0 to 1 that belongs to the item."""
    return int(digest("doubled", seed, item_id)[:8], 16) / 16**8
