"""Hostile text in every field that a model, a file or a person can fill: `poison` writes it into a finished database.

`FILLED` names these fields; every other text column of the schema stands in `OURS`, with what the lab itself writes.
tests/e2e/test_hostile.py holds that none is missing, and looks at every page.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any

EVIL = "http://evil.example"
LONG = "W" * 5_000
MEGABYTE = 1_000_000

ATTACKS = f"""
<script>window.__pwned = 1</script><img src="{EVIL}/a.png" class="hostile" onerror="window.__pwned = 2">
<b class="hostile">bold</b> <a class="hostile" href="javascript:window.__pwned=3">press</a>
<svg onload="window.__pwned=4"></svg><link rel=stylesheet href="{EVIL}/b.css">
<style>h1, button {{display: none !important}} @import url({EVIL}/a.css);</style>
<iframe src="{EVIL}/c"></iframe></div></details></span><form action="{EVIL}/d"><input name="hostile"></form>
![image]({EVIL}/e.png) [link]({EVIL}/f) <{EVIL}/g> www.evil.example nobody@evil.example {EVIL}/h
:red[scarlet] :material/skull: :tada: :green-badge[badge] `code` ~~struck~~ **strong** &lt;b&gt;entity&lt;/b&gt; a -> b

# A heading of its own
Another heading
===============
> quoted
1. numbered

| a | b |
|---|---|
| c | d |

    four blanks
