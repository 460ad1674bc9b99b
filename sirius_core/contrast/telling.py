"""What a contrast's pages and notebooks tell: rows of plain values, read from plan, reports and the stored verdict.

``rows(store, "arms", contrast)`` gives a table by its name (see `ROWS`); nothing here plays or computes a verdict.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from statistics import fmean
from typing import Any, NamedTuple

from ..errors import UnknownName
from ..statistics import Interval, Paired, mcnemar, t_interval, wilson
from ..store import Store
from ..store.arms import Arms, Closed
from ..store.browse import Browse
from . import results
from .first_look import PHASE
from .plan import Plan, from_dict

Row = dict[str, Any]
LISTED = 60  # flips of two runs that are listed
FEW = 3  # seeds from which on an interval over seeds is told; below, one over the answers of these checkpoints


def rows(store: Store, name: str, contrast: str) -> list[Row]:
    """A table of a contrast by its name."""
    if name not in ROWS:
        raise UnknownName("table of a contrast", name, ROWS)
    return ROWS[name](store, contrast)


def mean(found: Sequence[Closed]) -> Interval:
    """The mean accuracy of one arm over its seeds in one round, with its interval.

    From three seeds on Student's t over the seeds, on these problems; below that Wilson's interval of one seed's number
    of answers, which holds for these checkpoints only: seeds answer the same problems, so more of them are not as many
    answers more.
    """
    if len(found) >= FEW:
        over = t_interval([c.accuracy for c in found])
        return Interval(over.estimate, max(0.0, over.low), min(1.0, over.high), over.n, over.method)
    accuracy, n = fmean(c.accuracy for c in found), min(c.n for c in found)
    answers = wilson(round(accuracy * n), n)
    return Interval(accuracy, answers.low, answers.high, len(found), answers.method)


def ends(store: Store, contrast: str) -> dict[str, dict[int, Closed]]:
    """{arm: {seed: its last closed round}} in the plan's order, of runs that are done."""
    found: dict[str, dict[int, Closed]] = {arm.name: {} for arm in plan_of(store, contrast).arms}
    for c in Arms(store.db).closed(contrast):
        if c.done:
            found.setdefault(c.arm, {})[c.seed] = c  # rounds come in order: the last one stays
    return found


def last_of(closed: Sequence[Closed], arm: str) -> list[Closed]:
    """The last closed round of each of an arm's seeds."""
    return list({c.seed: c for c in closed if c.arm == arm}.values())


def plan_of(store: Store, contrast: str) -> Plan:
    """The plan that a contrast was made with."""
    return from_dict(store.contrasts.get(contrast).plan)


# -- the tables ------------------------------------------------------------------------------------------------------
def runs(store: Store, contrast: str) -> list[Row]:
    """A row for every arm, seed and closed round: {arm, seed, experiment, round, n, correct, accuracy, low, high}."""
    return [{"arm": c.arm, "seed": c.seed, "experiment": c.experiment, "round": c.round, "n": c.n, "correct": c.correct,
             "accuracy": c.accuracy, "low": w.low, "high": w.high}
            for c in Arms(store.db).closed(contrast) for w in [wilson(c.correct, c.n)]]


def arms(store: Store, contrast: str) -> list[Row]:
    """A row for every arm, best first: {arm, accuracy, low, high, seeds, n, "seed 0", ...}: the mean over its seeds, n
    answers in all, and what each seed ended with."""
    every, found = plan_of(store, contrast).seeds, []
    for arm, by_seed in ends(store, contrast).items():
        if by_seed:
            over = mean(list(by_seed.values()))
            each = {f"seed {seed}": by_seed[seed].accuracy if seed in by_seed else None for seed in every}
            found.append({"arm": arm, "accuracy": over.estimate, "low": over.low, "high": over.high,
                          "seeds": len(by_seed), "n": sum(c.n for c in by_seed.values()), **each})
    return sorted(found, key=lambda row: -row["accuracy"])


def board(store: Store, contrast: str) -> list[Row]:
    """A row for every arm in the plan's order: {arm, "seed 0": accuracy of its last closed round, ...}, None where none
    is closed."""
    plan, closed = plan_of(store, contrast), Arms(store.db).closed(contrast)
    at = {(c.arm, c.seed): c.accuracy for c in closed}
    return [{"arm": arm.name, **{f"seed {seed}": at.get((arm.name, seed)) for seed in plan.seeds}} for arm in plan.arms]


