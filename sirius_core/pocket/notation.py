"""Plans, expressions and worked steps of the embedded language.

Numbers are digits separated by spaces: 371 is ``3 7 1``. A plan is ``z - x * y : 3 7 1 - 3 5 * 9``: the formula, then
the expression, the formula filled with the problem's numbers. Steps work from the last digit to the first; of
``2 9 4 * 6`` are

    4 6 2 4 + 0 2 4 ; 9 6 5 4 + 2 5 6 ; 2 6 1 2 + 5 1 7 = 1 7 6 4

(digit, factor, product, + carry, sum). ``+ z`` adds ``+ digit sum`` to each step, ``z -`` adds ``- digit carry
rest``; the last two tokens of a step are always its carry and its digit of the result. Division goes from the first
digit on: in ``1 7 / 6 2 1 2 5`` the remainder 1 and the digit 7 make 17, which holds 6 twice, 12, and leaves 5.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sirius_core.pocket.families import FORMULAS

Slip = Callable[[int, int], int]
"""(right value, number of values) to the value that is written; the textbook's way to make mistakes in a step."""

_OPERATORS = {"*": "x * y", "/": "x / y", "+": "x + y", "-": "x - y", "*+": "x * y + z", "-*": "z - x * y"}


@dataclass(frozen=True)
class Plan:
    """A plan that could be read: one of FORMULAS, and the expression as text."""

    formula: str
    expression: str


