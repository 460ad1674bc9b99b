"""All SQL of the lab: one SQLite file holds tasks, episodes, repairs, reviews, weights, reports, plots and jobs.

with Store("lab.db") as store:
    store.experiments.all()
    store.episodes.find("quickstart-0-1", round=1, phase="propose")
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from types import TracebackType

from .check import Hear, problems
from .check_reports import Draw, Measure
from .connection import Connection, dumps, now
from .contrasts import Contrast, ContrastJob, Contrasts, Prediction
from .episodes import Episodes
from .examples import Examples
from .experiments import ACTIVE, Experiment, Experiments, Job
from .human_games import HumanGame, HumanGames
from .inquiries import Inquiries, Inquiry
from .people import People, PlantedRow
from .prices import Notes, PriceRow, Prices
from .repairs import Repairs, Review
from .rewrites import Rewrite, RewriteReview, Rewrites
from .weights import ExampleRow, UpdateRow, Weights


class Store:
    """One open database. Make one per thread or script run and close it; never cache it."""

    def __init__(
        self, path: str | os.PathLike[str], *, max_mb: float = 0, trace: Callable[[str], None] | None = None
    ) -> None:
        self.db = Connection(path, max_mb=max_mb, trace=trace)
        self.path = self.db.path
        self.experiments = Experiments(self.db)
        self.episodes = Episodes(self.db)
        self.repairs = Repairs(self.db)
        self.people = People(self.db)
        self.rewrites = Rewrites(self.db)
        self.weights = Weights(self.db)
        self.examples = Examples(self.db)
        self.prices = Prices(self.db)
        self.inquiries = Inquiries(self.db)
        self.contrasts = Contrasts(self.db)
        self.human_games = HumanGames(self.db)

    def notes(self, experiment: str) -> Notes:
        """An experiment's notes of what remote services were given."""
        return Notes(self.db, experiment)

    def write(self) -> AbstractContextManager[None]:
        """One transaction around several writes."""
        return self.db.write()

    def check(
        self, draw: Draw | None = None, hear: Hear = lambda news: None, measure: Measure | None = None
    ) -> list[str]:
        """What is wrong with the file, a line each: every hash, id and count derived anew (see `problems`)."""
        return list(problems(self.db, draw, hear, measure))

    def close(self) -> None:
        self.db.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


__all__ = ["ACTIVE", "Connection", "Contrast", "ContrastJob", "ExampleRow", "Experiment", "HumanGame", "Inquiry", "Job",
           "Notes", "People", "PlantedRow", "Prediction", "PriceRow", "Prices", "Review", "Rewrite", "RewriteReview",
           "Store", "UpdateRow", "dumps", "now"]
