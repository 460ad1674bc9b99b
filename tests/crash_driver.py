"""Carries one experiment on in a process of its own and may kill that process at a chosen point (see test_crash.py).

``main(DB, EXPERIMENT, MACHINE, LOG, POINT)``, called by forks.py. MACHINE is ``pocket`` (the embedded model, really
fine-tuned), ``workers`` (the same by two worker processes), ``endpoint`` (a scripted model behind a wire of its own
latencies, which writes every call that it hears and every reply that it gives to LOG) or ``http`` (what the
experiment's settings name: a server that keeps a log of its own). POINT is a JSON object:

    {}                                     carry on to the end
    {"count": 120}                         die as the 120th SQL statement of this process starts
    {"at": "1 repair", "count": 9}         die as the 9th statement of that phase starts
    {"sql": "INSERT INTO turn", "nth": 7}  die as the 7th statement starts that begins like this
    {"commit": "journal", "nth": 7}        die at the COMMIT of the 7th transaction that wrote this table: all is lost
    {"after": "journal", "nth": 7}         die at the first statement after that transaction: all of it stands
    {"alarm": "journal", "nth": 7, "us": 90}  the kernel ends the process so many microseconds into that COMMIT
    {"train": 3}                           die after the third step of fine-tuning that this process does

Every death is a line of LOG: ``died ROUND PHASE``.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
from pathlib import Path
from typing import Any

import forks

from sirius_core import jobs
from sirius_core.finetune import TuneJob, scripted
from sirius_core.finetune.pocket import PocketMachine
from sirius_core.models import Completion
from sirius_core.models.pocket import Engine
from sirius_core.pocket.dialect import FORMULA_HINTS
from sirius_core.store import Store


class Log:
    """Lines in one file. A write that returned has reached the kernel: no death of the process can take it back."""

    def __init__(self, path: str) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def line(self, text: str) -> None:
        os.write(self._file, f"{text}\n".encode())


class Killer:
    """Hears every SQL statement and every step of fine-tuning; ends the process at its point."""

    def __init__(self, point: dict[str, Any], log: Log) -> None:
        self.point, self.log, self.place = point, log, "0 start"
        self.count = self.matched = self.steps = 0
        self.tables: set[str] = set()
        self.committed = False

    def hear(self, line: str) -> None:
        self.place = line.removeprefix("round ").replace(":", "")

    def die(self) -> None:
        self.log.line(f"died {self.place}")
        os.kill(os.getpid(), signal.SIGKILL)

    def sql(self, statement: str) -> None:
        point, nth = self.point, self.point.get("nth", 1)
        self.count += self.place.startswith(point.get("at", ""))
        if self.committed or self.count == point.get("count"):
            self.die()
        if "sql" in point and statement.startswith(point["sql"]):
            self.matched += 1
            if self.matched == nth:
                self.die()
        if statement.startswith("BEGIN"):
            self.tables.clear()
        elif statement.startswith("INSERT"):
            self.tables.add(statement.partition("INTO ")[2].split(" ", 1)[0])
        elif statement == "COMMIT":
            for kind in ("commit", "after", "alarm"):
                if point.get(kind) in self.tables:
                    self.matched += 1
                    if self.matched != nth:
                        continue
                    if kind == "commit":
                        self.die()
                    elif kind == "after":
                        self.committed = True
                    else:  # no handler is set: SIGALRM ends the process wherever it is, as SIGKILL would
                        self.log.line(f"died {self.place}")
                        signal.signal(signal.SIGALRM, signal.SIG_DFL)
                        signal.setitimer(signal.ITIMER_REAL, point["us"] / 1e6)

    def step(self) -> None:
        self.steps += 1
        if self.steps == self.point.get("train"):
            self.die()


class Watched:
    """A machine whose fine-tuning tells the killer of every step."""

    def __init__(self, machine: Any, killer: Killer) -> None:
        self._machine, self._killer = machine, killer
        self.base, self.model, self.describe = machine.base, machine.model, machine.describe
        self.mender = machine.mender

    def tune(self, work: list[TuneJob], on_step: Any) -> Any:
        def heard(*step: Any) -> None:
            on_step(*step)
            self._killer.step()

        return self._machine.tune(work, heard)


class Endpoint:
    """A scripted model of the formula team on a slow wire. ``trained`` is the share of mistakes that is left to it."""

    dialect, lockstep = "pocket", False

    def __init__(self, name: str, mistakes: float, log: Log | None, slowest: float, shuffle: int) -> None:
        self.name, self._mistakes, self._log, self._slowest, self._shuffle = name, mistakes, log, slowest, shuffle

    async def complete(self, messages: Any, sampling: Any) -> Completion:
        number = sampling.seed % 2**40  # the seed is the call's own: it names the call
        if self._log:
            self._log.line(f"sent {number}")
        await asyncio.sleep(random.Random(f"{number}/{self._shuffle}").random() * self._slowest)
        said = self.say(messages[-1].content.removesuffix(" =>"), random.Random(sampling.seed))
        if self._log:
            self._log.line(f"replied {number}")
        return Completion(said, "stop", number, 1)

    def say(self, text: str, dice: random.Random) -> str:
        tag, _, rest = text.partition(" ")
        asked, _, advice = rest.partition(" @fb ")
        advised = "as advised , " if advice else ""
        if tag == "@critic":
            return f"analyst : {FORMULA_HINTS['x * y']}" if dice.random() < 0.7 else "summarizer : unit N"
        if tag == "@rephrase":
            return asked.removeprefix("as advised , ")
        right = advice or dice.random() >= self._mistakes
        if tag == "@analyst":
            return advised + ("x * y : 3 4 * 5" if right else "x + y : 3 4 + 5")
        if tag == "@calculator":
            return advised + ("= 1 7 0" if "*" in asked and right else "= 3 9")
        return advised + (gold(asked.partition(" | ")[0]) if "1 7 0" in asked else "3 9 N")


ANSWERS: dict[str, str] = {}


def gold(question: str) -> str:
    """The right answer to a question of any experiment that this process has read."""
    return ANSWERS.get(question, "0 N")


class EndpointMachine:
    """`Endpoint` as an experiment's machine; a checkpoint is a note, and every training halves the mistakes."""

    def __init__(self, log: Log | None = None, slowest: float = 0.002, shuffle: int = 0) -> None:
        self._log, self._slowest, self._shuffle, self.tune = log, slowest, shuffle, scripted

    def base(self) -> bytes:
        return b'{"n":0}'

    def mender(self) -> None:
        return None

    def model(self, name: str, blob: bytes) -> Endpoint:
        mistakes = 0.4 if blob == self.base() else 0.2
        return Endpoint(f"endpoint/{name[:12]}", mistakes, self._log, self._slowest, self._shuffle)

    def describe(self) -> dict[str, Any]:
        return {}


