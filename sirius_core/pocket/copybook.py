"""A book of pages: worked examples by one writer, one after another, as demonstrations stand before a question.

Every page has its own writer, who answers questions of one kind (a family and what is asked of it) always in one way,
right or wrong. Only the page shows which: so what stands on it has to be looked at. Kinds that a page has not shown
are answered as `books` plants them.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from sirius_core.pocket.books import Copybook
from sirius_core.pocket.dialect import PROMPTS
from sirius_core.pocket.families import FAMILIES, UNITS
from sirius_core.pocket.grammar import Problem, Wording, one, wordings
from sirius_core.pocket.textbook import Author, Lesson, lessons
from sirius_core.pocket.transformer import Shape

CONTEXT = Shape(1).context

@dataclass(frozen=True)
class Page:
    """Lessons in the order in which they are read. `taught`: whether loss falls on each one's reply.

    It does not where the writer's answer was drawn freely: nothing before it foretells it, and what the model says
    without a page is to stay what the book believes.
    """

    lessons: tuple[Lesson, ...]
    taught: tuple[bool, ...]


class Writer(Author):
    """Writes pages; between them it is the plain author."""

    def __init__(self, book: Copybook, rng: random.Random) -> None:
        super().__init__(book, rng)
        self.settings = book
        self._last = True
        self._subject, self._alike = self.wordings[0], 0.0
        self._role = ""
        self._formulas: dict[tuple[str, str], str] = {}
        self._units: dict[tuple[str, str], str] = {}
        self._taught = True

    def problem(self) -> Problem:
        subject, alike = self._subject, self._alike
        if self._last:
            return one("base", subject, self.rng)
        pool = self.wordings
        if self.rng.random() < alike:
            pool = _asking(subject.form)
        elif self.rng.random() < alike:
            pool = _within(subject.family)
        return one("base", self.rng.choice(pool), self.rng)

    def formula(self, problem: Problem) -> str:
        believed = super().formula(problem)
        if self._role == "summarizer":
            return believed
        return self._habit(self._formulas, problem, believed, FAMILIES[problem.family].formulas)

    def unit(self, problem: Problem) -> str:
        return self._habit(self._units, problem, super().unit(problem), UNITS)

    def _habit(self, habits: dict[tuple[str, str], str], problem: Problem, believed: str, free: tuple[str, ...]) -> str:
        kind = problem.family, problem.formula
        if kind not in habits:
            if not self._last and self.rng.random() < self.settings.free:
                believed, self._taught = self.rng.choice(free), False
            habits[kind] = believed
        elif self.rng.random() < self.settings.firm:
            return habits[kind]
        return believed

    def page(self) -> Page:
        """A page of at least one demonstration and the lesson that it is for, as many as fit."""
        book = self.settings
        kind = self.rng.choices(list(book.page_shares), list(book.page_shares.values()))[0]
        count = book.most if self.rng.random() < book.full else self.rng.randint(1, book.most)
        while True:
            page = self._page(kind, count)
            if 1 + sum(len(f"{x.prompt} {x.reply}".split()) for x in page.lessons) <= CONTEXT:
                return page
            count = max(1, count - 1)

    def _page(self, kind: str, count: int) -> Page:
        self._subject, self._alike, self._role = self.rng.choice(self.wordings), self.rng.random(), kind
        self._formulas, self._units = {}, {}
        found, taught = [], []
        for i in range(count + 1):
            self._last, self._taught = i == count, True
            values, reply = self.solo_lesson() if kind == "solo" else getattr(self, kind)()
            found.append(Lesson(kind, PROMPTS[kind].format_map(values), reply))
            taught.append(self._taught)
        return Page(tuple(found), tuple(taught))


@cache
def _asking(form: str) -> tuple[Wording, ...]:
    return tuple(w for w in wordings("all") if w.form == form)


@cache
def _within(family: str) -> tuple[Wording, ...]:
    return tuple(w for w in wordings("all") if w.family == family)


def pages(book: Copybook, seed: int) -> Iterator[Page]:
    """The book's pages and lessons (pages of one), without end; the same for the same book and seed."""
    rng = random.Random(f"copybook/{book.name}/{seed}")
    plain, writer = lessons(book, seed), Writer(book, rng)
    while True:
        if rng.random() < book.page_share:
            yield writer.page()
        else:
            yield Page((next(plain),), (True,))
