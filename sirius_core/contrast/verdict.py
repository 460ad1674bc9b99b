"""One sentence at the end of a contrast, with its interval: which arm is better, or that one cannot tell.

Two levels that must not be mixed. With fewer than three seeds it is about *these checkpoints*: seed by seed, paired
over the problems, exact McNemar. With at least three it is about the *recipe*: seeds and problems are both taken as
drawn from many (`statistics.two_way`). That is what the seeds-by-items bootstrap comes to as its draws grow, once it is
corrected for few seeds: by simulation it covers 95 % or a little more with 3 to 10 seeds, where the plain bootstrap
covers 76 to 78 % with three (tests/test_statistics_coverage.py). It needs no draws, and its p-value and its ends never
contradict one another.

Two arms differ when p < .05 after Holm's correction for all pairs. A comparison in which no answer differs takes no
part in that: it could not come out (Tarone 1990). Nothing here knows the store.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING, Any, Literal, Protocol

from ..statistics import Interval, changed, holm, mcnemar, seeds_needed, two_way
from . import sentences

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

Level = Literal["checkpoints", "recipe", "none"]
Final = Mapping[str, Mapping[int, Mapping[str, int]]]
"""{arm: {seed: {task id: 0 or 1}}}"""
Rounds = Mapping[str, Mapping[int, Mapping[int, Mapping[str, int]]]]
"""{arm: {seed: {round: {task id: 0 or 1}}}}"""
TELL = 0.05
FEWEST_SEEDS = 3
MOST_SEEDS = 200


@dataclass(frozen=True)
class Pair:
    """Two arms compared. ``delta`` is ``other`` minus ``one`` as a share (0.05 is five points).

    ``gained`` answers are right in ``other`` only, ``lost`` in ``one`` only, over all seeds. ``more`` seeds would
    probably tell the two apart: 0 if they can be told already, None if no number of them (at most 200) would. ``seed``
    is set where the pair speaks of the checkpoints of that seed.
    """

    one: str
    other: str
    delta: Interval
    p: float
    p_holm: float
    seeds: int
    items: int
    gained: int
    lost: int
    more: int | None
    different: bool
    seed: int | None = None


@dataclass(frozen=True)
class Verdict:
    """``sentence`` can be said aloud; ``why`` says how it was found and what was left out; ``order`` is best first.

    ``pairs`` in plan order: one for each pair of arms, at level "checkpoints" one for each pair and seed.
    """

    level: Level
    sentence: str
    pairs: tuple[Pair, ...]
    order: tuple[str, ...]
    why: str

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON; `from_dict` reads them."""
        return {**asdict(self), "pairs": [asdict(pair) for pair in self.pairs], "order": list(self.order)}


class Prediction(Protocol):
    """What a person expected: ``arm`` first, by ``points`` over the next; arm "" is no difference."""

    @property
    def author(self) -> str: ...
    @property
    def arm(self) -> str: ...
    @property
    def points(self) -> float | None: ...
    @property
    def reason(self) -> str: ...


def from_dict(made: Mapping[str, Any]) -> Verdict:
    """The verdict of `Verdict.as_dict`."""
    pairs = tuple(Pair(**{**pair, "delta": Interval(**pair["delta"])}) for pair in made["pairs"])
    return Verdict(made["level"], made["sentence"], pairs, tuple(made["order"]), made["why"])


def judge(final: Final, *, level: Level | None = None) -> Verdict:
    """The verdict over the seeds that every arm of ``final`` has, and in each seed the problems that every arm has.

    Arms without any seed are not compared yet. Level "none" if fewer than two arms share a seed. ValueError if arms
    share a seed but no problem, or if the level "recipe" is asked of fewer than three seeds.
    """
    tables = _tables(final)
    if len(tables.arms) < 2 or not tables.seeds:
        return Verdict("none", sentences.NOTHING, (), tuple(tables.arms), tables.left_out)
    if level is None:
        level = "recipe" if len(tables.seeds) >= FEWEST_SEEDS else "checkpoints"
    if level == "recipe" and len(tables.seeds) < FEWEST_SEEDS:
        raise ValueError(f"a sentence about a recipe takes at least {FEWEST_SEEDS} seeds, here are {len(tables.seeds)}")
    order = tuple(sorted(tables.arms, key=lambda arm: -_accuracy(tables.arms[arm])))
    pairs = tuple(_with_more(_corrected(_pairs(tables, level)), tables))
    return Verdict(level, sentences.verdict(level, order, pairs, tables.right()), pairs, order,
                   " ".join(filter(None, (sentences.why(level, pairs), tables.left_out))))


def by_round(rounds: Rounds) -> list[dict[str, Any]]:
    """{round, one, other, delta, low, high, p, p_holm, seeds, items, seed}, Holm over all rounds and pairs.

    A round is compared over the arms and seeds that have it; with fewer than three seeds each seed has its own rows
    (``seed``, else None). A round that fewer than two arms share has none.
    """
    found: list[tuple[int, Pair]] = []
    for number in sorted({n for seeds in rounds.values() for played in seeds.values() for n in played}):
        tables = _tables({arm: {seed: played[number] for seed, played in seeds.items() if number in played}
                          for arm, seeds in rounds.items()})
        if len(tables.arms) > 1 and tables.seeds:
            level: Level = "recipe" if len(tables.seeds) >= FEWEST_SEEDS else "checkpoints"
            found += [(number, pair) for pair in _pairs(tables, level)]
    corrected = _corrected([pair for _, pair in found])
    return [{"round": number, "one": pair.one, "other": pair.other, "delta": pair.delta.estimate, "low": pair.delta.low,
             "high": pair.delta.high, "p": pair.p, "p_holm": pair.p_holm, "seeds": pair.seeds, "items": pair.items,
             "seed": pair.seed} for (number, _), pair in zip(found, corrected, strict=True)]


