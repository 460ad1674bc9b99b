"""Contrasts as the fourth migration: what was planned, predicted and found, and where the work on one stands.

`prediction` is append-only and closed once an arm exists; `contrast_job` changes; `verdict` grows with the seeds.
"""

from __future__ import annotations

TABLES = """
ALTER TABLE contrast ADD COLUMN plan TEXT NOT NULL DEFAULT '{}';
CREATE INDEX experiment_contrast ON experiment(contrast, seed, arm) WHERE contrast IS NOT NULL;
CREATE TABLE contrast_job (
  contrast TEXT PRIMARY KEY REFERENCES contrast(id), status TEXT NOT NULL, done INTEGER NOT NULL DEFAULT 0,
  total INTEGER NOT NULL DEFAULT 0, message TEXT NOT NULL DEFAULT '', pid INTEGER, cancel INTEGER NOT NULL DEFAULT 0,
  seconds REAL NOT NULL DEFAULT 0, log TEXT NOT NULL DEFAULT '', updated_at TEXT NOT NULL
) STRICT;
CREATE TABLE prediction (
  seq INTEGER PRIMARY KEY, contrast TEXT NOT NULL REFERENCES contrast(id), author TEXT NOT NULL,
  arm TEXT NOT NULL, points REAL, reason TEXT NOT NULL, created_at TEXT NOT NULL
) STRICT;
CREATE INDEX prediction_contrast ON prediction(contrast, seq);
CREATE TABLE verdict (
  contrast TEXT NOT NULL REFERENCES contrast(id), seeds INTEGER NOT NULL, body TEXT NOT NULL, figure TEXT NOT NULL,
  created_at TEXT NOT NULL, PRIMARY KEY (contrast, seeds)
) STRICT;
"""

TRIGGERS = """
CREATE TRIGGER prediction_no_update BEFORE UPDATE ON prediction
  BEGIN SELECT RAISE(ABORT, 'table prediction is append-only'); END;
CREATE TRIGGER prediction_no_delete BEFORE DELETE ON prediction
  BEGIN SELECT RAISE(ABORT, 'table prediction is append-only'); END;
CREATE TRIGGER prediction_locked BEFORE INSERT ON prediction
  WHEN EXISTS (SELECT 1 FROM experiment WHERE contrast = NEW.contrast)
  BEGIN SELECT RAISE(ABORT, 'predictions are locked: the contrast has begun'); END;
"""
