"""A report's numbers from the trajectories that it speaks of, and a round's figures from the reports."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from .. import statistics
from ..games import GAMES
from .browse import Browse
from .connection import Connection

Draw = Callable[[Sequence[Mapping[str, Any]]], Mapping[str, str]]  # reports up to a round to {figure: Plotly JSON}
Measure = Callable[[str, int], Sequence[Mapping[str, Any]] | None]  # (experiment, round) to its measures; None: unknown
Report = Mapping[str, Any]
HELD_OUT = "evaluate:heldout:sampled"
MISSING = object()


def differs(table: str, row: Any, column: str, stored: Any, derived: Any) -> Iterator[str]:
    """One line if two values are not the same."""
    if stored != derived or type(stored) is not type(derived):
        yield f"{table} {row}: {column} is {_short(stored)}, derived {_short(derived)}"


def problems(db: Connection, draw: Draw | None = None, measure: Measure | None = None) -> Iterator[str]:
    """What differs in every experiment's reports and figures."""
    for experiment, settings in db.rows("SELECT id, settings FROM experiment ORDER BY rowid"):
        threshold = json.loads(settings).get("threshold", 0.5)
        sql = "SELECT round, body FROM report WHERE experiment = ? ORDER BY round"
        reports: list[Report] = []
        for round, body in db.rows(sql, experiment):
            reports.append(json.loads(body))
            where = f"of round {round} ({experiment})"
            for name, value in _derived(db, experiment, round, threshold, reports[-1]):
                stored = _at(reports[-1], name)
                if stored is not MISSING and not _same(stored, value):
                    yield f"report {where}: {name} is {_short(stored)}, derived {_short(value)}"
            if measure is not None and "measures" in reports[-1]:
                yield from _measures(where, reports[-1]["measures"], measure(experiment, round))
            if draw is not None:
                yield from _figures(db, experiment, round, draw(reports))


def _measures(
    where: str, stored: Sequence[Mapping[str, Any]], derived: Sequence[Mapping[str, Any]] | None
) -> Iterator[str]:
    if derived is None:
        return
    if [_name(row) for row in stored] != [_name(row) for row in derived]:
        yield f"report {where}: measures are {len(stored)} rows, derived {len(derived)} others"
        return
    for old, new in zip(stored, derived, strict=True):
        for key, value in new.items():
            if not _same(old.get(key), value):
                yield f"report {where}: measures {_name(old)} {key} is {_short(old.get(key))}, derived {_short(value)}"


def _name(row: Mapping[str, Any]) -> str:
    return f"{row['measure']} ({row['where']})"


def _figures(db: Connection, experiment: str, round: int, drawn: Mapping[str, str]) -> Iterator[str]:
    sql = "SELECT name, body FROM figure WHERE experiment = ? AND round = ? ORDER BY name"
    for name, body in db.rows(sql, experiment, round):
        if name in drawn and json.loads(body) != json.loads(drawn[name]):
            yield f"figure {name} of round {round} ({experiment}): body is not what the reports give"


# -- a report's numbers ----------------------------------------------------------------------------------------------
def _derived(
    db: Connection, experiment: str, round: int, threshold: float, report: Report
) -> Iterator[tuple[str, Any]]:
    """(name with dots, value) of everything in a report that follows from other rows."""
    browse = Browse(db)
    tests: dict[str, dict[str, dict[str, Any]]] = {}
    for split, found in report.get("tests", {}).items():
        for kind, flag in ((None, None), ("family_decides", False), ("form_decides", True)):
            part = found if kind is None else found.get(kind, {})
            for mode in ("sampled", "greedy"):
                if mode not in part:
                    continue
                phase = f"evaluate:{split}:{mode}"
                right = browse.right(experiment, round, phase, threshold=threshold, form_decides=flag)
                record = _accuracy(db, right)
                tests.setdefault(split, {}).setdefault(kind or "", {})[mode] = record
                for name, value in record.items():
                    yield f"tests.{split}.{kind + '.' if kind else ''}{mode}.{name}", value
    held = tests.get("heldout", {}).get("", {})
    if "sampled" in held:
        yield from held["sampled"].items()
    if "greedy" in held:
        yield "greedy_accuracy", held["greedy"]["accuracy"]
    for split in ("new_wordings", "withheld_forms"):
        if made := tests.get(split, {}).get("", {}).get("sampled"):
            yield f"{split}_accuracy", made["accuracy"]
    now = browse.right(experiment, round, HELD_OUT, threshold=threshold)
    if round and now:
        before = browse.right(experiment, round - 1, HELD_OUT, threshold=threshold)
        both = [task for task in before if task in now]
        if both:
            paired = statistics.mcnemar([before[t] for t in both], [now[t] for t in both])
            yield from (("p_vs_previous", paired.p), ("gained", paired.gained), ("lost", paired.lost))
    yield from _ends(db, experiment, round, threshold)
    yield from _learned(db, experiment, round, threshold, report)