```mermaid
graph TD; A-->B
```
$$\\def\\x{{\\x\\x}}\\x$$ $\\frac{{1}}{{2}}$ \\[ \\href{{{EVIL}/i}}{{x}} \\]
""".strip()
SIGNS = ("nul \x00 bell \x07 escape \x1b[31m right-to-left \u202e override \u2066 isolate \u200b zero \u200d width "
         "\ufeff mark")
BRACKETS = "([{<" * 2_500 + ">}])" * 2_500


def short(field: str) -> str:
    """For names: one line, and a word that no line holds."""
    return (f'{field} <img src="{EVIL}/{field}.png" onerror="window.__pwned=9"> <b class="hostile">x</b> :red[scarlet] '
            f":material/skull: [link]({EVIL}/n) $\\frac12$ \u202e {LONG[:200]}")


def text(field: str) -> str:
    return f"{field} says\n{ATTACKS}\n{SIGNS}\n{LONG}\nAnswer: 7"


def huge(field: str) -> str:
    """A reply of a megabyte: lines of words, ten thousand brackets, one endless line."""
    line = f"{field} {ATTACKS}\n"
    half = line * (MEGABYTE // 2 // len(line))
    return f"{field} says\n{half}{BRACKETS}{'word ' * (MEGABYTE // 10)}"


FILLED: Mapping[str, tuple[str, ...]] = {
    "contrast": ("name", "question"), "contrast_job": ("message", "log"), "event": ("text",),
    "experiment": ("name", "arm", "settings"),
    "fault": ("model", "name", "why"), "flag": ("author", "note"), "human_game": ("author",),
    "inquiry": ("text", "author", "message"),
    "job": ("message", "log"), "judgement": ("author",), "lease": ("author",), "measurement": ("body",),
    "note": ("body",), "opinion": ("author", "reason"), "planted": ("text",), "planted_review": ("author", "reason"),
    "prediction": ("author", "reason"), "price": ("note",),
    "repair": ("critique", "feedback", "raw", "rephrased", "leak"),
    "review": ("author", "reason", "text"), "rewrite": ("before", "after", "why"), "sent": ("author", "note"),
    "rewrite_review": ("author", "reason", "text"), "task": ("question", "answer", "data"),
    "trajectory": ("answer", "why", "read", "reward_why", "edits"),
    "turn": ("messages", "slots", "text", "public", "model"), "training_set": ("frequent",),
}
OURS: Mapping[str, tuple[str, ...]] = {
    "_sqlite_migrations": ("migration_set", "name", "applied_at"),
    "contrast": ("id", "plan", "created_at"), "contrast_job": ("contrast", "status", "updated_at"),
    "event": ("experiment", "at"),
    "example": ("training_set", "trajectory", "source", "content"),
    "experiment": ("id", "recipe", "contrast", "machine", "created_at"),  # a recipe's name is checked before any work
    "fault": ("experiment", "phase", "at"), "figure": ("experiment", "name", "body"), "flag": ("repair", "created_at"),
    "gate": ("experiment", "models", "verdict"),
    "human_game": ("trajectory", "experiment", "created_at"),
    "inquiry": ("id", "experiment", "trajectory", "kind", "status", "result", "created_at", "updated_at"),
    "job": ("experiment", "status", "phase", "updated_at"),
    "journal": ("key", "experiment", "model", "reply", "created_at"),
    "judgement": ("repair", "created_at"), "lease": ("repair", "until"),
    "measurement": ("experiment", "name", "created_at"), "membership": ("experiment", "split", "task"),
    "note": ("experiment", "key", "created_at"), "opinion": ("repair", "verdict", "created_at"),
    "planted": ("id", "experiment", "repair", "rule", "created_at"),
    "planted_review": ("planted", "verdict", "created_at"),
    "prediction": ("contrast", "arm", "created_at"), "price": ("model", "updated_at"),
    "repair": ("id", "experiment", "phase", "task", "failed", "mend", "critic", "role", "replay"),
    "report": ("experiment", "body", "created_at"),
    "review": ("repair", "verdict", "before", "after", "replay", "created_at"),
    "rewrite": ("id", "experiment", "model", "writer"), "rewrite_review": ("rewrite", "verdict", "created_at"),
    "sent": ("repair", "created_at"), "task": ("id", "source", "split", "kind", "grp"),
    "training_set": ("id", "experiment", "model", "hash"),
    "trajectory": ("id", "experiment", "phase", "task", "branch", "team", "parent", "stop", "reward_turns",
                   "content"),
    "turn": ("role", "prompt", "seat", "request", "origin", "finish", "value"),  # roles: see the imported traces
    "verdict": ("contrast", "body", "figure", "created_at"),
    "update_step": ("experiment", "model", "training_set", "before", "after", "losses"),
    "weights": ("hash", "created_at"),
    "work": ("experiment", "phase", "item"),
}
KEPT = {"experiment.arm": "contrast IS NULL OR contrast NOT IN (SELECT id FROM contrast WHERE plan <> '{}')"}
"""Rows that are filled: the arms of a planned contrast are named in its plan, hostile ones by whoever plans it."""
SETTINGS = ("model", "base_url", "data", "columns", "key_env")  # what a person types into the form
NAMES = {"name", "author", "arm", "model", "reason", "answer", "read"}
MANY = {"messages", "slots", "public", "data", "edits"}  # of these there are many in a row: the attacks are enough


def columns(db: sqlite3.Connection) -> dict[str, set[str]]:
    """{table: its text columns}, full-text search left out: it repeats what stands elsewhere."""
    tables = [row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    found = {t: {r[1] for r in db.execute(f"PRAGMA table_info({t})") if r[2] == "TEXT"} for t in tables}
    return {table: names for table, names in found.items() if names and "search" not in table}


def poison(path: Path) -> None:
    """Every field of `FILLED` that holds something, in every row; append-only is for the lab, not for an attacker."""
    with sqlite3.connect(path) as db:
        for (trigger,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            db.execute(f"DROP TRIGGER {trigger}")
        for table, names in FILLED.items():
            for name in names:
                _fill(db, table, name)
    db.close()


def enlarge(path: Path, trajectory: str) -> None:
    """The last turn of this episode is a megabyte long, and so is what it repairs."""
    with sqlite3.connect(path) as db:
        db.execute("UPDATE turn SET text = ?, public = '' WHERE trajectory = (SELECT seq FROM trajectory WHERE id = ?)",
                   (huge("reply"), trajectory))
        db.execute("UPDATE repair SET raw = ?1, rephrased = ?1, critique = ?2, feedback = ?2 WHERE failed = ?3",
                   (huge("rewrite"), huge("critique"), trajectory))
    db.close()


def _fill(db: sqlite3.Connection, table: str, name: str) -> None:
    field = f"{table}.{name}"
    wrote = short(field) if name in NAMES else f"{field} says\n{ATTACKS}" if name in MANY else text(field)

    def written(old: str | None) -> str | None:
        if field == "experiment.settings":
            chosen = json.loads(old or "{}")
            return json.dumps({**chosen, **{k: short(k) for k in SETTINGS if chosen.get(k)}})
        if old and old[0] in "[{":
            return json.dumps(_within(json.loads(old), wrote))
        return wrote if old else old

    db.create_function("written", 1, written)
    db.execute(f"UPDATE {table} SET {name} = written({name}) WHERE {KEPT.get(field, '1')}")


def _within(value: Any, wrote: str) -> Any:
    """The same structure with every text replaced."""
    if isinstance(value, dict):
        return {k: v if k in ("role", "sha256") else _within(v, wrote) for k, v in value.items()}
    if isinstance(value, list):
        return [_within(v, wrote) for v in value]
    return wrote if isinstance(value, str) else value
