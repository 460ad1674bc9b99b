"""The library on a large file: python benchmarks/library.py [--episodes 100000]

Fills a database in a temporary folder with episodes of three turns (as store_queries.py), makes one training set of as
many examples, then times what the library page asks for: milliseconds, best and median of 20; and once each, in seconds
of one core, the export, and the check of the whole file, with the memory that it took.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from store_queries import SEARCHED, fill, show

from sirius_core import export, provenance
from sirius_core.store import ExampleRow, Store
from sirius_core.store.check import problems
from sirius_core.trajectories import digest


def examples(store: Store, count: int) -> list[ExampleRow]:
    """``count`` examples; every fifth is said to come from a repair, and each stands there twice."""
    rows = store.db.rows(
        "SELECT t.id, u.idx, t.seq FROM trajectory t JOIN turn u ON u.trajectory = t.seq AND u.idx = t.seq % 3 "
        "ORDER BY t.seq LIMIT ?", count // 2)
    found = []
    for id, turn, seq in rows:
        said = store.episodes.get(id).turns[turn]
        source = "repaired" if seq % 5 == 0 else "direct"
        found += [ExampleRow(id, turn, 1.0, source, digest(said.messages, said.text))] * 2
    return found


def once(what: str, ask: Callable[[], Any]) -> None:
    start, cpu = time.perf_counter(), time.process_time()
    ask()
    used, passed = time.process_time() - cpu, time.perf_counter() - start
    print(f"{what:52} {used:8.1f} s of one core ({passed:.1f} s by the clock)", flush=True)


def heard(news: str) -> None:
    print(news, file=sys.stderr)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--episodes", type=int, default=20_000)
    count = parser.parse_args().episodes
    with tempfile.TemporaryDirectory() as folder, Store(Path(folder) / "lab.db") as store:
        experiment = fill(store, count)
        rows = examples(store, count)
        once(f"a training set of {len(rows):,} is stored", lambda: store.weights.add_training_set(
            experiment, 1, "*", rows))
        chosen, = store.weights.training_sets(experiment)
        last = chosen["n"] - 60
        print(f"{(Path(folder) / 'lab.db').stat().st_size / 2**20:.0f} MB")
        print(f"{'query':52} {'goal, ms':>10}   ms (best, median of 20)")
        page = store.examples.page
        show("training sets with their counts", "10", lambda: store.weights.training_sets(experiment))
        show("a page of 50, the first", "5", lambda: page(chosen["id"]))
        show("a page of 50, near the end", "5", lambda: page(chosen["id"], after=last))
        show("a page of 50: repaired", "5", lambda: page(chosen["id"], source="repaired"))
        show("a page of 50: edited, of which there are none", "5", lambda: page(chosen["id"], source="edited"))
        show("most frequent replies", "10", lambda: store.examples.frequent(chosen["id"]))
        show("how many of a source", "10", lambda: store.examples.count(chosen["id"], "repaired"))
        show("a page of 50: words that are in most", "50", lambda: page(chosen["id"], words="net force"))
        show("a page of 50: words that are in very few", "50", lambda: page(chosen["id"], words=SEARCHED))
        show("one example back and forward", "5", lambda: (
            provenance.of_example(store, chosen["id"], last), provenance.forward(store, rows[last].trajectory, 0)))
        show("what the licence keeps in", "10", lambda: store.examples.restricted(chosen["id"]))
        once("v_provenance, every row", lambda: sum(1 for _ in store.db.each("SELECT * FROM v_provenance")))
        once("export as TRL messages", lambda: export.folder(store, experiment, 1, Path(folder) / "out", "trl"))
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        # these episodes were never asked for by a team, so their requests and seeds do differ: 6 lines each
        once("check", lambda: print(f"{sum(1 for _ in problems(store.db, hear=heard)):,} lines"))
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
        print(f"the check took {grown:.0f} MB of memory more than what went before")


if __name__ == "__main__":
    main()
