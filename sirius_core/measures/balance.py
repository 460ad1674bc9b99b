"""Exploration and exploitation of a round's training tries, judged by the truth (B-STaR, arXiv 2412.17256).

Exploration is how many problems some try solves, exploitation how much of what is kept is right. The balance score of
a problem is min(c / n*, 1) * c / s: of s kept tries c are right, and n* is how many are wanted (here
``max_solutions``); a problem of which nothing is kept scores 0. The score is the mean over all problems. With a
verifier that asks for the right answer exploitation is 1; with votes, units, or a placebo that keeps everything, it is
less.

Repairs take no part: they show what the critic can do, not what the team finds by itself. Where problems got more tries
than ``max_solutions`` (equal budgets), pass@k says what k = ``max_solutions`` of them would find.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .. import statistics
from .rows import Row, mean

WHERE = "training tries"


@dataclass(frozen=True)
class Try:
    """One try at a training problem: whether it was right, and whether the recipe keeps it to learn from."""

    task: str
    right: bool
    kept: bool


def score(right_kept: int, kept: int, wanted: int) -> float:
    """``score(2, 4, 8) == 0.125``: a quarter of what is wanted, half of what is kept."""
    return min(right_kept / wanted, 1.0) * right_kept / kept if kept else 0.0


def measure(tries: Sequence[Try], wanted: int, groups: Mapping[str, str]) -> list[Row]:
    """``groups`` {task: what must be drawn together}, of every problem that was tried."""
    by_task: dict[str, list[Try]] = {}
    for one in tries:
        by_task.setdefault(one.task, []).append(one)
    clusters = [groups[task] for task in by_task]
    rights = [(len(found), sum(t.right for t in found)) for found in by_task.values()]
    enough = [(n, c, group) for (n, c), group in zip(rights, clusters, strict=True) if n >= wanted]
    more = any(n > wanted for n, _, _ in enough)
    kept = [t for t in tries if t.kept]
    scores = [score(sum(t.right for t in found if t.kept), sum(t.kept for t in found), wanted)
              for found in by_task.values()]
    return [
        mean("solved", WHERE, [int(c > 0) for _, c in rights], clusters),
        *([mean("pass_at_k", f"{WHERE}, k = {wanted}", [statistics.pass_at_k(n, c, wanted) for n, c, _ in enough],
                [group for _, _, group in enough])] if more else []),
        mean("kept_right", WHERE, [int(t.right) for t in kept], [groups[t.task] for t in kept]),
        mean("balance", WHERE, scores, clusters),
    ]
