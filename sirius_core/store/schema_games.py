"""Games against people as the fifth migration: who sat where, and whether the game may be learned from."""

from __future__ import annotations

TABLES = """
CREATE TABLE human_game (
  trajectory TEXT PRIMARY KEY REFERENCES trajectory(id), experiment TEXT NOT NULL REFERENCES experiment(id),
  author TEXT NOT NULL, seat INTEGER NOT NULL, learn INTEGER NOT NULL, created_at TEXT NOT NULL
) STRICT;
CREATE INDEX human_game_experiment ON human_game(experiment, created_at);
"""

TRIGGERS = """
CREATE TRIGGER human_game_no_update BEFORE UPDATE ON human_game
  BEGIN SELECT RAISE(ABORT, 'table human_game is append-only'); END;
CREATE TRIGGER human_game_no_delete BEFORE DELETE ON human_game
  BEGIN SELECT RAISE(ABORT, 'table human_game is append-only'); END;
"""