def _accuracy(db: Connection, right: Mapping[str, int]) -> dict[str, Any]:
    """As evaluate.accuracy has it: Wilson's interval where every group occurs once, else clustered by group."""
    if not right:
        return {"n": 0}
    rows = db.rows("SELECT id, coalesce(nullif(grp, ''), id) FROM task WHERE id IN (SELECT value FROM json_each(?))",
                   json.dumps(list(right)))
    groups = {id: group for id, group in rows}
    n, correct = len(right), sum(right.values())
    interval = (statistics.wilson(correct, n) if len(set(groups.values())) == n
                else statistics.clustered(list(right.values()), [groups[task] for task in right]))
    return {"n": n, "correct": correct, "accuracy": correct / n, "low": interval.low, "high": interval.high}


def _ends(db: Connection, experiment: str, round: int, threshold: float) -> Iterator[tuple[str, Any]]:
    rows = db.rows("SELECT t.reward, t.stop, t.lucky, k.source FROM trajectory t JOIN task k ON k.id = t.task "
                   "WHERE t.experiment = ? AND t.round = ? AND t.phase = ? AND t.reward IS NOT NULL ORDER BY t.seq",
                   experiment, round, HELD_OUT)
    right = [row for row in rows if row["reward"] > threshold]
    checked = [row["lucky"] for row in right if row["lucky"] is not None]
    unchecked = bool(right) or any(row["source"] in GAMES for row in rows)
    yield "lucky", sum(checked) / len(checked) if checked else None if unchecked else 0.0
    yield "stops", dict(sorted(Counter(row["stop"] for row in rows if row["stop"]).items()))


def _learned(
    db: Connection, experiment: str, round: int, threshold: float, report: Report
) -> Iterator[tuple[str, Any]]:
    sets = db.rows("SELECT model, n, hash FROM training_set WHERE experiment = ? AND round = ? ORDER BY model",
                   experiment, round)
    yield "library", {row["model"]: row["n"] for row in sets}
    yield "training_sets", {row["model"]: row["hash"] for row in sets}
    updates = db.rows("SELECT model, steps FROM update_step WHERE experiment = ? AND round = ? ORDER BY model",
                      experiment, round)
    yield "steps", {row["model"]: row["steps"] for row in updates}
    if (gate := db.row("SELECT models, verdict FROM gate WHERE experiment = ? AND round = ?", experiment, round)):
        verdict = json.loads(gate["verdict"])
        yield from (("models", json.loads(gate["models"])), ("updates", verdict.get("updates")),
                    ("validation", verdict.get("validation")))
    own = "FROM repair WHERE experiment = ? AND round = ? AND phase = 'repair'"
    if round:
        yield "repairs", db.value(f"SELECT count(*) {own}", experiment, round)
        yield "repaired", db.value(f"SELECT count(*) {own} AND mended", experiment, round)
        yield "solved", db.value(
            "SELECT count(DISTINCT task) FROM trajectory WHERE experiment = ? AND round = ? AND phase = 'propose' "
            "AND reward > ?", experiment, round, threshold)
    for arm in report.get("controls", {}):
        yield f"controls.{arm}.correct", _mended(db, experiment, round, threshold, arm)


def _mended(db: Connection, experiment: str, round: int, threshold: float, arm: str) -> int:
    if arm == "again":
        return int(db.value("SELECT count(DISTINCT task) FROM trajectory WHERE experiment = ? AND round = ? "
                            "AND phase = 'control:again' AND reward > ?", experiment, round, threshold))
    return len(Browse(db).mended_tasks(experiment, round, "gold" if arm == "critic" else "blind"))


# -- values ----------------------------------------------------------------------------------------------------------
def _at(report: Report, name: str) -> Any:
    found: Any = report
    for part in name.split("."):
        if not isinstance(found, Mapping) or part not in found:
            return MISSING
        found = found[part]
    return found


def _same(stored: Any, derived: Any) -> bool:
    """Equal; of two numbers with a fraction the last digits may be another processor's."""
    if isinstance(stored, float) and isinstance(derived, float):
        return abs(stored - derived) <= 1e-9
    return bool(stored == derived)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 120 else f"{text[:100]} ... {text[-12:]}"
