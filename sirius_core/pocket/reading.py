"""A problem that a person wrote, found again in the grammar: its formula, numbers and right answer."""

from __future__ import annotations

import re
from functools import cache

from sirius_core.pocket.families import FAMILIES, Family
from sirius_core.pocket.grammar import Problem, Wording, make
from sirius_core.pocket.notation import Expression

_NUMBER = r"\d(?: \d)*"


def read(question: str) -> Problem | None:
    """The problem that the grammar would ask in these very words; None for a question that it never asks, or whose
    right answer is no whole number from 0 on.

    >>> read("train moves 3 0 m/s for 5 s . how far ?").answer
    '1 5 0 m'
    """
    text = " ".join(question.split())
    for family in FAMILIES.values():
        form = next((f for f in family.forms if text.endswith(f" {f}")), None)
        if form is None:
            continue
        told = text[: -len(form) - 1]
        for frame, pattern in enumerate(_frames(family.name)):
            if found := pattern.fullmatch(told):
                said = found.groupdict()
                x, y = _number(said["x"]), _number(said["y"])
                z = _number(said["z"]) if said.get("z") else None
                if _answerable(family.forms[form][0], x, y, z):
                    return make(Wording(family.name, frame, said["n"], form), x, y, z)
    return None


@cache
def _frames(name: str) -> tuple[re.Pattern[str], ...]:
    family = FAMILIES[name]
    return tuple(_pattern(family, frame) for frame in family.frames)


def _pattern(family: Family, frame: str) -> re.Pattern[str]:
    places = {"n": "|".join(map(re.escape, family.nouns)), "x": _NUMBER, "y": _NUMBER, "z": _NUMBER}
    parts = re.split(r"\{(\w)\}", frame)
    return re.compile("".join(re.escape(part) if i % 2 == 0 else f"(?P<{part}>{places[part]})"
                              for i, part in enumerate(parts)))


def _number(text: str) -> int:
    return int(text.replace(" ", ""))


def _answerable(formula: str, x: int, y: int, z: int | None) -> bool:
    if "/" in formula and (y == 0 or x % y):
        return False
    value = Expression(formula, x, y, z).value
    return value is not None and value >= 0
