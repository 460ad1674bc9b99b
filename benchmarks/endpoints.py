"""The lab against an endpoint, beside other ways to do the same job: python benchmarks/endpoints.py [row ...]

    cpu        CPU of an episode, storage included, beside `openai`'s plain `create` without storage
    rate       episodes a second at 50 ms latency, beside what the latency alone would allow
    peers      the same beside dspy, langgraph and 64 processes with a synchronous client
    latency    lognormal latency (median 0.3 s, sigma 0.5): wall time beside raw aiohttp, and calls in flight
    slots      a server with 32 slots that answers 429 beyond them, asked for 128 at once
    memory     peak memory from 1,000 to --episodes episodes

The server is tests/endpoint.py, a process of its own; so is every contender (contenders.py). Each figure is a ratio
within one run, the contenders in turn A B A B. CPU is robust; wall times on a machine with other work are not: the best
and the median of --repeats are shown. Peers are taken from the interpreter that --peers names (or the variable
BENCH_PEERS), and left out, with the reason, where they are not installed. Nothing is asserted.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
PART = "The cart gains speed as the net force acts on its mass. " * 3
# About 400 characters, with the marks by which dspy finds a field; the others take it as it is.
REPLY = f"[[ ## physics ## ]]\n{PART}\n\n[[ ## maths ## ]]\n{PART}\n\n[[ ## answer ## ]]\nAnswer: 4"
CALLS = 3  # of an episode


@dataclass(frozen=True)
class Run:
    """One contender's run: ``cpu`` in milliseconds an episode, ``wall`` in seconds, what the server saw."""

    episodes: int
    cpu: float
    wall: float
    lost: int
    peak_mb: float
    server: dict[str, Any]

    @property
    def rate(self) -> float:
        return self.episodes / self.wall


class Left(Exception):
    """A contender that cannot be measured here, and why."""


@contextmanager
def endpoint(*options: str) -> Iterator[str]:
    """A server of its own; yields its base URL."""
    command = [sys.executable, str(ROOT / "tests" / "endpoint.py"), "--reply", REPLY, *options]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin and process.stdout
        yield process.stdout.readline().strip()
        process.stdin.close()


def measure(contender: str, episodes: int, at_once: int, *server: str, python: str = sys.executable) -> Run:
    with endpoint(*server) as url, tempfile.TemporaryDirectory() as folder:
        command = [python, str(HERE / "contenders.py"), contender, "--base-url", url, "--episodes", str(episodes),
                   "--at-once", str(at_once), "--folder", folder]
        alone = {"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore", "OPENBLAS_NUM_THREADS": "1"}
        done = subprocess.run(command, capture_output=True, text=True, env=os.environ | alone)
        with urllib.request.urlopen(url.removesuffix("/v1") + "/stats") as reply:
            seen = json.load(reply)
    if done.returncode:
        raise Left((done.stderr.strip().splitlines() or ["no output"])[-1][:200])
    told = json.loads(done.stdout.splitlines()[-1])
    return Run(episodes, told["cpu"] / episodes, told["wall"], told["lost"], told["peak_mb"], seen)


def in_turn(repeats: int, contenders: Sequence[str], episodes: int, at_once: int, *server: str) -> list[list[Run]]:
    """The runs of each contender, measured A B A B, so that what else the machine does meets all alike."""
    rounds = [[measure(who, episodes, at_once, *server) for who in contenders] for _ in range(repeats)]
    return [list(column) for column in zip(*rounds, strict=True)]


def spread(values: Sequence[float], best: Callable[..., float] = min) -> str:
    return f"{best(values):.2f} (median {statistics.median(values):.2f})"


def show(row: str, what: str, goal: str, found: str) -> None:
    print(f"{row:8} {what:58} {goal:>14}   {found}", flush=True)


# -- the rows ---------------------------------------------------------------------------------------------------------
def cpu(o: argparse.Namespace) -> None:
    who = ("ours", "create", "post on aiohttp")
    for name, at_once, seconds in (("0 ms, 32 at once", 32, "0"), ("50 ms, 64 at once", 64, "0.05")):
        found = in_turn(o.repeats, who, 500, at_once, "--latency", seconds)
        ratios = [a.cpu / b.cpu for a, b in zip(*found[:2], strict=True)]
        show("cpu", f"{name}: stored episode / plain create", "<= 0.60", spread(ratios))
        for one, runs in zip(who, found, strict=True):
            show("", f"  {one}: CPU ms an episode", "", spread([run.cpu for run in runs]))


