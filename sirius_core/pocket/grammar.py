"""Word problems with exact answers, and their splits.

A problem is split by its canonical operand pair alone, (x, y) or (quotient, y) for a division, whatever its family,
wording and third number: what the team is tested on, it has never multiplied or divided before. Wordings are split on
their own:

    old              combinations that fine-tuning may use
    new              20 % of the combinations, never fine-tuned, their question forms known from other combinations
    withheld         one question form per family, never fine-tuned in any combination
    withheld-family  those of families whose formula does not depend on the question
    withheld-form    those of families whose question decides the formula
    all              every combination (the base corpus)
"""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import Literal, get_args

from sirius_core.pocket.families import FAMILIES
from sirius_core.pocket.notation import Expression, digits

Split = Literal["base", "train", "validation", "heldout"]
Wordings = Literal["old", "new", "withheld", "withheld-family", "withheld-form", "all"]
SPLITS: tuple[Split, ...] = get_args(Split)
WORDINGS: tuple[Wordings, ...] = get_args(Wordings)

_PARTS = ("base",) * 5 + ("train",) * 2 + ("validation",) + ("heldout",) * 2
NEW_SHARE = 0.2
TWO_DIGIT_SHARE = 0.3


@dataclass(frozen=True)
class Wording:
    """One of the grammar's texts: family, frame (its number), noun and question form."""

    family: str
    frame: int
    noun: str
    form: str

    @property
    def id(self) -> str:
        return f"{self.family}/{self.frame}/{self.noun}/{list(FAMILIES[self.family].forms).index(self.form)}"


@dataclass(frozen=True)
class Problem:
    """A word problem. `formula` is the right one, `answer` value and unit (``1 7 6 4 N``); z is None without use."""

    family: str
    form: str
    frame: int
    noun: str
    wording_id: str
    formula: str
    x: int
    y: int
    z: int | None
    question: str
    answer: str
    pair: tuple[int, int]
    form_decides: bool

    @property
    def unit(self) -> str:
        return self.answer.split()[-1]

    @property
    def numbers(self) -> str:
        """``3 5 , 9 , 3 7 1``: what the critic is told of the problem."""
        return " , ".join(digits(n) for n in (self.x, self.y, self.z) if n is not None)


@cache
def split_of(pair: tuple[int, int]) -> Split:
    """The pool of an operand pair: of all pairs 50 % base corpus, 20 % train, 10 % validation, 20 % held-out."""
    digest = hashlib.md5(f"{pair[0]},{pair[1]}".encode(), usedforsecurity=False).digest()
    part: Split = _PARTS[int.from_bytes(digest[:8], "big") % 10]  # type: ignore[assignment]
    return part


def true_formula(problem: Problem) -> str:
    """The formula that the family and the question form call for."""
    return FAMILIES[problem.family].forms[problem.form][0]


@cache
def withheld_forms() -> dict[str, str]:
    """The one question form per family that fine-tuning never sees, drawn once and for all."""
    return {name: random.Random(f"withheld/{name}").choice(list(f.forms)) for name, f in FAMILIES.items()}


@cache
def wordings(kind: Wordings) -> tuple[Wording, ...]:
    """The wordings of a kind, in a fixed order."""
    everything = [
        Wording(f.name, frame, noun, form)
        for f in FAMILIES.values()
        for frame, noun, form in product(range(len(f.frames)), f.nouns, f.forms)
    ]
    if kind == "all":
        return tuple(everything)
    withheld = [w for w in everything if withheld_forms()[w.family] == w.form]
    if kind.startswith("withheld"):
        wanted = {"withheld": (False, True), "withheld-family": (False,), "withheld-form": (True,)}[kind]
        return tuple(w for w in withheld if FAMILIES[w.family].form_decides in wanted)
    rest = [w for w in everything if withheld_forms()[w.family] != w.form]
    new = set(random.Random("new wordings").sample(rest, round(NEW_SHARE * len(everything))))
    return tuple(w for w in rest if (w in new) == (kind == "new"))


