"""A team whose roles do what their instructions say, and a writer who finds out from failures what they should say.

    python tests/rewriting_driver.py DB EXPERIMENT LOG POINT

carries one experiment on in a process of its own and may kill it at a point (see crash_driver.py). As a recipe file it
is the team: a planner works out the value, wrong on some problems unless its instruction says to check it; a solver
states the answer, on some problems without the unit unless its instruction asks for it.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from crash_driver import Killer, Log

from sirius_core import jobs, teams
from sirius_core.finetune import OnStep, Tuned, TuneJob
from sirius_core.finetune.spoken import Spoken, wrap
from sirius_core.models import Completion, Sampling
from sirius_core.prompts import Message
from sirius_core.recipes import Recipe, all_in_one, each_role
from sirius_core.settings import Settings
from sirius_core.store import Store
from sirius_core.tasks import splits
from sirius_core.trajectories import Reward, Task, Trajectory, digest

PLAN, SOLVE = "You work out the value.", "You state the answer of the team."
CHECK, UNIT, IDLE = "Check every digit.", "Always state the unit, too.", "Take great care with every problem."


async def workflow(task: Task, ask: Any) -> Any:
    value = await ask("planner", question=task.question)
    return await ask("solver", question=task.question, value=value)


TEAM = teams.Team("instructed", teams.roles({
    ("planner", "answer", "chat"): f"[system]\n{PLAN}\n[user]\n{{{{question}}}}",
    ("solver", "answer", "chat"): f"[system]\n{SOLVE}\n[user]\n{{{{question}}}}\n\nThe value is {{{{value}}}}",
}), workflow, ("planner", "solver"), "solver")


def judge(task: Task, trajectory: Trajectory) -> Reward:
    said = trajectory.outcome.answer
    return Reward(float(said == task.answer), said, f"read {said!r}; the truth is {task.answer!r}")


def recipe(settings: Settings) -> Recipe:
    model_of = all_in_one if settings.sharing == "shared" else each_role
    return Recipe("instructed", TEAM, judge, model_of=model_of, source="formulas")


def number_of(messages: Sequence[Message], seed: int) -> int:
    """A call's number: its log line has it and, as the tokens that were read, the journal."""
    return int(digest(messages, seed)[:10], 16)


class Endpoint:
    """Planner, solver and writer behind one name. ``log`` hears every call; ``useless`` is a writer without insight."""

    dialect, lockstep = "chat", False

    def __init__(self, answers: Mapping[str, str], log: list[Any] | Log, useless: bool) -> None:
        self.name, self._answers, self._log, self._useless = "scripted", answers, log, useless

    async def complete(self, messages: Sequence[Message], sampling: Sampling) -> Completion:
        said = self.write(messages) if "rewriting the instruction" in messages[0].content else self.play(messages)
        if isinstance(self._log, Log):
            self._log.line(f"sent {number_of(messages, sampling.seed)}")
        else:
            self._log.append((messages, sampling.seed))
        return Completion(said, "stop", number_of(messages, sampling.seed), 1)

    def play(self, messages: Sequence[Message]) -> str:
        system, (question, _, value) = messages[0].content, messages[-1].content.partition("\n\nThe value is ")
        number, unit = self._answers[question].rsplit(" ", 1)
        luck = int(digest(question), 16) % 4
        if not value:
            return number if luck or CHECK in system else f"{number} 0"
        return f"{value} {unit}" if luck != 1 or UNIT in system else value

    def write(self, messages: Sequence[Message]) -> str:
        asked = messages[1].content
        present = asked.partition("<present>\n")[2].partition("\n</present>")[0]
        cases = re.findall(r"Read as the answer: (.*)\.\n.*The right answer: (.*)", asked)
        role = asked.partition("You rewrite the instruction of: ")[2].partition(".")[0]
        if self._useless:
            rule, why = IDLE, "I cannot tell."
        elif role == "solver" and any(right.rpartition(" ")[0] == read for read, right in cases):
            rule, why = UNIT, "The unit is missing."
        elif role == "planner" and any(right.split()[:-1] != read.split()[:-1] != [] for read, right in cases):
            rule, why = CHECK, "Digits are wrong."
        else:
            rule, why = IDLE, "I cannot tell."
        return f"{why}\n<instruction>\n{present} {rule}\n</instruction>"


class Machine:
    """Checkpoints in words over `Endpoint`."""

    def __init__(self, experiment: Any, log: Any = None, useless: bool = False) -> None:
        made = splits("formulas", experiment.settings, experiment.seed)
        answers = {task.question: task.answer for split in made.values() for task in split}
        self._endpoint = Endpoint(answers, [] if log is None else log, useless)

    def base(self) -> bytes:
        return Spoken({"endpoint": "http://scripted", "model": "it"}).blob()

    def mender(self) -> None:
        return None

    def model(self, name: str, blob: bytes) -> Any:
        return wrap(self._endpoint, name, Spoken.parse(blob))

    def tune(self, work: Sequence[TuneJob], on_step: OnStep) -> list[Tuned]:
        raise AssertionError("nothing is trained")

    def describe(self) -> Mapping[str, Any]:
        return {}

    def close(self) -> None:
        return None


def carry_on(db: Path, experiment: str, log: Path, point: Mapping[str, Any]) -> int:
    """Run this file until its point, or to the end; its exit code."""
    root = str(Path(__file__).resolve().parents[1])
    done = subprocess.run([sys.executable, __file__, db, experiment, log, json.dumps(point)], capture_output=True,
                          text=True, timeout=300, env={"PYTHONPATH": root, "PATH": ""})
    assert done.returncode in (0, -9), done.stderr
    return done.returncode


def main(db: str, experiment: str, log_path: str, point: str) -> None:
    log = Log(log_path)
    killer = Killer(json.loads(point), log)
    with Store(Path(db)) as store:
        machine = Machine(store.experiments.get(experiment), log)
    jobs.run(Path(db), experiment, machine=machine, hear=killer.hear, trace=killer.sql)


if __name__ == "__main__":
    main(*sys.argv[1:])
