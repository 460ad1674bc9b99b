"""First answers against final ones, and what judge, feedback and revision do to them.

Of a first answer a, a verdict v (True, False, or none that can be read) and the answer in the end b, over problems:

    first = P(a)        final = P(b)        tp = P(a and v True): Table 5's TP
    passed_right = P(v True | a)            flagged_wrong = P(v False | not a)
    judge_balanced = (passed_right + flagged_wrong) / 2: 1/2 for whoever says the same of everything
    passed_wrong = P(v True | not a)        flagged_mended = P(b | not a, v False)
    spoilt = P(v False, not b | a)          unreadable = P(no verdict)

A verdict that cannot be read is wrong either way. CL, CS and RSS are those of `revision`, from first to final answer,
whatever lies between.
"""

from __future__ import annotations

from collections.abc import Sequence

from .. import statistics
from ..statistics import Interval
from .branches import FALSE, NONE, TRUE, UNREADABLE, Branch
from .revision import rss
from .rows import Row, mean, paired, row

WHERE, STEP = "held-out", "first to final"


def measure(found: Sequence[Branch]) -> list[Row]:
    """The rows; those about a judge only where there is one."""
    groups = [b.group for b in found]
    first, final = [int(b.first) for b in found], [int(b.final) for b in found]
    one, two = mean("first", WHERE, first, groups), mean("final", WHERE, final, groups)
    rows = [one, two, paired("final_minus_first", WHERE, first, final, groups)]
    if any(b.verdict != NONE for b in found):
        rows += _judge(found)
    right, wrong = ([b for b in found if b.first is was] for was in (True, False))
    lost = [int(b.verdict in (FALSE, NONE) and not b.final) for b in right]
    return [
        *rows,
        mean("spoilt", WHERE, lost, [b.group for b in right]),
        _share("cl", STEP, right, "final"),
        _share("cs", STEP, wrong, "final"),
        row("rss", STEP, rss(one["value"], two["value"]) if found else None, len(found)),
    ]


def _judge(found: Sequence[Branch]) -> list[Row]:
    right, wrong = ([b for b in found if b.first is was] for was in (True, False))
    said = {name: [b for b in wrong if b.verdict == name] for name in (TRUE, FALSE)}
    passed = _verdicts("passed_right", right, TRUE)
    flagged = _verdicts("flagged_wrong", wrong, FALSE)
    both = statistics.mean_of_two(_interval(passed), _interval(flagged))
    known = right and wrong
    return [
        mean("tp", WHERE, [int(b.first and b.verdict == TRUE) for b in found], [b.group for b in found]),
        row("judge_balanced", WHERE, both.estimate if known else None, len(found),
            both.low if known else None, both.high if known else None),
        passed,
        _verdicts("passed_wrong", wrong, TRUE),
        flagged,
        _verdicts("unreadable", found, UNREADABLE),
        _share("flagged_mended", WHERE, said[FALSE], "final"),
    ]


def _verdicts(measure: str, among: Sequence[Branch], verdict: str) -> Row:
    return mean(measure, WHERE, [int(b.verdict == verdict) for b in among], [b.group for b in among])


def _share(measure: str, where: str, among: Sequence[Branch], what: str) -> Row:
    return mean(measure, where, [int(getattr(b, what)) for b in among], [b.group for b in among])


def _interval(found: Row) -> Interval:
    """The interval of a row; nothing is known where there is none."""
    value = float("nan") if found["value"] is None else found["value"]
    low, high = (end if found[name] is None else found[name] for name, end in (("low", 0.0), ("high", 1.0)))
    return Interval(value, low, high, found["n"], "of the row")
