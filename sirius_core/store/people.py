"""What people do at the review page, beside their decisions: flags, blind judgements, planted repairs, leases.

An *item* is what stands in the queue: a repair's id, or a planted one's.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from ..errors import Missing
from .connection import Connection, now
from .repairs import Review


@dataclass(frozen=True, slots=True)
class PlantedRow:
    """A repair that was made wrong on purpose, by ``rule``; ``repair`` is the one whose place ``text`` takes."""

    id: str
    repair: str
    rule: str
    text: str


class Judged(NamedTuple):
    """A blind judgement beside what the critic says: the turns at which the episode went wrong, None: cannot say."""

    author: str
    turn: int | None
    critic: int | None
    seconds: float


class People:
    """``store.people``"""

    def __init__(self, db: Connection) -> None:
        self.db = db

    # -- flags and blind judgements ----------------------------------------------------------------------------------
    def flag(self, item: str, author: str, raised: bool, note: str) -> None:
        sql = "INSERT INTO flag (repair, author, raised, note, created_at) VALUES (?, ?, ?, ?, ?)"
        self.db.run(sql, item, author, int(raised), note, now())

    def flagged(self) -> set[str]:
        """The items whose last flag is raised."""
        rows = self.db.rows("SELECT repair, raised, max(seq) FROM flag GROUP BY repair")
        return {row[0] for row in rows if row[1]}

    def judge(self, item: str, author: str, turn: int | None, seconds: float) -> None:
        sql = "INSERT INTO judgement (repair, author, turn, seconds, created_at) VALUES (?, ?, ?, ?, ?)"
        self.db.run(sql, item, author, turn, seconds, now())

    def judged(self, item: str, author: str) -> bool:
        sql = "SELECT EXISTS (SELECT 1 FROM judgement WHERE repair = ? AND author = ?)"
        return bool(self.db.value(sql, item, author))

    def judgements(self, experiment: str) -> list[Judged]:
        """Each reviewer's first judgement of each item, in order; a planted one has the critic of its original.

        All count, planted or not: a count that stood still would tell which they are before they are decided.
        """
        rows = self.db.rows(
            "SELECT j.author, j.turn, i.turn, j.seconds FROM (SELECT id, turn FROM repair WHERE experiment = ?1 "
            "UNION ALL SELECT p.id, r.turn FROM planted p JOIN repair r ON r.id = p.repair WHERE p.experiment = ?1) i "
            "JOIN judgement j ON j.repair = i.id WHERE j.seq = "
            "(SELECT min(seq) FROM judgement WHERE repair = j.repair AND author = j.author) ORDER BY j.seq",
            experiment,
        )
        return [Judged(*row) for row in rows]

    # -- planted repairs ---------------------------------------------------------------------------------------------
    def plant(self, experiment: str, round: int, planted: list[PlantedRow]) -> None:
        self.db.insert("planted", [{"id": p.id, "experiment": experiment, "round": round, "repair": p.repair,
                                    "rule": p.rule, "text": p.text, "created_at": now()} for p in planted])

    def planted(self, experiment: str, round: int) -> list[PlantedRow]:
        sql = "SELECT id, repair, rule, text FROM planted WHERE experiment = ? AND round = ? ORDER BY id"
        return [PlantedRow(*row) for row in self.db.rows(sql, experiment, round)]

    def find_planted(self, item: str) -> PlantedRow | None:
        """The planted repair with that id; None if it is none."""
        row = self.db.row("SELECT id, repair, rule, text FROM planted WHERE id = ?", item)
        return None if row is None else PlantedRow(*row)

    def planted_texts(self, failed: str) -> set[str]:
        """The texts that were planted in place of rewrites of one failure."""
        sql = "SELECT p.text FROM planted p JOIN repair r ON r.id = p.repair WHERE r.failed = ?"
        return {row[0] for row in self.db.rows(sql, failed)}

    def decide_planted(self, review: Review) -> None:
        self.db.insert("planted_review", [{
            "planted": review.repair, "author": review.author, "verdict": review.verdict, "reason": review.reason,
            "seconds": review.seconds, "created_at": review.created_at or now()}])

    def planted_decisions(self, experiment: str, round: int | None = None) -> dict[str, Review]:
        """The decision in force for each planted repair, as a Review of the planted id."""
        rows = self.db.rows(
            "SELECT d.* FROM planted p JOIN planted_review d "
            "ON d.seq = (SELECT max(seq) FROM planted_review WHERE planted = p.id) "
            "WHERE p.experiment = ?1 AND (?2 IS NULL OR p.round = ?2) AND d.verdict <> 'undo'",
            experiment,
            round,
        )
        return {r["planted"]: Review(r["planted"], r["author"], r["verdict"], r["reason"], seconds=r["seconds"],
                                     created_at=r["created_at"]) for r in rows}

    def first_planted(self, experiment: str) -> list[tuple[str, str, str]]:
        """(planted, author, verdict): each reviewer's first decision of each, undone or not: later ones know."""
        rows = self.db.rows(
            "SELECT d.planted, d.author, d.verdict, min(d.seq) FROM planted p "
            "JOIN planted_review d ON d.planted = p.id WHERE p.experiment = ? AND d.verdict <> 'undo' "
            "GROUP BY d.planted, d.author ORDER BY 4", experiment)
        return [(row[0], row[1], row[2]) for row in rows]

    def told(self, planted: str, author: str) -> bool:
        """Whether this reviewer has decided it before, and so knows what it is."""
        sql = "SELECT EXISTS (SELECT 1 FROM planted_review WHERE planted = ? AND author = ? AND verdict <> 'undo')"
        return bool(self.db.value(sql, planted, author))

    def planted_decision(self, item: str) -> Review | None:
        row = self.db.row("SELECT * FROM planted_review WHERE planted = ? ORDER BY seq DESC LIMIT 1", item)
        if row is None or row["verdict"] == "undo":
            return None
        return Review(item, row["author"], row["verdict"], row["reason"], seconds=row["seconds"],
                      created_at=row["created_at"])

    # -- branches that people sent -----------------------------------------------------------------------------------
    def sent(self, repair: str, author: str, note: str) -> None:
        self.db.insert("sent", [{"repair": repair, "author": author, "note": note, "created_at": now()}], ignore=True)

    # -- decisions of all kinds --------------------------------------------------------------------------------------
    def seconds(self, experiment: str) -> list[float]:
        """How long each decision took, planted repairs' included, undone ones too, in order of time."""
        rows = self.db.rows(
            "SELECT d.seconds, d.created_at FROM review d JOIN repair r ON r.id = d.repair "
            "WHERE r.experiment = ?1 AND d.verdict <> 'undo' UNION ALL "
            "SELECT d.seconds, d.created_at FROM planted_review d JOIN planted p ON p.id = d.planted "
            "WHERE p.experiment = ?1 AND d.verdict <> 'undo' ORDER BY 2",
            experiment,
        )
        return [row[0] for row in rows]

    def place(self, item: str) -> tuple[str, int]:
        """(experiment, round) of an item."""
        row = self.db.row(
            "SELECT experiment, round FROM repair WHERE id = ?1 "
            "UNION ALL SELECT experiment, round FROM planted WHERE id = ?1", item)
        if row is None:
            raise Missing(f"no item {item!r} for review in {self.db.path}")
        return row[0], row[1]

    # -- second looks ------------------------------------------------------------------------------------------------
    def opine(self, repair: str, author: str, verdict: str, reason: str, seconds: float) -> None:
        self.db.insert("opinion", [{"repair": repair, "author": author, "verdict": verdict, "reason": reason,
                                    "seconds": seconds, "created_at": now()}])

    def opinions(self, experiment: str) -> list[tuple[str, str, str]]:
        """(repair, author, verdict): each reviewer's last opinion of each repair."""
        rows = self.db.rows(
            "SELECT o.repair, o.author, o.verdict, max(o.seq) FROM opinion o JOIN repair r ON r.id = o.repair "
            "WHERE r.experiment = ? GROUP BY o.repair, o.author ORDER BY 4", experiment)
        return [(row[0], row[1], row[2]) for row in rows]

    # -- leases ------------------------------------------------------------------------------------------------------
    def lease(self, item: str, author: str, seconds: float = 300.0) -> bool:
        """Hold an item for a while; False if somebody else holds it. One's own is renewed, an expired one is free."""
        at = datetime.now(UTC)
        with self.db.write():
            self.db.run(
                "INSERT INTO lease (repair, author, until) VALUES (?1, ?2, ?3) ON CONFLICT (repair) DO UPDATE "
                "SET author = ?2, until = ?3 WHERE author = ?2 OR until <= ?4",
                item,
                author,
                (at + timedelta(seconds=seconds)).isoformat(timespec="milliseconds"),
                at.isoformat(timespec="milliseconds"),
            )
            return bool(self.db.value("SELECT author FROM lease WHERE repair = ?", item) == author)

    def release(self, item: str, author: str) -> None:
        self.db.run("DELETE FROM lease WHERE repair = ? AND author = ?", item, author)

    def leases(self) -> dict[str, str]:
        """{item: who holds it now}."""
        return {row[0]: row[1] for row in self.db.rows("SELECT repair, author FROM lease WHERE until > ?", now())}
