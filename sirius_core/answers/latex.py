"""Mathematical answers as LaTeX, compared after normalisation: a reader of its own, no algebra and no evaluation.

    >>> same(r"\\dfrac12", "0.5"), same("x = 2y+1", "1 + 2y"), same(r"(0, \\infty)", r"[0,\\infty)")
    (True, True, False)

Spacing, sizes of brackets, kinds of fractions, degrees, money signs and the order of a sum do not count. A unit counts
where both texts have one (the MATH benchmark ignores it), and 50% is both 50 and 0.5, for the same reason. Numbers are
compared by value, tuples and intervals in order with their brackets, sets and bare lists in any order. ``x + x`` is not
``2x``: what is right only after algebra is not seen. Texts are cut to MOST characters, so nothing is slow.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ..numerals import WRAPPED, plain, read_number
from .units import same as same_unit

MOST = 1000
MOST_ITEMS = 60
EXACT = 1e-9

_DROPPED = re.compile(
    r"\\(?:[,;:!]|(?:q?quad|left|right|displaystyle|textstyle|[bB]igg?[lrm]?|limits)(?![a-zA-Z]))|\\[()\[\]]"
    r"|\\?\$|\^\s?\{?\s?\\circ\s?\}?|°|\\degrees?(?![a-zA-Z])|\bdegrees?\b|~")
_UNIT = re.compile(r"(.*?[\w})\]%])\s{0,3}\\(?:text|mbox|textrm|mathrm)\s?\{\s{0,3}([^{}]{1,40})\}"
                   r"(?:\^\s?\{?[0-9]\}?)?\s?")
_WORD_UNIT = re.compile(r"\s{0,3}([A-Za-zΩµ°][\w/*^ Ωµ·-]{0,60})")
_AND = re.compile(r"\s(?:and|or)\s|\\text\s?\{\s{0,3},?\s{0,3}(?:and|or)\s{0,3}\}")
_NAMED = re.compile(r"\s{0,3}(?:[A-Za-z]|\\[a-zA-Z]{2,8}|[a-zA-Z]\s?\([a-z]\))(?:_\{?\w\}?)?\s{0,3}"
                    r"(?:=|\\in(?![a-z]))\s{0,3}(?=\S)")
_TOKEN = re.compile(r"\\[A-Za-z]+|\\.|[0-9]+(?:\.[0-9]+)?|\.[0-9]+|\S")
_WORDS_ONLY = re.compile(r"[A-Za-z]{1,40}(?:(?:[ ,.']{1,2}|-)[A-Za-z0-9]{1,40}){0,40}")
_OPEN, _CLOSE = {"(", "[", r"\{", "{"}, {")", "]", r"\}", "}"}
_SAME = {
    r"\dfrac": r"\frac", r"\tfrac": r"\frac", r"\cfrac": r"\frac", r"\le": r"\leq", r"\ge": r"\geq", r"\ne": r"\neq",
    r"\cdot": "*", r"\times": "*", "×": "*", "·": "*", r"\lt": "<", r"\gt": ">", "≤": r"\leq", "≥": r"\geq",
    "≠": r"\neq", "π": r"\pi", "∞": r"\infty", "√": r"\sqrt", r"\lbrace": r"\{", r"\rbrace": r"\}", "∪": r"\cup",
    "÷": "/", r"\%": "%", "θ": r"\theta",
}
Tokens = list[str]


@dataclass(frozen=True, slots=True)
class Form:
    """What a text says: ``number`` if it is one (as written, before the percent sign), ``items`` of a tuple, interval
    (``brackets``), set or list, ``words`` of an expression in canonical form; the unit that stands behind it."""

    words: str
    number: float | None = None
    percent: bool = False
    brackets: str = ""
    items: tuple[Form, ...] = ()
    sides: tuple[Form, ...] = ()  # of an equation
    unit: str = ""


def same(one: str, other: str, tolerance: float | None = None) -> bool:
    """Whether two texts are the same answer; numbers within ``tolerance``, relative (None: equal)."""
    return _same(read(one), read(other), EXACT if tolerance is None else tolerance + EXACT)


def _same(one: Form, other: Form, tolerance: float) -> bool:
    if one.unit and other.unit and one.unit != other.unit and not same_unit(one.unit, other.unit):
        return False
    if one.number is not None and other.number is not None:
        values = [(one.number, other.number)]
        if one.percent != other.percent:
            values.append((one.number / (100 if one.percent else 1), other.number / (100 if other.percent else 1)))
        return any(abs(a - b) <= tolerance * max(abs(a), abs(b)) for a, b in values)
    if one.items or other.items:
        return one.brackets == other.brackets and _same_items(one, other, tolerance)
    if one.sides and other.sides:
        return _matched(one.sides, other.sides, tolerance)
    if one.sides or other.sides:  # 3 + 4 = 7 states 7
        last = (one if one.sides else other).sides[-1]
        return _same(last, other if one.sides else one, tolerance)
    return one.number is None and other.number is None and one.words == other.words


def _same_items(one: Form, other: Form, tolerance: float) -> bool:
    if len(one.items) != len(other.items):
        return False
    if one.brackets in ("", r"\cup"):
        return _matched(one.items, other.items, tolerance)
    return all(_same(a, b, tolerance) for a, b in zip(one.items, other.items, strict=True))


def _matched(some: Sequence[Form], others: Sequence[Form], tolerance: float) -> bool:
    left = list(others)
    for form in some:
        found = next((i for i, other in enumerate(left) if _same(form, other, tolerance)), None)
        if found is None:
            return False
        del left[found]
    return True


def tidy(text: str) -> str:
    """A text without its decoration: what is shown as read."""
    words = " ".join(_DROPPED.sub(" ", text[:MOST]).split())
    return words.strip(" *_`\"").rstrip(".,;: ").strip()


def read(text: str) -> Form:
    """The form of an answer; any text has one."""
    words = tidy(text.replace("−", "-").replace("–", "-"))
    unit = ""
    if (behind := _UNIT.fullmatch(words)) and not re.match(r"(?:and|or)\b", behind[2]):
        words, unit = behind[1], behind[2].strip()
    words = WRAPPED.sub("", _AND.sub(", ", words))
    named = _NAMED.match(words)
    if named and words.count("=") + words.count("\\in") - words.count("\\infty") == 1:
        words = words[named.end():]
    tokens = _tokens(words)
    if number := _number(words) or _number("".join(_spaced(tokens))):
        return Form(words, number[0], number[1], unit=number[2] or unit)
    flat = words.replace("{", "").replace("}", "").strip()
    if _WORDS_ONLY.fullmatch(flat) and re.search("[A-Za-z]{3}", flat):
        return Form(" ".join(flat.casefold().replace(",", " ").split()))
    if letter := re.fullmatch(r"\(([A-Ja-j])\)", flat):
        return Form(letter[1].upper())
    return _form(tokens, unit)


def _number(words: str) -> tuple[float, bool, str] | None:
    """(value before any percent sign, whether there is one, unit) of a text that is a number and at most a unit."""
    flat = plain(words).strip()
    percent = flat.endswith("%")
    flat = flat[:-1].rstrip() if percent else flat
    found = read_number(flat, 0)
    if found is None:
        return None
    tail = flat[found[1]:]
    if not tail.strip():
        return found[0], percent, ""
    if (unit := _WORD_UNIT.fullmatch(tail)) and (tail[0] == " " or len(unit[1]) > 1) and len(tail.split()[0]) > 0:
        word = unit[1].strip()
        return (found[0], percent, word) if _is_unit(word) else None
    return None


def _is_unit(word: str) -> bool:
    first = re.match(r"[A-Za-zΩµ°]+", word)
    return same_unit(word, word) if first is None or len(first[0]) < 3 else True


def _tokens(words: str) -> Tokens:
    """LaTeX as tokens: one name for one sign, ``\\frac12`` as three, braces around a single token gone."""
    found: Tokens = []
    arguments = 0  # of a \frac or \sqrt that still wait: each takes a single digit
    for token in _TOKEN.findall(words):
        token = _SAME.get(token, token)
        if arguments and token.isdecimal() and len(token) > 1:
            taken, rest = token[:arguments], token[arguments:]
            found += [*taken, *([rest] if rest else [])]
            arguments = 0
            continue
        if arguments:
            arguments = 0 if token in ("{", "[") else arguments - 1
        if token in (r"\frac", r"\sqrt"):
            arguments = 2 if token == r"\frac" else 1
        found.append("0" + token if token[0] == "." and len(token) > 1 else token)
    kept: Tokens = []
    for place, token in enumerate(found):
        if token == "*" and kept and place + 1 < len(found) and not (
                found[place + 1][0].isdigit() and kept[-1][-1].isdigit()):
            continue  # 2 * x is 2x; 2 * 3 is not 23
        kept.append(token)
        if token == "}" and len(kept) >= 3 and kept[-3] == "{":
            kept[-3:] = [kept[-2]]
    return kept


def _form(tokens: Tokens, unit: str = "") -> Form:
    items, cut = _split(tokens, {r"\cup"})
    if cut and len(items) <= MOST_ITEMS:
        return Form("", brackets=r"\cup", items=tuple(_item(item) for item in items))
    inside, brackets = _unwrapped(tokens)
    items, cut = _split(inside, {",", ";"})
    if cut and len(items) <= MOST_ITEMS:
        return Form("", brackets=brackets, items=tuple(_item(item) for item in items), unit=unit)
    if brackets == "" and inside != tokens:  # {5}: a set of one
        return Form("", items=(_item(inside),))
    sides, cut = _split(tokens, {"="})
    said = [side for side in sides if not (len(side) == 1 and side[0].isalpha())]
    if len(sides) == 2 and len(said) == 1 and said[0]:  # y = 2x says 2x
        return _item(said[0])
    if cut and all(sides) and len(sides) <= MOST_ITEMS:
        return Form("", sides=tuple(_item(side) for side in sides), unit=unit)
    return Form(_expression(tokens), unit=unit)


def _item(tokens: Tokens) -> Form:
    """A part of a list, of an equation or of a union."""
    if len(tokens) > 2 and tokens[1] == "=":  # x = 1, x = 2
        tokens = tokens[2:]
    if number := _number("".join(_spaced(tokens))):
        return Form(_expression(tokens), number[0], number[1])
    inside, brackets = _unwrapped(tokens)
    items, cut = _split(inside, {",", ";"})
    if cut and len(items) <= MOST_ITEMS:
        return Form("", brackets=brackets, items=tuple(Form(_expression(i), *(_number("".join(_spaced(i))) or ())[:2])
                                                      for i in items))
    return Form(_expression(tokens))


def _spaced(tokens: Tokens) -> list[str]:
    """Tokens as LaTeX again, arguments in braces, for the reader of numbers."""
    found, waiting = [], 0
    for token in tokens:
        if waiting and token not in _OPEN and token != "-":
            found.append("{" + token + "}")
            waiting -= 1
            continue
        waiting = 0 if token in _OPEN else waiting
        waiting = {r"\frac": 2, r"\sqrt": 1}.get(token, waiting)
        found.append(token)
    return found


def _unwrapped(tokens: Tokens) -> tuple[Tokens, str]:
    """(what stands inside, brackets) of tokens within one pair of brackets; sets and bare lists have none."""
    if len(tokens) >= 2 and tokens[0] in _OPEN and tokens[-1] in _CLOSE and tokens[0] != "{":
        depth = 0
        for place, token in enumerate(tokens):
            depth += (token in _OPEN) - (token in _CLOSE)
            if depth == 0 and place < len(tokens) - 1:
                return tokens, ""
        brackets = tokens[0] + tokens[-1]
        return tokens[1:-1], "" if brackets == r"\{\}" else brackets
    return tokens, ""


def _split(tokens: Tokens, at: set[str]) -> tuple[list[Tokens], bool]:
    parts: list[Tokens] = [[]]
    depth = 0
    for token in tokens:
        depth += (token in _OPEN) - (token in _CLOSE)
        if depth == 0 and token in at:
            parts.append([])
        else:
            parts[-1].append(token)
    return parts, len(parts) > 1


def _expression(tokens: Tokens) -> str:
    """An expression in canonical form: the terms of its sum sorted, a/b as a fraction."""
    terms: list[Tokens] = [[]]
    depth = 0
    for token in tokens:
        depth += (token in _OPEN) - (token in _CLOSE)
        if depth == 0 and token in ("+", "-") and (terms[-1] or token == "-") and terms[-1][-1:] not in (["^"], ["_"]):
            terms.append([token] if token == "-" else [])
        elif not (depth == 0 and token == "+"):
            terms[-1].append(token)
    return " + ".join(sorted(" ".join(_fraction(term)) for term in terms if term))


def _fraction(term: Tokens) -> Tokens:
    """``x / 2`` and ``(x+1) / 2`` as ``\\frac``, where one slash stands at the top."""
    parts, _ = _split(term, {"/"})
    if len(parts) != 2 or not all(parts):
        return term
    sign, over = (parts[0][:1], parts[0][1:]) if parts[0][0] == "-" else ([], parts[0])
    inside = [_unwrapped(part)[0] for part in (over, parts[1])]
    return [*sign, r"\frac", *(t for part in inside for t in (part if len(part) == 1 else ["{", *part, "}"]))]

