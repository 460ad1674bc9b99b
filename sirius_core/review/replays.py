"""Replays for the reviewer: an item is in the queue because it failed, and plain replay mends some failures.

So the episode is played on ``settings.replays`` times in each of three ways: from the rewrite, from the turn as it was
(what follows is said afresh), and with that turn itself said afresh, without any critique.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

from ..episodes import Call, replay
from ..models import Voices
from ..rewards import Judge
from ..rollout import Plan, Records, Work
from ..statistics import Interval, wilson
from ..store import Store
from ..store.repairs import Candidate
from ..teams import Team
from ..trajectories import digest

PHASE = "replays"
Tally = tuple[int, int]
NONE: Tally = (0, 0)
_Way = tuple[str, tuple[int, str] | None, int | None, int]  # failure, edit, fresh_from, draw


class Evidence(NamedTuple):
    """(right, n) of each way to play the episode on; n is 0 where it was not played.

    Where no turn follows there is nothing to draw: such an arm is played once.
    """

    rewritten: Tally = NONE
    unedited: Tally = NONE
    afresh: Tally = NONE

    def interval(self, name: str) -> Interval:
        """Wilson's interval of one arm."""
        right, n = getattr(self, name)
        return wilson(right, n)

    @property
    def doubtful(self) -> bool:
        """Right in at most half of the draws, or no more often than the turn as it was."""
        (right, n), (plain, m) = self.rewritten, self.unedited
        return n > 0 and (2 * right <= n or (m > 0 and right * m <= plain * n))


def of(tallies: Mapping[tuple[str, int | str], Tally], c: Candidate) -> Evidence:
    """An item's evidence, from the tallies of its round."""
    if c.turn is None:
        return Evidence()
    name, turn = c.failed, c.turn
    return Evidence(
        tallies.get((name, c.branch or ""), NONE), tallies.get((name, turn + 1), NONE), tallies.get((name, turn), NONE)
    )


def evidence(store: Store, item_id: str) -> Evidence:
    """The evidence of one item; of a planted one, that of the repair whose place it takes."""
    row = store.people.find_planted(item_id)
    repair = store.repairs.get(row.repair if row else item_id)
    if repair.turn is None:
        return Evidence()
    experiment, round = store.repairs.place(repair.id)
    threshold = store.experiments.get(experiment).settings.threshold
    tallies = store.repairs.tallies_of(repair.failed, round, threshold)
    keys: tuple[int | str, ...] = (store.repairs.branch(repair.id) or "", repair.turn + 1, repair.turn)
    return Evidence(*(tallies.get(key, NONE) for key in keys))


def plan(
    store: Store, round: int, repairs: Sequence[str], k: int, *, team: Team, judge: Judge, voices: Voices
) -> Sequence[Work]:
    """The replays of some repairs as work, each once, although two repairs of one failure may share some.

    Their order hangs on no evidence and no decision: on the embedded model a chunk's draws depend on what it holds.
    """
    ways: dict[_Way, None] = {}
    found = lru_cache(maxsize=64)(store.episodes.get)
    for repair in sorted(map(store.repairs.get, repairs), key=lambda r: (r.failed, r.id)):
        if (turn := repair.turn) is None:
            continue
        follows = turn < len(found(repair.failed).turns) - 1
        for draw in range(k):
            if repair.replay is not None and (follows or not draw):
                ways[repair.failed, (turn, repair.rephrased), None, draw] = None
            if follows or not draw:
                ways[repair.failed, None, turn + 1, draw] = None
            ways[repair.failed, None, turn, draw] = None

    def work(way: _Way) -> Work:
        name, edit, fresh_from, draw = way

        async def go(call: Call) -> Records:
            failed = found(name)
            task, path = store.episodes.task(failed.task), replace(failed.path, round=round, phase=PHASE)
            edits = {} if edit is None else dict([edit])
            again = await replay(
                failed, team, task, voices, edits=edits, fresh_from=fresh_from, draw=draw, path=path, call=call
            )
            return Records((replace(again, reward=judge(task, again)),))

        return Work(digest(*way), go)

    return Plan(list(ways), work)
