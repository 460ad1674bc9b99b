"""Queries of the pages on a large file: python benchmarks/store_queries.py [--episodes 100000]

Fills a database in a temporary folder with episodes of three turns (five rounds; each turn a request of about 1,200
characters and a reply of 400), then times the queries of `sirius_core.store`: milliseconds, best and median of 20.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sirius_core.prompts import Message
from sirius_core.settings import Settings
from sirius_core.store import Store
from sirius_core.store.browse import Browse, Filter
from sirius_core.trajectories import Outcome, Reward, SeedPath, Stop, Task, Trajectory, Turn

ROUNDS, TASKS, BATCH = 5, 2000, 200
SAID = "The cart gains speed as the net force acts on its mass. " * 7
SEARCHED = "zebra"


def tasks() -> list[Task]:
    return [Task.of("bench", str(i), "train", f"How fast is cart {i} after {i % 7} s?", str(i % 9), kind="number",
                    group=str(i), data={"family": f"family {i % 6}"}) for i in range(TASKS)]


def episode(experiment: str, number: int, problems: list[Task]) -> Trajectory:
    rng = random.Random(number)
    task, attempt, round = problems[number % TASKS], number // TASKS // ROUNDS, number // TASKS % ROUNDS
    phase = "propose" if attempt % 2 else "evaluate:heldout:greedy"
    turns = []
    for role, given in (("physicist", 1), ("mathematician", 2), ("summarizer", 3)):
        asked = (Message("system", "You are one of three."), Message("user", task.question + SAID * given))
        text = f"{SAID} {number}" + (f" {SEARCHED}" if rng.random() < 1e-4 else "")
        turns.append(Turn(role, "answer", None, asked, {"question": task.question}, text, f"{role}{number}",
                          public=text, model="http://127.0.0.1:8000/v1 model", tokens_in=300 * given, tokens_out=80,
                          cost=0.0001))
    stop = Stop.TRUNCATED if rng.random() < 0.01 else None
    right = stop is None and rng.random() < 0.4 + 0.05 * round
    outcome = Outcome(None if stop else task.answer if right else "0.5", stop)
    path = SeedPath(experiment, 0, round, phase, task.id, attempt)
    return Trajectory(path, "bench", tuple(turns), outcome, reward=Reward(float(right), outcome.answer, "as stated"))


def fill(store: Store, count: int) -> str:
    """Episodes in the order of a run: round after round. Returns the experiment."""
    experiment = store.experiments.create("bench", Settings(), 0).id
    problems = tasks()
    store.episodes.add_tasks(problems)
    order = sorted(range(count), key=lambda number: number // TASKS % ROUNDS)
    for first in range(0, count, BATCH):
        store.episodes.add([episode(experiment, number, problems) for number in order[first : first + BATCH]])
    return experiment


def show(what: str, goal: str, ask: Callable[[], Any]) -> None:
    times = []
    for _ in range(20):
        start = time.perf_counter()
        ask()
        times.append(1000 * (time.perf_counter() - start))
    print(f"{what:52} {goal:>10}   {min(times):8.2f} (median {statistics.median(times):.2f})", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--episodes", type=int, default=20_000)
    count = parser.parse_args().episodes
    with tempfile.TemporaryDirectory() as folder, Store(Path(folder) / "lab.db") as store:
        start = time.perf_counter()
        experiment = fill(store, count)
        seconds, size = time.perf_counter() - start, (Path(folder) / "lab.db").stat().st_size
        print(f"{count:,} episodes, {3 * count:,} turns written in {seconds:.0f} s; {size / 2**20:.0f} MB")
        browse, last = Browse(store.db), store.db.value("SELECT max(seq) FROM trajectory")
        ids = [row[0] for row in store.db.rows("SELECT id FROM trajectory ORDER BY id LIMIT 1000")]
        chosen = random.Random(0)
        print(f"{'query':52} {'goal, ms':>10}   ms (best, median of 20)")
        show("a page of 50, the first", "1", lambda: browse.episodes(experiment, Filter()))
        show("a page of 50, near the end", "1", lambda: browse.episodes(experiment, Filter(), after=last - 60))
        show("a page of 50: wrong tries of round 3", "1",
             lambda: browse.episodes(experiment, Filter(round=3, group="training tries", outcome="wrong")))
        show("a page of 50: stopped", "", lambda: browse.episodes(experiment, Filter(outcome="stopped")))
        show("a page of 50: words in the question", "",
             lambda: browse.episodes(experiment, Filter(words="cart 17")))
        show("how many are right (counted to 10,000)", "",
             lambda: browse.count(experiment, Filter(outcome="right")))
        show("who was right in a test of one round", "",
             lambda: browse.right(experiment, 4, "evaluate:heldout:greedy"))
        show("calls, tokens and cost of one round", "", lambda: browse.usage(experiment, 3))
        show("one episode with its turns", "0.1", lambda: store.episodes.get(chosen.choice(ids)))
        show("what an experiment has spent", "", lambda: store.episodes.spent(experiment))


if __name__ == "__main__":
    main()
