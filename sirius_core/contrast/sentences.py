"""The words of a verdict: what can be said aloud in class and defended in a review.

Points are percentage points; every difference is said with its 95 % interval, the number of seeds and of problems.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..statistics import Interval
    from .verdict import Level, Pair

NOTHING = "Nothing can be compared yet: no seed has been finished by two arms."
MARGIN = 2.0
"""An interval that lies within this many points of 0 is said to be no difference worth the name."""
MOST_LISTED = 3  # seeds whose checkpoints are named one by one
AT_LEAST = "Whether the recipe is better would take at least 3 seeds."


def verdict(level: Level, order: Sequence[str], pairs: Sequence[Pair], right: Mapping[tuple[str, int], int]) -> str:
    """About the first of ``order`` against the second, and how many of all pairs can be told apart."""
    first, second = order[:2]
    between = [_seen_from(first, pair) for pair in pairs if {pair.one, pair.other} == {first, second}]
    made = (_recipe(first, second, between[0], pairs, len(order)) if level == "recipe"
            else _checkpoints(first, second, between, pairs, right))
    return made + _told(pairs, order)


def why(level: Level, pairs: Sequence[Pair]) -> str:
    """How it was found."""
    tested = len(_tested(pairs))
    holm = f" p-values are corrected after Holm for {tested} comparisons, intervals are not." if tested > 1 else ""
    if level == "checkpoints":
        return ("Exact McNemar test, paired over problems, for each seed by itself; intervals after Bonett and Price "
                f"(2012).{holm}")
    return ("Each interval takes seeds and problems as drawn from many: Student's t over the seeds, widened by what "
            f"the problems that they share add.{holm}")


def left_out(arms: Sequence[str], seeds: Sequence[int], items: int, asked: int) -> str:
    """What the verdict does not speak of, "" for nothing."""
    said = []
    if arms:
        said.append(f"Not compared, as no seed is finished: {', '.join(map(quoted, arms))}.")
    if seeds:
        said.append(f"Left out, as not every arm has finished {'it' if len(seeds) == 1 else 'them'}: "
                    f"seed{'s' * (len(seeds) > 1)} {', '.join(map(str, seeds))}.")
    if items:
        said.append(f"Left out, as not every arm was asked: {items:,} of {asked:,} problems (counted for each seed).")
    return " ".join(said)


def seen_before(seeds: Sequence[int]) -> str:
    """That the contrast was judged before, with so many seeds each time; "" for never."""
    if not seeds:
        return ""
    return (f"It was judged before, with {' and '.join(map(str, seeds))} seed{'s' * (seeds[-1] > 1)}: whoever adds "
            "seeds until arms differ calls equal arms different more often than p says. A new contrast on other seeds "
            "is free of that.")


def came(order: Sequence[str], pairs: Sequence[Pair], arm: str, said: float | None) -> str:
    """What became of a prediction: that ``arm`` comes first, by ``said`` points; "" is no difference."""
    if len(order) < 2 or not pairs:
        return "open: nothing can be compared yet"
    if not arm:
        return _nothing_came(pairs)
    if arm not in order:
        return f"open: {quoted(arm)} has not been compared"
    rival = order[1] if arm == order[0] else order[0]
    against = [_seen_from(arm, pair) for pair in pairs if {pair.one, pair.other} == {arm, rival}]
    measured = "; ".join(f"{_points(pair.delta)}{_with_seed(pair)}" for pair in against)
    predicted = "" if said is None else (
        f"; {_signed(said / 100)} points were predicted, "
        + ("inside the interval" if all(pair.delta.low <= said / 100 <= pair.delta.high for pair in against)
           else "outside the interval"))
    if not all(pair.different for pair in against) or len({pair.delta.estimate > 0 for pair in against}) > 1:
        every = " with every seed" if len(against) > 1 else ""
        return f"open: {quoted(arm)} and {quoted(rival)} cannot be told apart{every}, {measured}{predicted}"
    if arm != order[0]:
        return f"wrong: {quoted(rival)} is better than {quoted(arm)}, {measured} for {quoted(arm)}{predicted}"
    return f"right: {quoted(arm)} is better than {quoted(rival)}, {measured}{predicted}"


def quoted(arm: str) -> str:
    return f"“{arm}”"


# Parts ---------------------------------------------------------------------------------------------

def _recipe(first: str, second: str, pair: Pair, pairs: Sequence[Pair], arms: int) -> str:
    measured = f"{_points(pair.delta, _p(pair, pairs))} over {pair.seeds} seeds and {pair.items:,} problems"
    if pair.different:
        # one that is further behind than the second may vary so much that it cannot be told from the first
        best = all(p.different for p in pairs if first in (p.one, p.other))
        rest = "" if arms == 2 else f", the {'best' if best else 'first'} of {arms} arms,"
        return f"{quoted(first)}{rest} is better than {quoted(second)}: {measured}."
    if not pair.gained and not pair.lost:
        return (f"{quoted(first)} and {quoted(second)} were right in the same answers, over {pair.seeds} seeds and "
                f"{pair.items:,} problems: there is no difference to tell.")
    if max(abs(pair.delta.low), abs(pair.delta.high)) <= MARGIN / 100:
        rest = "" if arms == 2 else f", the first of {arms} arms,"
        return (f"{quoted(first)} and {quoted(second)}{rest} differ by no more than {MARGIN:g} points: {measured}; "
                "which is better one cannot tell.")
    what = f"whether {quoted(first)} is better than {quoted(second)}" if arms == 2 else (
        f"which of {arms} arms is best, {quoted(first)} or {quoted(second)}")
    return f"Cannot tell {what}: {measured}; {_more(pair)}."


def _more(pair: Pair) -> str:
    if pair.more is None:
        return "a difference as small as this would take very many seeds or more problems"
    return f"about {pair.more} more seed{'s' * (pair.more > 1)} would"


def _checkpoints(first: str, second: str, between: Sequence[Pair], pairs: Sequence[Pair],
                 right: Mapping[tuple[str, int], int]) -> str:
    if len(between) > MOST_LISTED:
        ahead, apart = (sum(way) for way in zip(*((pair.delta.estimate > 0, pair.different and pair.delta.estimate > 0)
                                                  for pair in between), strict=True))
        parts = [f"{quoted(first)} is ahead of {quoted(second)} with {ahead} of {len(between)} seeds, by so much that "
                 f"these checkpoints can be told apart with {apart}"]
    else:
        parts = [f"with seed {pair.seed} {quoted(first)} answers {right[first, pair.seed or 0]:,} of {pair.items:,} "
                 f"problems rightly and {quoted(second)} {right[second, pair.seed or 0]:,}, "
                 f"{_points(pair.delta, _p(pair, pairs))}: these checkpoints "
                 f"{'differ' if pair.different else 'cannot be told apart'}" for pair in between]
    made = "; ".join(parts)
    return f"{made[0].upper()}{made[1:]} (exact McNemar). {AT_LEAST}"


def _told(pairs: Sequence[Pair], order: Sequence[str]) -> str:
    if len(order) == 2:
        return ""
    apart, what = sum(pair.different for pair in pairs), "pairs" if pairs[0].seed is None else "pairs of checkpoints"
    if apart in (0, len(pairs)):
        return f" {'All' if apart else 'None of the'} {len(pairs)} {what} can be told apart."
    return f" {apart} of the {len(pairs)} {what} can be told apart."


def _nothing_came(pairs: Sequence[Pair]) -> str:
    if apart := [pair for pair in pairs if pair.different]:
        largest = max(apart, key=lambda pair: abs(pair.delta.estimate))
        better, worse = (largest.other, largest.one) if largest.delta.estimate > 0 else (largest.one, largest.other)
        return f"wrong: {quoted(better)} is better than {quoted(worse)}, {_points(_seen_from(better, largest).delta)}"
    if all(max(abs(pair.delta.low), abs(pair.delta.high)) <= MARGIN / 100 for pair in pairs):
        return f"right: no two arms differ by more than {MARGIN:g} points"
    return "open: no two arms can be told apart, but a difference is not ruled out"


def _seen_from(first: str, pair: Pair) -> Pair:
    """The pair turned so that its difference is ``first`` minus the other."""
    from dataclasses import replace

    if pair.other == first:
        return pair
    d = pair.delta
    return replace(pair, one=pair.other, other=pair.one, gained=pair.lost, lost=pair.gained,
                   delta=replace(d, estimate=-d.estimate, low=-d.high, high=-d.low))


def _points(delta: Interval, p: str = "") -> str:
    """``+5.0 points (95 % interval +3.4 to +6.6, p = 0.002)``"""
    # an end just beside 0 must not be rounded to 0: it would seem to say the opposite of p
    digits = 2 if any(0 < abs(end) < 0.0005 for end in (delta.low, delta.high)) else 1
    estimate, low, high = (_signed(share, digits) for share in (delta.estimate, delta.low, delta.high))
    return f"{estimate} points (95 % interval {low} to {high}{', ' * bool(p)}{p})"


def _signed(share: float, digits: int = 1) -> str:
    """``+5.0``; a zero has no sign."""
    said = f"{100 * share:+.{digits}f}"
    return said if float(said) else said[1:]


def _p(pair: Pair, pairs: Sequence[Pair]) -> str:
    p, several = pair.p_holm, len(_tested(pairs))
    # 0.0496 must not be rounded to the very level
    said = "p < 0.001" if p < 0.001 else f"p = {p:.4f}" if f"{p:.3f}" == "0.050" else (
        f"p = {p:.3f}" if p < 0.1 else f"p = {p:.2f}")
    return said + (f" after Holm for {several} comparisons" if several > 1 else "")


def _with_seed(pair: Pair) -> str:
    return "" if pair.seed is None else f" with seed {pair.seed}"


def _tested(pairs: Sequence[Pair]) -> list[Pair]:
    return [pair for pair in pairs if pair.gained or pair.lost]
