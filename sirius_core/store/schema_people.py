"""What people do, as tables of the third migration: flags, blind judgements, planted repairs, what-ifs, leases.

`flag`, `judgement`, `planted`, `planted_review`, `sent` and `opinion` are append-only; `inquiry` and `lease` change.
A planted repair stands in a table of its own and its decisions do, too: nothing that builds a library reads either.
In `flag`, `judgement` and `lease` the column ``repair`` is an item of the queue: a repair's id or a planted one's.
"""

from __future__ import annotations

TABLES = """
CREATE TABLE flag (
  seq INTEGER PRIMARY KEY, repair TEXT NOT NULL, author TEXT NOT NULL,
  raised INTEGER NOT NULL CHECK (raised IN (0, 1)), note TEXT NOT NULL DEFAULT '', created_at TEXT NOT NULL
) STRICT;
CREATE INDEX flag_repair ON flag(repair, seq);
CREATE TABLE judgement (
  seq INTEGER PRIMARY KEY, repair TEXT NOT NULL, author TEXT NOT NULL,
  turn INTEGER, seconds REAL NOT NULL, created_at TEXT NOT NULL
) STRICT;
CREATE INDEX judgement_repair ON judgement(repair, seq);
CREATE TABLE planted (
  id TEXT PRIMARY KEY, experiment TEXT NOT NULL REFERENCES experiment(id), round INTEGER NOT NULL,
  repair TEXT NOT NULL REFERENCES repair(id), rule TEXT NOT NULL, text TEXT NOT NULL, created_at TEXT NOT NULL
) STRICT;
CREATE INDEX planted_round ON planted(experiment, round);
CREATE TABLE planted_review (
  seq INTEGER PRIMARY KEY, planted TEXT NOT NULL REFERENCES planted(id), author TEXT NOT NULL,
  verdict TEXT NOT NULL CHECK (verdict IN ('accept', 'edit', 'reject', 'undo')), reason TEXT NOT NULL,
  seconds REAL NOT NULL, created_at TEXT NOT NULL
) STRICT;
CREATE INDEX planted_review_planted ON planted_review(planted, seq);
CREATE TABLE sent (
  repair TEXT PRIMARY KEY REFERENCES repair(id), author TEXT NOT NULL, note TEXT NOT NULL, created_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE opinion (
  seq INTEGER PRIMARY KEY, repair TEXT NOT NULL REFERENCES repair(id), author TEXT NOT NULL,
  verdict TEXT NOT NULL CHECK (verdict IN ('accept', 'reject')), reason TEXT NOT NULL DEFAULT '',
  seconds REAL NOT NULL, created_at TEXT NOT NULL
) STRICT;
CREATE INDEX opinion_repair ON opinion(repair, seq);
CREATE TABLE inquiry (
  id TEXT PRIMARY KEY, experiment TEXT NOT NULL REFERENCES experiment(id),
  trajectory TEXT NOT NULL REFERENCES trajectory(id), kind TEXT NOT NULL CHECK (kind IN ('whatif', 'blame')),
  turn INTEGER, text TEXT NOT NULL DEFAULT '', k INTEGER NOT NULL, spoken INTEGER NOT NULL, author TEXT NOT NULL,
  kept INTEGER NOT NULL DEFAULT 0, status TEXT NOT NULL, done INTEGER NOT NULL DEFAULT 0,
  total INTEGER NOT NULL DEFAULT 0, message TEXT NOT NULL DEFAULT '', pid INTEGER, result TEXT,
  created_at TEXT NOT NULL, updated_at TEXT NOT NULL
) STRICT;
CREATE INDEX trajectory_replays ON trajectory(experiment, round, parent, fresh_from, branch, reward, phase)
  WHERE phase = 'replays';
CREATE INDEX inquiry_trajectory ON inquiry(trajectory, created_at);
CREATE INDEX inquiry_experiment ON inquiry(experiment, created_at);
CREATE TABLE lease (
  repair TEXT PRIMARY KEY, author TEXT NOT NULL, until TEXT NOT NULL
) STRICT, WITHOUT ROWID;
"""

APPEND_ONLY = ("flag", "judgement", "planted", "planted_review", "sent", "opinion")

TRIGGERS = "".join(
    f"CREATE TRIGGER {table}_no_{event} BEFORE {event.upper()} ON {table} "
    f"BEGIN SELECT RAISE(ABORT, 'table {table} is append-only'); END;\n"
    for table in APPEND_ONLY
    for event in ("update", "delete")
)
