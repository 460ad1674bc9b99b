"""What the answers of a table mean, told from its first rows and stated: their kind, how they name an option."""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .. import answers
from ..answers.units import read_unit
from ..errors import SiriusError, UsageError
from .rows import normalised

Options = tuple[str, ...]
Translate = Callable[[str, Options, str], str]  # (cell, options, place) to the answer

MOSTLY = 0.9  # of the first answers: the others are then errors with their row, not a reason to compare words
_LETTER = re.compile(r"\(?([A-Ja-j])[).]?")
_NUMBER = re.compile(r"[-+]?[0-9]+/[0-9]+|[-+]?[0-9][0-9,]*(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?%?|[-+]?\.[0-9]+")
_LAST = re.compile(r"####\s{0,9}(-?[0-9][0-9,]{0,40}(?:\.[0-9]{1,40})?)\s*$")


@dataclass(frozen=True)
class Reading:
    """``kind`` of the answers (empty: each row states its own), how a cell says the answer, and what was guessed."""

    kind: str
    answer: Translate
    notes: tuple[str, ...] = ()


def read_from(seen: Sequence[tuple[str, Options]], kind: str = "", own_kinds: bool = False) -> Reading:
    """The reading of a table whose first cells and options are ``seen``; ``kind`` is given, or each row's own."""
    texts = [text for text, _ in seen if text]
    choices = [(text, options) for text, options in seen if text and options]
    if choices and kind in ("", "letter") and not own_kinds:
        translate, notes = _naming(choices)
        return Reading("letter", translate, notes)
    if kind or own_kinds:
        return Reading(kind, _as_it_stands)
    if texts and all(_LAST.search(text) for text in texts):
        return Reading("number", _last_number, ("the answers end in '#### NUMBER': that number counts",))
    kind = guessed_kind(texts)
    return Reading(kind, _as_it_stands, (f"guessed from the answers: kind = {kind}",))


def guessed_kind(texts: Sequence[str]) -> str:
    """The narrowest kind that all these answers fit; text if none."""
    words = {text.casefold() for text in texts}
    if not texts:
        return "text"
    if words <= {"yes", "no", "maybe"}:
        return "yes_no_maybe"
    if words <= {"true", "false"}:
        return "boolean"
    if all(_LETTER.fullmatch(text) for text in texts):
        return "letter"
    if sum(map(_is_number, texts)) >= MOSTLY * len(texts):
        return "number"
    if all(text[0] in "[(" and _fits(text, "list") for text in texts):
        return "list"
    return "latex" if any(re.search(r"[\\^$]", text) for text in texts) else "text"


def _is_number(text: str) -> bool:
    found = _NUMBER.match(text)
    return found is not None and (not text[found.end():].strip() or read_unit(text[found.end():]) is not None)


def _fits(text: str, kind: str) -> bool:
    try:
        answers.known(text, kind)
    except SiriusError:
        return False
    return True


def _as_it_stands(cell: str, options: Options, where: str) -> str:
    return cell


def _last_number(cell: str, options: Options, where: str) -> str:
    if not (last := _LAST.search(cell)):
        raise UsageError(f"{where}: the answer must end in '#### NUMBER', as in the first rows")
    return last[1].replace(",", "")


def _naming(choices: Sequence[tuple[str, Options]]) -> tuple[Translate, tuple[str, ...]]:
    """How a cell names an option: by its letter, its number or its text."""
    if all(_LETTER.fullmatch(text) for text, _ in choices):
        return _by_letter, ()
    if all(text.isdecimal() for text, _ in choices) and not all(text in options for text, options in choices):
        from_zero = any(int(text) == 0 for text, _ in choices) or all(int(text) < len(o) for text, o in choices)
        start = 0 if from_zero else 1

        def by_number(cell: str, options: Options, where: str) -> str:
            if not cell.isdecimal() or not start <= int(cell) < len(options) + start:
                raise UsageError(f"{where}: the answer {cell[:40]!r} is no option (they count from {start})")
            return string.ascii_uppercase[int(cell) - start]

        return by_number, (f"guessed from the answers: the options' numbers count from {start}",)
    return _by_text, ("the answers are the options' own texts",)


def _by_letter(cell: str, options: Options, where: str) -> str:
    if not (found := _LETTER.fullmatch(cell)):
        raise UsageError(f"{where}: the answer {cell[:40]!r} is no letter, as in the first rows")
    return found[1].upper()


def _by_text(cell: str, options: Options, where: str) -> str:
    same = [i for i, option in enumerate(options) if option == cell]
    same = same or [i for i, option in enumerate(options) if normalised(option) == normalised(cell)]
    if len(same) != 1:
        raise UsageError(f"{where}: the answer {cell[:40]!r} is {'more than one' if same else 'none'} of the options")
    return string.ascii_uppercase[same[0]]
