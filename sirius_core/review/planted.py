"""Known-bad repairs among the others, so that a reviewer who lets everything through finds out.

The rule (column ``rule``): of a mended repair, drawn by the experiment's seed and the round, the rewritten turn is said
wrongly in one place: its last number begins with another digit; where no number stands (or none that matters), one
operator is another one; where there is none either, the rewrite of another problem by the same role stands instead.
Where the task can check its steps, or the turn states the answer, the result is checked to be wrong, and it is never a
text that another repair of the same failure has. Everything else is shown as it is for the original, which stays in the
queue for itself, at a distance.

Planted texts and decisions about them stand in tables that nothing reads which builds a library.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from random import Random

from .. import answers
from ..errors import Stopped
from ..rewards import Judge
from ..store import PlantedRow, Store
from ..teams import Parsed, Team
from ..trajectories import Repair, Task, Trajectory, digest

FEW = 10  # from so many mended repairs on, at least one is planted
FAR = 3  # items, at least, between a planted repair and its original
NUMBER, OPERATOR, SWAP = "one number changed", "one operator changed", "the rewrite of another problem"
_PHASE = "planted"
_NUMBERS = re.compile(r"(?<![A-Za-z^_\d])\d(?:[ .,]?\d)*")  # 42, 1.5, and the embedded model's 4 2; not H2O, m^2
_LISTED = re.compile(r"^\s*\d+[.)]\s", re.MULTILINE)  # numbers of a list say nothing
_OPERATORS = {"+": "-", "-": "+", "*": "+", "/": "*", "×": "+", "÷": "×", "<": ">", ">": "<", "≤": "≥", "≥": "≤"}
_OPERATOR = re.compile(rf"(?<=[\w)\]] )[{re.escape(''.join(_OPERATORS))}](?= [\w(\[])")


@dataclass(frozen=True, slots=True)
class Planted:
    """What a reviewer learns after deciding a planted repair: how it was made. Not what the rewrite really is: that one
    may still wait in the queue.

    ``told``: this reviewer had decided it before, and learned then that it was planted; this time counts for nothing.
    """

    rule: str
    caught: bool
    told: bool = False


def plant(store: Store, experiment: str, round: int, *, team: Team, judge: Judge) -> None:
    """Make the round's planted repairs, once: a share ``settings.planted`` of the mended ones."""
    if store.episodes.finished(experiment, round, _PHASE):
        return
    found = store.experiments.get(experiment)
    mended = [r for r in store.repairs.find(experiment, round) if r.mended]
    share, order = found.settings.planted, Random(digest(_PHASE, found.seed, round))
    count = max(int(share > 0 and len(mended) >= FEW), int(share * len(mended) + 0.5))
    rows: list[PlantedRow] = []
    for repair in order.sample(mended, len(mended)) if count else ():
        if len(rows) == count:
            break
        if (made := _worse(store, repair, mended, team, judge, order)) is not None:
            rule, text = made
            rows.append(PlantedRow(digest(_PHASE, repair.id, text), repair.id, rule, text))
    with store.write():
        if not store.episodes.finished(experiment, round, _PHASE):
            store.people.plant(experiment, round, rows)
            store.episodes.finish(experiment, round, _PHASE, ["made"])


def slots(kinds: Mapping[str, str], rows: Sequence[PlantedRow]) -> dict[str, list[PlantedRow]]:
    """{item: the planted repairs that stand after it}; ``kinds`` are the queue's own items in order, with their kinds.

    A planted one stands at a place that its id draws, `FAR` from its original, among items of the same kind if there
    are such.
    """
    order, alike = list(kinds), defaultdict[str, list[int]](list)
    place = {item: n for n, item in enumerate(order)}
    for n, kind in enumerate(kinds.values()):
        alike[kind].append(n)
    found = defaultdict[str, list[PlantedRow]](list)
    for row in rows:
        if (own := place.get(row.repair)) is None:
            continue
        random, everywhere = Random(row.id), range(len(order))
        at = _far(alike[kinds[row.repair]], own, random)
        at = _far(everywhere, own, random) if at is None else at
        found[order[everywhere[-1] if at is None else at]].append(row)
    return found


def _far(places: Sequence[int], own: int, random: Random) -> int | None:
    """One of ``places`` (ascending) that is `FAR` from ``own``; None if there is none."""
    before, after = bisect_right(places, own - FAR), bisect_left(places, own + FAR)
    count = before + len(places) - after
    if not count:
        return None
    n = random.randrange(count)
    return places[n if n < before else after + n - before]


def said_in(replayed: Trajectory, turn: int, text: str, parse: Callable[[str], Parsed] | None = None) -> Trajectory:
    """A replay as if its edited turn had said ``text``, read by ``parse``."""
    value, public = None, text
    if parse is not None:
        with suppress(Stopped):
            value, public = parse(text)
    turns = [replace(t, text=text, public=public, value=value) if i == turn else t
             for i, t in enumerate(replayed.turns)]
    return replace(replayed, turns=tuple(turns), edits={**replayed.edits, turn: text})


# -- making one wrong --------------------------------------------------------------------------------------------------
def _worse(
    store: Store, repair: Repair, mended: Sequence[Repair], team: Team, judge: Judge, order: Random
) -> tuple[str, str] | None:
    """(rule, text) of a wrong version of a repair's rewrite; None if none was found."""
    turn = repair.turn
    if turn is None or repair.replay is None:
        return None
    task, replayed = store.episodes.task(repair.task), store.episodes.get(repair.replay)
    taken = {r.rephrased for r in store.repairs.of_failed(repair.failed)}
    others = [r.rephrased for r in mended if r.role == repair.role and r.task != repair.task]
    parse = team.reads(task, replayed.turns[turn].role) if team.reads else None
    for rule, text in wrong(repair.rephrased, others, order):
        if text not in taken and _is_wrong(task, said_in(replayed, turn, text, parse), turn, team, judge):
            return rule, text
    return None


def wrong(text: str, others: Sequence[str], order: Random) -> Iterator[tuple[str, str]]:
    """(rule, text) of versions that should be wrong, the best first: see the rule above."""
    listed = {i for found in _LISTED.finditer(text) for i in range(*found.span())}
    for at in reversed([m.start() for m in _NUMBERS.finditer(text) if m.start() not in listed]):
        digits = [d for d in "123456789" if d != text[at]]
        yield NUMBER, text[:at] + order.choice(digits) + text[at + 1 :]
    for found in reversed(list(_OPERATOR.finditer(text))):
        yield OPERATOR, text[: found.start()] + _OPERATORS[found[0]] + text[found.end() :]
    for other in order.sample(others, len(others)):
        yield SWAP, other


def _is_wrong(task: Task, said: Trajectory, turn: int, team: Team, judge: Judge) -> bool:
    """Whether a turn is wrong, as far as the task can tell; where it cannot, it is taken to be."""
    mark = judge(task, said).turns.get(turn)
    if mark is not None:
        return mark == 0
    if said.turns[turn].role != team.speaker:
        return True
    stated, tolerance = said.turns[turn].text, task.data.get("tolerance")
    return not answers.judge_text(stated, task.answer, task.kind, tolerance=tolerance).right
