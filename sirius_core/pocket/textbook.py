"""The books that the base models learn from: readable, endless, deliberately wrong in the places that `books` lists.

Revisions follow the hint whatever it says: hints are drawn without regard to the right formula, so that the feedback
mode of a base carries no knowledge that its plain mode lacks. So it is with debates: what a panel is shown to have said
is what the book believes, right or wrong, and the reply goes with most of it.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from sirius_core.pocket.books import BOOKS, Book, Misconception, beliefs_of, formula_rate, misconceptions, unit_beliefs
from sirius_core.pocket.dialect import ADVISED, COPY_HINT, DIGITS_HINT, FINE, FORMULA_HINTS, PROMPTS, public, verdict
from sirius_core.pocket.families import FAMILIES, UNITS
from sirius_core.pocket.grammar import Problem, numbers, one, split_of, wordings
from sirius_core.pocket.notation import Slip, canonical_steps, digits, fill, read_expression, stated_result
from sirius_core.pocket.transformer import Shape

CONTEXT = Shape(1).context
PANEL = 5  # the most who speak in a debate of the book
UNREADABLE = 0.02  # share of the shown answers that could not be read, and of those whose plan could not

__all__ = ["BOOKS", "Author", "Book", "Lesson", "Misconception", "formula_rate", "lessons", "misconceptions"]


@dataclass(frozen=True)
class Lesson:
    """One demonstration: `kind` is a prompt of dialect.PROMPTS."""

    kind: str
    prompt: str
    reply: str


class Author:
    """Writes one book: all randomness comes from `rng`, every problem from the base pool."""

    def __init__(self, book: Book, rng: random.Random) -> None:
        self.book, self.rng = book, rng
        self.units = unit_beliefs(book.beliefs, book.unit_levels)
        self.wordings = wordings("all")

    def problem(self) -> Problem:
        return one("base", self.rng.choice(self.wordings), self.rng)

    def formula(self, problem: Problem) -> str:
        """The formula as the book believes it."""
        if self.rng.random() < formula_rate(self.book, problem):
            return problem.formula
        preferred = beliefs_of(self.book.beliefs, self.book.formula_levels)[problem.family, problem.form].preferred
        others = [f for f in FAMILIES[problem.family].formulas if f not in (problem.formula, preferred)]
        return preferred if self.rng.random() < self.book.concentration else self.rng.choice(others)

    def unit(self, problem: Problem) -> str:
        rate, wrong = self.units[problem.family, problem.frame]
        return problem.unit if self.rng.random() < rate else wrong

    def hinted(self, problem: Problem) -> str:
        """A formula to hint at: any that the numbers allow, the right one no more often than others."""
        return self.rng.choice([f for f in FAMILIES[problem.family].formulas if f in FORMULA_HINTS])

    def expression(self, problem: Problem, formula: str) -> str:
        return fill(formula, problem.x, problem.y, problem.z)

    def slip(self, rate: float) -> Slip:
        def slip(value: int, values: int) -> int:
            if values < 2 or self.rng.random() >= rate:
                return value
            near = [v for v in (value - 10, value - 1, value + 1, value + 10) if 0 <= v < values]
            return self.rng.choice(near)

        return slip

    def steps(self, expression: str, rate: float | None = None) -> str:
        steps = canonical_steps(expression, self.slip(self.book.slip if rate is None else rate))
        assert steps is not None, expression
        return steps

    def copied(self, result: str, rate: float | None = None) -> str:
        """The number as the summarizer writes it: now and then with a changed, lost or swapped digit."""
        if self.rng.random() >= (self.book.miscopied if rate is None else rate):
            return result
        figures = result.split()
        at, kind = self.rng.randrange(len(figures)), self.rng.random()
        if kind < 0.5 or len(figures) == 1:
            figures[at] = str((int(figures[at]) + self.rng.randint(1, 9)) % 10)
        elif kind < 0.75:
            del figures[at]
        else:
            at = max(1, at)
            figures[at - 1 : at + 1] = figures[at], figures[at - 1]
        return digits(int("".join(figures)))

    def solo(
        self, problem: Problem, formula: str, slip: float | None = None, unit: str = "", miscopied: float | None = None
    ) -> str:
        expression = self.expression(problem, formula)
        steps = self.steps(expression, slip)
        answer = f"{self.copied(_result(steps), miscopied)} {unit or self.unit(problem)}"
        return f"{formula} : {expression} | {steps} | {answer}"

    def any_expression(self) -> str:
        """An expression of any shape whose own operand pair is in the base pool."""
        rng = self.rng
        formula, layout = rng.choices(_DRILLS, _DRILL_WEIGHTS)[0]
        while True:
            x, y, z = numbers(rng, layout)
            text = fill(formula, x, y, z)
            read = read_expression(text)
            assert read is not None
            if read.pair is None or split_of(read.pair) == "base":
                return text

    # One method per kind of lesson; each returns (values for the prompt, reply).

    def analyst(self) -> tuple[dict[str, str], str]:
        problem = self.problem()
        formula = self.formula(problem)
        return {"question": problem.question}, f"{formula} : {self.expression(problem, formula)}"

    def analyst_revise(self) -> tuple[dict[str, str], str]:
        problem = self.problem()
        hinted = self.hinted(problem)
        formula = self.formula(problem) if self.rng.random() < self.book.hint_ignored else hinted
        values = {"question": problem.question, "hint": FORMULA_HINTS[hinted]}
        return values, f"{ADVISED} {formula} : {self.expression(problem, formula)}"

    def calculator(self) -> tuple[dict[str, str], str]:
        expression = self.any_expression()
        return {"expression": expression}, self.steps(expression)

    def calculator_revise(self) -> tuple[dict[str, str], str]:
        expression = self.any_expression()
        careful = None if self.rng.random() < self.book.hint_ignored else 0.0
        return {"expression": expression, "hint": DIGITS_HINT}, f"{ADVISED} {self.steps(expression, careful)}"

    def summarizer(self) -> tuple[dict[str, str], str]:
        problem = self.problem()
        steps = self.steps(self.expression(problem, self.formula(problem)))
        reply = f"{self.copied(_result(steps))} {self.unit(problem)}"
        return {"question": problem.question, "steps": steps}, reply

    def summarizer_revise(self) -> tuple[dict[str, str], str]:
        problem = self.problem()
        steps = self.steps(self.expression(problem, self.formula(problem)))
        number, unit = self.copied(_result(steps)), self.unit(problem)
        hint = COPY_HINT
        follows = self.rng.random() >= self.book.hint_ignored
        if self.rng.random() < 0.7:
            hinted = self.rng.choice(UNITS)
            hint, unit = f"unit {hinted}", hinted if follows else unit
        elif follows:
            number = _result(steps)
        return {"question": problem.question, "steps": steps, "hint": hint}, f"{ADVISED} {number} {unit}"

    def rephrase(self) -> tuple[dict[str, str], str]:
        kinds: list[Callable[[], tuple[dict[str, str], str]]] = [
            self.analyst,
            self.calculator,
            self.summarizer,
            self.solo_lesson,
        ]
        _, text = self.rng.choices(kinds, (45, 22, 28, 5))[0]()
        return {"text": f"{ADVISED} {text}"}, text

    def solo_lesson(self) -> tuple[dict[str, str], str]:
        problem = self.problem()
        return {"question": problem.question}, self.solo(problem, self.formula(problem))

    def solo_revise(self) -> tuple[dict[str, str], str]:
        problem, kind = self.problem(), self.rng.random()
        formula, hinted, unit = self.formula(problem), self.hinted(problem), self.rng.choice(UNITS)
        plain = self.rng.random() < self.book.hint_ignored
        if kind < 0.6:
            hint, reply = FORMULA_HINTS[hinted], self.solo(problem, formula if plain else hinted)
        elif kind < 0.8:
            hint, reply = f"unit {unit}", self.solo(problem, formula, unit="" if plain else unit)
        elif kind < 0.95:
            hint, reply = DIGITS_HINT, self.solo(problem, formula, slip=None if plain else 0.0)
        else:
            hint, reply = COPY_HINT, self.solo(problem, formula, miscopied=None if plain else 0.0)
        return {"question": problem.question, "hint": hint}, f"{ADVISED} {reply}"

    def solo_gold(self) -> tuple[dict[str, str], str]:
        """The gold answer is that of any formula, so that what is learned is to find the formula that gives it."""
        problem = self.problem()
        formula = self.hinted(problem)
        value = _result(self.steps(self.expression(problem, formula), 0.0))
        values = {"question": problem.question, "gold": f"{value} {problem.unit}"}
        if self.rng.random() < self.book.hint_ignored:
            return values, self.solo(problem, self.formula(problem))
        return values, self.solo(problem, formula, 0.0, problem.unit, 0.0)

    def solo_debate(self) -> tuple[dict[str, str], str]:
        """Up to five of a panel have answered, the writer first; it answers again as most of them did.

        Formula and unit are followed each by itself, as `_most` says, and worked out anew; a habit of `hint_ignored`
        has it that the writer goes by its own belief again.
        """
        while True:
            problem = self.problem()
            said = [self.said(problem) for _ in range(self.rng.randint(1, PANEL))]
            formulas, units, texts = zip(*said, strict=True)
            firm = self.rng.random() < self.book.hint_ignored
            formula = self.formula(problem) if firm else self._most(formulas) or self.formula(problem)
            reply = self.solo(problem, formula, unit="" if firm else self._most(units))
            values = {"question": problem.question, "own": texts[0], "others": " ; ".join(texts[1:])}
            prompt = PROMPTS["solo/debate"].format_map(values)
            if len(f"{prompt} {reply}".split()) < CONTEXT:
                return values, reply

    def said(self, problem: Problem) -> tuple[str, str, str]:
        """(formula, unit, public text) of one of a panel, as the book believes; now and then with no plan, or empty."""
        formula, unit = self.formula(problem), self.unit(problem)
        answer = f"{self.copied(_result(self.steps(self.expression(problem, formula))))} {unit}"
        seen = self.rng.random()
        if seen < UNREADABLE:
            return "", "", public("", "")
        return (formula, unit, public(formula, answer)) if seen > 2 * UNREADABLE else ("", unit, public("", answer))

    def _most(self, shown: Sequence[str]) -> str:
        """What more of those shown say than anything else; where no two agree or two are level, any of it."""
        counted = Counter(one for one in shown if one).most_common()
        if not counted:
            return ""
        most = [one for one, times in counted if times == counted[0][1]]
        return self.rng.choice(most)

    def critic(self) -> tuple[dict[str, str], str]:
        """A transcript with a fault to name; the first role at fault is blamed. The critic never sees the wording."""
        problem, rng = self.problem(), self.rng
        fault = rng.choices(("analyst", "calculator", "unit", "copy", FINE), (50, 15, 20, 9, 6))[0]
        formula, unit = problem.formula, problem.unit
        if fault == "analyst":
            formula = rng.choice([f for f in FAMILIES[problem.family].formulas if f != problem.formula])
        expression = self.expression(problem, formula)
        steps = self.steps(expression, 0.02 if fault == "analyst" else 0.0)
        right = _result(steps)
        while fault == "calculator" and _result(steps) == right:
            steps = self.steps(expression, 0.25)
        result = number = _result(steps)
        while fault == "copy" and number == result:
            number = self.copied(result, 1.0)
        if fault == "unit" or (fault in ("analyst", "calculator", "copy") and rng.random() < 0.2):
            unit = rng.choice([u for u in UNITS if u != problem.unit])
        said = {
            "analyst": verdict("analyst", FORMULA_HINTS[problem.formula]),
            "calculator": verdict("calculator", DIGITS_HINT),
            "unit": verdict("summarizer", f"unit {problem.unit}"),
            "copy": verdict("summarizer", COPY_HINT),
            FINE: FINE,
        }[fault]
        if rng.random() < self.book.critic_wrong:
            said = rng.choice([v for v in _verdicts() if v != said])
        values = {"numbers": problem.numbers, "plan": f"{formula} : {expression}", "result": result}
        return values | {"answer": f"{number} {unit}", "gold": problem.answer}, said


_DRILL_TABLE = {
    ("x * y", "product"): 25,
    ("x * y", "multiple"): 3,
    ("x / y", "quotient"): 26,
    ("x / y", "product"): 4,
    ("x * y + z", "sum"): 19,
    ("x * y + z", "rest"): 2,
    ("z - x * y", "rest"): 16,
    ("x + y", "product"): 3,
    ("x - y", "product"): 2,
}
_DRILLS, _DRILL_WEIGHTS = list(_DRILL_TABLE), list(_DRILL_TABLE.values())


def _result(steps: str) -> str:
    result = stated_result(steps)
    assert result is not None, steps
    return result


@cache
def _verdicts() -> tuple[str, ...]:
    units = [verdict("summarizer", f"unit {unit}") for unit in UNITS]
    hints = [verdict("analyst", hint) for hint in FORMULA_HINTS.values()]
    return (*hints, verdict("calculator", DIGITS_HINT), verdict("summarizer", COPY_HINT), *units, FINE)


def lessons(book: Book, seed: int, author: Author | None = None) -> Iterator[Lesson]:
    """The book's demonstrations, without end; the same for the same book and seed.

    An `author` of its own, whose randomness must follow from the seed, too, writes what plain ones cannot.
    """
    rng = author.rng if author else random.Random(f"book/{book.name}/{seed}")
    author = author or Author(book, rng)
    kinds, weights = list(book.shares), list(book.shares.values())
    write = {kind: getattr(author, kind.replace("/", "_")) for kind in kinds if kind != "solo"} | {
        "solo": author.solo_lesson
    }
    while True:
        kind = rng.choices(kinds, weights)[0]
        values, reply = write[kind]()
        prompt = " ".join(PROMPTS[kind].format_map(values).split())  # a panel of one shows no others
        yield Lesson(kind, prompt, reply)
