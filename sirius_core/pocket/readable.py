"""The embedded language for people: ``z - x * y : 3 7 1 - 3 5 * 9`` becomes ``z − x × y: 371 − 35 × 9``."""

from __future__ import annotations

import re

from sirius_core.games import GAMES

SOURCES = ("formulas", *GAMES)
"""Where the problems come from that the embedded model reads in its own language."""

_SIGNS = {"*": "×", "-": "−", "/": "÷", "m/s2": "m/s²", "ohm": "Ω", "|": "│", "=>": "→"}
_CLOSING = {".", ",", "?", ":", ";"}

_PRODUCT = re.compile(r"(\d) (\d) (\d) (\d) \+ (\d) (\d) (\d)(?: \+ (\d) (\d) (\d)| - (\d) (\d) (\d))?")
_DIVISION = re.compile(r"(\d) (\d) / (\d) (\d) (\d) (\d) (\d)")
_SUM = re.compile(r"(\d) ([+-]) (\d) (\d) (\d)")


def render_readable(text: str) -> str:
    """Digits joined to numbers, proper signs, worked steps as small equations. Unknown words stay as they are."""
    return " ".join(_render_part(part) for part in re.split(r" (?=\| )", text)) if text else ""


def _render_part(part: str) -> str:
    """One of the pieces between bars; the only one that may hold worked steps ends with ``= result``."""
    before, bar, body = part.rpartition("| ")
    steps, equals, result = body.rpartition(" = ")
    if equals:
        lead, advised, rest = steps.rpartition("as advised , ")
        rendered = [_step(step) for step in rest.split(" ; ")]
        if all(rendered):
            start = f"{_plain(before + bar)} " if bar else ""
            head = "as advised, " if advised else ""
            return f"{start}{_plain(lead)}{head}{'; '.join(s for s in rendered if s)} ⇒ {_plain(result)}"
    return _plain(part)


def _step(step: str) -> str | None:
    """One worked step as an equation; None when it is not one."""
    if m := _PRODUCT.fullmatch(step):
        a, y, p, q, c, s, t, d, u, v, e, k, r = m.groups()
        text = f"{a} × {y} = {_two(p, q)}, + {c} = {_two(s, t)}"
        if d is not None:
            return f"{text}, + {d} = {_two(u, v)}"
        return f"{text}, from {e} leaves {r} carry {k}" if e is not None else text
    if m := _DIVISION.fullmatch(step):
        rest, digit, y, q, p, r, left = m.groups()
        return f"{_two(rest, digit)} ÷ {y} = {q} ({_two(p, r)}) rest {left}"
    if m := _SUM.fullmatch(step):
        a, sign, b, carry, unit = m.groups()
        return f"{a} + {b} = {_two(carry, unit)}" if sign == "+" else f"{a} − {b} = {unit} carry {carry}"
    return None


def _two(tens: str, units: str) -> str:
    return units if tens == "0" else tens + units


def _plain(text: str) -> str:
    text = re.sub(r"(?<![^ ])(\d)(?: (?=\d(?: |$)))", r"\1", text)
    words: list[str] = []
    for word in text.split():
        if word in _CLOSING and words:
            words[-1] += word
        else:
            words.append(_SIGNS.get(word, word))
    return " ".join(words)
