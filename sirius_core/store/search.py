"""Full-text search over what was said: an index of turns, built when somebody first looks for words.

    search = Search(store.db)
    search.catch_up("quickstart-0-1")                     # some turns more; call it until `behind` is 0
    search.find("quickstart-0-1", "net force", limit=50)  # hits in the order in which episodes were stored

The index is FTS5 without content of its own: it holds words and places, the texts stay in ``turn``. A place is
``trajectory.seq * WIDTH + idx``, never SQLite's own rowid of ``turn``, which VACUUM would change. Facts are
append-only, so an experiment's index is whole up to a trajectory (``turn_indexed``) and only ever grows; each step is a
transaction of its own, so that writers never wait for long and a build that was killed goes on where it was.

Words are folded to lower case without accents and not stemmed: a stemmer would take ``\\times`` for *time*, ``Ns`` for
*N* and ``lens`` for *len*. An asterisk at the end of a word of three letters or more stands for any ending. Signs
part words, as in ``\\frac{1}{2}`` or ``x_1``; a sign that stands between words holds them together in their order:
``371 - 35`` is looked for as one. What the embedded model says is indexed as people read it, ``371 − 35 × 9`` for
``3 7 1 - 3 5 * 9``, and a query may be written either way.

Turns beyond the index are looked through one by one, up to `LOOKED` of them: so a file that may only be read can be
searched, too, as far as `uncovered` says.
"""

from __future__ import annotations

import re
import sqlite3
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from ..pocket.readable import SOURCES, render_readable
from ..pocket.vocabulary import knows
from .connection import Connection

WIDTH = 4096  # turns of an episode that have a place
STEP, STEP_CHARACTERS = 256, 400_000  # turns and characters of one transaction, about 30 ms
LOOKED = 2000  # turns beyond the index that one search looks through
MOST = 20_000  # turns that a filter by words takes in
ASKED = 200  # characters of a query that count
AROUND = 90  # characters of a snippet before and after what was found

_TABLES = (
    "CREATE VIRTUAL TABLE IF NOT EXISTS turn_search USING fts5(text, content='', columnsize=0, "
    "tokenize=\"unicode61 remove_diacritics 2\")",
    "CREATE TABLE IF NOT EXISTS turn_indexed (experiment TEXT PRIMARY KEY, upto INTEGER NOT NULL) "
    "STRICT, WITHOUT ROWID",
)
_TURNS = """
  SELECT t.seq, u.idx, u.text, u.role, t.id, t.round, t.phase, k.source
  FROM trajectory t JOIN turn u ON u.trajectory = t.seq AND u.idx < ? JOIN task k ON k.id = t.task
"""

Phrase = tuple[tuple[str, ...], bool]  # words in their order; whether the last may have any ending


@dataclass(frozen=True)
class Hit:
    """One turn that holds all the words. ``place`` is where the next search goes on (``after``)."""

    place: int
    trajectory: str
    turn: int
    role: str
    round: int
    phase: str
    snippet: str


