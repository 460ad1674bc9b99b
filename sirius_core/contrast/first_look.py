"""Arms on the same problems and seed, and what came of each: accuracy with interval, paired test, what it cost.

`first_look` is the comparison to begin with on one's own task: one agent alone, a chain of agents, the chain shown its
own successes, the chain with instructions rewritten from its failures. Equal seeds give equal calls, so what several
arms have in common is played and paid once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..settings import Settings
from ..statistics import holm, mcnemar
from ..store import Experiment, Store
from ..store.browse import Browse

PHASE = "evaluate:heldout:sampled"


@dataclass(frozen=True)
class Arm:
    """One side of a contrast: a name for people, and the settings in which it differs."""

    name: str
    changes: Mapping[str, Any]


FIRST_LOOK = (
    Arm("single agent", {"recipe": "star", "rounds": 0, "update": "none"}),
    Arm("chain", {"recipe": "sirius", "rounds": 0, "update": "none"}),
    Arm("chain + demos", {"recipe": "sirius", "rounds": 1, "update": "demos", "critic": "none"}),
    Arm("chain + prompts", {"recipe": "sirius", "rounds": 1, "update": "prompts", "critic": "none"}),
)
THRIFTY = {"max_solutions": 1, "max_repairs": 60, "controls": 0, "problems": 120, "validation": 60, "heldout": 120}
"""What a first look changes in the quickstart's settings, so that it is done in minutes."""


def begin(
    store: Store,
    name: str,
    question: str,
    arms: Sequence[Arm],
    settings: Settings,
    seed: int,
    create: Callable[..., Experiment],
) -> tuple[str, list[Experiment]]:
    """(id of the contrast, an experiment for every arm, nothing played yet). ``create`` is `jobs.create`."""
    chosen = [(arm, settings.changed(arm.changes)) for arm in arms]
    with store.write():
        contrast = store.experiments.add_contrast(name, question)
        made = [create(store, f"{name}: {arm.name}", s, seed, contrast=contrast, arm=arm.name) for arm, s in chosen]
    return contrast, made


def table(store: Store, contrast: str) -> list[dict[str, Any]]:
    """A row for every arm in the order in which they were made.

    {arm, experiment, status, round, n, correct, accuracy, low, high, calls, tokens, cost}, and against the first arm
    over the same problems {gained, lost, p, p_holm} (exact McNemar, and Holm's correction for the number of arms; None
    for the first arm, for arms that have no report yet and where the problems differ).
    """
    browse, rows = Browse(store.db), list[dict[str, Any]]()
    first: dict[str, int] = {}
    for e in store.experiments.of_contrast(contrast):
        reports, job = store.experiments.reports(e.id), store.experiments.job(e.id)
        row: dict[str, Any] = {"arm": e.arm, "experiment": e.id, "status": job.status}
        row |= dict.fromkeys(("round", "n", "correct", "accuracy", "low", "high", "gained", "lost", "p",
                              "p_holm"))
        if reports:
            last = reports[-1]
            row |= {name: last[name] for name in ("round", "n", "correct", "accuracy", "low", "high")}
            right = browse.right(e.id, last["round"], PHASE, threshold=e.settings.threshold)
            if not rows:
                first = right
            elif first and first.keys() == right.keys():
                paired = mcnemar([first[t] for t in first], [right[t] for t in first])
                row |= {"gained": paired.gained, "lost": paired.lost, "p": paired.p}
        calls, tokens, cost = store.episodes.spent(e.id)
        rows.append({**row, "calls": calls, "tokens": tokens, "cost": cost})
    compared = [row for row in rows if row["p"] is not None]
    for row, p in zip(compared, holm([row["p"] for row in compared]), strict=True):
        row["p_holm"] = p
    return rows


def lines(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """The table for a terminal."""
    out, others = [], sum(row["p"] is not None for row in rows)
    for row in rows:
        if row["accuracy"] is None:
            out.append(f"{row['arm']:16} {row['status']}")
            continue
        said = f"{row['correct']}/{row['n']} = {row['accuracy']:.1%} ({row['low']:.1%} to {row['high']:.1%})"
        against = "" if row["p"] is None else (
            f"  +{row['gained']} -{row['lost']} against {rows[0]['arm']}, p = {row['p']:.2g}"
            + (f" ({row['p_holm']:.2g} for {others} comparisons)" if others > 1 else ""))
        cost = "cost unknown" if row["cost"] is None else f"${row['cost']:.4f}"
        out.append(f"{row['arm']:16} {said}{against}  [{row['calls']:,} calls, {row['tokens']:,} tokens, {cost}]")
    return out
