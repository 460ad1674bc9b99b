"""Whether the file says the truth: every hash, id and count in it is derived anew, and what differs is said exactly.

A line names the table, the row, the column, what is stored and what was derived:

    trajectory 41 (quickstart-0-1): content is '5f0c...', derived '9ab1...'

Rows are read one after the other, so memory stays the same however large the file is; nothing is written.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import groupby
from sqlite3 import Row
from typing import Any

from ..trajectories import SeedPath, canonical, digest
from . import check_reports
from .check_reports import Draw, Measure, differs
from .connection import Connection
from .schema_views import COUNTED, counts

Hear = Callable[[str], None]
EVERY = 5.0  # seconds between two words about how far it is


def problems(
    db: Connection, draw: Draw | None = None, hear: Hear = lambda news: None, measure: Measure | None = None
) -> Iterator[str]:
    """What is wrong with the file, a line each. ``draw`` makes a round's figures from the reports up to it, ``measure``
    its measures; without them those that are stored are not looked at. ``hear`` is told how far it is."""
    yield from (str(row[0]) for row in db.rows("PRAGMA integrity_check") if row[0] != "ok")
    for row in db.rows("PRAGMA foreign_key_check"):
        yield f"{row[0]} row {row[1]} points at a missing {row[2]}"
    yield from _tasks(db)
    yield from _trajectories(db, _progress(hear, db.value("SELECT count(*) FROM trajectory")))
    for what, look in (("repairs and decisions", _people), ("questions", _questions),
                       ("training sets", _training_sets), ("weights", _weights)):
        hear(what)
        yield from look(db)
    hear("reports")
    yield from check_reports.problems(db, draw, measure)


def _progress(hear: Hear, total: int) -> Callable[[int], None]:
    last = time.monotonic()

    def at(count: int) -> None:
        nonlocal last
        if time.monotonic() - last > EVERY:
            last = time.monotonic()
            hear(f"trajectory {count:,} of {total:,}")

    return at


def _tasks(db: Connection) -> Iterator[str]:
    """A task's id, where its source says which row it is."""
    for id, source, question, answer, data in db.each("SELECT id, source, question, answer, data FROM task"):
        known = json.loads(data)
        row = known.get("row")
        if source == "formulas" and "wording_id" in known:
            row = "/".join(str(known.get(name)) for name in ("wording_id", "x", "y", "z"))
        if isinstance(row, str):
            yield from differs("task", id, "id", id, digest(source, row, question, answer)[:16])


_EPISODES = """
  SELECT t.seq, t.id, t.experiment, t.seed, t.round, t.phase, t.task, t.attempt, t.branch, t.draw, t.team, t.edits,
         t.fresh_from, t.answer, t.stop, t.content, p.seed AS p_seed, p.round AS p_round, p.phase AS p_phase,
         p.task AS p_task, p.attempt AS p_attempt, p.branch AS p_branch, p.draw AS p_draw, p.id AS p_id,
         u.idx, u.role, u.prompt, u.seat, u.messages, u.text, u.finish, u.request, u.occurrence, u.origin, u.model,
         u.seed AS turn_seed
  FROM trajectory t LEFT JOIN trajectory p ON p.id = t.parent LEFT JOIN turn u ON u.trajectory = t.seq
  ORDER BY t.seq, u.idx"""


