"""The part of a bundle about players: the cross-play matrix as a table, as the database has it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .. import crossplay
from ..store import Experiment, Store
from .words import share, table, text


def players(store: Store, e: Experiment, reports: Sequence[Mapping[str, Any]]) -> str:
    """Every cell, in and out of distribution; "" where no matrix was played."""
    record = crossplay.measured(store, e.id)
    if record is None:
        return ""
    titles = {p["key"]: p["title"] for p in record["players"]}
    first, second = record["roles"]
    columns = [f"{first} (first)", f"{second} (second)", "games", f"{first} earns", f"{second} earns", "deals",
               f"{first} signs a loss", f"{second} signs a loss", "invalid"]
    parts = [f"<h3>{text(part['title'].capitalize())}</h3>"
             + table(columns, [_cell(titles, cell) for cell in part["cells"]]) for part in record["splits"].values()]
    return ("<section><h2>Players against players</h2>" + "".join(parts)
            + '<p class="soft">Payoffs as in the paper, means over all games with or without a deal, and their 95 % '
            "intervals, for which games are drawn again. All cells of a table play the same games with the same "
            "randomness. Signing a loss: of all games, those that end with a deal worth less to that player than none; "
            "invalid: of all texts, those that were no legal move.</p></section>")


def _cell(titles: Mapping[str, str], cell: Mapping[str, Any]) -> list[str]:
    found = cell["numbers"]
    return [titles[cell["red"]], titles[cell["blue"]], f"{cell['n']:,}", _earned(found["paper_red"]),
            _earned(found["paper_blue"]), *(share(found[name]["value"]) for name in (
                "deals", "lost_games_red", "lost_games_blue", "invalid"))]


def _earned(number: Mapping[str, Any]) -> str:
    """``+4.1 (+1.0 to +7.3)``"""
    if number["value"] is None or number["low"] is None:
        return "–" if number["value"] is None else f"{number['value']:+.1f}"
    return f"{number['value']:+.1f} ({number['low']:+.1f} to {number['high']:+.1f})"
