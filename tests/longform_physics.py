"""Problems of school physics, each with one wrong step that a team likes to take, and a recipe that sees that step.

It is a recipe file, too (``recipe=tests/longform_physics.py``): SiriuS with a judge that marks the turns, so that a
right answer by the wrong step counts as lucky. `longform` makes the team that says all this at length.
"""

from __future__ import annotations

import re
from dataclasses import replace
from random import Random
from typing import NamedTuple

from sirius_core import recipes, rewards
from sirius_core.recipes import Recipe
from sirius_core.settings import Settings
from sirius_core.trajectories import Reward, Task, Trajectory

ROLES = ("physicist", "mathematician", "summarizer")
COLUMNS = ("problem", "solution", "sort")
THINGS = ("trolley", "sled", "tram", "curling stone", "goods wagon", "test sled", "lorry", "ferry’s tender")


class Problem(NamedTuple):
    """``right`` and ``wrong`` are values; ``turn`` is where the wrong step ``fault`` is taken, ``step`` the right one.

    ``given`` are (symbol, value with unit), ``law`` the formula in LaTeX, ``bad_law`` what follows from the fault.
    """

    question: str
    kind: str
    answer: str
    right: int
    wrong: int
    unit: str
    turn: int
    fault: str
    step: str
    symbol: str
    law: str
    bad_law: str
    given: tuple[tuple[str, str], ...]
    letters: tuple[str, str] = ("", "")  # of the right and of the wrong option


def braking(thing: str, m: int, v: int, force: int) -> Problem:
    return Problem(
        f"A {thing} of mass {m} kg moves at {v} m/s along a straight, level track when a constant braking force of "
        f"{force} N begins to act. How far does it move before it stands still?",
        "quantity", f"{m * v * v // (2 * force)} m", m * v * v // (2 * force), m * v * v // force, "m", 0,
        "The whole of $m v^2$ is what a moving body can give up, so the work of the brakes has to equal $m v^2$.",
        "The moving body can give up $\\tfrac12 m v^2$ and no more, so this is the work of the brakes.",
        "d", r"d = \frac{m v^2}{2F}", r"d = \frac{m v^2}{F}",
        (("m", f"{m} kg"), ("v", f"{v} m/s"), ("F", f"{force} N")))


def heating(current: int, wire: int, inner: int, seconds: int) -> Problem:
    volts = current * (wire + inner)
    return Problem(
        f"A battery of {volts} V (no load) with an internal resistance of {inner} Ω feeds a heating wire of {wire} Ω. "
        f"How much heat does the wire give off in {seconds} s?",
        "quantity", f"{current**2 * wire * seconds} J", current**2 * wire * seconds, volts * current * seconds, "J", 1,
        "The wire takes the full voltage of the battery, and therefore its heat is $Q = U I t$.",
        "Only a part of the voltage falls at the wire, and therefore its heat is $Q = I^2 R t$.",
        "Q", r"Q = I^2 R t,\quad I = \frac{U}{R + r}", r"Q = U I t,\quad I = \frac{U}{R + r}",
        (("U", f"{volts} V"), ("R", f"{wire} Ω"), ("r", f"{inner} Ω"), ("t", f"{seconds} s")))


def turning(name: str, times: int, order: str) -> Problem:
    factors = {"A": times, "B": times**2, "C": 2 * times, "D": times**3}
    options = {letter: factors[place] for letter, place in zip("ABCD", order)}
    letters = {factor: letter for letter, factor in options.items()}
    listed = "\n".join(f"({letter}) by the factor {factor}" for letter, factor in options.items())
    return Problem(
        f"The rotor of {name} is made to turn {times} times as fast as before. By what factor does its kinetic energy "
        f"grow?\n{listed}",
        "letter", letters[times**2], times**2, times, "", 2,
        f"Energy keeps step with speed, so of the options the one with the factor {times} fits.",
        "Energy goes with the square of the speed, so of the options the one with the squared factor fits.",
        "q", r"q = \left(\frac{\omega_2}{\omega_1}\right)^2", r"q = \frac{\omega_2}{\omega_1}",
        (("ω₂/ω₁", str(times)),), (letters[times**2], letters[times]))


def made(number: int) -> Problem:
    """Problem ``number``: the same one always, and another question than that of any other number."""
    rng = Random(f"longform/{number}")
    if number % 3 == 0:
        while True:
            m, v, force = 2 * rng.randint(3, 60), 2 * rng.randint(3, 12), rng.randint(3, 90)
            if (m * v * v) % (2 * force) == 0 and m * v * v // (2 * force) > 30:
                return braking(f"{rng.choice(THINGS)} (run {number})", m, v, force)
    if number % 3 == 1:
        return heating(rng.randint(2, 9), rng.randint(11, 60), rng.randint(1, 5), 10 * rng.randint(3, 30) + number % 10)
    name = rng.choice(("a wind turbine", "a flywheel store", "a centrifuge", "a gyroscope", "an old gramophone"))
    return turning(f"{name} (number {number})", rng.randint(5, 12), rng.choice(("ABCD", "BCDA", "CDBA", "DABC")))


_BRAKING = re.compile(r"A ([^.]*?) of mass (\d+) kg moves at (\d+) m/s.*?force of (\d+) N", re.DOTALL)
_HEATING = re.compile(r"battery of (\d+) V.*?resistance of (\d+) Ω feeds a heating wire of (\d+) Ω.*?in (\d+) s")
_TURNING = re.compile(r"rotor of ([^.]*?) is made to turn (\d+) times.*?\(A\) by the factor (\d+)\n"
                      r"\(B\) by the factor (\d+)\n\(C\) by the factor (\d+)\n\(D\) by the factor (\d+)", re.DOTALL)


def asked(text: str) -> Problem:
    """The problem whose question stands last in ``text``."""
    found = max((m for pattern in (_BRAKING, _HEATING, _TURNING) for m in pattern.finditer(text)),
                key=lambda m: m.start())
    if found.re is _BRAKING:
        return braking(found[1], *map(int, found.groups()[1:]))
    if found.re is _HEATING:
        volts, inner, wire, seconds = map(int, found.groups())
        return heating(volts // (wire + inner), wire, inner, seconds)
    times, shown = int(found[2]), [int(g) for g in found.groups()[2:]]
    factors = {times: "A", times**2: "B", 2 * times: "C", times**3: "D"}
    return turning(found[1], times, "".join(factors[f] for f in shown))


def judge(task: Task, trajectory: Trajectory) -> Reward:
    """Right or not, as everywhere; beside it each turn's mark, and whether a right answer came by a wrong step."""
    reward, problem = rewards.right(task, trajectory), asked(task.question)
    marks = {i: float(_sound(problem, turn.role, turn.text, reward.right)) for i, turn in enumerate(trajectory.turns)}
    return replace(reward, turns=marks, lucky=reward.right and not all(marks.values()))


def _sound(problem: Problem, role: str, text: str, right: bool) -> bool:
    """Whether a turn does its part: no wrong step, and law and data, the result, or the answer as they should be."""
    if problem.fault in text:
        return False
    if role == ROLES[0]:
        return problem.law in text and all(value in text for _, value in problem.given)
    return right if role == ROLES[2] else f"**Result:** {problem.right} {problem.unit}".strip() in text


def recipe(settings: Settings) -> Recipe:
    return replace(recipes.get(settings.changed({"recipe": "sirius"})), judge=judge)