def _trajectories(db: Connection, at: Callable[[int], None]) -> Iterator[str]:
    for count, (_, rows) in enumerate(groupby(db.each(_EPISODES), key=lambda row: row["seq"]), 1):
        turns = list(rows)
        t = turns[0]
        where = f"{t['seq']} ({t['experiment']})"
        path = SeedPath(t["experiment"], t["seed"], t["round"], t["phase"], t["task"], t["attempt"], t["branch"],
                        t["draw"])
        yield from differs("trajectory", where, "id", t["id"], path.id)
        if t["p_id"] is not None:  # a replay: its branch names what was changed
            parent = SeedPath("", t["p_seed"], t["p_round"], t["p_phase"], t["p_task"], t["p_attempt"], t["p_branch"],
                              t["p_draw"])
            branch = digest(parent.key, json.loads(t["edits"]), t["fresh_from"])
            yield from differs("trajectory", where, "branch", t["branch"], branch)
        contents = []
        for u in turns if t["idx"] is not None else ():
            messages, place = json.loads(u["messages"]), f"{u['idx']} of trajectory {where}"
            request = digest(u["role"], u["prompt"], u["seat"], messages)
            yield from differs("turn", place, "request", u["request"], request)
            if u["origin"] == "sampled" and u["model"] and u["phase"] != "imported":
                seed = path.call_seed(u["role"], u["prompt"], u["seat"], u["request"], u["occurrence"])
                yield from differs("turn", place, "seed", u["turn_seed"], seed)
            contents.append(digest(u["role"], u["prompt"], u["seat"], messages, u["text"], u["finish"]))
        derived = digest(t["task"], t["team"], contents, t["answer"], t["stop"])
        yield from differs("trajectory", where, "content", t["content"], derived)
        at(count)


def _people(db: Connection) -> Iterator[str]:
    thresholds = {row["id"]: json.loads(row["settings"]).get("threshold", 0.5)
                  for row in db.rows("SELECT id, settings FROM experiment")}
    for r in db.each(
        "SELECT r.*, t.reward, t.parent, t.edits, f.task AS about FROM repair r "
        "LEFT JOIN trajectory t ON t.id = r.replay JOIN trajectory f ON f.id = r.failed ORDER BY r.seq"
    ):
        where = f"{r['seq']} ({r['experiment']})"
        yield from differs("repair", where, "task", r["task"], r["about"])
        if r["parent"] is not None:  # its replay says what was repaired, where and how
            edits = json.loads(r["edits"])
            yield from differs("repair", where, "failed", r["failed"], r["parent"])
            yield from differs("repair", where, "turn and rephrased", {str(r["turn"]): r["rephrased"]}, edits)
        if r["phase"] in ("repair", "control", "review"):
            yield from differs("repair", where, "id", r["id"], digest(r["mend"], r["regeneration_no"]))
        mended = r["reward"] is not None and r["reward"] > thresholds[r["experiment"]] and not json.loads(r["leak"])
        yield from differs("repair", where, "mended", r["mended"], int(mended))
    sql = "SELECT v.*, r.rephrased FROM review v JOIN repair r ON r.id = v.repair ORDER BY v.seq"
    for v in db.each(sql):
        yield from differs("review", v["seq"], "before", v["before"], digest(v["rephrased"]))
        yield from differs("review", v["seq"], "after", v["after"], digest(v["text"]))
    for p in db.each("SELECT id, repair, text FROM planted ORDER BY id"):
        yield from differs("planted", p["id"], "id", p["id"], digest("planted", p["repair"], p["text"]))
    for seq, id, writer in db.each("SELECT seq, id, writer FROM rewrite ORDER BY seq"):
        yield from differs("rewrite", seq, "id", id, digest("rewrite", writer))


def _questions(db: Connection) -> Iterator[str]:
    """The id of each question, and its answer from the replays that it speaks of (see whatif.py)."""
    sql = ("SELECT i.*, t.seed, t.round, t.phase, t.task, t.attempt, t.branch, t.draw, t.seq, t.reward, e.settings "
           "FROM inquiry i JOIN trajectory t ON t.id = i.trajectory JOIN experiment e ON e.id = i.experiment "
           "ORDER BY i.rowid")
    for q in db.each(sql):
        asked = (q["trajectory"], q["kind"], q["turn"], q["text"], q["k"], q["spoken"])
        yield from differs("inquiry", q["id"], "id", q["id"], digest(*asked)[:16])
        if q["result"] is not None:
            stored = json.loads(q["result"])
            for name, value in _answer(db, q).items():
                yield from differs("inquiry", q["id"], f"result.{name}", stored.get(name), value)


