"""Contrasts as pandas frames and Plotly figures: the part of `frames.Frames` that speaks of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..store import Store
from . import curves, first_look, telling

if TYPE_CHECKING:
    import pandas as pd
    from plotly.graph_objects import Figure


class ContrastFrames:
    """Methods of `frames.Frames`."""

    store: Store

    def contrasts(self) -> pd.DataFrame:
        """One row per planned contrast, newest first: contrast, name, question, arms, seeds, equal, status, done,
        total, sentence (of its verdict, missing before there is one), created_at."""
        rows = []
        for c in self.store.contrasts.all():
            job, said = self.store.contrasts.job(c.id), self.store.contrasts.verdict(c.id)
            rows.append({"contrast": c.id, "name": c.name, "question": c.question, "arms": len(c.plan["arms"]),
                         "seeds": len(c.plan["seeds"]), "equal": c.plan["equal"], "status": job.status,
                         "done": job.done, "total": job.total, "sentence": said and said["sentence"],
                         "created_at": c.created_at})
        return _made(rows)

    def contrast(self, name: str, contrast_id: str) -> pd.DataFrame:
        """One of `contrast.telling.ROWS`: runs, board, arms, pairs, by_round, predictions, spent, costs."""
        return _made(telling.rows(self.store, name, contrast_id))

    def pairs(self, contrast_id: str) -> pd.DataFrame:
        """Every pair of arms of the stored verdict: delta (other minus one) with interval, p, p_holm, different."""
        return self.contrast("pairs", contrast_id)

    def arms(self, contrast_id: str) -> pd.DataFrame:
        """One row per arm of a first look: accuracy, paired test against the first arm, what it took."""
        return _made(first_look.table(self.store, contrast_id))

    def flips(self, contrast_id: str, one: str, other: str, seed: int) -> pd.DataFrame:
        """Problems that one of two arms got right with a seed and the other did not: task, right (which), question."""
        found = telling.flips(self.store, contrast_id, one, other, seed)
        return _made(found.rows if found else [])

    def contrast_figure(self, name: str, contrast_id: str) -> Figure:
        """A figure of a contrast: learning, every arm and seed by round; forest, every difference with its interval."""
        from plotly.graph_objects import Figure

        return Figure(curves.of(self.store, contrast_id, name))


def _made(rows: list[dict[str, Any]]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(rows)
