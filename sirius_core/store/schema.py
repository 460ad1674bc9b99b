"""The tables, as numbered migrations. Facts are append-only; only `job`, `contrast_job`, `measurement`, `price`,
`inquiry`, `lease`, `verdict`, `plan` of `contrast`, and `settings` and `machine` of `experiment` change.

Each migration runs with its record in one BEGIN IMMEDIATE transaction. `PRAGMA user_version` repeats how many were
applied, so that opening an up-to-date file needs no import of sqlite-utils.
"""

from __future__ import annotations

import sqlite3
import sys
import threading
from typing import Any

from ..errors import NewerDatabase, StoreError
from . import schema_contrasts, schema_games, schema_people, schema_views

VERSION = 5

_TABLES = """
CREATE TABLE contrast (
  id TEXT PRIMARY KEY, name TEXT NOT NULL, question TEXT NOT NULL DEFAULT '', created_at TEXT NOT NULL
) STRICT;
CREATE TABLE experiment (
  id TEXT PRIMARY KEY, name TEXT NOT NULL, recipe TEXT NOT NULL, seed INTEGER NOT NULL,
  contrast TEXT REFERENCES contrast(id), arm TEXT NOT NULL DEFAULT '',
  settings TEXT NOT NULL, machine TEXT NOT NULL DEFAULT '{}', created_at TEXT NOT NULL
) STRICT;
CREATE INDEX experiment_created ON experiment(created_at);

CREATE TABLE task (
  id TEXT PRIMARY KEY, source TEXT NOT NULL, split TEXT NOT NULL, question TEXT NOT NULL, answer TEXT NOT NULL,
  kind TEXT NOT NULL, grp TEXT NOT NULL, data TEXT NOT NULL
) STRICT;

CREATE TABLE trajectory (
  seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, experiment TEXT NOT NULL REFERENCES experiment(id),
  seed INTEGER NOT NULL, round INTEGER NOT NULL, phase TEXT NOT NULL, task TEXT NOT NULL REFERENCES task(id),
  attempt INTEGER NOT NULL, branch TEXT NOT NULL, draw INTEGER NOT NULL, team TEXT NOT NULL,
  parent TEXT, edits TEXT NOT NULL, fresh_from INTEGER,
  answer TEXT, stop TEXT, why TEXT NOT NULL, reward REAL, read TEXT, reward_why TEXT, reward_turns TEXT, lucky INTEGER,
  content TEXT NOT NULL
) STRICT;
CREATE INDEX trajectory_phase ON trajectory(experiment, round, phase, seq);
CREATE INDEX trajectory_order ON trajectory(experiment, seq);
CREATE INDEX trajectory_task ON trajectory(experiment, task, seq);
CREATE INDEX trajectory_parent ON trajectory(parent) WHERE parent IS NOT NULL;
CREATE TABLE turn (
  trajectory INTEGER NOT NULL REFERENCES trajectory(seq), idx INTEGER NOT NULL,
  role TEXT NOT NULL, prompt TEXT NOT NULL, seat TEXT, messages TEXT NOT NULL, slots TEXT NOT NULL,
  text TEXT NOT NULL, request TEXT NOT NULL, occurrence INTEGER NOT NULL, origin TEXT NOT NULL, finish TEXT NOT NULL,
  public TEXT NOT NULL, value TEXT, model TEXT NOT NULL, seed INTEGER NOT NULL,
  tokens_in INTEGER NOT NULL, tokens_out INTEGER NOT NULL, ms REAL NOT NULL,
  PRIMARY KEY (trajectory, idx)
) STRICT;
CREATE TABLE work (
  experiment TEXT NOT NULL REFERENCES experiment(id), round INTEGER NOT NULL, phase TEXT NOT NULL, item TEXT NOT NULL,
  PRIMARY KEY (experiment, round, phase, item)
) STRICT, WITHOUT ROWID;
CREATE TABLE journal (
  key TEXT PRIMARY KEY, experiment TEXT NOT NULL, model TEXT NOT NULL, reply TEXT NOT NULL, created_at TEXT NOT NULL
) STRICT;

CREATE TABLE repair (
  seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, experiment TEXT NOT NULL REFERENCES experiment(id),
  round INTEGER NOT NULL, phase TEXT NOT NULL, task TEXT NOT NULL REFERENCES task(id),
  failed TEXT NOT NULL REFERENCES trajectory(id), mend TEXT NOT NULL REFERENCES trajectory(id),
  critic TEXT NOT NULL, critique TEXT NOT NULL, turn INTEGER, role TEXT NOT NULL, feedback TEXT NOT NULL,
  raw TEXT NOT NULL, rephrased TEXT NOT NULL, leak TEXT NOT NULL, replay TEXT REFERENCES trajectory(id),
  mended INTEGER NOT NULL, critique_no INTEGER NOT NULL, regeneration_no INTEGER NOT NULL, calls INTEGER NOT NULL
) STRICT;
CREATE INDEX repair_round ON repair(experiment, round, phase, seq);
CREATE INDEX repair_failed ON repair(failed);
CREATE INDEX repair_replay ON repair(replay);
CREATE TABLE review (
  seq INTEGER PRIMARY KEY, repair TEXT NOT NULL REFERENCES repair(id), author TEXT NOT NULL,
  verdict TEXT NOT NULL CHECK (verdict IN ('accept', 'edit', 'reject', 'undo')), reason TEXT NOT NULL,
  before TEXT NOT NULL, after TEXT NOT NULL, text TEXT NOT NULL, replay TEXT REFERENCES trajectory(id),
  seconds REAL NOT NULL, created_at TEXT NOT NULL
) STRICT;
CREATE INDEX review_repair ON review(repair, seq);
CREATE TRIGGER review_no_update BEFORE UPDATE ON review BEGIN SELECT RAISE(ABORT, 'reviews are append-only'); END;
CREATE TRIGGER review_no_delete BEFORE DELETE ON review BEGIN SELECT RAISE(ABORT, 'reviews are append-only'); END;

CREATE TABLE weights (
  hash TEXT PRIMARY KEY, bytes INTEGER NOT NULL, blob BLOB NOT NULL, created_at TEXT NOT NULL
) STRICT;
CREATE TABLE training_set (
  id TEXT PRIMARY KEY, experiment TEXT NOT NULL REFERENCES experiment(id), round INTEGER NOT NULL,
  model TEXT NOT NULL, hash TEXT NOT NULL, n INTEGER NOT NULL
) STRICT;
CREATE INDEX training_set_round ON training_set(experiment, round);
CREATE TABLE example (
  training_set TEXT NOT NULL REFERENCES training_set(id), position INTEGER NOT NULL,
  trajectory TEXT NOT NULL REFERENCES trajectory(id), turn INTEGER NOT NULL, weight REAL NOT NULL,
  source TEXT NOT NULL, content TEXT NOT NULL, PRIMARY KEY (training_set, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX example_trajectory ON example(trajectory, turn);
CREATE TABLE update_step (
  experiment TEXT NOT NULL REFERENCES experiment(id), round INTEGER NOT NULL, model TEXT NOT NULL,
  training_set TEXT NOT NULL REFERENCES training_set(id), before TEXT NOT NULL,
  after TEXT NOT NULL REFERENCES weights(hash),
  steps INTEGER NOT NULL, tokens INTEGER NOT NULL, losses TEXT NOT NULL, seconds REAL NOT NULL,
  PRIMARY KEY (experiment, round, model)
) STRICT;
CREATE TABLE gate (
  experiment TEXT NOT NULL REFERENCES experiment(id), round INTEGER NOT NULL, models TEXT NOT NULL,
  verdict TEXT NOT NULL,
  PRIMARY KEY (experiment, round)
) STRICT;

CREATE TABLE report (
  experiment TEXT NOT NULL REFERENCES experiment(id), round INTEGER NOT NULL, body TEXT NOT NULL,
  created_at TEXT NOT NULL, PRIMARY KEY (experiment, round)
) STRICT;
CREATE TABLE measurement (
  experiment TEXT NOT NULL REFERENCES experiment(id), name TEXT NOT NULL, body TEXT NOT NULL,
  created_at TEXT NOT NULL, PRIMARY KEY (experiment, name)
) STRICT;
CREATE TABLE figure (
  experiment TEXT NOT NULL REFERENCES experiment(id), round INTEGER NOT NULL, name TEXT NOT NULL, body TEXT NOT NULL,
  PRIMARY KEY (experiment, round, name)
) STRICT;
CREATE TABLE job (
  experiment TEXT PRIMARY KEY REFERENCES experiment(id), status TEXT NOT NULL, round INTEGER NOT NULL DEFAULT 0,
  phase TEXT NOT NULL DEFAULT '', done INTEGER NOT NULL DEFAULT 0, total INTEGER NOT NULL DEFAULT 0,
  message TEXT NOT NULL DEFAULT '', pid INTEGER, cancel INTEGER NOT NULL DEFAULT 0, seconds REAL NOT NULL DEFAULT 0,
  log TEXT NOT NULL DEFAULT '', updated_at TEXT NOT NULL
) STRICT;
CREATE TABLE event (
  seq INTEGER PRIMARY KEY, experiment TEXT NOT NULL REFERENCES experiment(id), at TEXT NOT NULL, text TEXT NOT NULL
) STRICT;
CREATE INDEX event_experiment ON event(experiment, seq);
"""