class Search:
    """``Search(store.db)``: nothing is written before the first `catch_up`."""

    def __init__(self, db: Connection) -> None:
        self.db = db

    def find(self, experiment: str, words: str, *, after: int = 0, limit: int = 50) -> list[Hit]:
        """The next ``limit`` turns of ``experiment`` that hold all of ``words``; any text is a query, none raises."""
        wanted = phrases(words, self._pocket(experiment))
        if not wanted or limit <= 0:
            return []
        upto = self._upto(experiment)
        hits = self._indexed(experiment, wanted, after, limit, upto) if upto else []
        return hits + self._beyond(experiment, wanted, max(after, (upto + 1) * WIDTH - 1), limit - len(hits))

    def places(self, experiment: str, words: str, limit: int = MOST) -> list[int]:
        """Where the first ``limit`` turns are that `find` would give, in the same order, without reading them."""
        wanted = phrases(words, self._pocket(experiment))
        if not wanted:
            return []
        upto = self._upto(experiment)
        found = self._matching(experiment, wanted, 0, limit, upto) if upto else []
        beyond = self._beyond(experiment, wanted, (upto + 1) * WIDTH - 1, limit - len(found))
        return found + [hit.place for hit in beyond]

    def at(self, experiment: str, place: int, words: str) -> Hit | None:
        """What stands at one of `places`."""
        return self._read(place, phrases(words, self._pocket(experiment)))

    def behind(self, experiment: str) -> int:
        """How many turns of ``experiment`` are not in the index yet."""
        return self._count(experiment, self._upto(experiment))

    def uncovered(self, experiment: str) -> int:
        """How many turns a search that begins at the beginning would leave out for now."""
        return max(0, self.behind(experiment) - LOOKED)

    def catch_up(self, experiment: str, limit: int = 4000, done: Callable[[int], None] = lambda turns: None) -> int:
        """Take up to about ``limit`` turns more into the index, step by step; returns how many it took.

        Whole episodes at a time. ReadOnlyDatabase where nothing can be written.
        """
        taken = 0
        while taken < limit and (step := self._step(experiment)):
            taken += step
            done(taken)
        return taken

    # -- the index ---------------------------------------------------------------------------------------------------
    def _step(self, experiment: str) -> int:
        if not self._count(experiment, self._upto(experiment), most=1):
            return 0
        with self.db.write():
            for sql in _TABLES:
                self.db.run(sql)
            upto, rows, characters = self._upto(experiment), 0, 0
            for seq, turns in _episodes(self._turns(experiment, upto)):
                self.db.raw.executemany(
                    "INSERT INTO turn_search(rowid, text) VALUES (?, ?)",
                    [(_place(row), shown(row["source"], row["text"])) for row in turns],
                )
                upto, rows = seq, rows + len(turns)
                characters += sum(len(row["text"]) for row in turns)
                if rows >= STEP or characters >= STEP_CHARACTERS:
                    break
            self.db.run("INSERT INTO turn_indexed VALUES (?, ?) ON CONFLICT DO UPDATE SET upto = excluded.upto",
                        experiment, upto)
        return rows

    def _indexed(self, experiment: str, wanted: Sequence[Phrase], after: int, limit: int, upto: int) -> list[Hit]:
        hits = (self._read(place, wanted) for place in self._matching(experiment, wanted, after, limit, upto))
        return [hit for hit in hits if hit is not None]

    def _matching(self, experiment: str, wanted: Sequence[Phrase], after: int, limit: int, upto: int) -> list[int]:
        first = self.db.value("SELECT min(seq) FROM trajectory WHERE experiment = ?", experiment) or 1
        found = self.db.rows(
            # CROSS JOIN: along the index in the order of places, so that LIMIT ends the work
            "SELECT s.rowid AS place FROM turn_search s CROSS JOIN trajectory t ON t.seq = s.rowid / ? "
            "WHERE turn_search MATCH ? AND s.rowid > ? AND s.rowid < ? AND t.experiment = ? ORDER BY s.rowid LIMIT ?",
            WIDTH, _query(wanted), max(after, first * WIDTH - 1), (upto + 1) * WIDTH, experiment, limit,
        )
        return [place for (place,) in found]

    def _read(self, place: int, wanted: Sequence[Phrase]) -> Hit | None:
        row = self.db.row(f"{_TURNS} WHERE t.seq = ? AND u.idx = ?", WIDTH, *divmod(place, WIDTH))
        return None if row is None else _hit(row, wanted)

    def _beyond(self, experiment: str, wanted: Sequence[Phrase], after: int, limit: int) -> list[Hit]:
        hits: list[Hit] = []
        for looked, row in enumerate(self._turns(experiment, after // WIDTH - 1)):
            if looked >= LOOKED or len(hits) >= limit:
                break
            if _place(row) > after and _holds(tokens(shown(row["source"], row["text"])), wanted):
                hits.append(_hit(row, wanted))
        return hits

    def _turns(self, experiment: str, upto: int) -> Iterator[sqlite3.Row]:
        """The turns of the episodes after ``upto``, in order."""
        return self.db.each(f"{_TURNS} WHERE t.experiment = ? AND t.seq > ? ORDER BY t.seq, u.idx",
                            WIDTH, experiment, upto)

    def _count(self, experiment: str, upto: int, most: int = 1_000_000) -> int:
        return int(self.db.value(
            "SELECT count(*) FROM (SELECT 1 FROM trajectory t JOIN turn u ON u.trajectory = t.seq AND u.idx < ? "
            "WHERE t.experiment = ? AND t.seq > ? LIMIT ?)", WIDTH, experiment, upto, most))

    def _upto(self, experiment: str) -> int:
        """The last trajectory of ``experiment`` whose turns are in the index; 0 if there is none."""
        if not self.db.value("SELECT 1 FROM sqlite_master WHERE name = 'turn_indexed'"):
            return 0
        return self.db.value("SELECT upto FROM turn_indexed WHERE experiment = ?", experiment) or 0

    def _pocket(self, experiment: str) -> bool:
        sql = "SELECT k.source FROM trajectory t JOIN task k ON k.id = t.task WHERE t.experiment = ? LIMIT 1"
        return self.db.value(sql, experiment) in SOURCES


def shown(source: str, text: str) -> str:
    """A turn's text as people read it; so it is indexed."""
    return render_readable(text) if source in SOURCES and knows(text) else text


def tokens(text: str) -> list[str]:
    """The words of a text as the index folds them: letters and digits, lower case, no accents."""
    plain = "".join(c for c in unicodedata.normalize("NFD", text.lower()) if not unicodedata.combining(c))
    return re.findall(r"[^\W_]+", plain)


def phrases(words: str, pocket: bool = False) -> list[Phrase]:
    """What a person typed, as phrases that a turn must hold, each in its order of words.

    ``phrases("net for* F = m") == [(("net",), False), (("for",), True), (("f", "m"), False)]``
    """
    text = "".join(c if c.isprintable() else " " for c in words[:ASKED])
    if pocket:
        text = render_readable(text) if knows(text) else text
        text = re.sub(r"(?<=\d)\s*[xX]\s*(?=\d)", " × ", text)
    found: list[Phrase] = []
    glued = False  # a sign stood alone: what follows belongs to what came before
    for piece in text.split():
        parts = tuple(tokens(piece))
        if not parts:
            glued = bool(found)
            continue
        ending = piece.endswith("*") and len(parts[-1]) >= 3
        if glued:
            parts = (*found.pop()[0], *parts)
        found.append((parts, ending))
        glued = False
    return found


def _query(wanted: Sequence[Phrase]) -> str:
    """The phrases for FTS5; they hold letters and digits only, so nothing in them is an operator once quoted."""
    return " AND ".join(f'"{" ".join(words)}"{" *" if ending else ""}' for words, ending in wanted)


def _holds(said: list[str], wanted: Sequence[Phrase]) -> bool:
    return all(_stands(said, *phrase) for phrase in wanted)


def _stands(said: list[str], words: tuple[str, ...], ending: bool) -> bool:
    n, last = len(words), words[-1]
    return any(said[i + n - 1].startswith(last) if ending else said[i + n - 1] == last
               for i in range(len(said) - n + 1) if tuple(said[i : i + n - 1]) == words[:-1])


def _hit(row: sqlite3.Row, wanted: Sequence[Phrase]) -> Hit:
    text = shown(row["source"], row["text"])
    return Hit(_place(row), row["id"], row["idx"], row["role"], row["round"], row["phase"], snippet(text, wanted))


def snippet(text: str, wanted: Sequence[Phrase]) -> str:
    """What stands around the first place in ``text`` where a phrase begins, in one line."""
    text = " ".join(text.split())
    starts = (re.search(r"[\W_]+".join(map(re.escape, words)), text, re.IGNORECASE) for words, _ in wanted)
    start = next((m.start() for m in starts if m), 0)
    low, high = max(0, start - AROUND), start + 2 * AROUND
    low = 0 if low < 20 else text.find(" ", low, start) + 1 or low
    return f"{'… ' if low else ''}{text[low:high].rstrip()}{' …' if high < len(text) else ''}"


def _place(row: sqlite3.Row) -> int:
    return int(row["seq"] * WIDTH + row["idx"])


def _episodes(rows: Iterator[sqlite3.Row]) -> Iterator[tuple[int, list[sqlite3.Row]]]:
    """Rows by trajectory."""
    turns: list[sqlite3.Row] = []
    for row in rows:
        if turns and row["seq"] != turns[0]["seq"]:
            yield turns[0]["seq"], turns
            turns = []
        turns.append(row)
    if turns:
        yield turns[0]["seq"], turns
