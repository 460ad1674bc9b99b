"""Played games and cross-play matrices as pandas frames: the part of `frames.Frames` that speaks of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from . import crossplay
from .measures.played import read
from .store import Store
from .tasks import negotiation
from .trajectories import Trajectory

if TYPE_CHECKING:
    import pandas as pd


class GameFrames:
    """Methods of `frames.Frames`; empty frames for experiments that play no games."""

    store: Store

    def games(self, experiment: str | None = None, *, round: int | None = None, phase: str | None = None
              ) -> pd.DataFrame:
        """One row per game: who sat where (``red``, ``blue``: a player of the matrix, ``learner``, or an opponent such
        as ``base``), how it ``ended`` and ``by`` whom, price and RED's ``share`` of a deal, both payoffs, raw and as
        the paper has them, messages, texts that were no move, deals at a loss. ``phase`` may end in ``%``."""
        rows = []
        for e in self._chosen(experiment):
            found = [t for t in self.store.episodes.find(e, round=round, phase=phase) if t.team in negotiation.ROLES]
            tasks = self.store.episodes.tasks(sorted({t.task for t in found}))
            for t, game in zip(found, read(found, tasks), strict=True):
                roles = negotiation.ROLES[t.team]
                rows.append({
                    "experiment": e, "round": t.path.round, "phase": t.path.phase, "trajectory": t.id,
                    "game": game.group, "split": tasks[t.task].split, **_who(t),
                    "learner": None if game.learner is None else roles[game.learner], "ended": game.ended,
                    "by": roles[game.by], "deal": game.deal, "price": game.price,
                    "share": game.share and game.share[0], "messages": game.messages,
                    **{f"{name}_{side}": pair[seat] for seat, side in enumerate(("red", "blue")) for name, pair in (
                        ("payoff", game.payoffs), ("paper", game.paper), ("invalid", game.invalid),
                        ("bad_offers", game.bad_offers), ("lost", game.lost))}})
        return _made(rows)

    def cross_play(self, experiment: str | None = None) -> pd.DataFrame:
        """The matrix, a row per split, cell and number: red, blue, number (see `cross_table.NAMES`), value, low, high,
        n. Wide: ``.pivot(index=["split", "red", "blue"], columns="number", values="value")``."""
        return _made([{"experiment": e, "split": split, "red": cell["red"], "blue": cell["blue"], "number": name,
                       **number} for e, split, part in self._matrices(experiment) for cell in part["cells"]
                      for name, number in cell["numbers"].items()])

    def cross_play_differences(self, experiment: str | None = None) -> pd.DataFrame:
        """What a seat makes of the same games beyond the base in both seats: red, blue, seat, measure, value, low,
        high, n."""
        return _made([{"experiment": e, "split": split, **line} for e, split, part in self._matrices(experiment)
                      for line in part["differences"]])

    def alpha_rank(self, experiment: str | None = None) -> pd.DataFrame:
        """Alpha-rank of a matrix's players: mass as ``red``, as ``blue``, taking ``both`` seats, and how often each
        comes ``first`` when the games are drawn again."""
        names = ("red", "blue", "both", "first")
        return _made([{"experiment": e, "split": split, "player": key, **{name: part["rank"][name][key]
                                                                          for name in names}}
                      for e, split, part in self._matrices(experiment) if part["rank"] for key in part["rank"]["both"]])

    def _chosen(self, experiment: str | None) -> list[str]:
        return [e.id for e in self.store.experiments.all()] if experiment is None else [experiment]

    def _matrices(self, experiment: str | None) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
        for e in self._chosen(experiment):
            for split, part in (crossplay.measured(self.store, e) or {"splits": {}})["splits"].items():
                yield e, split, part


def _who(t: Trajectory) -> dict[str, str | None]:
    """{"red": who sat there, "blue": ...}; None for a seat that never spoke."""
    if (pair := crossplay.players_of(t.path.phase)) is not None:
        return {"red": pair[0], "blue": pair[1]}
    seats: dict[int, str] = {}
    for turn in t.turns:
        if isinstance(turn.value, Mapping):
            seats.setdefault(turn.value["seat"], turn.seat or "learner")
    return {"red": seats.get(0), "blue": seats.get(1)}


def _made(rows: list[dict[str, Any]]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(rows)