_VIEWS = """
CREATE VIEW v_rounds AS
  SELECT experiment, round, json_extract(body, '$.n') AS n, json_extract(body, '$.correct') AS correct,
         json_extract(body, '$.accuracy') AS accuracy, json_extract(body, '$.low') AS low,
         json_extract(body, '$.high') AS high, json_extract(body, '$.greedy_accuracy') AS greedy_accuracy,
         json_extract(body, '$.p_vs_previous') AS p_vs_previous FROM report;
CREATE VIEW v_decision AS
  SELECT r.* FROM review r JOIN (SELECT repair, max(seq) AS seq FROM review GROUP BY repair) last USING (seq)
  WHERE r.verdict <> 'undo';
CREATE VIEW v_provenance AS
  SELECT s.experiment, s.round, s.model, e.position, e.trajectory, e.turn, e.source, t.task, t.parent,
         r.id AS repair, r.critique, d.verdict, d.author, u.after AS checkpoint
  FROM example e JOIN training_set s ON s.id = e.training_set JOIN trajectory t ON t.id = e.trajectory
  LEFT JOIN v_decision d ON d.replay = e.trajectory
  LEFT JOIN repair r ON r.replay = e.trajectory OR r.id = d.repair
  LEFT JOIN update_step u ON u.training_set = s.id;
"""

