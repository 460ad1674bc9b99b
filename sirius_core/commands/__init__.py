"""The commands of ``sirius``, a file for each kind; `common` is what all of them share."""

from __future__ import annotations

import argparse
import os
import re
import shlex
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ..errors import SiriusError, UsageError

Add = Callable[[str, Any, str], argparse.ArgumentParser]  # (name, function of the arguments, help) to its parser

DEFAULT_DB = "lab.db"
_COMMAND = re.compile(r": sirius (?:resume|prices|status|first-look|contrast)\b[^;:]*(?=;|$)")


def common(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--db", type=Path, default=Path(os.environ.get("SIRIUS_DB", DEFAULT_DB)), help="the database file")
    sub.add_argument("--json", action="store_true", help="one JSON object on stdout")


def changes_of(pairs: Sequence[str]) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            raise UsageError(f"--set {pair!r}: write it as KEY=VALUE")
        changes[name.strip()] = value.strip()
    return changes


def existing(db: Path) -> None:
    if not os.path.exists(db):  # unlike Path.exists also where a folder may not be entered
        raise UsageError(f"there is no database {str(db)!r}; sirius run quickstart makes one, --db names another")


def again(db: Path) -> str:
    """What a command that a person is told to type needs to find this database."""
    return "" if str(db) == DEFAULT_DB else f" --db {shlex.quote(str(db))}"


def line(error: SiriusError, args: argparse.Namespace) -> str:
    """An error for a person. The commands that it names have the database, where that is not the usual one."""
    where = again(args.db) if "db" in args else ""
    return f"sirius: {_COMMAND.sub(lambda command: command[0] + where, str(error))}"


def megabytes(text: str) -> float:
    if not 0 <= (size := float(text)) <= 1e9:  # also false for NaN
        raise ValueError
    return size


def port(text: str) -> int:
    if not 0 < (number := int(text)) < 65536:
        raise ValueError
    return number


def any_port(text: str) -> int:
    """A port, or 0 for a free one."""
    return 0 if text == "0" else port(text)


any_port.__name__ = "port"
megabytes.__name__ = "size"  # argparse: invalid size value: '-1'
