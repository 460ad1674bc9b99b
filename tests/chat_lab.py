"""A chat model for the fake endpoint that acts the chain on problems about bottles, and databases of real runs with it.

It is wrong in a way that examples, a critic's advice and a better instruction mend: it forgets the bottles that break.
What it says depends on the request alone (its seed included), and it writes as chat models do: long, with formulas and
tables, and once with markup that nobody may render.
"""

from __future__ import annotations

import csv
import random
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sirius_core import contrast, jobs
from sirius_core.errors import Paused
from sirius_core.settings import preset
from sirius_core.store import Experiment, Store

RULE = "Always subtract what breaks."
HOSTILE = "<img src=x onerror=alert(1)> ![plan](http://example.org/plan.png) :material/home: $\\frac{1}{2}$"
ASKED = re.compile(r"fills (\d+) bottles an hour for (\d+) hours, and (\d+) break")
SMALL = {"source": "table", "rounds": 1, "problems": 24, "max_solutions": 2, "max_repairs": 6, "validation": 12,
         "heldout": 16, "controls": 3, "control_calls": 8, "model": "fake"}


def bottles(path: Path, rows: int = 60) -> Path:
    """A CSV of problems whose columns have names of their own."""
    rng = random.Random(0)
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["Aufgabe", "Loesung", "Thema"])
        for i in range(rows):
            a, b, c = rng.randint(11, 99), rng.randint(2, 9), rng.randint(2, 9)
            asked = f"No. {i}: a machine fills {a} bottles an hour for {b} hours, and {c} break. How many are whole?"
            table.writerow([asked, a * b - c, "bottling"])
    return path


COLUMNS = "question=Aufgabe, answer=Loesung"


def quiz(path: Path, rows: int = 12) -> Path:
    """Questions in GPQA's format, whose text may not be published."""
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["Question", "Correct Answer", "Incorrect Answer 1", "Incorrect Answer 2", "Incorrect Answer 3",
                        "Record ID", "High-level domain", "Subdomain"])
        for i in range(rows):
            table.writerow([f"Which number is {i} more than a hundred?", 100 + i, i, 2 * i + 300, 999 - i, f"rec{i}",
                            "Physics", "Counting"])
    return path


class ChatLab:
    """``sure``: how often an analyst thinks of what breaks when nothing helps it."""

    def __init__(self, sure: float = 0.4) -> None:
        self.sure = sure

    def __call__(self, messages: Sequence[Mapping[str, Any]], body: Mapping[str, Any]) -> str:
        system, asked = str(messages[0]["content"]), str(messages[-1]["content"])
        if "improve a team" in system:
            return self.writer(asked)
        rng = random.Random(f"{body.get('seed')}/{asked}" if body.get("temperature") else asked)
        helped = len(messages) > 2 or RULE in system or "What is wrong with it" in asked
        if "You review" in system:
            return self.critic(asked)
        if "You edit texts" in system:
            return asked.split("Text:\n")[-1].strip()
        role = (re.search(r"You are the (\w+)", system) or ["", "solver"])[1]
        found = re.findall(ASKED, asked)
        if not found:
            return f"Counting will do.\n\nAnswer: {rng.choice('ABCD')}"
        a, b, c = map(int, found[-1])
        knows = rng.random() < (0.9 if helped else self.sure)
        said: str = getattr(self, role)(asked, a, b, c, knows)
        return said

    def analyst(self, asked: str, a: int, b: int, c: int, knows: bool) -> str:
        steps = "\n".join(f"{i}. Look at number {i} of the problem again, and write it down." for i in range(1, 48))
        plan = "Multiply, then subtract the broken ones." if knows else "Multiply the rate by the hours."
        table = "| given | value |\n|---|---|\n" + f"| rate | {a} per hour |\n| time | {b} h |\n| broken | {c} |"
        return f"**Plan.** {HOSTILE if c == 7 else ''}\n\n{table}\n\n{steps}\n\nSo: \\[ n = r t \\]\n\n{plan}"

    def worker(self, asked: str, a: int, b: int, c: int, knows: bool) -> str:
        careful = "subtract the broken ones" in asked
        last = f"{a * b} - {c} = {a * b - c}" if careful else f"Nothing more to do: {a * b}"
        result = a * b - c if careful else a * b
        return f"We follow the plan.\n\n{a} \\times {b} = {a * b}\n\n{last}\n\nResult: {result}"

    def summarizer(self, asked: str, a: int, b: int, c: int, knows: bool) -> str:
        result = (re.findall(r"Result: (\d+)", asked) or ["0"])[-1]
        return f"Plan and steps agree, so \\(n = {result}\\).\n\nAnswer: {result}"

    def solver(self, asked: str, a: int, b: int, c: int, knows: bool) -> str:
        return f"The machine fills {a * b}.\n\nAnswer: {a * b - c if knows else a * b}"

    def critic(self, asked: str) -> str:
        role = "analyst" if "analyst" in asked else "solver"
        return (f"The first turn overlooks a part of what is given.\n\nBlame: {role}\n"
                "Feedback: think of what happens to the bottles in the end.")

    def writer(self, asked: str) -> str:
        present = asked.partition("<present>\n")[2].partition("\n</present>")[0]
        more = RULE if "You rewrite the instruction of: analyst" in asked else "Be brief."
        return f"It forgets what breaks.\n<instruction>\n{present} {more}\n</instruction>"


