"""``sirius share`` and ``snapshot``: an experiment as one HTML file; a copy of the whole database."""

from __future__ import annotations

import argparse
import json
import shlex
from pathlib import Path

from . import Add, common, existing


def add(command: Add) -> None:
    share = command("share", _share, "One experiment as one HTML file that needs nothing else and asks for nothing.")
    share.add_argument("experiment")
    share.add_argument("--out", type=Path, metavar="FILE.html", help="default: EXPERIMENT.html here")
    common(share)
    snapshot = command("snapshot", _snapshot, "Copy the whole database into a new file, while others write to it.")
    snapshot.add_argument("file", type=Path, metavar="FILE")
    common(snapshot)


def _share(args: argparse.Namespace) -> None:
    from ..share import write
    from ..store import Store

    existing(args.db)
    out = args.out or Path(f"{args.experiment}.html")
    with Store(args.db) as store:
        size = write(store, args.experiment, out)
    print(json.dumps({"file": str(out), "bytes": size}) if args.json else f"{out}: {size:,} bytes, one file")


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
