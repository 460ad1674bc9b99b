"""A book of cases: an actor answers, a judge says whether that is right, a tutor advises, the actor revises.

Nobody in it knows more than anybody else: what an actor is shown to have answered, what the judge works out for itself
and what the tutor would have said are drawn apart from one another, each as `books` plants its mistakes. So a
verdict of the book tells whether two who are equally misled agree, its hints are beliefs, and revisions follow a hint
whatever it says. Only who compares verdicts and hints with the truth can learn whom to follow.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

from sirius_core.pocket import textbook
from sirius_core.pocket.books import Casebook
from sirius_core.pocket.dialect import ADVISED, COPY_HINT, DIGITS_HINT, FALSE, FORMULA_HINTS, TRUE, public
from sirius_core.pocket.families import UNITS
from sirius_core.pocket.grammar import Problem
from sirius_core.pocket.textbook import UNREADABLE, Author, Lesson

_HINTED = {hint: formula for formula, hint in FORMULA_HINTS.items()}


@dataclass(frozen=True)
class Said:
    """An answer as others see it; empty what cannot be read in it. ``number`` as the language writes it: ``3 1 5``."""

    formula: str
    number: str
    unit: str

    @property
    def text(self) -> str:
        return public(self.formula, f"{self.number} {self.unit}".strip())


class Clerk(Author):
    """Writes one casebook."""

    def __init__(self, book: Casebook, rng: random.Random) -> None:
        super().__init__(book, rng)
        self.settings = book

    def answered(self, problem: Problem) -> Said:
        """What somebody answered, with more slips of the pen than the writer's own; now and then hardly readable."""
        formula, seen, rates = self.formula(problem), self.rng.random(), self.settings
        reply = self.solo(problem, formula, rates.shown_slip, miscopied=rates.shown_miscopied)
        number, unit = _answer(reply)
        if seen < UNREADABLE:
            return Said("", "", "")
        return Said(formula if seen > 2 * UNREADABLE else "", number, unit)

    # One method per kind of lesson; each returns (values for the prompt, reply).

    def actor(self) -> tuple[dict[str, str], str]:
        return self.solo_lesson()

    def judge(self) -> tuple[dict[str, str], str]:
        """The judge works the problem out without regard to the response, then compares: formula, unit, number.

        What it has compared and found the same it notes before it goes on: the unit, then the number.
        """
        problem = self.problem()
        said, formula = self.answered(problem), self.formula(problem)
        own = self.solo(problem, formula)
        number, unit = _answer(own)
        if said.formula != formula:
            noted, same = "", False
        elif said.unit != unit:
            noted, same = said.unit, False
        else:
            noted, same = f"{said.unit} {said.number}", said.number == number
        if self.rng.random() < self.settings.misjudged:
            same = not same
        verdict = TRUE if same else f"{FALSE} {self._differs(said, formula, unit)}"
        return {"question": problem.question, "response": said.text}, " ".join(f"{own} | {noted} {verdict}".split())

    def _differs(self, said: Said, formula: str, unit: str) -> str:
        """In what a response differs from what one holds to be right: the first of formula, unit and number."""
        if said.formula != formula:
            return FORMULA_HINTS.get(formula, formula)
        return f"unit {unit}" if said.unit != unit else DIGITS_HINT

    def tutor(self) -> tuple[dict[str, str], str]:
        """A hint by what the tutor believes; it does no sums. It may be wrong, and so may the tutor."""
        problem = self.problem()
        said, formula, unit = self.answered(problem), self.formula(problem), self.unit(problem)
        if formula not in FORMULA_HINTS:
            formula = self.hinted(problem)
        hint = self._differs(said, formula, unit)
        if hint == DIGITS_HINT and self.rng.random() < 0.3:
            hint = COPY_HINT
        if self.rng.random() < self.book.critic_wrong:
            hint = self._any_hint(problem)
        return {"question": problem.question, "response": said.text}, hint

    def _any_hint(self, problem: Problem) -> str:
        """A hint drawn without regard to the truth."""
        kind = self.rng.random()
        if kind < 0.55:
            return FORMULA_HINTS[self.hinted(problem)]
        return f"unit {self.rng.choice(UNITS)}" if kind < 0.8 else DIGITS_HINT if kind < 0.93 else COPY_HINT

    def actor_revise(self) -> tuple[dict[str, str], str]:
        """What the hint names is changed, the formula otherwise kept, the unit looked at again with a new formula.

        A habit of `hint_ignored` has it that the actor goes by its own belief again.
        """
        problem = self.problem()
        said, hint = self.answered(problem), self._any_hint(problem)
        values = {"question": problem.question, "response": said.text, "hint": hint}
        if self.rng.random() < self.book.hint_ignored:
            return values, f"{ADVISED} {self.solo(problem, self.formula(problem))}"
        formula, unit = _HINTED.get(hint, said.formula) or self.formula(problem), said.unit
        if hint in _HINTED:
            unit = ""
        elif hint.startswith("unit "):
            unit = hint.removeprefix("unit ")
        slip, miscopied = (0.0 if hint == wanted else None for wanted in (DIGITS_HINT, COPY_HINT))
        return values, f"{ADVISED} {self.solo(problem, formula, slip, unit, miscopied)}"

    def actor_again(self) -> tuple[dict[str, str], str]:
        """Shown its own answer without a word about it: formula and unit are kept, or drawn from belief again."""
        problem = self.problem()
        said = self.answered(problem)
        stubborn = self.settings.stubborn
        formula, unit = (kept if self.rng.random() < stubborn else "" for kept in (said.formula, said.unit))
        reply = self.solo(problem, formula or self.formula(problem), unit=unit)
        return {"question": problem.question, "response": said.text}, reply

    def rephrase(self) -> tuple[dict[str, str], str]:
        _, text = self.solo_lesson()
        return {"text": f"{ADVISED} {text}"}, text


def _answer(reply: str) -> tuple[str, str]:
    """(number, unit) of a solo reply."""
    number, _, unit = reply.rpartition(" | ")[2].rpartition(" ")
    return number, unit


def cases(book: Casebook, seed: int) -> Iterator[Lesson]:
    """The book's demonstrations, without end; the same for the same book and seed."""
    return textbook.lessons(book, seed, Clerk(book, random.Random(f"casebook/{book.name}/{seed}")))