def play(path: Path, name: str, base_url: str, data: Path, **changes: Any) -> Experiment:
    """An experiment on the CSV at the endpoint, carried on until it is done or waits for a person."""
    settings = preset("tiny", {**SMALL, "base_url": base_url, "data": str(data), "columns": COLUMNS, **changes})
    with Store(path) as store:
        experiment = jobs.create(store, name, settings, 0)
    _carry_on(path, experiment)
    return experiment


def first_look(path: Path, base_url: str, data: Path) -> str:
    """A contrast whose first two arms are done; its id."""
    settings = preset("tiny", {**SMALL, "base_url": base_url, "data": str(data), "columns": COLUMNS})
    with Store(path) as store:
        made, arms = contrast.begin(store, "bottles", "Which?", contrast.FIRST_LOOK, settings, 0, jobs.create)
    for arm in arms[:2]:
        _carry_on(path, arm)
    return made


def _carry_on(path: Path, experiment: Experiment) -> None:
    try:
        jobs.run(path, experiment.id)
    except Paused:
        pass


def made(folder: Path, base_url: str) -> Path:
    """A database with one experiment of each kind that the pages show.

    bottles-0-1 learned from examples in two rounds, prompts-0-1 by rewritten instructions; mended-0-1 and rewritten-0-1
    wait for a person; quiz-0-1 measured one agent on restricted questions; contrast-1 is a first look, half done.
    """
    db, data = folder / "chat.db", bottles(folder / "bottles.csv")
    with Store(db) as store:
        store.prices.set("fake", 0.5, 1.5)
    play(db, "mended", base_url, data, review=True, update="none", blind=0.0, planted=0.0)
    play(db, "rewritten", base_url, data, review=True, update="prompts", critic="none")
    play(db, "quiz", base_url, quiz(folder / "gpqa_diamond.csv"), source="gpqa", columns="", recipe="star", rounds=0,
         update="none", problems=4, validation=2, heldout=4)
    first_look(db, base_url, data)
    play(db, "prompts", base_url, data, update="prompts")
    play(db, "bottles", base_url, data, rounds=2)
    return db


def faulty(db: Path, base_url: str, data: Path) -> str:
    """An experiment at a server that breaks connections, refuses and truncates, by a model whose price nobody knows."""
    return play(db, "faulty", base_url, data, recipe="star", rounds=0, update="none", model="unpriced").id
