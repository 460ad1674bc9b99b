"""Which episodes the table of explore shows: a filter, and the queries behind it.

An experiment's episodes stand in the index `trajectory_phase` by place (round and phase), in order, with their outcome
beside them: a page of a place is its first rows that fit, of several places they are merged, and a count reads no row
of the table. What is rare (stops, lucky and mended ones, the problems with a word) an index names, and only those rows
are read. A page is cut by keyset (``seq`` of the last row seen), never by OFFSET: the thousandth costs as much as the
first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .connection import Connection, dumps

GROUPS: Mapping[str, tuple[str, ...]] = {
    "training tries": ("propose",),
    "repairs": ("repair", "review"),
    "evaluation": ("evaluate:",),
    "validation": ("validate",),
    "controls": ("control:",),
    "what-ifs": ("whatif:", "blame:"),
    "reviewer's replays": ("replays",),
    "pass@k": ("pass",),
    "pilot": ("pilot",),
}
"""What a person calls a group of phases; one with a colon at its end stands for all that begin so."""

OUTCOMES: Mapping[str, str] = {
    "right": "t.reward > 0.5",
    "wrong": "t.reward <= 0.5 AND t.stop IS NULL",
    "stopped": "t.stop IS NOT NULL",
    "lucky": "t.lucky = 1",
}
COUNTED = 1_000  # a count stops here: it would have to read every row that fits


@dataclass(frozen=True)
class Filter:
    """Which episodes to show; an empty field does not filter. ``words`` is looked for in the question.

    ``among`` leaves only these episodes (by ``seq``): what a search over the turns has found.
    """

    round: int | None = None
    group: str = ""
    outcome: str = ""
    mended: bool | None = None
    family: str = ""
    subject: str = ""
    words: str = ""
    among: tuple[int, ...] | None = None


def places(db: Connection, experiment: str) -> list[tuple[int, str]]:
    """(round, phase) of everything that was played, found from one to the next in the index."""
    found: list[tuple[int, str]] = []
    round = db.value("SELECT min(round) FROM trajectory WHERE experiment = ?", experiment)
    while round is not None:
        phase = ""  # before every name
        while (phase := db.value("SELECT min(phase) FROM trajectory WHERE experiment = ? AND round = ? AND phase > ?",
                                 experiment, round, phase)) is not None:
            found.append((round, phase))
        round = db.value("SELECT min(round) FROM trajectory WHERE experiment = ? AND round > ?", experiment, round)
    return found


def page(db: Connection, experiment: str, wanted: Filter, after: int, limit: int) -> list[int]:
    """``seq`` of the next episodes that fit, in the order in which they were stored."""
    chosen, values = _chosen(db, experiment, wanted)
    if chosen or not (wanted.round is not None or wanted.group):
        where, more = _along(db, experiment, wanted)
        first = db.value("SELECT min(seq) FROM trajectory WHERE experiment = ?", experiment) or 1
        sql = (f"SELECT t.seq FROM trajectory t WHERE {' AND '.join([*chosen, *where])} AND t.seq > ? "
               "ORDER BY t.seq LIMIT ?")
        return [row[0] for row in db.rows(sql, *values, *more, max(after, first - 1), limit)]
    terms, more = _outcome(wanted)
    one = (f"SELECT seq FROM (SELECT t.seq FROM trajectory t WHERE t.experiment = ? AND t.round = ? AND t.phase = ? "
           f"AND t.seq > ? AND {' AND '.join(terms)} ORDER BY t.seq LIMIT ?)")
    found: list[int] = []
    for part in _parts(_fitting(db, experiment, wanted)):
        each = [v for round, phase in part for v in (experiment, round, phase, after, *more, limit)]
        found += [row[0] for row in db.rows(" UNION ALL ".join([one] * len(part)), *each)]
    return sorted(found)[:limit]


def count(db: Connection, experiment: str, wanted: Filter) -> int:
    """How many episodes fit, at most `COUNTED`."""
    chosen, values = _chosen(db, experiment, wanted)
    if chosen:
        where, more = _along(db, experiment, wanted)
        sql = f"SELECT count(*) FROM (SELECT 1 FROM trajectory t WHERE {' AND '.join([*chosen, *where])} LIMIT ?)"
        return int(db.value(sql, *values, *more, COUNTED))
    terms, more = _outcome(wanted)
    one = ("SELECT 1 FROM trajectory t WHERE t.experiment = ? AND t.round = ? AND t.phase = ? "
           f"AND {' AND '.join(terms)}")
    total = 0
    for part in _parts(_fitting(db, experiment, wanted)):
        each = [v for round, phase in part for v in (experiment, round, phase, *more)]
        total += db.value(f"SELECT count(*) FROM ({' UNION ALL '.join([one] * len(part))} LIMIT ?)", *each, COUNTED)
    return min(total, COUNTED)


def _fitting(db: Connection, experiment: str, wanted: Filter) -> list[tuple[int, str]]:
    """The places that the filter's round and group leave."""
    names = GROUPS[wanted.group] if wanted.group else ()
    heads = tuple(name for name in names if name.endswith(":") or name == "validate")
    return [(round, phase) for round, phase in places(db, experiment)
            if (wanted.round is None or round == wanted.round)
            and (not names or phase in names or bool(heads and phase.startswith(heads)))]


