"""Free text to an answer, or None; and comparison with the truth.

    >>> judge_text("It is known that ... **Answer:** 1.5 x 10^-10 m", "1.5e-10", "number").right
    True

The last stated answer wins: the last ``Answer: ...``, ``the answer is ...``, ``\\boxed{...}`` or ``#### ...`` from
which a value of the kind can be read. A text without any may be the bare answer, or end in it. What states nothing
readable is None: no answer, wrong, and counted. Text is parsed, never evaluated, in time linear in its length.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from .errors import UnknownName, UsageError
from .numerals import START, WRAPPED, plain, read_number

FLOAT_TOLERANCE = 0.04  # TheoremQA's: relative, where the truth is no whole number and the task states none of its own
EXACT_TOLERANCE = 1e-9  # whole numbers: 15.0 is 15, 14.6 is not
ZERO_TOLERANCE = 1e-6  # absolute, where the truth is 0


@dataclass(frozen=True, slots=True)
class Read:
    """What a text was read as: the value, the words it came from, where they stood, and what followed a number."""

    value: Any
    text: str
    why: str
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """``right``, with what was read (None: no answer) and one clause that says why."""

    right: bool
    read: Read | None
    why: str


@dataclass(frozen=True, slots=True)
class Kind:
    """How one kind of answer is read and compared.

    ``stated`` reads the words that follow a statement, ``bare`` a whole text without one; ``truth`` turns the source's
    own form into a Read; ``same`` compares two Reads under a relative tolerance (None: the kind's own).
    """

    name: str
    stated: Callable[[str], Read | None]
    bare: Callable[[str], Read | None]
    same: Callable[[Read, Read, float | None], bool]
    marked: bool = True  # False: the whole text is the answer, and nothing in it marks one


KINDS: dict[str, Kind] = {}


def register(kind: Kind) -> Kind:
    if kind.name in KINDS:
        raise UsageError(f"there is already a kind of answer named {kind.name!r}")
    KINDS[kind.name] = kind
    return kind


def extract(text: str, kind: str) -> Read | None:
    """The last answer of this kind that ``text`` states, or None. Never raises on any text."""
    rules = _kind(kind)
    marked = False
    for where, words in _statements(text) if rules.marked else ():
        marked = True
        if found := rules.stated(words):
            return Read(found.value, found.text, f"after {where!r}", found.unit)
        if _NO_ANSWER.match(words):
            return None
    return None if marked else rules.bare(text)


def same(read: Read, truth: object, kind: str, tolerance: float | None = None) -> bool:
    """Is the reading right? ``truth`` is a value, or a text as the source states it (see `known`)."""
    return _kind(kind).same(read, known(truth, kind), tolerance)


def known(truth: object, kind: str) -> Read:
    """The truth as this kind reads it: ``known("(c)", "letter").value == "C"``. UsageError if it is none."""
    rules = _kind(kind)
    text = ", ".join(map(str, truth)) if isinstance(truth, list | tuple) else str(truth)
    found = rules.stated(text) if rules.marked else rules.bare(text)
    if found is None:
        raise UsageError(f"the truth {text[:80]!r} cannot be read as an answer of kind {kind!r}")
    return found


def judge_text(text: str, truth: object, kind: str, tolerance: float | None = None) -> Verdict:
    """``judge_text("-20", "20.0", "number")`` is wrong: read -20.0, the truth is 20.0."""
    right_answer = known(truth, kind)
    read = extract(text, kind)
    if read is None:
        return Verdict(False, None, f"no {kind} answer found")
    right = _kind(kind).same(read, right_answer, tolerance)
    return Verdict(right, read, f"read {read.text!r} {read.why}; the truth is {right_answer.text!r}")


def _kind(name: str) -> Kind:
    if name not in KINDS:
        raise UnknownName("kind of answer", name, KINDS)
    return KINDS[name]


# Where an answer is stated ---------------------------------------------------------------------------
# Every repetition is bounded and every statement cut to WINDOW characters, so no text can make reading slow.

WINDOW = 1000
MOST_STATEMENTS = 20
MOST_NUMBERS = 40

_STATEMENT = re.compile(
    r"""
      \\(?:boxed|fbox)[ ]{0,3}\{
    | ^\#{4}[ \t]{0,3}(?=[-+$]{0,2}[0-9.,/]{1,40}[ \t]{0,3}$)
    | \b(?:answer|decision|verdict|conclusion|opinion)\b[*_`"')\]}$]{0,4}\s{0,4}(?:[:=>]|is\b:?)
    | \banswer\b(?!\s{1,3}[A-J]\b)[^.:=\n\\]{1,60}?\b(?:is|are|be)\b:?
    | \b(?:correct|right|best|final)\s{1,3}(?:option|choice|result|value|list)\s{1,3}is\b:?
    """,
    re.VERBOSE | re.IGNORECASE | re.MULTILINE,
)
_NO_ANSWER = re.compile(
    r"[\s*_`\"'({\[$\\]{0,20}(?:unknown|undetermined|n/a\b|no answer|(?:it )?can(?:not|'t| not)\b"
    r"|I (?:do not|don't) know)", re.IGNORECASE)


def _statements(text: str) -> Iterator[tuple[str, str]]:
    """The marks of stated answers, last first, each with the words up to the next mark (or the closing brace)."""
    marks = list(_STATEMENT.finditer(text))[-MOST_STATEMENTS:]
    end = len(text)
    for mark in reversed(marks):
        words = text[mark.end():min(end, mark.end() + WINDOW)]
        if mark[0].endswith("{"):
            words = _to_closing_brace(text[mark.end():mark.end() + WINDOW])
        yield " ".join(mark[0].split()), words
        end = mark.start()


def _to_closing_brace(words: str) -> str:
    depth = 1
    for place, letter in enumerate(words):
        depth += (letter == "{") - (letter == "}")
        if depth == 0:
            return words[:place]
    return words


def _last_line(text: str) -> str:
    return text.rstrip()[-WINDOW:].rpartition("\n")[2].strip()


_DECORATION = r"""(?:[\s*_`"'‘“({\[$<~]|\\[(\[])*"""
_ALTERNATIVE = r"""(?!["'*_`)\]]{0,3}\s{0,3}(?:/|&|\b(?:or|and)\b)\s{0,3}[(*]{0,3}(?:%s)\b)"""


# Letters and closed words ----------------------------------------------------------------------------

_LEAD = r"(?:(?i:the|option|choice|letter|answer|is|statement)\b\s{0,3}[(*]{0,3})*"
_LETTER = re.compile(_DECORATION + _LEAD + r"([A-Ja-j])(?![\w'’^])" + _ALTERNATIVE % "[A-Ja-j]")
_ARTICLE = re.compile(r"[ \t]+(?!because\b|since\b|as\b|is\b|and\b|which\b|with\b|for\b)[a-z]{2,}")
_LETTER_LINE = re.compile(_DECORATION + r"(?:[A-J]|[a-j](?=[).]))(?:[).:]|[\s*_`\"'’”)}\]$.]{0,20}$)")
_IS_CORRECT = re.compile(r"\b([A-J])\b\)?\s{1,3}is\s{1,3}(?:the\s{1,3})?(?:correct|right|best)\b")


def _letter(words: str) -> Read | None:
    plain = WRAPPED.sub("", words)
    if not (found := _LETTER.match(plain)):
        return None
    letter, rest = found[1], plain[found.end():].partition("\n")[0]
    if letter in "AIai" and _ARTICLE.match(rest):  # "A block slides", "I think"
        return None
    if letter.islower() and rest[:1].isspace() and rest.strip():
        return None
    return Read(letter.upper(), letter, "")


def _bare_letter(text: str) -> Read | None:
    last, first = _last_line(text), text.strip()[:WINDOW].partition("\n")[0]
    for line, where in ((last, "on the last line"), (first, "on the first line")):
        if _LETTER_LINE.match(WRAPPED.sub("", line)) and (found := _letter(line)):
            return Read(found.value, found.text, where)
        if claims := _IS_CORRECT.findall(line):
            return Read(claims[-1], claims[-1], where)
    return None


def _closed(name: str, values: dict[str, Any]) -> Kind:
    """A kind with a handful of words, read where a statement begins: ``Answer: yes, because ...``."""
    words = "|".join(values)
    word = re.compile(_DECORATION + rf"({words})(?![\w'’-])" + _ALTERNATIVE % words, re.IGNORECASE)
    line = re.compile(_DECORATION + rf"(?:{words})\b(?=[*_`\"'’”)}}\]$]{{0,6}}\s{{0,3}}(?:[,.;:!—–]|$))", re.IGNORECASE)

    def stated(text: str) -> Read | None:
        found = word.match(WRAPPED.sub("", text))
        return Read(values[found[1].lower()], found[1], "") if found else None

    def bare(text: str) -> Read | None:
        for part, where in ((_last_line(text), "on the last line"), (text.strip()[:WINDOW].partition("\n")[0],
                                                                     "on the first line")):
            plain = WRAPPED.sub("", part)
            if line.match(plain) and (found := stated(plain)):
                return Read(found.value, found.text, where)
        return None

    return Kind(name, stated, bare, lambda read, truth, tolerance: bool(read.value == truth.value))


# Numbers ----------------------------------------------------------------------------------------

_EQUALS = re.compile(r"=|≈|≃|\\approx|\\simeq")
_BULLET = re.compile(r"\n\s{0,8}[-*•]\s{1,4}")
_SENTENCE_END = re.compile(r"[.!?](?:\s|$)")


def _numbers(s: str) -> Iterator[Read]:
    """The numbers from left to right, up to the first that cannot be read: of ``3 + 4`` and ``1/0`` no part counts."""
    place = 0
    for _ in range(MOST_NUMBERS):
        if not (start := START.search(s, place)):
            return
        found = read_number(s, start.start())
        if found:
            yield Read(found[0], s[start.start():found[1]].strip(), "", _unit(s[found[1]:]))
        elif s[start.end()] != "(":
            return
        place = found[1] if found else start.end() + 1


def _unit(tail: str) -> str:
    return " ".join(re.sub(r"[{}^]", "", tail).split())[:60]


def _number(words: str) -> Read | None:
    """The number that stands first; else the one after the last equals sign; else the first in the sentence."""
    lines = (line.lstrip(" \t*_~\"'[<>{:") for line in _BULLET.sub("\n", plain(words)).split("\n"))
    line = next((line for line in lines if re.search(r"\w|√|π", line)), "")
    if (found := read_number(line, 0)) and not re.match(r"\s?=", line[found[1]:]):
        return Read(found[0], line[:found[1]].strip(), "", _unit(line[found[1]:]))
    sentence = _SENTENCE_END.split(line, maxsplit=1)[0]
    after_equals = _EQUALS.split(sentence)[-1]
    return next(_numbers(after_equals), None) or next(_numbers(sentence), None)


def _bare_number(text: str) -> Read | None:
    """The only number on the last line, or the one after its last equals sign."""
    line = _EQUALS.split(plain(_last_line(text)))[-1]
    found = list(_numbers(line))
    return Read(found[0].value, found[0].text, "on the last line", found[0].unit) if len(found) == 1 else None


def _close(value: float, truth: float, text: str, tolerance: float | None) -> bool:
    if truth == 0:
        return abs(value) <= ZERO_TOLERANCE
    if tolerance is None:
        tolerance = 0.0 if re.fullmatch(r"[-+]?\s?[0-9][0-9,]*", text) else FLOAT_TOLERANCE
    return abs(value - truth) <= (tolerance + EXACT_TOLERANCE) * abs(truth)


def _same_number(read: Read, truth: Read, tolerance: float | None) -> bool:
    """A unit counts only where the truth has one; then it must be the same, in the same notation."""
    unit = re.match(re.escape(truth.unit) + r"(?![\w/^*])", read.unit) if truth.unit else True
    return bool(unit) and _close(read.value, truth.value, truth.text, tolerance)


# Lists, and text as it stands ------------------------------------------------------------------------

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
    found = _list(_last_line(text))
    return Read(found.value, found.text, "on the last line") if found else None


def _same_list(read: Read, truth: Read, tolerance: float | None) -> bool:
    """The same numbers in any order (TheoremQA ignores it), each by the rule of its own truth."""
    if len(read.value) != len(truth.value):
        return False
    wanted = sorted(zip(truth.value, truth.text.split(", "), strict=True))
    return all(_close(value, goal, text, tolerance) for value, (goal, text) in zip(sorted(read.value), wanted))


def _exact(text: str) -> Read | None:
    words = " ".join(text.split())
    return Read(words, words[:WINDOW], "as it stands") if words else None


register(Kind("letter", _letter, _bare_letter, lambda read, truth, tolerance: bool(read.value == truth.value)))
register(Kind("number", _number, _bare_number, _same_number))
register(Kind("list", _list, _bare_list, _same_list))
register(_closed("boolean", {"true": True, "false": False, "yes": True, "no": False}))
register(_closed("yes_no_maybe", {"yes": "yes", "no": "no", "maybe": "maybe"}))
register(Kind("exact", _exact, _exact, lambda read, truth, tolerance: bool(read.value == truth.value), marked=False))
