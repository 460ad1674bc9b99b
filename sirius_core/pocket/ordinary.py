"""The word problems in ordinary text: what a chat model reads, and what it writes, back in the embedded language.

    >>> to_ordinary("in 9 s cart keeps 3 5 m/s . how far ?")
    'In 9 s cart keeps 35 m/s. How far?'
    >>> expression_in("Force is mass times acceleration.\\n**Expression:** $9 \\\\times 35$")
    '3 5 * 9'

Reading is strict: what has none of the language's shapes is None, never a guess.
"""

from __future__ import annotations

import re

from .notation import digits, parse_plan, read_expression, stated_result
from .readable import render_readable
from .vocabulary import FORMULAS, STOP_WORD, WORDS

_WORDS = frozenset(WORDS[:FORMULAS]) - {STOP_WORD}
_PLAIN_SIGNS = str.maketrans({"×": "*", "−": "-", "÷": "/", "²": "2", "Ω": "ohm", "│": "|", "→": "=>"})
_SENTENCE = re.compile(r"(?:^|(?<=[.?] ))[a-z]")


def is_pocket(text: str) -> bool:
    """Whether a text is in the embedded language: words that it knows, and nothing else. The empty text is."""
    return all(word in _WORDS for word in text.split())


def to_ordinary(text: str) -> str:
    """A text with its lines of the embedded language as a person would type them; other lines stay as they are."""
    if "\n" in text:
        return "\n".join(to_ordinary(line) for line in text.split("\n"))
    if not text.strip() or not is_pocket(text):
        return text
    shown = render_readable(" ".join(text.split())).replace(" ⇒ ", ". Result: ").translate(_PLAIN_SIGNS)
    asks = any(word in (".", "?") for word in text.split())
    return _SENTENCE.sub(lambda letter: letter[0].upper(), shown) if asks else shown


# -- reading ---------------------------------------------------------------------------------------------------------
LONGEST = 300  # characters of a statement that are read

_MARK = r"\b{}\b[*_`\"'\])}}$]{{0,4}}\s{{0,3}}(?:is\b:?|[:=]|<?/?\w{{0,6}}>)"
_EXPRESSION = re.compile(_MARK.format("expression"), re.IGNORECASE)
_RESULT = re.compile(_MARK.format("(?:result|answer)"), re.IGNORECASE)
_CLEAN = (
    (re.compile(r"\\[dt]?frac\s?\{([^{}]{1,40})\}\s?\{([^{}]{1,40})\}"), r"\1 / \2"),
    (re.compile(r"\\(?:text|mathrm|mathbf|boxed|operatorname)\s?(?=\{)"), " "),
    (re.compile(r"\\(?:times|cdot)(?![a-zA-Z])|[×·⋅∗✕]"), " * "),
    (re.compile(r"\\div(?![a-zA-Z])|[÷∕⁄]"), " / "),
    (re.compile(r"[−–—‐‑]"), "-"),
    (re.compile(r"(?<=\d)(?:,|\{,\}|\\,|[\u00a0\u2009\u202f])(?=\d{3}(?!\d))"), ""),
    (re.compile(r"\*\*|__|[`$~]|\\[()\[\],;:! ]|\\(?:left|right|displaystyle)(?![a-zA-Z])|</?[a-zA-Z]{1,8}>"), " "),
    (re.compile(r"(?<=\d)\.0{1,6}(?!\d)"), ""),
    (re.compile(r"(?<=\d)\s{0,3}(?:m/s\^?\{?[2²]\}?|m/s|N/m|kg|ohms?\b|Ω|Ns\b|N\s?\*?\s?s\b|[mNJWsAV](?![\w]))"), " "),
    (re.compile(r"(?<=\d)\s{0,3}[xX]\s{0,3}(?=\d)"), " * "),
    (re.compile(r"\([^()\d]{1,80}\)\W{0,3}$|[{}]"), " "),
)
_PRODUCT_IN_BRACKETS = re.compile(r"\(\s{0,3}(\d{1,9}(?:\s{0,3}[*/]\s{0,3}\d{1,9})?)\s{0,3}\)")
_SHAPE = re.compile(r"\s*\d{1,9}\s*(?:[-+*/]\s*\d{1,9}\s*){1,2}")
_WHOLE = re.compile(r"\s*(\d{1,12})(?![\w]*[.,]?\d|\s*[-+*/^(])")


def planned_in(text: str) -> str | None:
    """The expression of an analyst's reply, in the embedded language or in ordinary text."""
    plan = parse_plan(text)
    return plan.expression if plan else None if is_pocket(text) else expression_in(text)


def expression_in(text: str) -> str | None:
    """The last expression that a text states (``Expression: 371 - 35 x 9``), else the one that its last line is.

    In the embedded language's own form: products before a sum, the one digit of a product last.
    """
    stated = _stated(text, _EXPRESSION)
    words = text.rstrip()[-LONGEST:].rpartition("\n")[2] if stated is None else stated
    return next(filter(None, map(_canonical, re.split(r"[:=≈]", _cleaned(words)))), None)


def result_in(text: str) -> str | None:
    """The whole number that a text states last as its result, with spaces between the digits: ``1 7 6 4``."""
    if is_pocket(text):
        return stated_result(text)
    parts = re.split(r"[=≈]", _cleaned(_stated(text, _RESULT) or ""))
    found = _WHOLE.match(parts[-1]) or _WHOLE.match(parts[0])
    return digits(int(found[1])) if found else None


def _stated(text: str, mark: re.Pattern[str]) -> str | None:
    """What the last statement with a number in it says: the rest of its line, or the next line that has one."""
    for place in reversed([found.end() for found in mark.finditer(text)]):
        lines = text[place : place + LONGEST].split("\n")
        if said := next((line for line in lines if re.search(r"\d", line)), ""):
            return said
    return None


def _cleaned(words: str) -> str:
    for pattern, into in _CLEAN:
        words = pattern.sub(into, words)
    return words


def _canonical(words: str) -> str | None:
    words = words.strip().strip(".;,").strip()
    if words.startswith("(") and words.endswith(")") and words.count("(") == 1:
        words = words[1:-1]
    words = _PRODUCT_IN_BRACKETS.sub(r" \1 ", words)
    if not _SHAPE.fullmatch(words):
        return None
    numbers = [int(n) for n in re.findall(r"\d+", words)]
    signs = "".join(re.findall(r"[-+*/]", words))
    if signs == "+*":  # z + x * y
        numbers, signs = [*numbers[1:], numbers[0]], "*+"
    if signs in ("*", "*+") and numbers[0] < 10 <= numbers[1]:
        numbers[:2] = numbers[1], numbers[0]
    if signs == "-*" and numbers[1] < 10 <= numbers[2]:
        numbers[1:] = numbers[2], numbers[1]
    parts = [digits(numbers[0])]
    for sign, number in zip(signs, numbers[1:], strict=True):
        parts += [sign, digits(number)]
    found = " ".join(parts)
    return found if read_expression(found) else None
