"""Numbers, with their units where the truth has one, and lists of numbers."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..numerals import START, plain, read_number
from . import units
from .choices import exact
from .statements import Kind, Read, last_line

FLOAT_TOLERANCE = 0.04  # TheoremQA's: relative, where the truth is no whole number and the task states none of its own
EXACT_TOLERANCE = 1e-9  # whole numbers: 15.0 is 15, 14.6 is not
ZERO_TOLERANCE = 1e-6  # absolute, where the truth is 0
MOST_NUMBERS = 40

EQUALS = re.compile(r"=|≈|≃|\\approx|\\simeq")
_BULLET = re.compile(r"\n\s{0,8}[-*•]\s{1,4}")
_SENTENCE_END = re.compile(r"[.!?](?:\s|$)")


def _numbers(s: str) -> Iterator[Read]:
    """The numbers from left to right, up to the first that cannot be read: of ``3 + 4`` and ``1/0`` no part counts."""
    place = 0
    for _ in range(MOST_NUMBERS):
        if not (start := START.search(s, place)):
            return
        found = read_number(s, start.start())
        if found and _hedged(s, found):
            return
        if found:
            yield Read(found[0], s[start.start():found[1]].strip(), "", _unit(s[found[1]:]))
        elif s[start.end()] != "(":
            return
        place = found[1] if found else start.end() + 1


_OR = re.compile(r"\s{0,3}(?:\b(?:or|to|and)\b|:)\s{0,3}(?=[-+]?\s?\.?[0-9])|,(?=[0-9])")


def _hedged(s: str, found: tuple[float, int]) -> bool:
    """Whether another number is offered beside the one found: ``5 or 6``, ``3 to 5``, ``3:4``, ``1.000,50``."""
    beside = _OR.match(s, found[1])
    other = read_number(s, beside.end()) if beside else None
    return beside is not None and (other is None or other[0] != found[0])


_RATIO = re.compile(r"\\frac\s?\{([^{}]{1,30})\}\s?\{([^{}]{1,30})\}")


def _unit(tail: str) -> str:
    return " ".join(re.sub(r"[{}^]", "", _RATIO.sub(r"\1/(\2)", tail).replace("~", " ")).split())[:60]


def _number(words: str) -> Read | None:
    """The number that stands first; else the one after the last equals sign; else the first in the sentence."""
    lines = (line.lstrip(" \t*_~\"'[<>{:") for line in _BULLET.sub("\n", plain(words)).split("\n"))
    line = next((line for line in lines if re.search(r"\w|√|π", line)), "")
    if (found := read_number(line, 0)) and not re.match(r"\s?=", line[found[1]:]):
        if _hedged(line, found):
            return None
        return Read(found[0], line[:found[1]].strip(), "", _unit(line[found[1]:]))
    sentence = _SENTENCE_END.split(line, maxsplit=1)[0]
    after_equals = EQUALS.split(sentence)[-1]
    return next(_numbers(after_equals), None) or next(_numbers(sentence), None)


def _bare_number(text: str) -> Read | None:
    """The only number on the last line, or the one after its last equals sign."""
    line = EQUALS.split(plain(last_line(text)))[-1]
    found = list(_numbers(line))
    return Read(found[0].value, found[0].text, "on the last line", found[0].unit) if len(found) == 1 else None


PERCENT = re.compile(r"(?:%|per ?cent)$", re.IGNORECASE)
WHOLE = re.compile(r"[-+]?\s?[0-9][0-9,]*")


def close(value: float, truth: float, text: str, tolerance: float | None) -> bool:
    if truth == 0:
        return abs(value) <= ZERO_TOLERANCE
    if tolerance is None:
        tolerance = 0.0 if WHOLE.fullmatch(text) else FLOAT_TOLERANCE
    return abs(value - truth) <= (tolerance + EXACT_TOLERANCE) * abs(truth)


def _same_number(read: Read, truth: Read, tolerance: float | None) -> bool:
    """A unit counts only where the truth has one; then it must be the same, in whatever notation.

    Where the truth is a whole number without a percent sign, the question may have asked for percent: then ``25%`` is
    0.25 and 25 alike.
    """
    if not _same_unit(read, truth):
        return False
    percent = PERCENT.search(read.text) is not None and WHOLE.fullmatch(truth.text) is not None
    values = (read.value, read.value * 100) if percent else (read.value,)
    return any(close(value, truth.value, truth.text, tolerance) for value in values)


def _same_unit(read: Read, truth: Read) -> bool:
    if not truth.unit or units.same(read.unit, truth.unit):
        return True
    return re.match(re.escape(truth.unit) + r"(?![\w/^*])", read.unit) is not None


# Lists --------------------------------------------------------------------------------------------

_BRACKETED = re.compile(r"[\[({]([^\])}]{1,1000})[\])}]")
_NAMED = re.compile(r"\s{0,3}(?:[A-Za-z]\w{0,9}\s{0,3}=\s{0,3})?")


def _list(words: str) -> Read | None:
    """``(2, 1)``, ``[2, 1]``, ``x = 2, y = 1`` or ``2 and 1``: the numbers with their texts, in the order stated."""
    flat = re.sub(r"[\[({](?=\s?[\[({])|(?<=[\])}])\s?[\])}]", "", plain(words)).strip()
    line = next((line for line in flat.split("\n") if re.search(r"\w", line)), "")
    brackets = next((m for m in _BRACKETED.finditer(line) if re.search(r"[,;]|^\s?[-+]?[0-9.]+\s?$", m[1])), None)
    nested = brackets is not None and re.search(r"[\])}]\s?,\s?[\[({]", line)
    chunk = re.sub(r"[\[\](){}]", "", line) if nested else brackets[1] if brackets else line
    found: list[tuple[float, str]] = []
    for item in re.split(r"[,;]|\band\b|\bor\b|&", chunk):
        start = named.end() if (named := _NAMED.match(item)) else 0
        number = read_number(item, start, grouped=False)
        if number is None:
            if brackets and item.strip():
                return None
            break
        found.append((number[0], item[start:number[1]].strip()))
    return Read(tuple(v for v, _ in found), ", ".join(t for _, t in found), "") if found else None


def _bare_list(text: str) -> Read | None:
    found = _list(last_line(text))
    return Read(found.value, found.text, "on the last line") if found else None


def _same_list(read: Read, truth: Read, tolerance: float | None) -> bool:
    """The same numbers in any order (TheoremQA ignores it), each by the rule of its own truth."""
    if len(read.value) != len(truth.value):
        return False
    wanted = sorted(zip(truth.value, truth.text.split(", "), strict=True))
    return all(close(value, goal, text, tolerance) for value, (goal, text) in zip(sorted(read.value), wanted))


def _same_in_order(read: Read, truth: Read, tolerance: float | None) -> bool:
    pairs = zip(read.value, truth.value, truth.text.split(", "))
    return len(read.value) == len(truth.value) and all(close(v, goal, text, tolerance) for v, goal, text in pairs)


# A number with its unit, in digits that stand apart or together --------------------------------------------

_APART = re.compile(r"(?<![\w.,])[0-9](?:\s[0-9])+(?![\w.,])")
_TOGETHER = re.compile(r"[0-9][0-9.,]")


def _quantity(words: str) -> Read | None:
    """``3 1 5 m`` and ``315 m`` alike."""
    return _number(_APART.sub(lambda m: re.sub(r"\s", "", m[0]), words))


def _bare_quantity(text: str) -> Read | None:
    """A text whose digits all stand apart is the embedded model's and counts as it stands; else the last line's."""
    if not _TOGETHER.search(text):
        return exact(text)
    return _bare_number(text)


def _true_quantity(text: str) -> Read | None:
    words, found = " ".join(text.split()), _quantity(text)
    return Read(found.value, words, "", found.unit) if found else None


def _same_quantity(read: Read, truth: Read, tolerance: float | None) -> bool:
    if isinstance(read.value, str):
        return read.value == truth.text
    return _same_unit(read, truth) and close(read.value, truth.value, str(truth.value), tolerance or 0.0)


KINDS = (
    Kind("number", _number, _bare_number, _same_number),
    Kind("list", _list, _bare_list, _same_list),
    Kind("ordered_list", _list, _bare_list, _same_in_order),
    Kind("quantity", _quantity, _bare_quantity, _same_quantity, truth=_true_quantity),
)
