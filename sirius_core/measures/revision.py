"""Confidence against critique: what a revising step does with right and with wrong first answers.

Of a first answer a and the revised b (each right or wrong), over problems and agents:

    Acc1 = P(a)             CL = P(b | a)            how often what was right stays right
    Acc2 = P(b)             CS = P(b | not a)        how often what was wrong is mended
    RSS = (Acc2 - Acc1^2) / (2 Acc1 (1 - Acc1))

Acc2 = Acc1 CL + (1 - Acc1) CS. RSS is 1/2 where as many are right as before, 1 where nothing right is lost and wrong
answers are mended as often as first ones are right (CL = 1, CS = Acc1), 0 where CL = Acc1 and CS = 0; a step may be
better or worse than that. CL is not defined where no first answer was right, CS where none was wrong, RSS in both
cases.

A repair is such a step only where the first answer may be right; the critic's repairs begin at failures alone.
"""

from __future__ import annotations

from collections.abc import Sequence

from .panel import at
from .rows import Row, mean, row
from .sittings import Sitting


def rss(first: float, second: float) -> float | None:
    """``rss(0.5, 0.5) == 0.5``; None at 0 and at 1."""
    return (second - first * first) / (2 * first * (1 - first)) if 0 < first < 1 else None


def measure(found: Sequence[Sitting]) -> list[Row]:
    """Rows of every step from a debate round to the next."""
    rows, rounds = list[Row](), len(found[0].said) if found else 0
    for m in range(1, rounds):
        pairs = [(s.right[m - 1][seat], s.right[m][seat], s.group) for s in found for seat in s.said[m]]
        where = f"{at(m - 1, rounds)} to {m + 1}"
        groups = [group for _, _, group in pairs]
        one = mean("acc1", where, [int(a) for a, _, _ in pairs], groups)
        two = mean("acc2", where, [int(b) for _, b, _ in pairs], groups)
        rows += [one,
                 *(mean(name, where, [int(b) for a, b, _ in pairs if a is was],
                        [group for a, _, group in pairs if a is was]) for name, was in (("cl", True), ("cs", False))),
                 two, row("rss", where, rss(one["value"], two["value"]) if pairs else None, len(pairs))]
    return rows
