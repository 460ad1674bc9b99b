"""``sirius snapshot``: a copy of the whole database, whoever writes to it."""

from __future__ import annotations

import argparse
import json
import shlex
from pathlib import Path

from . import Add, common, existing


def add(command: Add) -> None:
    snapshot = command("snapshot", _snapshot, "Copy the whole database into a new file, while others write to it.")
    snapshot.add_argument("file", type=Path, metavar="FILE")
    common(snapshot)


def _snapshot(args: argparse.Namespace) -> None:
    from ..store import Store
    from ..store.snapshot import snapshot

    existing(args.db)
    with Store(args.db) as store:
        made = snapshot(store.db, args.file)
    size = made.stat().st_size
    if args.json:
        print(json.dumps({"file": str(made), "bytes": size}))
    else:
        print(f"{made}: {size:,} bytes. Look at it: datasette -i {shlex.quote(str(made))}")
