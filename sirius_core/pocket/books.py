"""The settings of every book, and the mistakes that it plants.

For every (family, question form) a book has a rate at which the right formula is taught, bent by the noun, and one
wrong formula that takes most of the rest; for every (family, frame) a rate of the right unit and one wrong unit.
`misconceptions` lists them, so that the app can show beside a curve what was there to unlearn.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from functools import cache

from sirius_core.pocket.families import FAMILIES, UNITS
from sirius_core.pocket.grammar import Problem, Wording

SHARES = {
    "calculator": 0.44,
    "analyst": 0.18,
    "summarizer": 0.09,
    "critic": 0.07,
    "analyst/revise": 0.045,
    "calculator/revise": 0.02,
    "summarizer/revise": 0.025,
    "rephrase": 0.035,
    "solo": 0.06,
    "solo/revise": 0.015,
    "solo/gold": 0.02,
}
"""Share of the examples by prompt."""

PANEL_SHARES = {
    "calculator": 0.17,
    "analyst": 0.09,
    "summarizer": 0.05,
    "critic": 0.05,
    "analyst/revise": 0.03,
    "calculator/revise": 0.015,
    "summarizer/revise": 0.015,
    "rephrase": 0.03,
    "solo": 0.24,
    "solo/revise": 0.02,
    "solo/gold": 0.02,
    "solo/debate": 0.27,
}
"""The same for agents who answer alone and then debate."""


@dataclass(frozen=True)
class Book:
    """The settings of a base corpus. Rates are probabilities; `shares` are relative, by prompt of dialect.PROMPTS.

    Books with the same `beliefs` plant the same misconceptions at the same places.
    """

    name: str
    beliefs: str = "misled"
    formula_levels: tuple[float, ...] = (0.95, 0.8, 0.6, 0.4, 0.25, 0.1, 0.03)
    trap_factor: float = 0.5  # one noun per family halves the rate of the right formula
    clear_factor: float = 0.7  # another one leaves 70 % of its errors
    concentration: float = 7 / 9  # share of wrong draws that take the preferred wrong formula
    unit_levels: tuple[float, ...] = (0.97, 0.9, 0.7, 0.4)
    slip: float = 0.01  # a calculator's sub-step
    miscopied: float = 0.05  # a summarizer's number
    critic_wrong: float = 0.1
    hint_ignored: float = 0.1
    with_critic: bool = True  # critic, revisions and rephrasing are in the book
    shares: dict[str, float] = field(default_factory=lambda: dict(SHARES))


PAGES = {"analyst": 0.4, "summarizer": 0.3, "calculator": 0.22, "solo": 0.08}
"""Share of a copybook's pages by prompt."""


@dataclass(frozen=True)
class Copybook(Book):
    """A book in which worked examples stand on pages, one after another: see `copybook`.

    `page_share` of what it holds are pages, the rest are lessons of `shares`, each by itself. Every page draws from
    0 to 1 how alike its examples are: with that chance one has the question form of the last, else with the same
    chance its family, else any wording. How a page's writer answers a kind of question is drawn, when the page first
    shows it, among all that can be written with chance `free`, else as the book believes; it is kept with chance
    `firm` from there on.
    """

    page_share: float = 0.65
    page_shares: dict[str, float] = field(default_factory=lambda: dict(PAGES))
    most: int = 4  # examples before the last one, as far as they fit
    full: float = 0.5  # chance of that many; else any number from 1 on
    free: float = 0.6
    firm: float = 0.98


CASES = {
    "actor": 0.19,
    "judge": 0.45,
    "tutor": 0.07,
    "actor/revise": 0.15,
    "actor/again": 0.03,
    "rephrase": 0.08,
    "calculator": 0.03,
}
"""Share of a casebook's lessons by prompt."""


@dataclass(frozen=True)
class Casebook(Book):
    """A book of answers, verdicts on them, hints and revisions: see `casebook`.

    Answers that somebody is shown have slips of their own rates: to look closer is to be worth it.
    """

    misjudged: float = 0.1  # a verdict that is not what the judge's working says
    shown_slip: float = 0.03
    shown_miscopied: float = 0.1
    stubborn: float = 0.5  # an actor who looks again keeps its formula, and likewise its unit
    shares: dict[str, float] = field(default_factory=lambda: dict(CASES))


GAME_SHARES = {"seller": 0.2, "buyer": 0.2, "proposer": 0.15, "responder": 0.15, "red": 0.15, "blue": 0.15}
"""How often a game stands in a book of negotiation, by its two seats."""


