"""What waits for people, in the order in which looking at it is worth most.

First what the critic could not mend, then what was right but leaks, then mended repairs that look doubtful (played on,
they are right in at most half of the draws, or no more often than the turn as it was), then lucky ones (right at the
end, wrong on the way), then the rest; among equals the least likely first. A repair that names no turn is not in it:
there is nothing to edit. Known-bad repairs (`planted`) stand between the others.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace

from ..store import Review, Store
from ..store.repairs import Candidate
from ..trajectories import Repair, Task, Trajectory, digest
from . import planted
from .admission import GO_ON, PHASE
from .replays import Evidence, of

_RANK = {"not mended": 0, "leaky": 1, "doubtful": 2, "lucky": 3, "mended": 4, "sent": 4, "imported": 4}


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to decide. ``why`` says in a sentence why it stands where it stands.

    Of a ``planted`` one ``repair`` is the one whose place it takes; a page must not show which items are planted. Of a
    ``blind`` one the repair is shown after the reviewer has said where the episode went wrong (`judge`).
    """

    id: str
    experiment: str
    round: int
    kind: str  # not mended, leaky, doubtful, lucky, mended, sent or imported
    why: str
    planted: bool
    blind: bool
    flagged: bool
    decision: Review | None
    repair: str


@dataclass(frozen=True, slots=True)
class Shown:
    """An item with what a page draws of it. Of a planted one the repair and the replay carry the planted text."""

    item_id: str
    repair: Repair
    task: Task
    failed: Trajectory
    replay: Trajectory | None


def items(store: Store, experiment: str, round: int) -> list[Item]:
    """The whole queue of a round, decided ones too. No trajectory is loaded."""
    real = _real(store, experiment, round)
    placed = planted.slots({i.id: i.kind for i in real}, store.people.planted(experiment, round))
    queue = []
    for item in real:
        queue.append(item)
        queue += [replace(_of(real, row.repair), id=row.id, planted=True) for row in placed.get(item.id, ())]
    decisions = store.repairs.decisions(experiment, round) | store.people.planted_decisions(experiment, round)
    share, flagged = store.experiments.get(experiment).settings.blind, store.people.flagged()
    return [
        replace(i, blind=_share(i.id) < share, flagged=i.id in flagged, decision=decisions.get(i.id)) for i in queue
    ]


def waiting(store: Store, experiment: str, round: int) -> list[Item]:
    """What nobody has decided, unless somebody said go on: the round goes on when it is empty.

    Planted repairs never hold a round up.
    """
    if GO_ON in store.episodes.finished(experiment, round, PHASE):
        return []
    return [item for item in items(store, experiment, round) if item.decision is None and not item.planted]


def shown(store: Store, item_id: str) -> Shown:
    """What a page draws of an item: two trajectories are loaded."""
    row = store.people.find_planted(item_id)
    repair = store.repairs.get(row.repair if row else item_id)
    found = store.episodes.many([name for name in (repair.failed, repair.replay) if name])
    replay = found.get(repair.replay or "")
    if row is not None:
        repair = replace(repair, rephrased=row.text)
        replay = replay and planted.said_in(replay, repair.turn or 0, row.text)
    return Shown(item_id, repair, store.episodes.task(repair.task), found[repair.failed], replay)


# -- order -------------------------------------------------------------------------------------------------------------
def _real(store: Store, experiment: str, round: int) -> list[Item]:
    """The items that are repairs, most valuable first."""
    threshold = store.experiments.get(experiment).settings.threshold
    tallies = store.repairs.tallies(experiment, round, threshold)
    ranked = []
    for seq, (c, kind) in enumerate(_chosen(store.repairs.candidates(experiment, round), threshold)):
        evidence = of(tallies, c)
        if kind == "mended":
            kind = "doubtful" if evidence.doubtful else "lucky" if _lucky(c) else "mended"
        right, n = evidence.rewritten
        item = Item(c.id, experiment, round, kind, _why(kind, c, evidence), False, False, False, None, c.id)
        ranked.append(((_RANK[kind], right / n if n else 0.0, seq), item))
    return [item for _, item in sorted(ranked, key=lambda pair: pair[0])]


def _chosen(found: Iterable[Candidate], threshold: float) -> list[tuple[Candidate, str]]:
    """The repairs that people should see, in stored order, each with a first guess at its kind."""
    chosen: dict[str, tuple[Candidate, str]] = {}
    unmended: dict[str, str] = {}  # {failure: the last of its repairs that names a turn}
    helped = set()
    for c in found:
        right = c.reward is not None and c.reward > threshold
        kind = ""
        if c.phase == "sent":
            kind = "imported" if c.critic == "imported" else "sent"
        elif c.mended or (right and c.leak != "[]"):
            kind = "mended" if c.mended else "leaky"
            helped.add(c.failed)
        elif c.turn is not None:
            kind = "not mended"
            chosen.pop(unmended.pop(c.failed, ""), None)
            unmended[c.failed] = c.id
        if kind:
            chosen[c.id] = (c, kind)
    return [(c, kind) for c, kind in chosen.values() if kind != "not mended" or c.failed not in helped]


def _lucky(c: Candidate) -> bool:
    """Whether a replay that is right at the end has a wrong step on the way."""
    return c.lucky == 1 or any(mark == 0 for mark in json.loads(c.marks or "{}").values())


def _why(kind: str, c: Candidate, evidence: Evidence) -> str:
    (right, n), (plain, m) = evidence.rewritten, evidence.unedited
    if kind == "not mended":
        return "No rewrite came of the critique." if c.reward is None else "The rewrite did not mend the failure."
    if kind == "leaky":
        return "Right, but the rewrite gives away where it comes from."
    if kind == "doubtful" and 2 * right <= n:
        return f"Played on from the rewrite, only {right} of {n} were right."
    if kind == "doubtful":
        return f"The turn as it was did as well: {plain} of {m} right, rewritten {right} of {n}."
    if kind == "lucky":
        return "Right at the end, but a step on the way is wrong."
    if kind == "sent":
        return "A person sent this branch."
    if kind == "imported":
        return "It was imported."
    return f"Mended, and right in {right} of {n} further draws." if n else "Mended, and not played on any further."


def _of(found: list[Item], item_id: str) -> Item:
    return next(item for item in found if item.id == item_id)


def _share(item_id: str) -> float:
    """A number from 0 to 1 that belongs to the item."""
    return int(digest("blind", item_id)[:8], 16) / 16**8