def rate(o: argparse.Namespace) -> None:
    for at_once, episodes, goal in ((64, 500, "0.90"), (16, 300, "0.93")):
        ideal = at_once / (CALLS * 0.05)
        ours, raw = in_turn(o.repeats, ("ours", "aiohttp"), episodes, at_once, "--latency", "0.05")
        what = f"50 ms, {at_once} at once, {episodes} episodes: rate / ideal ({ideal:.0f}/s)"
        show("rate", what, f">= {goal}", spread([run.rate / ideal for run in ours], max))
        show("", "  raw aiohttp", "", spread([run.rate / ideal for run in raw], max))


def peers(o: argparse.Namespace) -> None:
    ours = [measure("ours", 500, 32) for _ in range(o.repeats)]
    show("peers", "0 ms, 32 at once: ours, stored: episodes a second", "", spread([run.rate for run in ours], max))
    for who, goal, python in (("dspy", "2", o.peers), ("langgraph", "3.5", o.peers), ("langgraph stored", "", o.peers),
                              ("64 processes", "4.5", sys.executable)):
        try:
            runs = [measure(who, 200, 32, python=python) for _ in range(o.repeats)]
        except Left as reason:
            show("", f"  {who}: left out", "", str(reason))
            continue
        times = max(run.rate for run in ours) / max(run.rate for run in runs)
        work = min(run.cpu for run in runs) / min(run.cpu for run in ours)
        found = f"{times:.1f}; {work:.1f} times"
        show("", f"  times as many as {who}; its CPU an episode", goal and f">= {goal}", found)


def latency(o: argparse.Namespace) -> None:
    slow = ("--latency", "0.3", "--sigma", "0.5")
    for at_once, episodes in ((64, 300), (256, 900)):
        ours, raw = in_turn(o.repeats, ("ours", "aiohttp"), episodes, at_once, *slow)
        ratios = [a.wall / b.wall for a, b in zip(ours, raw, strict=True)]
        show("latency", f"{at_once} at once, {episodes} episodes: wall / raw aiohttp", "<= 1.05", spread(ratios))
        most = ", ".join(str(run.server["most_in_flight"]) for run in ours)
        show("", "  most in flight", str(at_once), most)


def slots(o: argparse.Namespace) -> None:
    episodes, wait = 300, 0.2
    ideal = episodes * CALLS * wait / 32
    for name, more in (("without Retry-After", ()), ("with Retry-After", ("--retry-after", "1"))):
        server = ("--slots", "32", "--latency", str(wait), *more)
        ours, plain = in_turn(o.repeats, ("ours", "create"), episodes, 128, *server)
        show("slots", f"32 slots, 128 at once, {name}: lost of {episodes}", "0", ", ".join(str(r.lost) for r in ours))
        show("", f"  wall / ideal ({ideal:.1f} s)", "<= 1.50", spread([run.wall / ideal for run in ours]))
        warm = [run.server["requests"] / (CALLS * (episodes + 40)) for run in ours]
        show("", "  requests / needed", "<= 1.10", spread(warm))
        show("", "  openai's defaults: lost; wall / ideal; requests / needed", "", "; ".join((
            ", ".join(str(run.lost) for run in plain), spread([run.wall / ideal for run in plain]),
            spread([run.server["requests"] / (CALLS * (episodes + 40)) for run in plain]))))


def memory(o: argparse.Namespace) -> None:
    for episodes in sorted({1000, o.episodes}):
        run = measure("ours", episodes, 32)
        show("memory", f"{episodes:,} episodes: peak MB of the orchestrator", "<= 110", f"{run.peak_mb:.0f}")


ROWS = {"cpu": cpu, "rate": rate, "peers": peers, "latency": latency, "slots": slots, "memory": memory}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="*", metavar="row", help="one or more of: " + ", ".join(ROWS))
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--episodes", type=int, default=10_000, help="the larger size of the row memory")
    parser.add_argument("--peers", default=os.environ.get("BENCH_PEERS", sys.executable), metavar="PYTHON")
    options = parser.parse_args()
    if unknown := [row for row in options.rows if row not in ROWS]:
        parser.error(f"no row is called {unknown[0]!r}; there are: {', '.join(ROWS)}")
    print(f"{'row':8} {'what':58} {'goal':>14}   measured (best and median of {options.repeats})")
    for row in options.rows or ROWS:
        try:
            ROWS[row](options)
        except Left as reason:
            show(row, "left out", "", str(reason))


if __name__ == "__main__":
    main()
