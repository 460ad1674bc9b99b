"""An experiment as real models talk: replies of 200 to 900 words with formulas, code, tables; a known wrong step.

`act` plays it through the loop itself, without a network: a team of three on problems of school physics, a critic that
finds the wrong step most of the time, rewrites that mend, that give away the advice, that do not help, and right
answers by wrong steps. What is said depends on the request and its seed alone. As a program it makes a database:

    python tests/longform.py lab.db [--review] [--seed N]

`Talker` is also a reply for `endpoint.FakeEndpoint`. Other texts come in by ``decorate``: a function of (role, text)
that every reply goes through before it is recorded; the wrong step, ``Result:`` and ``Answer:`` must stay readable.
"""

from __future__ import annotations

import argparse
import csv
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import longform_physics as physics
from longform_physics import ROLES, Problem
from longform_words import critique, derivation, explanation, verdict

from sirius_core.errors import Paused
from sirius_core.finetune import Tuner
from sirius_core.finetune.demos import DemoTuner
from sirius_core.finetune.spoken import Spoken, wrap
from sirius_core.improve import Run, improve
from sirius_core.models import Completion, Model, Sampling
from sirius_core.prompts import Message
from sirius_core.settings import preset
from sirius_core.store import Experiment, Store
from sirius_core.trajectories import Task, digest

Decorate = Callable[[str, str], str]
Said = Callable[[str, Problem, Random, bool], str]
NOWHERE = "http://127.0.0.1:9/v1"  # where no server is: nothing here needs one
SIZES = {"source": "table", "rounds": 2, "problems": 24, "max_solutions": 2, "max_repairs": 40, "validation": 8,
         "heldout": 12, "controls": 3, "control_calls": 8, "update": "demos", "demo_tokens": 12_000, "demos": 2,
         "model": "longform"}
TEMPERS = {0: ("hard", "leaky", "shaky", "lucky", "lucky", "plain"), 1: ("hard", "leaky", "shaky", "plain", "plain"),
           2: ("hard", "leaky", "plain", "plain")}  # by the turn of the wrong step

SLIPS = 0.6  # of whoever comes after the mended turn of a shaky problem


def temper(problem: Problem) -> str:
    """hard: no rewrite mends it; leaky: rewrites speak of the advice; shaky: whoever comes after slips often; lucky:
    the critic blames whoever comes after the wrong step, whose rewrite is right all the same; else plain."""
    tempers = TEMPERS[problem.turn]
    return tempers[int(digest(problem.question)[:4], 16) % len(tempers)]


class Talker:
    """What each role says. ``right``: how often a role sees the right step by itself; ``shown``: after examples."""

    def __init__(self, right: float = 0.4, shown: float = 0.7, decorate: Decorate | None = None) -> None:
        self.right, self.shown, self.decorate = right, shown, decorate or (lambda role, text: text)

    def __call__(self, messages: Sequence[Mapping[str, Any]], body: Mapping[str, Any]) -> str:
        """As a replier of the fake endpoint."""
        said = [Message(str(m["role"]), str(m["content"])) for m in messages]
        return self.say(said, int(body.get("seed") or 0), not body.get("temperature"))

    def say(self, messages: Sequence[Message], seed: int, greedy: bool) -> str:
        system, asked = messages[0].content, messages[-1].content
        if "You edit texts" in system:
            return asked.split("Text:\n", 1)[-1].strip()
        rng = Random(asked if greedy else f"{seed}/{asked}")
        task = physics.asked(asked)
        if "You review" in system:
            return self.decorate("critic", self.critic(asked, task, rng))
        role = (re.search(r"You are the (\w+)", system) or ["", ROLES[-1]])[1]
        advised = "What is wrong with it:" in asked
        knows = rng.random() < (0.95 if advised else self.shown if len(messages) > 2 else self.right)
        if advised and temper(task) == "hard":
            knows = False
        said: str = getattr(self, role)(asked, task, rng, knows)
        if advised and temper(task) == "leaky" and rng.random() < 0.8:
            said = f"Following the feedback, I have rewritten this part from its beginning.\n\n{said}"
        return self.decorate(role, said)

    def physicist(self, asked: str, task: Problem, rng: Random, knows: bool) -> str:
        return explanation(task, task.turn != 0 or knows, rng)

    def mathematician(self, asked: str, task: Problem, rng: Random, knows: bool) -> str:
        """Who is handed the wrong step follows it, most of the time; who comes after the right one may slip."""
        advised = "What is wrong with it:" in asked
        if task.turn == 0:
            follows = task.fault in asked and rng.random() < (0.1 if advised else 0.93)
            value = task.wrong if follows else task.right
        else:
            value = task.right if task.turn != 1 or knows else task.wrong
        if rng.random() < (SLIPS if temper(task) == "shaky" and task.turn == 0 and not advised else 0.05):
            return derivation(task, value, 10 * value, True, rng)
        return derivation(task, value, value, task.turn != 1 or knows, rng)

    def summarizer(self, asked: str, task: Problem, rng: Random, knows: bool) -> str:
        value = int((re.findall(r"Result:\*\* (\d+)", asked) or [str(task.wrong)])[-1])
        if temper(task) == "shaky" and task.turn == 1 and rng.random() < SLIPS:
            value *= 10
        if task.kind != "letter":
            return verdict(task, f"{value} {task.unit}", True, rng)
        knows = (task.turn != 2 or knows) and value == task.right
        return verdict(task, task.letters[0 if knows else 1], knows, rng)

    def critic(self, asked: str, task: Problem, rng: Random) -> str:
        """It finds the wrong step six times in seven; of a lucky problem it blames the turn that came after it."""
        turn = task.turn if task.fault in asked else 1
        if temper(task) == "lucky" and turn == 0:
            turn = 1
        elif rng.random() < 1 / 7:
            turn = (turn + 1) % len(ROLES)
        return critique(task, ROLES[turn], rng)


