"""Eight lessons: contrasts that ship with a question, a common wrong prediction, a note for teachers and an outcome.

A lesson is a TOML file: the keys of a plan (see `contrast.plan`) and ``title``, ``wrong``, ``note``, ``outcome``,
``ahead``. What came of 20 seeds stands beside it in ``measured/KEY.json`` (`benchmarks/lessons.py` writes it).
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..contrast.plan import Plan, parsed
from ..errors import UnknownName, UsageError

FOLDER = Path(__file__).parent
KEYS = (
    "critic-or-again",
    "gold-or-blind",
    "real-or-random",
    "weak-base",
    "lucky-traces",
    "learning-rate",
    "sloppy-verifier",
    "votes-or-gold",
)
"""In the order in which a course would take them."""
TEXTS = ("title", "wrong", "note", "outcome", "ahead")


@dataclass(frozen=True)
class Lesson:
    """A contrast to predict, run and talk about.

    ``question`` is one sentence; ``wrong`` what a good student predicts, and why that is tempting; ``note`` is for the
    teacher; ``outcome`` what comes out, and ``ahead`` the arm that comes out best ("": the whole interval lies within
    two points of nothing).
    ``measured`` is None until somebody measured it, else

        {"seeds", "items", "arms": {arm: {"final": [accuracy per seed], "rounds": [[one per round] per seed],
         "right": [the last round's answers per seed, see `answers`], "used": learning, per run, "cpu": s per run}},
         "sentence": the verdict, "share_as_stated": in how many of the seeds it came out as ``ahead`` says}

    and for arms that differ in their verifier, per seed: "passed", the shares of the held-out answers of each round
    that pass the arm's own test, and "lucky", the share of lucky traces in each round's library.
    """

    key: str
    title: str
    question: str
    wrong: str
    note: str
    outcome: str
    ahead: str
    plan: Plan
    measured: dict[str, Any] | None = None


def get(key: str) -> Lesson:
    """The lesson of that name; UnknownName names the nearest."""
    if key not in KEYS:
        raise UnknownName("lesson", key, KEYS)
    return read(FOLDER / f"{key}.toml")


def all() -> tuple[Lesson, ...]:
    return tuple(get(key) for key in KEYS)


def read(file: Path) -> Lesson:
    """The lesson in a TOML file, with ``measured/KEY.json`` beside it where there is one. UsageError if it is none."""
    try:
        found = tomllib.loads(file.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"the lesson {str(file)!r} is no TOML file: {error}") from None
    said = {name: found.get(name, "") for name in TEXTS}
    if bad := [name for name, text in said.items() if not isinstance(text, str) or not (text or name == "ahead")]:
        raise UsageError(f"{file}: {bad[0]} is missing, or no text")
    plan = replace(parsed(found, file.stem, file.parent, str(file), more=TEXTS), lesson=file.stem)
    if said["ahead"] not in ("", *(arm.name for arm in plan.arms)):
        raise UsageError(f"{file}: ahead={said['ahead']!r} is none of the arms")
    texts = {name: " ".join(text.split()) for name, text in said.items()}
    return Lesson(file.stem, question=plan.question, plan=plan, measured=_measured(file), **texts)


def answers(bits: str, n: int) -> list[int]:
    """``answers("b8", 5) == [1, 0, 1, 1, 1]``: which of n problems were answered right, from hexadecimal digits."""
    return [int(digit) for digit in "".join(f"{int(part, 16):04b}" for part in bits)[:n]]


def final(measured: Mapping[str, Any]) -> dict[str, dict[int, dict[str, int]]]:
    """The last round's answers of a measured lesson, as `contrast.verdict.judge` takes them; problems are numbered."""
    return {name: {seed: {str(i): right for i, right in enumerate(answers(bits, measured["items"]))}
                   for seed, bits in enumerate(arm["right"])} for name, arm in measured["arms"].items()}


def _measured(file: Path) -> dict[str, Any] | None:
    kept = file.parent / "measured" / f"{file.stem}.json"
    return dict(json.loads(kept.read_text(encoding="utf-8"))) if kept.exists() else None
