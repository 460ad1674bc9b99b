"""A chat model for the fake endpoint that acts the formula teams in ordinary text, as often mistaken as one wishes.

What it says depends on the request alone (its seed included), so a run over HTTP repeats to the letter.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sirius_core import tasks
from sirius_core.pocket.grammar import Problem
from sirius_core.pocket.ordinary import to_ordinary
from sirius_core.settings import Settings
from sirius_core.tasks.formulas import problem

ANSWERS = {"x * y": lambda x, y, z: x * y, "x / y": lambda x, y, z: x // y, "x * y + z": lambda x, y, z: x * y + z,
           "z - x * y": lambda x, y, z: z - x * y}


class ChatActor:
    """``right``: how often an analyst, or the agent alone, finds the formula; ``with_demos``: once shown examples."""

    def __init__(self, settings: Settings, seed: int = 0, right: float = 0.4, with_demos: float = 0.9) -> None:
        made = tasks.splits("formulas", settings, seed)
        self.problems = {to_ordinary(t.question): problem(t) for split in made.values() for t in split}
        self.right, self.with_demos = right, with_demos

    def __call__(self, messages: Sequence[Mapping[str, Any]], body: Mapping[str, Any]) -> str:
        system, asked = str(messages[0]["content"]), str(messages[-1]["content"])
        rng = random.Random(f"{body.get('seed')}/{asked}" if body.get("temperature") else asked)
        sure = self.with_demos if len(messages) > 2 else self.right
        role = (re.search(r"You are the (\w+)|You (review|solve|edit)", system) or [""])[0].split()[-1]
        play: Callable[[str, random.Random, float], str] = getattr(self, f"_{role}")
        return play(asked, rng, 0.95 if "What is wrong with it" in asked else sure)

    def _problem(self, asked: str) -> Problem:
        return next(p for text, p in self.problems.items() if text in asked)

    def _formula(self, p: Problem, rng: random.Random, sure: float) -> str:
        others = [f for f in ("x * y", "x / y") if f != p.formula]
        return p.formula if rng.random() < sure else rng.choice(others)

    def _analyst(self, asked: str, rng: random.Random, sure: float) -> str:
        p = self._problem(asked)
        formula = self._formula(p, rng, sure)
        numbers = {"x": p.x, "y": p.y, "z": p.z}
        return f"It asks for one thing.\nExpression: {' '.join(str(numbers.get(w, w)) for w in formula.split())}"

    def _calculator(self, asked: str, rng: random.Random, sure: float) -> str:
        parts = re.findall(r"\d+|[*/+-]", asked.split("Expression:")[1].split("\n")[0])
        for sign in "*/-+":
            while sign in parts:
                i = parts.index(sign)
                a, b = int(parts[i - 1]), int(parts[i + 1])
                value = {"*": a * b, "/": a // max(1, b), "-": a - b, "+": a + b}[sign]
                parts[i - 1 : i + 2] = [str(value)]
        return f"Step by step.\nResult: {parts[0]}"

    def _summarizer(self, asked: str, rng: random.Random, sure: float) -> str:
        unit = self._problem(asked).unit
        return f"Answer: {(re.findall(r'[=:] *(-?[0-9]+)', asked) or ['0'])[-1]} {unit}"

    def _solve(self, asked: str, rng: random.Random, sure: float) -> str:
        p = self._problem(asked)
        value = ANSWERS[self._formula(p, rng, sure)](p.x, p.y, p.z or 0)
        return f"Let us see.\nAnswer: {value} {p.unit}"

    def _review(self, asked: str, rng: random.Random, sure: float) -> str:
        role = "analyst" if "calculator" in asked else "solo"
        return f"The formula is wrong.\nBlame: {role}\nFeedback: think about what is asked for."

    def _edit(self, asked: str, rng: random.Random, sure: float) -> str:
        return asked.split("Text:\n")[-1].strip()
