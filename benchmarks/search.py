"""Full-text search on a large file: python benchmarks/search.py [--episodes 100000]

Episodes of three turns of 60 words each (six of ten from 300 common words, the others from 20,300), one word in about
10,000 turns. Times how long the index takes, how long one step of it holds up other writers, and queries: milliseconds,
median and worst of 20, the first 50 hits.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import store_queries

from sirius_core.settings import Settings
from sirius_core.store import Store
from sirius_core.store.search import Search
from sirius_core.trajectories import Task, Trajectory

RARE = "zebra"


def vocabulary() -> list[str]:
    rng = random.Random(1)
    return ["".join(rng.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(rng.randint(2, 9))) for _ in range(20_300)]


def episode(experiment: str, number: int, problems: list[Task], words: list[str]) -> Trajectory:
    made, rng = store_queries.episode(experiment, number, problems), random.Random(number)
    turns, common = [], words[:300]
    for turn in made.turns:
        said = " ".join(rng.choice(common if rng.random() < 0.6 else words) for _ in range(60))
        said += f" {RARE}" if rng.random() < 1e-4 else ""
        turns.append(replace(turn, text=said, public=said))
    return replace(made, turns=tuple(turns))


def fill(store: Store, count: int, words: list[str]) -> str:
    experiment, problems = store.experiments.create("bench", Settings(), 0).id, store_queries.tasks()
    store.episodes.add_tasks(problems)
    for first in range(0, count, 200):
        store.episodes.add([episode(experiment, n, problems, words) for n in range(first, min(count, first + 200))])
    return experiment


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--episodes", type=int, default=20_000)
    count, words = parser.parse_args().episodes, vocabulary()
    with tempfile.TemporaryDirectory() as folder, Store(Path(folder) / "lab.db") as store:
        experiment, search = fill(store, count, words), Search(store.db)
        before, steps, last = (Path(folder) / "lab.db").stat().st_size, [], time.perf_counter()

        def done(turns: int) -> None:
            nonlocal last
            now = time.perf_counter()
            steps.append(1000 * (now - last))
            last = now

        search.catch_up(experiment, 10**9, done)
        store.db.run("PRAGMA wal_checkpoint(TRUNCATE)")
        more = (Path(folder) / "lab.db").stat().st_size - before
        print(f"{3 * count:,} turns indexed in {sum(steps) / 1000:.1f} s, {more / 2**20:.0f} MB beside "
              f"{before / 2**20:.0f}; a step: median {statistics.median(steps):.1f} ms, worst {max(steps):.0f}")
        common, rare = words[:3], words[5000]
        for what, asked in (("a rare word", RARE), ("a common word", common[0]),
                            ("three common words", " ".join(common)),
                            ("two common words in order", " = ".join(common[:2])),
                            ("a word of some turns", rare),
                            ("common and rare, in order", f"{common[0]} = {RARE}"),
                            ("three common words in order", " = ".join(common)), ("what nobody said", "nothingatall")):
            times = []
            for _ in range(20):
                start = time.perf_counter()
                hits = search.find(experiment, asked)
                times.append(1000 * (time.perf_counter() - start))
            print(f"{what:30} {len(hits):3} hits   {statistics.median(times):7.2f} ms (worst {max(times):.2f})")


if __name__ == "__main__":
    main()