# Endpoints, datasets and rewritten prompts. `membership` is an experiment's splits; `price` US dollars per million
# tokens; `fault` one failed attempt at a call; `note` what a remote service called the work that it was given.
_ENDPOINTS = """
ALTER TABLE turn ADD COLUMN cost REAL;
CREATE TABLE membership (
  experiment TEXT NOT NULL REFERENCES experiment(id), split TEXT NOT NULL, position INTEGER NOT NULL,
  task TEXT NOT NULL REFERENCES task(id), PRIMARY KEY (experiment, split, position)
) STRICT, WITHOUT ROWID;
CREATE TABLE price (
  model TEXT PRIMARY KEY, input REAL NOT NULL, output REAL NOT NULL, cached REAL, note TEXT NOT NULL DEFAULT '',
  updated_at TEXT NOT NULL
) STRICT;
CREATE TABLE fault (
  seq INTEGER PRIMARY KEY, experiment TEXT NOT NULL REFERENCES experiment(id), round INTEGER NOT NULL,
  phase TEXT NOT NULL, model TEXT NOT NULL, name TEXT NOT NULL, why TEXT NOT NULL, at TEXT NOT NULL
) STRICT;
CREATE INDEX fault_round ON fault(experiment, round, phase);
CREATE TABLE note (
  experiment TEXT NOT NULL REFERENCES experiment(id), key TEXT NOT NULL, body TEXT NOT NULL, created_at TEXT NOT NULL,
  PRIMARY KEY (experiment, key)
) STRICT;
CREATE TABLE rewrite (
  seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, experiment TEXT NOT NULL REFERENCES experiment(id),
  round INTEGER NOT NULL, model TEXT NOT NULL, before TEXT NOT NULL, after TEXT NOT NULL, why TEXT NOT NULL,
  writer TEXT NOT NULL REFERENCES trajectory(id)
) STRICT;
CREATE INDEX rewrite_round ON rewrite(experiment, round);
CREATE TABLE rewrite_review (
  seq INTEGER PRIMARY KEY, rewrite TEXT NOT NULL REFERENCES rewrite(id), author TEXT NOT NULL,
  verdict TEXT NOT NULL CHECK (verdict IN ('accept', 'edit', 'reject', 'undo')), reason TEXT NOT NULL,
  text TEXT NOT NULL, seconds REAL NOT NULL, created_at TEXT NOT NULL
) STRICT;
CREATE INDEX rewrite_review_rewrite ON rewrite_review(rewrite, seq);
CREATE TRIGGER rewrite_review_no_update BEFORE UPDATE ON rewrite_review
  BEGIN SELECT RAISE(ABORT, 'reviews are append-only'); END;
CREATE TRIGGER rewrite_review_no_delete BEFORE DELETE ON rewrite_review
  BEGIN SELECT RAISE(ABORT, 'reviews are append-only'); END;
"""