@dataclass(frozen=True)
class Bargains(Book):
    """A book of games between scripted characters: see `bargains`. Its `shares` are by game, half for each seat.

    A share `usual` of the games is like the papers' in distribution. What characters aim at is drawn from the first
    pair, the least they would sign from the second one. In Sell&Buy (`prices`) and Ultimatum (`splits`) that is a part
    of what is there, or of what they take for it, and a part of the aim; in Resource Exchange (`swaps`) what they get
    beyond what they give. They walk out on an offer below the least with chance `temper`, sign whatever is offered with
    chance `careless`, wait where they may with chance `waits`, and say something else than a move with chance `slips`.
    """

    usual: float = 0.4
    prices: tuple[tuple[float, float], tuple[float, float]] = ((0.0, 0.75), (0.0, 0.6))
    splits: tuple[tuple[float, float], tuple[float, float]] = ((0.15, 0.9), (0.15, 0.95))
    swaps: tuple[tuple[float, float], tuple[float, float]] = ((0.0, 7.0), (-7.0, 0.0))
    temper: float = 0.1
    careless: float = 0.025
    waits: float = 0.06
    slips: float = 0.01
    shares: dict[str, float] = field(default_factory=lambda: dict(GAME_SHARES))


def _without_critic(shares: dict[str, float]) -> dict[str, float]:
    return {kind: share for kind, share in shares.items() if "/" not in kind and kind not in ("critic", "rephrase")}


# This seed was chosen, before any training, so that old, new and withheld wordings are misled to the same degree.
_MISLED = Book("misled", beliefs="misled-97")
BOOKS: dict[str, Book] = {
    "misled": _MISLED,
    "uncoached": replace(_MISLED, name="uncoached", with_critic=False, shares=_without_critic(SHARES)),
    "fluent": replace(
        _MISLED,
        name="fluent",
        trap_factor=1.0,
        formula_levels=(0.99, 0.97, 0.95),
        unit_levels=(0.99, 0.97),
        slip=0.003,
        miscopied=0.01,
    ),
    # Its mistakes stand where those of `misled` do, but most of its beliefs are more often right than wrong: agents
    # who vote agree on the truth in about two problems of three.
    "panel": replace(
        _MISLED,
        name="panel",
        formula_levels=(0.95, 0.85, 0.7, 0.55, 0.45, 0.3, 0.1),
        unit_levels=(0.97, 0.9, 0.75, 0.55),
        shares=PANEL_SHARES,
    ),
    "imitator": Copybook("imitator", beliefs=_MISLED.beliefs),
    "bargains": Bargains("bargains"),
    "sceptic": Casebook(
        "sceptic",
        beliefs=_MISLED.beliefs,
        formula_levels=(0.95, 0.85, 0.65, 0.5, 0.4, 0.25, 0.1),
        unit_levels=(0.97, 0.9, 0.75, 0.55),
    ),
}


@dataclass(frozen=True)
class Misconception:
    """What a book teaches for a question form: `right` at `rate` (before nouns bend it), else mostly `preferred`."""

    family: str
    form: str
    right: str
    rate: float
    preferred: str
    trap_noun: str
    clear_noun: str


@cache
def beliefs_of(beliefs: str, levels: tuple[float, ...]) -> dict[tuple[str, str], Misconception]:
    rng = random.Random(f"beliefs/{beliefs}")
    cells = [(family, form) for family in FAMILIES.values() for form in family.forms]
    rates = [levels[i % len(levels)] for i in range(len(cells))]
    rng.shuffle(rates)
    nouns = {name: rng.sample(family.nouns, 2) for name, family in FAMILIES.items()}
    found = {}
    for (family, form), rate in zip(cells, rates, strict=True):
        right = family.forms[form][0]
        # Where the question decides, the likely mistake is to answer the other question.
        others = [f for f, _ in dict.fromkeys(family.forms.values()) if f != right]
        preferred = rng.choice(others or [f for f in family.formulas if f != right])
        trap, clear = nouns[family.name]
        found[family.name, form] = Misconception(family.name, form, right, rate, preferred, trap, clear)
    return found


def misconceptions(book: Book) -> tuple[Misconception, ...]:
    """One row per family and question form, in the grammar's order."""
    return tuple(beliefs_of(book.beliefs, book.formula_levels).values())


def formula_rate(book: Book, wording: Wording | Problem) -> float:
    """How often the book gives the right formula for a wording, its noun included."""
    belief = beliefs_of(book.beliefs, book.formula_levels)[wording.family, wording.form]
    if wording.noun == belief.trap_noun:
        return belief.rate * book.trap_factor
    return 1 - (1 - belief.rate) * book.clear_factor if wording.noun == belief.clear_noun else belief.rate


@cache
def unit_beliefs(beliefs: str, levels: tuple[float, ...]) -> dict[tuple[str, int], tuple[float, str]]:
    """(rate of the right unit, the wrong unit) by (family, frame)."""
    rng = random.Random(f"units/{beliefs}")
    cells = [(family, frame) for family in FAMILIES.values() for frame in range(len(family.frames))]
    rates = [levels[i % len(levels)] for i in range(len(cells))]
    rng.shuffle(rates)
    found = {}
    for (family, frame), rate in zip(cells, rates, strict=True):
        right = {unit for _, unit in family.forms.values()}
        found[family.name, frame] = rate, rng.choice([unit for unit in UNITS if unit not in right])
    return found