def numbers(rng: random.Random, layout: str) -> tuple[int, int, int | None]:
    """Draw x, y, z for a family's layout: y one digit, x two or three (a dividend up to four), z as the layout says."""
    y = rng.randint(2, 9)
    x = rng.randint(12, 99) if rng.random() < TWO_DIGIT_SHARE else rng.randint(100, 999)
    if layout == "quotient":
        return x * y, y, None
    if layout == "multiple":
        return rng.randint(12, 999 // y) * y, y, None
    if layout == "sum":
        return x, y, rng.randint(11, 99)
    return x, y, rng.randint(11, 99) + x * y if layout == "rest" else None


def executed(x: int, y: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """The two pairs that any formula, right or wrong, can form from these numbers."""
    return (x, y), (x // y, y)


def allowed(split: Split, formula: str, x: int, y: int) -> bool:
    """Whether these numbers belong to a split.

    The right formula's pair must be of the split. Beyond that, no formula at all may leave the base pool in the base
    corpus, and no wrong formula may touch a held-out or validation pair in training.
    """
    pair = Expression(formula, x, y).pair
    others = [split_of(p) for p in executed(x, y)]
    if split == "base":
        return all(part == "base" for part in others)
    if split == "train" and not all(part in ("base", "train") for part in others):
        return False
    return pair is not None and split_of(pair) == split


def make(wording: Wording, x: int, y: int, z: int | None) -> Problem:
    """The problem of a wording and its numbers."""
    family = FAMILIES[wording.family]
    formula, unit = family.forms[wording.form]
    right = Expression(formula, x, y, z)
    assert right.value is not None and right.pair is not None
    written = {"n": wording.noun, "x": digits(x), "y": digits(y), "z": digits(z) if z is not None else ""}
    return Problem(
        family=wording.family,
        form=wording.form,
        frame=wording.frame,
        noun=wording.noun,
        wording_id=wording.id,
        formula=formula,
        x=x,
        y=y,
        z=z,
        question=f"{family.frames[wording.frame].format_map(written)} {wording.form}",
        answer=f"{digits(right.value)} {unit}",
        pair=right.pair,
        form_decides=family.form_decides,
    )


def one(split: Split, wording: Wording, rng: random.Random) -> Problem:
    """One random problem of a split with the given wording."""
    family = FAMILIES[wording.family]
    # Where the question decides between x * y and x / y, dividends have three digits at most, so products have four.
    layout = "multiple" if family.layout == "quotient" and family.form_decides else family.layout
    while True:
        x, y, z = numbers(rng, layout)
        if allowed(split, family.forms[wording.form][0], x, y):
            return make(wording, x, y, z)


def draw(split: Split, wordings_kind: Wordings, n: int, seed: int) -> tuple[Problem, ...]:
    """`n` problems, the wordings of the kind in turn after a shuffle; pairs are distinct while the pool has fresh ones.

    Deterministic in its arguments. Draws of another seed or kind are independent, so two draws of one split can share
    problems; only splits are disjoint by construction.
    """
    if split not in SPLITS or wordings_kind not in WORDINGS:
        raise ValueError(f"split: one of {SPLITS}, wordings: one of {WORDINGS}; not {split!r}, {wordings_kind!r}")
    rng = random.Random(f"problems/{split}/{wordings_kind}/{seed}")
    pool = list(wordings(wordings_kind))
    used: set[tuple[int, int]] = set()
    found: list[Problem] = []
    while len(found) < n:
        if len(found) % len(pool) == 0:
            rng.shuffle(pool)
        wording = pool[len(found) % len(pool)]
        problem = one(split, wording, rng)
        for _ in range(200):
            if problem.pair not in used:
                break
            problem = one(split, wording, rng)
        used.add(problem.pair)
        found.append(problem)
    return tuple(found)