def know(store: Any, experiment: str) -> None:
    """Tell the scripted team the answers of an experiment's problems."""
    from sirius_core import tasks

    record = store.experiments.get(experiment)
    for split in tasks.splits("formulas", record.settings, record.seed).values():
        ANSWERS.update({task.question: task.answer for task in split})


def carry_on(db: Path, experiment: str, kind: str, log: Path, point: dict[str, Any]) -> None:
    """`main` in a process of its own until its point, or to the end; AssertionError when it ended otherwise."""
    code, said = forks.run("crash_driver", db, experiment, kind, log, json.dumps(point))
    wanted = (-signal.SIGKILL, -signal.SIGALRM) if point else (0,)
    assert code in wanted, f"{point}: exit code {code}\n{said}"


def deaths(log: Path) -> list[str]:
    """``ROUND PHASE`` of every death so far."""
    return [line.removeprefix("died ") for line in log.read_text().splitlines() if line.startswith("died")]


def told(db: Path, experiment: str) -> list[dict[str, Any]]:
    """The reports without what the clock says. They carry the hashes of training sets and checkpoints."""
    with Store(db) as store:
        reports = store.experiments.reports(experiment)
    return [{k: v for k, v in report.items() if k not in ("seconds", "phases")} for report in reports]


def main(db: str, experiment: str, kind: str, log_path: str, point: str) -> None:
    log = Log(log_path)
    killer = Killer(json.loads(point), log)
    with Store(Path(db)) as store:
        know(store, experiment)
        base = store.experiments.get(experiment).settings.base
    machine: Any = None
    if kind == "endpoint":
        machine = Watched(EndpointMachine(log), killer)
    elif kind != "http":
        machine = Watched(PocketMachine(Engine(2 if kind == "workers" else 0), base), killer)
    jobs.run(Path(db), experiment, machine=machine, hear=killer.hear, trace=killer.sql)