def _parts(found: Sequence[tuple[int, str]]) -> list[Sequence[tuple[int, str]]]:
    return [found[i : i + 200] for i in range(0, len(found), 200)]  # SQLite joins at most 500 queries


def _along(db: Connection, experiment: str, wanted: Filter) -> tuple[list[str], list[Any]]:
    """What is left to look at in the rows themselves. The sign + keeps SQLite from any index but that of ``seq``."""
    terms, values = _outcome(wanted)
    terms.append("+t.experiment = ?")
    values.append(experiment)
    if wanted.round is not None:
        terms.append("+t.round = ?")
        values.append(wanted.round)
    if wanted.group:
        terms.append("+t.phase IN (SELECT value FROM json_each(?))")
        values.append(dumps(sorted({phase for _, phase in _fitting(db, experiment, wanted)})))
    return terms, values


def _outcome(f: Filter) -> tuple[list[str], list[Any]]:
    terms, values = ["t.reward IS NOT NULL"], []  # type: tuple[list[str], list[Any]]
    if f.outcome in OUTCOMES:
        terms.append(OUTCOMES[f.outcome])
    elif f.outcome:
        terms.append("t.stop = ?")
        values.append(f.outcome)
    return terms, values


def _chosen(db: Connection, experiment: str, f: Filter) -> tuple[list[str], list[Any]]:
    """Terms that an index turns into few ``seq``, each by itself: stops, lucky ones, mended ones, problems."""
    queries: list[tuple[str, str, list[Any]]] = []
    stopped = ("SELECT seq FROM trajectory INDEXED BY trajectory_stop "
               "WHERE experiment = ? AND stop IS NOT NULL AND reward IS NOT NULL")
    if f.outcome == "lucky":
        lucky = "SELECT seq FROM trajectory INDEXED BY trajectory_lucky WHERE experiment = ? AND lucky = 1"
        queries.append(("IN", lucky, [experiment]))
    elif f.outcome == "stopped":
        queries.append(("IN", stopped, [experiment]))
    elif f.outcome and f.outcome not in OUTCOMES:
        queries.append(("IN", f"{stopped} AND stop = ?", [experiment, f.outcome]))
    if f.mended is not None:
        mended = ("SELECT x.seq FROM repair r CROSS JOIN trajectory x ON x.id = r.failed "
                  "WHERE r.experiment = ? AND r.mended")
        queries.append(("IN" if f.mended else "NOT IN", mended, [experiment]))
    about = [(f"json_extract(k.data, '$.{name}') = ?", value)
             for name, value in (("family", f.family), ("subject", f.subject)) if value]
    if f.words:
        plain = f.words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        about.append(("k.question LIKE ? ESCAPE '\\'", f"%{plain}%"))
    if about:
        played = "SELECT k.source FROM trajectory t JOIN task k ON k.id = t.task WHERE t.experiment = ? LIMIT 1"
        about.insert(0, ("k.source = ?", db.value(played, experiment)))
        tasks = f"SELECT k.id FROM task k WHERE {' AND '.join(term for term, _ in about)}"
        queries.append(("IN", f"SELECT seq FROM trajectory WHERE experiment = ? AND task IN ({tasks})",
                        [experiment, *(value for _, value in about)]))
    if f.among is not None:
        queries.append(("IN", "SELECT value FROM json_each(?)", [dumps(list(f.among))]))
    return [f"t.seq {how} ({sql})" for how, sql, _ in queries], [v for _, _, values in queries for v in values]