def _answer(db: Connection, q: Row) -> dict[str, Any]:
    parent = SeedPath(q["experiment"], q["seed"], q["round"], q["phase"], q["task"], q["attempt"], q["branch"],
                      q["draw"])
    threshold = json.loads(q["settings"]).get("threshold", 0.5)

    def ids(edits: dict[str, str], fresh_from: int | None) -> str:
        branch, phase = digest(parent.key, edits, fresh_from), f"{q['kind']}:{q['spoken']}"
        return json.dumps([replace(parent, phase=phase, branch=branch, draw=draw).id for draw in range(q["k"])])

    def tries(edits: dict[str, str], fresh_from: int | None) -> list[int]:
        sql = ("SELECT coalesce(sum(reward > ?), 0), count(*) FROM trajectory "
               "WHERE id IN (SELECT value FROM json_each(?))")
        return list(db.rows(sql, threshold, ids(edits, fresh_from))[0])

    said = db.rows("SELECT role, seat FROM turn WHERE trajectory = ? ORDER BY idx", q["seq"])
    if q["kind"] == "blame":
        speakers = [role + (f" {seat}" if seat else "") for role, seat in said]
        return {"values": [tries({}, turn) for turn in range(len(said))], "speakers": speakers}
    edits, after = {str(q["turn"]): q["text"]}, q["turn"] + 1
    sampled = db.value("SELECT EXISTS (SELECT 1 FROM trajectory t JOIN turn u ON u.trajectory = t.seq "
                       "WHERE t.id IN (SELECT value FROM json_each(?)) AND u.origin = 'sampled')", ids(edits, None))
    return {"edited": tries(edits, None), "unedited": tries({}, after) if after < len(said) else None,
            "was_right": q["reward"] is not None and q["reward"] > threshold, "certain": not sampled}


def _training_sets(db: Connection) -> Iterator[str]:
    for s in db.each("SELECT * FROM training_set ORDER BY experiment, round, model"):
        where, n = f"{s['model']} of round {s['round']} ({s['experiment']})", 0
        content = hashlib.blake2b(b"[[", digest_size=16)
        for e in db.each(
            "SELECT e.*, u.messages, u.text FROM example e JOIN trajectory t ON t.id = e.trajectory "
            "LEFT JOIN turn u ON u.trajectory = t.seq AND u.idx = e.turn WHERE e.training_set = ? ORDER BY e.position",
            s["id"],
        ):
            derived = None if e["messages"] is None else digest(json.loads(e["messages"]), e["text"])
            yield from differs("example", f"{e['position']} of {where}", "content", e["content"], derived)
            yield from differs("example", f"{e['position']} of {where}", "position", e["position"], n)
            content.update(b"," * bool(n) + canonical([e["content"], e["weight"]]).encode("utf-8", "surrogatepass"))
            n += 1
        content.update(b"]]")  # of the list of examples, and of digest's one argument
        yield from differs("training_set", where, "hash", s["hash"], content.hexdigest())
        yield from differs(
            "training_set", where, "id", s["id"], digest(s["experiment"], s["round"], s["model"], s["hash"])
        )
        yield from differs("training_set", where, "n", s["n"], n)
        counted, = db.rows(counts("?1"), s["id"])
        for name in COUNTED:
            yield from differs("training_set", where, name, s[name], counted[name])


def _weights(db: Connection) -> Iterator[str]:
    names = db.rows("SELECT hash, bytes FROM weights ORDER BY created_at, hash")
    for name, size in names:
        blob = bytes(db.value("SELECT blob FROM weights WHERE hash = ?", name))
        yield from differs("weights", name[:12], "hash", name, hashlib.sha256(blob).hexdigest())
        yield from differs("weights", name[:12], "bytes", size, len(blob))
    for row in db.each(
        "SELECT experiment, round, model, before FROM update_step WHERE before NOT IN (SELECT hash FROM weights)"
    ):
        yield f"update_step {row[2]} of round {row[1]} ({row[0]}): before is {row[3]!r}, which no weights have"
