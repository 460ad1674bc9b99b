"""Everything that a database holds as one list: an experiment that stands alone is a line, a contrast is one, too."""

from __future__ import annotations

from typing import Any

from ..store import Experiment, Store
from ..store.arms import Arms
from ..store.browse import Browse


def listing(store: Store, most: int = 50) -> list[dict[str, Any]]:
    """Newest first, ``most`` lines: {id, name, seed, runs, status, rounds, base, now, created_at}.

    Of a contrast ``id`` is its own, ``runs`` how many it has, and what belongs to one experiment is None. ``base`` and
    ``now`` are held-out accuracies of the first and the last closed round.
    """
    reads, rows = Arms(store.db), list[dict[str, Any]]()
    groups, seen = {g.contrast: g for g in reads.groups()}, set[str]()
    alone = dict.fromkeys(("seed", "rounds", "base", "now"))
    for e in store.experiments.all():
        if len(rows) == most:
            break
        if e.contrast not in groups:
            rows.append(_alone(store, e))
        elif e.contrast not in seen:
            seen.add(e.contrast)
            g = groups[e.contrast]
            rows.append({"id": g.contrast, "name": g.name, **alone, "runs": g.runs, "status": g.status,
                         "created_at": g.created_at})
    return rows


def _alone(store: Store, e: Experiment) -> dict[str, Any]:
    closed = Browse(store.db).closed(e.id)
    base, now = Arms(store.db).ends(e.id)
    return {"id": e.id, "name": e.name, "seed": e.seed, "rounds": max(0, closed - 1), "base": base, "now": now,
            "runs": None, "status": store.experiments.job(e.id).status, "created_at": e.created_at}
