"""What a lesson's seeds came to, as the figure of a contrast and as rows: from ``measured``, without a database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..contrast import curves
from ..contrast.telling import mean
from ..errors import Missing
from ..store.arms import Closed
from . import Lesson, get

if TYPE_CHECKING:
    import pandas as pd
    from plotly.graph_objects import Figure


def closed(lesson: Lesson) -> list[Closed]:
    """Every round of every arm and seed; Missing where the lesson was not measured."""
    if lesson.measured is None:
        raise Missing(f"the lesson {lesson.key!r} has not been measured")
    n = lesson.measured["items"]
    return [Closed(lesson.key, arm, seed, t, n, round(accuracy * n), accuracy, True)
            for arm, found in lesson.measured["arms"].items()
            for seed, rounds in enumerate(found["rounds"]) for t, accuracy in enumerate(rounds)]


def learning(lesson: Lesson) -> dict[str, Any]:
    """Accuracy by round: a thin line for each seed, the mean over seeds with its interval (Plotly JSON)."""
    found = closed(lesson)
    return curves.learning(found, [arm.name for arm in lesson.plan.arms], max(c.round for c in found), finished=True)


def rows(lesson: Lesson) -> list[dict[str, Any]]:
    """{arm, accuracy, low, high, lowest, highest, seeds, n} of the last round, best first: the mean over seeds with its
    interval, the lowest and the highest seed; n problems each."""
    found, made = closed(lesson), []
    for arm in (a.name for a in lesson.plan.arms):
        own = [c for c in found if c.arm == arm]
        last = [c for c in own if c.round == max(o.round for o in own)]
        over = mean(last)
        made.append({"arm": arm, "accuracy": over.estimate, "low": over.low, "high": over.high,
                     "lowest": min(c.accuracy for c in last), "highest": max(c.accuracy for c in last),
                     "seeds": len(last), "n": last[0].n})
    return sorted(made, key=lambda row: -row["accuracy"])



class LessonFrames:
    """What a notebook asks of a lesson; `frames.Frames` has these, too."""

    def lesson(self, key: str) -> pd.DataFrame:
        """One row per arm of a measured lesson, best first: accuracy over its seeds with interval, lowest, highest."""
        import pandas as pd

        return pd.DataFrame(rows(get(key)))

    def lesson_figure(self, key: str) -> Figure:
        """Every arm and seed of a measured lesson by round, as the lesson page shows it."""
        from plotly.graph_objects import Figure

        return Figure(learning(get(key)))
