"""What waits for people, in the order in which looking at it is worth most.

First what the critic could not mend, then what was right but leaks, then mended repairs that look doubtful (played on,
they are right in at most half of the draws, or no more often than the turn as it was), then lucky ones (right at the
end, wrong on the way), then the rest; among equals the least likely first. A repair that names no turn is not in it:
there is nothing to edit. Known-bad repairs (`planted`) stand between the others.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from zlib import crc32

from ..store import Review, Store
from ..store.repairs import Candidate
from ..trajectories import Repair, Task, Trajectory
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
    settings = store.experiments.get(experiment).settings
    tallies = store.repairs.tallies(experiment, round, settings.threshold)
    ranked = []
    for seq, (c, kind) in enumerate(_chosen(store.repairs.candidates(experiment, round), settings.threshold)):
        evidence = of(tallies, c)
        if kind == "mended":
            kind = "doubtful" if evidence.doubtful else "lucky" if c.slipped else "mended"
        right, n = evidence.rewritten
        ranked.append((_RANK[kind], right / n if n else 0.0, seq, c, kind, evidence))
    ranked.sort(key=lambda entry: entry[:3])
    kinds = {c.id: kind for *_, c, kind, _ in ranked}
    placed = planted.slots(kinds, store.people.planted(experiment, round))
    whys = {c.id: _why(kind, c, evidence) for *_, c, kind, evidence in ranked}
    decisions = store.repairs.decisions(experiment, round) | store.people.planted_decisions(experiment, round)
    flagged = store.people.flagged()

    def item(name: str, repair: str) -> Item:
        blind = crc32(name.encode()) < settings.blind * 2**32  # a share that belongs to the item
        return Item(name, experiment, round, kinds[repair], whys[repair], name != repair, blind, name in flagged,
                    decisions.get(name), repair)

    return [item(*pair) for own in kinds for pair in ((own, own), *((p.id, p.repair) for p in placed.get(own, ())))]


def waiting(store: Store, experiment: str, round: int, queue: list[Item] | None = None) -> list[Item]:
    """What nobody has decided, unless somebody said go on: the round goes on when it is empty.

    Planted repairs never hold a round up. ``queue`` is what `items` has just given, where that is at hand.
    """
    if GO_ON in store.episodes.finished(experiment, round, PHASE):
        return []
    queue = items(store, experiment, round) if queue is None else queue
    return [item for item in queue if item.decision is None and not item.planted]


def over(store: Store, experiment: str, round: int) -> bool:
    """Whether nothing waits, without putting what does in order."""
    if GO_ON in store.episodes.finished(experiment, round, PHASE):
        return True
    threshold = store.experiments.get(experiment).settings.threshold
    decided = store.repairs.decisions(experiment, round)
    return all(c.id in decided for c, _ in _chosen(store.repairs.candidates(experiment, round), threshold))


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


def _why(kind: str, c: Candidate, evidence: Evidence) -> str:
    (right, n), (plain, m) = evidence.rewritten, evidence.unedited
    if kind == "not mended":
        return "No rewrite came of the critique." if c.reward is None else "With the rewrite the team still ends wrong."
    if kind == "leaky":
        return "Right, but the rewrite gives away where it comes from."
    if kind == "doubtful" and 2 * right <= n:
        return f"Played on from the rewrite, {f'only {right}' if right else 'none'} of {n} came out right."
    if kind == "doubtful":
        return f"The turn as it was does as well: {plain} of {m} right, rewritten {right} of {n}."
    if kind == "lucky":
        return "Right at the end, but a step on the way is wrong."
    if kind == "sent":
        return "A person sent this branch."
    if kind == "imported":
        return "It was imported."
    return f"Mended, and right in {right} of {n} further draws." if n else "Mended, and not played on any further."