@dataclass(frozen=True)
class Expression:
    """An expression that could be read, named by the formula of its shape; z is None where it has two numbers."""

    formula: str
    x: int
    y: int
    z: int | None = None

    @property
    def pair(self) -> tuple[int, int] | None:
        """The operand pair whose product is formed: (x, y), for a division (quotient, y); None for x + y and x - y."""
        if "*" in self.formula:
            return self.x, self.y
        return (self.x // self.y, self.y) if "/" in self.formula and self.y else None

    @property
    def value(self) -> int | None:
        """The exact value; a division is cut to whole numbers; None when divided by 0."""
        x, y, z = self.x, self.y, self.z or 0
        if self.formula == "x / y":
            return x // y if y else None
        values = {"x * y": x * y, "x * y + z": x * y + z, "z - x * y": z - x * y, "x + y": x + y, "x - y": x - y}
        return values[self.formula]


def digits(number: int) -> str:
    """371 to ``3 7 1``. ValueError for a negative number, which the language cannot write."""
    if number < 0:
        raise ValueError(f"the embedded language has no negative numbers: {number}")
    return " ".join(str(number))


def read_number(text: str) -> int | None:
    """``3 7 1`` to 371; None unless it is digits without leading zeros."""
    parts = text.split()
    if not parts or not all(len(p) == 1 and p in "0123456789" for p in parts) or (parts[0] == "0" and len(parts) > 1):
        return None
    return int("".join(parts))


def fill(formula: str, x: int, y: int, z: int | None) -> str:
    """The expression of a formula: ``fill("z - x * y", 35, 9, 371)`` is ``3 7 1 - 3 5 * 9``."""
    numbers = {"x": x, "y": y, "z": z}
    parts = []
    for part in formula.split():
        number = numbers.get(part)
        if part in numbers and number is None:
            raise ValueError(f"{formula} needs a number {part}")
        parts.append(part if number is None else digits(number))
    return " ".join(parts)


def read_expression(text: str) -> Expression | None:
    """Parse an expression; None when it has none of the six shapes of FORMULAS."""
    parts = text.split()
    operators = [p for p in parts if p in "*/+-"]
    formula = _OPERATORS.get("".join(operators))
    numbers: list[list[str]] = [[]]
    for part in parts:
        if part in "*/+-":
            numbers.append([])
        else:
            numbers[-1].append(part)
    values = [read_number(" ".join(n)) for n in numbers]
    if formula is None or any(v is None for v in values):
        return None
    known = [v for v in values if v is not None]
    if formula == "z - x * y":
        return Expression(formula, known[1], known[2], known[0])
    return Expression(formula, *known)


def expression_value(text: str) -> int | None:
    """The exact value of an expression's text; divisions are cut; None when it cannot be read or divides by 0."""
    expression = read_expression(text)
    return expression.value if expression else None


def parse_plan(text: str) -> Plan | None:
    """``x * y : 3 5 * 9`` to a Plan; None unless the formula is one of FORMULAS and the expression has its shape."""
    formula, colon, expression = text.partition(" : ")
    read = read_expression(expression) if colon else None
    if read is None or formula not in FORMULAS or read.formula != formula:
        return None
    return Plan(formula, expression)


def stated_result(steps: str) -> str | None:
    """What stands after the last ``=`` of worked steps, as text (``1 7 6 4``); None unless it is a number."""
    _, equals, result = steps.rpartition("= ")
    return result if equals and read_number(result) is not None else None


def _exact(value: int, _: int) -> int:
    return value


def canonical_steps(expression: str, slip: Slip = _exact) -> str | None:
    """The worked steps of an expression with their result; None where the notation has none.

    It has none for an unreadable expression, a factor y that is not a single digit from 1 to 9, or a negative value.
    `slip` may falsify the outcome of each sub-step; the mistake is carried on, as a person would.
    """
    read = read_expression(expression)
    if read is None or not 1 <= read.y <= 9 or read.value is None or read.value < 0:
        return None
    if read.formula == "x / y":
        return _division(read.x, read.y, slip)
    if "*" in read.formula:
        return _product(read, slip)
    return _short(read.formula, read.x, read.y, slip)


def _product(e: Expression, slip: Slip) -> str:
    """x * y, x * y + z and z - x * y, with one step for every digit of x (of z, when it is taken from z)."""
    minus = e.formula.startswith("z")
    places = len(str(e.z)) if minus else max(len(str(e.x)), len(str(e.z or 0)))
    carry, steps, result = 0, [], []
    for place in range(places):
        a, d = e.x // 10**place % 10, (e.z or 0) // 10**place % 10
        total = slip(a * e.y + carry, 91)
        step = f"{a} {e.y} {_two(a * e.y)} + {carry} {_two(total)}"
        if minus:
            unit = slip((d - total) % 10, 10)
            carry = min(total // 10 + (d < total % 10), 9)
            step += f" - {d} {carry} {unit}"
        else:
            if e.z is not None:
                total = slip(total + d, 100)
                step += f" + {d} {_two(total)}"
            carry, unit = total // 10, total % 10
        steps.append(step)
        result.append(unit)
    if not minus:
        result.append(carry)
    return f"{' ; '.join(steps)} = {_strip(result[::-1])}"


def _division(x: int, y: int, slip: Slip) -> str:
    rest, steps, result = 0, [], []
    for digit in str(x):
        whole = rest * 10 + int(digit)
        quotient = whole // y
        left = slip(whole - quotient * y, y)
        steps.append(f"{rest} {digit} / {y} {quotient} {_two(quotient * y)} {left}")
        rest = left
        result.append(quotient)
    return f"{' ; '.join(steps)} = {_strip(result)}"


def _short(formula: str, x: int, y: int, slip: Slip) -> str:
    """x + y and x - y, digit by digit; y is taken as the first carry."""
    carry, steps, result = y, [], []
    sign = formula[2]
    for digit in reversed(str(x)):
        if sign == "+":
            total = slip(int(digit) + carry, 20)
            after, unit = total // 10, total % 10
        else:
            after, unit = int(int(digit) < carry), slip((int(digit) - carry) % 10, 10)
        steps.append(f"{digit} {sign} {carry} {after} {unit}")
        carry = after
        result.append(unit)
    if sign == "+":
        result.append(carry)
    return f"{' ; '.join(steps)} = {_strip(result[::-1])}"


def _two(number: int) -> str:
    return f"{number // 10} {number % 10}"


def _strip(figures: list[int]) -> str:
    return digits(int("".join(map(str, figures))))