def compare_predictions(verdict: Verdict, predictions: Iterable[Prediction]) -> list[dict[str, Any]]:
    """{author, arm, points, reason, came} for each prediction; ``came`` begins with "right", "wrong" or "open"."""
    return [{"author": p.author, "arm": p.arm, "points": p.points, "reason": p.reason,
             "came": sentences.came(verdict.order, verdict.pairs, p.arm, p.points)} for p in predictions]


# Tables of answers ---------------------------------------------------------------------------------

@dataclass(frozen=True)
class _Tables:
    """[seeds][items] of every arm, NaN where a seed was not asked an item, or not by every arm."""

    arms: dict[str, Array]
    seeds: tuple[int, ...]
    left_out: str

    def right(self) -> dict[tuple[str, int], int]:
        """How many answers are right, for each (arm, seed)."""
        import numpy as np

        return {(arm, seed): int(np.nansum(row)) for arm, table in self.arms.items()
                for seed, row in zip(self.seeds, table, strict=True)}


def _tables(final: Final) -> _Tables:
    import numpy as np

    begun = {arm: seeds for arm, seeds in final.items() if any(seeds.values())}
    had = {arm: {seed for seed, answers in seeds.items() if answers} for arm, seeds in begun.items()}
    every = set[int]().union(*had.values())
    seeds = [seed for seed in next(iter(begun.values()), {}) if all(seed in has for has in had.values())]
    items = {seed: set.intersection(*(set(begun[arm][seed]) for arm in begun)) for seed in seeds}
    if empty := [seed for seed in seeds if not items[seed]]:
        raise ValueError(f"the arms share no problem with seed {empty[0]}: there is nothing to compare")
    asked = {seed: set[str]().union(*(begun[arm][seed] for arm in begun)) for seed in seeds}
    left_out = sentences.left_out([arm for arm in final if arm not in begun], sorted(every - set(seeds)),
                                  sum(len(asked[seed] - items[seed]) for seed in seeds),
                                  sum(len(asked[seed]) for seed in seeds))
    columns = {item: at for at, item in enumerate(sorted(set[str]().union(*items.values())))}
    made = {}
    for arm, answers in begun.items():
        made[arm] = np.full((len(seeds), len(columns)), np.nan)
        for row, seed in enumerate(seeds):
            made[arm][row, [columns[item] for item in items[seed]]] = [answers[seed][item] for item in items[seed]]
    return _Tables(made, tuple(seeds), left_out)


def _accuracy(table: Array) -> float:
    """Each seed counts the same."""
    import numpy as np

    return float(np.nanmean(table, axis=1).mean())


# Comparisons ---------------------------------------------------------------------------------------

def _pairs(tables: _Tables, level: Level) -> list[Pair]:
    """Every pair of arms, its p not corrected yet."""
    found = []
    for one, other in combinations(tables.arms, 2):
        change = tables.arms[other] - tables.arms[one]
        if level == "recipe":
            found.append(_recipes(one, other, change))
        else:
            found += [_checkpoints(one, other, row, seed) for seed, row in zip(tables.seeds, change, strict=True)]
    return found


def _recipes(one: str, other: str, change: Array) -> Pair:
    found = two_way(change)
    over = found.interval()
    delta = replace(over, low=max(-1.0, over.low), high=min(1.0, over.high))  # shares differ by no more
    return Pair(one, other, delta, found.p, found.p, len(change), found.n_items,
                int((change > 0).sum()), int((change < 0).sum()), None, False)


def _checkpoints(one: str, other: str, change: Array, seed: int) -> Pair:
    import numpy as np

    n, gained, lost = int((~np.isnan(change)).sum()), int((change > 0).sum()), int((change < 0).sum())
    p = mcnemar([0] * gained + [1] * lost, [1] * gained + [0] * lost).p
    return Pair(one, other, changed(gained, lost, n), p, p, 1, n, gained, lost, None, False, seed)


def _corrected(pairs: Sequence[Pair]) -> list[Pair]:
    """Holm's correction among the pairs in which any answer differs."""
    tested = [pair for pair in pairs if pair.gained or pair.lost]
    corrected = dict(zip(map(id, tested), holm([pair.p for pair in tested]), strict=True))
    return [replace(pair, p_holm=(p := corrected.get(id(pair), 1.0)), different=p < TELL) for pair in pairs]


def _with_more(pairs: Sequence[Pair], tables: _Tables) -> Iterator[Pair]:
    """How many more seeds would tell each pair, at the level that Holm's correction leaves it."""
    import numpy as np

    waiting = sum(not pair.different and bool(pair.gained or pair.lost) for pair in pairs)
    for pair in pairs:
        more: int | None = 0 if pair.different else None
        if pair.seed is None and not pair.different:
            change = tables.arms[pair.other] - tables.arms[pair.one]
            needed = seeds_needed(np.nanmean(change, axis=1).tolist(), level=TELL / max(1, waiting),
                                  most=pair.seeds + MOST_SEEDS, fixed=two_way(change).fixed)
            more = None if needed is None else max(1, needed - pair.seeds)
        yield replace(pair, more=more)
