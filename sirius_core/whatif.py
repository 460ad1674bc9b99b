"""What if a turn had said something else, and which turn was to blame? Plans of replays, and what came of them.

Both questions are answered by `episodes.replay` alone. *What if*: k replays in which one turn says another text, beside
k replays in which it says what it said and only what follows is said afresh: an episode is looked at because of how it
ended, so playing on from the same turn mends some failures by itself, and only the difference belongs to the text.
*Blame* (DESIGN.md, section 1): V_t = P(success | turns before t as recorded, the rest afresh) for t = 0 ... T-1, by k
replays each; V_T is the outcome as recorded. Turn t is to blame for V_t - V_(t+1): by how much the chance of success
fell when it spoke. Turns count as they are stored, from 0. Parallel turns (a debate) count in the order of the
workflow: the blame of a seat is what its words took away after the seats before it had spoken; and beside an edit the
unedited replays say every later turn afresh, also one that does not depend on the edited turn.

Ids are deterministic: the same question with a larger k has the same first draws, and nothing is played twice.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from .episodes import Call, branch_of, replay
from .models import Voices
from .rewards import Judge
from .rollout import Records, Work
from .statistics import Interval, difference, points, wilson
from .teams import Team
from .trajectories import SeedPath, Task, Trajectory, Turn

BLOCK = 8  # draws of one kind that an embedded model plays in one batch, whatever k is: what is drawn depends on it
MOST = 1_000  # replays of one kind


@dataclass(frozen=True)
class Variant:
    """One way to play an episode again, ``k`` times: ``edits`` and ``fresh_from`` as `episodes.replay` takes them."""

    name: str  # edited, unedited, or the number of the first turn that is said afresh
    k: int
    edits: Mapping[int, str] = field(default_factory=dict)
    fresh_from: int | None = None


def what_if(parent: Trajectory, turn: int, text: str, k: int) -> tuple[Variant, ...]:
    """The edited turn, and the turn as it was; where no turn follows it, the outcome as it was needs no replay."""
    edited = Variant("edited", k, {turn: text})
    return (edited, Variant("unedited", k, {}, turn + 1)) if turn + 1 < len(parent.turns) else (edited,)


def blame(parent: Trajectory, k: int) -> tuple[Variant, ...]:
    """From each turn on afresh."""
    return tuple(Variant(str(t), k, {}, t) for t in range(len(parent.turns)))


def path(parent: Trajectory, variant: Variant, phase: str, draw: int) -> SeedPath:
    """Where a draw stands in the experiment; its id follows from it."""
    branch = branch_of(parent, variant.edits, variant.fresh_from)
    return replace(parent.path, phase=phase, branch=branch, draw=draw)


def ids(parent: Trajectory, variant: Variant, phase: str) -> tuple[str, ...]:
    """The trajectories of a variant's draws, in order."""
    return tuple(path(parent, variant, phase, draw).id for draw in range(variant.k))