def pairs(store: Store, contrast: str) -> list[Row]:
    """A row for every pair of arms of the stored verdict, largest difference first: {arm, against, delta, low, high, p,
    p_holm, seeds, items, gained, lost, more, different, seed}; ``arm`` is the one ahead (see `verdict.Pair`)."""
    said = store.contrasts.verdict(contrast) or {}
    return sorted(map(_ahead, said.get("pairs", ())), key=lambda row: -row["delta"])


def _ahead(pair: Mapping[str, Any]) -> Row:
    """A stored pair, turned so that its difference is not below zero."""
    d, rest = pair["delta"], {k: pair[k] for k in ("p", "p_holm", "seeds", "items", "more", "different", "seed")}
    if d["estimate"] >= 0:
        return {"arm": pair["other"], "against": pair["one"], "delta": d["estimate"], "low": d["low"],
                "high": d["high"], "gained": pair["gained"], "lost": pair["lost"], **rest}
    return {"arm": pair["one"], "against": pair["other"], "delta": -d["estimate"], "low": -d["high"],
            "high": -d["low"], "gained": pair["lost"], "lost": pair["gained"], **rest}


def by_round(store: Store, contrast: str) -> list[Row]:
    """The same comparisons after every round (see `verdict.by_round`), of the stored verdict."""
    return list((store.contrasts.verdict(contrast) or {}).get("by_round", ()))


def predictions(store: Store, contrast: str) -> list[Row]:
    """What people predicted beside what came: {author, arm, points, reason, came}; empty before there is a verdict."""
    return list((store.contrasts.verdict(contrast) or {}).get("predictions", ()))


class Flips(NamedTuple):
    """Two runs over the same problems: McNemar's test, their last rounds, and the problems that flipped."""

    test: Paired
    one: Closed
    other: Closed
    rows: list[Row]


def flips(store: Store, contrast: str, one: str, other: str, seed: int, most: int = LISTED) -> Flips | None:
    """Which problems one of two arms got right with a seed and the other did not; None where they cannot be set side
    by side. A row is {task, right, question}, ``right`` the arm that was; of many, as many of both ways as fit."""
    last = {arm: found[seed] for arm, found in ends(store, contrast).items() if seed in found}
    if one not in last or other not in last:
        return None
    right = [Browse(store.db).right(last[a].experiment, last[a].round, PHASE,
                                    threshold=store.experiments.get(last[a].experiment).settings.threshold)
             for a in (one, other)]
    if right[0].keys() != right[1].keys():
        return None
    test = mcnemar([right[0][t] for t in right[0]], [right[1][t] for t in right[0]])
    gained, lost = ([t for t in right[0] if (right[0][t], right[1][t]) == way] for way in ((0, 1), (1, 0)))
    half = most // 2
    shown = [(t, other) for t in gained[: max(half, most - len(lost))]]
    shown += [(t, one) for t in lost[: max(half, most - len(gained))]]
    rows = [{"task": t, "right": arm, "question": store.episodes.task(t).question} for t, arm in shown]
    return Flips(test, last[one], last[other], rows)


def flipped(store: Store, found: Flips, task: str) -> tuple[str, str] | None:
    """Both runs' episodes at a problem; None where either is not there."""
    ids = [Arms(store.db).episode(run.experiment, run.round, PHASE, task) for run in (found.one, found.other)]
    return None if None in ids else (str(ids[0]), str(ids[1]))


def costs(store: Store, contrast: str) -> list[Row]:
    """A row for every arm: the means over its runs of what `results.spent` counts, with the number of ``runs``."""
    rows = results.spent(store, contrast)
    names = ("calls", "tokens", "examples", "steps", "seconds", "answer_calls", "answer_tokens")
    by_arm = {arm: [row for row in rows if row["arm"] == arm] for arm in dict.fromkeys(row["arm"] for row in rows)}
    return [{"arm": arm, "runs": len(own), **{name: fmean(row[name] for row in own) for name in names}}
            for arm, own in by_arm.items()]


ROWS: Mapping[str, Callable[[Store, str], list[Row]]] = {
    "runs": runs, "board": board, "arms": arms, "pairs": pairs, "by_round": by_round, "predictions": predictions,
    "spent": results.spent, "costs": costs,
}