class _Speaker:
    """The talker as a model."""

    name, dialect, lockstep = "longform", "chat", False

    def __init__(self, talker: Talker) -> None:
        self.talker = talker

    async def complete(self, messages: Sequence[Message], sampling: Sampling) -> Completion:
        text = self.talker.say(messages, sampling.seed, sampling.temperature == 0)
        read = sum(len(message.content) for message in messages) // 4
        return Completion(text, "stop", read, len(text) // 4, 20.0 * len(text.split()), 1e-6 * (read + len(text)))


class TalkingMachine:
    """What `Run` needs; a checkpoint is what an endpoint's is, in words: examples that the model is shown."""

    def __init__(self, talker: Talker, settings: Any) -> None:
        self.speaker, self.settings = _Speaker(talker), settings

    @property
    def tune(self) -> Tuner:
        return DemoTuner(self.settings.demos, self.settings.demo_choice, self.settings.demo_tokens)

    def base(self) -> bytes:
        return Spoken({"endpoint": self.settings.base_url, "model": self.settings.model}).blob()

    def mender(self) -> None:
        return None

    def model(self, name: str, blob: bytes) -> Model:
        return wrap(self.speaker, name, Spoken.parse(blob))

    def describe(self) -> Mapping[str, Any]:
        return {"endpoint": self.settings.base_url, "model": self.settings.model}

    def close(self) -> None:
        return None


def table(path: Path, rows: int) -> Path:
    """The first ``rows`` problems as a CSV."""
    with path.open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(physics.COLUMNS)
        for number in range(rows):
            problem = physics.made(number)
            out.writerow([problem.question, problem.answer, problem.kind])
    return path


def act(store: Store, seed: int = 0, review: bool = False, name: str = "longform", talker: Talker | None = None,
        **changes: Any) -> Experiment:
    """Play the experiment in ``store`` and leave its job row as a process would: done, or paused for review.

    ``changes`` are settings (``problems=60, rounds=1, base_url=...``). The problems land in a CSV beside the database.
    """
    sizes = {**SIZES, **changes}
    rows = 2 * (int(sizes["problems"]) + int(sizes["validation"]) + int(sizes["heldout"]))
    data = table(Path(f"{store.path}.problems.csv").resolve(), rows)
    settings = preset("tiny", {"columns": "question=problem, answer=solution, kind=sort", "data": str(data),
                               "base_url": NOWHERE, "recipe": physics.__file__, "team": "physics", "review": review,
                               **sizes})
    experiment = store.experiments.create(name, settings, seed)
    return carry_on(store, experiment, talker)


def carry_on(store: Store, experiment: Experiment, talker: Talker | None = None) -> Experiment:
    """Play on from where it stands: a first time, or after a review."""
    at: dict[str, Any] = {"round": 0, "phase": "", "done": 0, "total": 0}

    def progress(round: int, phase: str, done: int, total: int) -> None:
        if (round, phase) != (at["round"], at["phase"]):
            store.experiments.log(experiment.id, f"round {round}: {phase}")
        at.update(round=round, phase=phase, done=done, total=total)

    status, message, machine = "done", "", TalkingMachine(talker or Talker(), experiment.settings)
    store.experiments.set_machine(experiment.id, machine.describe())
    try:
        improve(Run(store, experiment, machine, progress))
    except Paused as pause:
        status, message = "paused", str(pause)
    store.experiments.set_job(experiment.id, status=status, message=message, seconds=412.0, **at)
    return experiment


@cache
def _numbers() -> dict[str, Problem]:
    found = {}
    for number in range(400):
        problem = physics.made(number)
        found[Task.of("table", f"row/{number + 2}", "", problem.question, problem.answer).id] = problem
    return found


def problem_of(task_id: str) -> Problem:
    """The problem of a task of these experiments."""
    return _numbers()[task_id]


def fault_of(task_id: str) -> tuple[int, str]:
    """(index of the turn where this problem's wrong step is taken, if it is taken; the sentence that takes it)."""
    problem = problem_of(task_id)
    return problem.turn, problem.fault


def main() -> None:
    parser = argparse.ArgumentParser(description="make a database with an experiment of long replies")
    parser.add_argument("db", type=Path)
    parser.add_argument("--review", action="store_true", help="stop where the repairs of round 1 wait for people")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    with Store(args.db) as store:
        print(act(store, args.seed, args.review).id)


if __name__ == "__main__":
    main()