# What the table of explore asks for stands in the index by place: a filter reads no row that it does not show.
_INDEXES = """
DROP INDEX trajectory_phase;
CREATE INDEX trajectory_phase ON trajectory(experiment, round, phase, seq, reward, stop);
CREATE INDEX trajectory_stop ON trajectory(experiment, stop) WHERE stop IS NOT NULL AND reward IS NOT NULL;
CREATE INDEX trajectory_lucky ON trajectory(experiment, lucky) WHERE lucky = 1;
CREATE INDEX repair_mended ON repair(experiment, failed) WHERE mended;
CREATE INDEX repair_story ON repair(experiment, turn <> 0, seq) WHERE phase = 'repair' AND mended;
CREATE INDEX repair_mend ON repair(mend);
CREATE INDEX task_family ON task(source, json_extract(data, '$.family'));
CREATE INDEX task_subject ON task(source, json_extract(data, '$.subject'));
"""


def _statements(script: str) -> list[str]:
    """Split a script at statement ends (executescript would commit the open transaction)."""
    found, pending = [], ""
    for line in script.splitlines():
        pending += line + "\n"
        if sqlite3.complete_statement(pending):
            found.append(pending.strip())
            pending = ""
    return [statement for statement in found if statement]


class _WithoutPandas:
    """Nobody finds pandas in this thread while a ``with`` block runs: sqlite-utils imports it where it is installed,
    70 MB and 0.3 s, to know the types of columns that no table of ours has."""

    def __enter__(self) -> None:
        self._thread = threading.get_ident()
        sys.meta_path.insert(0, self)

    def __exit__(self, *_: object) -> None:
        sys.meta_path.remove(self)

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name == "pandas" and threading.get_ident() == self._thread:
            raise ImportError("pandas is not needed here", name=name)


def migrations() -> Any:
    """All migrations in order (a ``sqlite_utils.Migrations``)."""
    with _WithoutPandas():
        from sqlite_utils import Migrations

    steps = Migrations("sirius_lab")

    @steps(name="0001_arms_seeds_and_the_whole_path")
    def first(db: Any) -> None:
        for statement in _statements(_TABLES) + _statements(_VIEWS):
            db.conn.execute(statement)

    @steps(name="0002_endpoints_datasets_prompts")
    def second(db: Any) -> None:
        for statement in _statements(_ENDPOINTS):
            db.conn.execute(statement)

    @steps(name="0003_people")
    def third(db: Any) -> None:
        for statement in _statements(schema_people.TABLES + schema_people.TRIGGERS + schema_views.COLUMNS + _INDEXES):
            db.conn.execute(statement)
        db.conn.execute(schema_views.COUNT)
        for name, query in schema_views.VIEWS.items():
            db.conn.execute(f"DROP VIEW IF EXISTS {name}")
            db.conn.execute(f"CREATE VIEW {name} AS {query}")

    @steps(name="0004_contrasts")
    def fourth(db: Any) -> None:
        for statement in _statements(schema_contrasts.TABLES + schema_contrasts.TRIGGERS):
            db.conn.execute(statement)

    @steps(name="0005_games")
    def fifth(db: Any) -> None:
        for statement in _statements(schema_games.TABLES + schema_games.TRIGGERS):
            db.conn.execute(statement)

    return steps


def migrate(connection: sqlite3.Connection) -> None:
    """Bring a database up to `VERSION`; one from a newer version or another program is left as it is, with an error."""
    found = connection.execute("PRAGMA user_version").fetchone()[0]
    if found > VERSION:
        raise NewerDatabase(
            f"the database was written by a newer Sirius Lab (format {found}, this one reads up to {VERSION}); "
            "update the lab or open another file"
        )
    if found == VERSION:
        return
    with _WithoutPandas():
        from sqlite_utils import Database, Migrations

    tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if tables and Migrations.migrations_table not in tables:
        raise StoreError(f"the database belongs to another program (it has a table {min(tables)!r}); open another file")
    if not tables:
        connection.execute("PRAGMA page_size = 8192")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("BEGIN IMMEDIATE")
    try:
        migrations().apply(Database(connection))
        connection.execute(f"PRAGMA user_version = {VERSION}")
    except BaseException:
        connection.rollback()
        raise
    connection.commit()
