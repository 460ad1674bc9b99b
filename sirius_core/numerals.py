"""The number that stands in a text: sign, decimals, thousands, exponent, fraction, root, pi, percent, LaTeX.

    >>> read_number(plain(r"\\frac{\\sqrt{3}}{2} m"), 0)
    (0.8660254037844386, 16)

A reader of its own instead of ``eval``: the text comes from a model. It multiplies and divides, and reads no sums: of
``3 + 4`` neither part is the answer. Texts handed in are short (answers.WINDOW), products and brackets are bounded, so
nothing here is slow.
"""

from __future__ import annotations

import math
import re

MOST_FACTORS = 8

_SIGNS = str.maketrans({"−": "-", "–": "-", "×": "*", "·": "*", "⋅": "*", "\u00a0": " ", "\u202f": " "})
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺", "0123456789-+")
WRAPPED = re.compile(r"\\(?:text|mathrm|mathbf|textbf|mathit|textit|mbox|rm|bf|operatorname)[ ]{0,2}(?=\{)")
_TO_PLAIN = (
    (re.compile(r"[⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺]{1,9}"), lambda m: "^" + m[0].translate(_SUPERSCRIPTS)),
    (re.compile(r"\*\*(?=\s?[-+(]?\d)(?<=\d\*\*)"), lambda m: "^"),
    (re.compile(r"\\[,;:! ]|\\[()\[\]]|\\(?:left|right|displaystyle)(?![a-zA-Z])|\$|`|\*\*|__"), lambda m: ""),
    (re.compile(r"\{,\}"), lambda m: ","),
    (re.compile(r"\\(?:times|cdot)(?![a-zA-Z])"), lambda m: "*"),
    (re.compile(r"\\[dtc]frac"), lambda m: r"\frac"),
    (re.compile(r"\\([{}%])"), lambda m: m[1]),
    (re.compile(r"\bapprox\.", re.IGNORECASE), lambda m: "approx"),
    (WRAPPED, lambda m: ""),
)
_DIGITS = re.compile(
    r"(?:[1-9][0-9]{0,2}(?:,[0-9]{3})+(?![0-9])|[1-9][0-9]{0,2}(?: [0-9]{3})+(?![0-9/])|[0-9]+)?(?:\.[0-9]+)?"
    r"(?:(?<=[0-9])[eE][-+]?[0-9]+)?")
_UNGROUPED = re.compile(r"[0-9]*(?:\.[0-9]+)?(?:(?<=[0-9])[eE][-+]?[0-9]+)?")
_MIXED = re.compile(r"([0-9]+)(?:\s([0-9]+)/([0-9]+)|\s?\\frac\{([0-9]+)\}\{([0-9]+)\})(?![0-9.])")
_POWER = re.compile(r"\s?\^\s?[{(]?\s?([-+]?[0-9]{1,9})\s?[})]?")
_PERCENT = re.compile(r"\s?(?:%|per ?cent\b)", re.IGNORECASE)
_ROOT = re.compile(r"\\?sqrt\s?(?=[{(])|√")
_PI = re.compile(r"\\pi(?![a-zA-Z])|π|pi\b")
_OPEN, _CLOSE = re.compile(r"[{(]\s{0,3}([-+]?)\s?"), re.compile(r"\s{0,3}[})]")
_OPERATOR = re.compile(r"\s{0,3}(?:([*/x])\s{0,3}|(?=\\pi|π|\\sqrt|√|\\frac))")
START = re.compile(r"(?<![\w.^\\])(?:(?<!\))[-+]\s?)?(?=\.?[0-9]|[(√π]|\\frac|\\sqrt|\\pi|sqrt|pi\b)")
_UNFINISHED = re.compile(r"\s{0,3}[-+^*]\s{0,3}(?:[0-9.({√π]|\\(?:frac|sqrt|pi))")  # a sum: what stands here is a part


def plain(words: str) -> str:
    """LaTeX and typography to the few signs that the number reader knows."""
    words = words.translate(_SIGNS)
    for pattern, replacement in _TO_PLAIN:
        words = pattern.sub(replacement, words)
    return words


def read_number(s: str, i: int, grouped: bool = True) -> tuple[float, int] | None:
    """The number whose sign or first digit stands at ``i``, and where it ends; ``grouped``: 1,000 is a thousand."""
    start = START.match(s, i)
    found = _product(s, start.end(), 0, grouped) if start else None
    if start is None or found is None:
        return None
    value, end = found
    if start[0].startswith("-"):
        value = -value
    if percent := _PERCENT.match(s, end):
        value, end = value / 100, percent.end()
    return (value, end) if math.isfinite(value) and not _UNFINISHED.match(s, end) else None


def _product(s: str, i: int, depth: int, grouped: bool) -> tuple[float, int] | None:
    found = _factor(s, i, depth, grouped)
    for _ in range(MOST_FACTORS):
        sign = _OPERATOR.match(s, found[1]) if found else None
        following = _factor(s, sign.end(), depth, grouped) if sign else None
        if found is None or sign is None or following is None:
            break
        if sign[1] == "/":
            found = (found[0] / following[0], following[1]) if following[0] else None
        else:
            found = (found[0] * following[0], following[1])
    return found


def _factor(s: str, i: int, depth: int, grouped: bool) -> tuple[float, int] | None:
    if depth > 6:
        return None
    found: tuple[float, int] | None = None
    if (mixed := _MIXED.match(s, i)) and (below := float(mixed[3] or mixed[5])):
        return float(mixed[1]) + float(mixed[2] or mixed[4]) / below, mixed.end()
    if (digits := (_DIGITS if grouped else _UNGROUPED).match(s, i)) and digits[0]:
        found = float(digits[0].replace(",", "").replace(" ", "")), digits.end()
    elif s.startswith("\\frac", i):
        over = _group(s, i + 5, depth)
        under = _group(s, over[1], depth) if over else None
        found = (over[0] / under[0], under[1]) if over and under and under[0] else None
    elif root := _ROOT.match(s, i):
        inside = _group(s, root.end(), depth) or _factor(s, root.end(), depth + 1, grouped)
        found = (math.sqrt(inside[0]), inside[1]) if inside and inside[0] >= 0 else None
    elif pi := _PI.match(s, i):
        found = math.pi, pi.end()
    elif s.startswith("(", i):
        found = _group(s, i, depth)
    if found and (power := _POWER.match(s, found[1])):
        try:
            found = math.pow(found[0], int(power[1])), power.end()
        except (OverflowError, ValueError):  # ten to the million, zero to the minus one
            return None
    return found


def _group(s: str, i: int, depth: int) -> tuple[float, int] | None:
    """``{...}`` or ``(...)`` around one number, or the single digit of ``\\frac12``."""
    if s[i:i + 1] not in ("{", "("):
        return (float(s[i]), i + 1) if s[i:i + 1] in tuple("0123456789") else None
    sign = _OPEN.match(s, i)
    inside = _product(s, sign.end(), depth + 1, True) if sign else None
    close = _CLOSE.match(s, inside[1]) if inside else None
    return (-inside[0] if sign and sign[1] == "-" else inside[0], close.end()) if inside and close else None