def plan(
    parent: Trajectory, variants: Sequence[Variant], phase: str, task: Task, team: Team, voices: Voices, judge: Judge
) -> list[Work]:
    """The replays as work for a rollout in chunks of `BLOCK`: on an embedded model every block is played whole."""

    def work(variant: Variant, draw: int) -> Work:
        place = path(parent, variant, phase, draw)

        async def go(call: Call) -> Records:
            again = await replay(parent, team, task, voices, edits=variant.edits, fresh_from=variant.fresh_from,
                                 draw=draw, path=place, call=call)
            return Records((replace(again, reward=judge(task, again)),))

        return Work(place.id, go)

    def draws(k: int) -> int:
        return -(-k // BLOCK) * BLOCK if voices.lockstep else k

    return [work(variant, draw) for variant in variants for draw in range(draws(variant.k))]


# -- what came of them -----------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Tries:
    """``right`` of ``n`` replays ended in success."""

    right: int
    n: int

    @property
    def interval(self) -> Interval:
        return wilson(self.right, self.n)

    def __str__(self) -> str:
        """``7 of 8 (53-98 %)``"""
        return f"{self.right} of {self.n} ({between(self.interval)})"


def between(interval: Interval) -> str:
    """``53-98 %``"""
    return f"{100 * interval.low:.0f}-{100 * interval.high:.0f} %"


@dataclass(frozen=True)
class WhatIf:
    """What became of an edit. ``unedited`` is None where no turn follows: then the outcome is what it was.

    ``certain``: nothing was said afresh after the edit, so that every replay is the same one.
    """

    edited: Tries
    unedited: Tries | None
    was_right: bool
    certain: bool = False

    @property
    def difference(self) -> Interval:
        """Edited minus unedited, as shares."""
        if self.certain:
            share = self.edited.right / self.edited.n - self.was_right
            return Interval(share, share, share, self.edited.n, "certain")
        if self.unedited is None:
            return _shifted(self.edited.interval, -float(self.was_right))
        return difference(self.edited.right, self.edited.n, self.unedited.right, self.unedited.n)

    def says(self) -> str:
        """One line for a person."""
        was = "right" if self.was_right else "wrong"
        if self.certain:
            now = "right" if self.edited.right else "wrong"
            return f"{now.capitalize()}: no turn is said afresh after it, so nothing is left to chance (it was {was})"
        it_was = f"{was}, and no turn follows" if self.unedited is None else str(self.unedited)
        return f"Right in {self.edited}, as it was: {it_was}: {points(self.difference)}"

    def as_dict(self) -> dict[str, Any]:
        return {"edited": _pair(self.edited), "unedited": self.unedited and _pair(self.unedited),
                "was_right": self.was_right, "certain": self.certain}

    @classmethod
    def read(cls, found: Mapping[str, Any]) -> WhatIf:
        unedited = found["unedited"]
        return cls(Tries(*found["edited"]), unedited and Tries(*unedited), found["was_right"], found["certain"])


@dataclass(frozen=True)
class Blame:
    """``values[t]`` is V_t, how often the rest came right after the first t turns; the episode itself failed.

    ``speakers`` names each turn: the role, and the seat where there is one.
    """

    values: tuple[Tries, ...]
    speakers: tuple[str, ...]

    @property
    def shares(self) -> tuple[Interval, ...]:
        """The blame of each turn, V_t - V_(t+1), by Newcombe's interval; of the last one V_t, by Wilson's."""
        pairs = zip(self.values, self.values[1:], strict=False)
        return (*(difference(a.right, a.n, b.right, b.n) for a, b in pairs), self.values[-1].interval)

    @property
    def most(self) -> int:
        """The turn with the largest estimate, the earliest of equal ones."""
        shares = self.shares
        return max(range(len(shares)), key=lambda t: (shares[t].estimate, -t))

    @property
    def told(self) -> int | None:
        """The turn that was to blame; None where the replays cannot tell: its interval reaches down to 0, or to the
        estimate of another turn."""
        shares, most = self.shares, self.most
        others = [share.estimate for t, share in enumerate(shares) if t != most]
        return most if shares[most].low > max([0.0, *others]) else None

    def needed(self, limit: int = MOST) -> int | None:
        """About how many more replays in all would tell, if the shares stay what they are; None: not within
        ``limit`` of each turn."""
        if self.told is not None:
            return 0
        k, grown = self.values[0].n, self.values[0].n
        while (grown := math.ceil(grown * 1.25)) <= limit:
            more = tuple(Tries(round(v.right / v.n * grown), grown) for v in self.values)
            if replace(self, values=more).told == self.most:
                return (grown - k) * len(self.values)
        return None

    def says(self) -> str:
        """One line for a person."""
        most, shares = self.most, self.shares
        if shares[most].estimate <= 0:
            return ("Cannot tell: played again from the start it fails as often as with these turns "
                    f"(right in {self.values[0]}), so no turn took anything away")
        who = f"the {self.speakers[most]}" if self.speakers.count(self.speakers[most]) == 1 else f"turn {most}"
        if self.told is None:
            more = self.needed()
            would = f"; about {more:,} more replays would tell" if more else ""
            return f"Cannot tell yet: most falls on {who}, {points(shares[most])}{would}"
        after = self.values[most + 1] if most + 1 < len(self.values) else None
        then = f"with it in {after}" if after else "with it the episode was wrong"
        return (f"{who[0].upper()}{who[1:]} was to blame, {points(shares[most])}: before it spoke the team would have "
                f"come right in {self.values[most]}, {then}")

    def as_dict(self) -> dict[str, Any]:
        return {"values": [_pair(v) for v in self.values], "speakers": list(self.speakers)}

    @classmethod
    def read(cls, found: Mapping[str, Any]) -> Blame:
        return cls(tuple(Tries(*v) for v in found["values"]), tuple(found["speakers"]))


def whatif_of(parent: Trajectory, edited: Sequence[Trajectory], unedited: Sequence[Trajectory] | None,
              threshold: float) -> WhatIf:
    """What the replays of `what_if` say."""
    certain = not any(turn.origin == "sampled" for again in edited for turn in again.turns)
    return WhatIf(tries(edited, threshold), None if unedited is None else tries(unedited, threshold),
                  parent.earned(threshold), certain)


def blame_of(parent: Trajectory, replays: Sequence[Sequence[Trajectory]], threshold: float) -> Blame:
    """What the replays of `blame` say, of a failed episode: one sequence for each turn."""
    return Blame(tuple(tries(found, threshold) for found in replays), tuple(speaker(t) for t in parent.turns))


def read(kind: str, result: Mapping[str, Any] | None) -> WhatIf | Blame | None:
    """A stored answer; None before there is one."""
    if result is None:
        return None
    return Blame.read(result) if kind == "blame" else WhatIf.read(result)


def lines(answer: WhatIf | Blame | None) -> list[dict[str, Any]]:
    """An answer as rows, one for each way of playing on; one empty row before there is an answer."""
    if answer is None:
        return [{}]
    named: list[tuple[str, Tries, Interval | None]]
    if isinstance(answer, Blame):
        named = [(str(t), v, share) for t, (v, share) in enumerate(zip(answer.values, answer.shares, strict=True))]
    else:
        named = [("edited", answer.edited, answer.difference)]
        named += [("unedited", answer.unedited, None)] if answer.unedited else []
    return [{"variant": name, "right": t.right, "n": t.n, "low": t.interval.low, "high": t.interval.high,
             "difference": d and d.estimate, "difference_low": d and d.low, "difference_high": d and d.high}
            for name, t, d in named]


def tries(found: Sequence[Trajectory], threshold: float) -> Tries:
    return Tries(sum(t.earned(threshold) for t in found), len(found))


def speaker(turn: Turn) -> str:
    return turn.role + (f" {turn.seat}" if turn.seat else "")


def _pair(t: Tries) -> list[int]:
    return [t.right, t.n]


def _shifted(interval: Interval, by: float) -> Interval:
    return replace(interval, estimate=interval.estimate + by, low=interval.low + by, high=interval.high + by)
