"""The embedded language as people read and write it, and a critique in plain words."""

from __future__ import annotations

import re

from sirius_core import tasks
from sirius_core.pocket.dialect import COPY_HINT, DIGITS_HINT, FINE, FORMULA_HINTS, read_verdict
from sirius_core.pocket.vocabulary import knows
from sirius_core.trajectories import Repair

_SIGNS = {"×": "*", "−": "-", "–": "-", "÷": "/", "m/s²": "m/s2", "Ω": "ohm", "│": "|", "→": "=>", "·": "*"}
_NUMBER = r"(\d{1,2})"
_STEPS = (
    (re.compile(rf"(\d) × (\d) = {_NUMBER}, \+ (\d) = {_NUMBER}"), "{0} {1} {2:2} + {3} {4:2}"),
    (
        re.compile(rf"(\d) × (\d) = {_NUMBER}, \+ (\d) = {_NUMBER}, \+ (\d) = {_NUMBER}"),
        "{0} {1} {2:2} + {3} {4:2} + {5} {6:2}",
    ),
    (
        re.compile(rf"(\d) × (\d) = {_NUMBER}, \+ (\d) = {_NUMBER}, from (\d) leaves (\d) carry (\d)"),
        "{0} {1} {2:2} + {3} {4:2} - {5} {7} {6}",
    ),
    (re.compile(rf"{_NUMBER} ÷ (\d) = (\d) \({_NUMBER}\) rest (\d)"), "{0:2} / {1} {2} {3:2} {4}"),
    (re.compile(rf"(\d) \+ (\d) = {_NUMBER}"), "{0} + {1} {2:2}"),
    (re.compile(r"(\d) − (\d) = (\d) carry (\d)"), "{0} - {1} {3} {2}"),
)


def readable(source: str, text: str) -> str:
    """A text for people: ``3 7 1 - 3 5 * 9`` as ``371 − 35 × 9``."""
    return tasks.readable(source, text)


def asked(source: str, prompt: str) -> str:
    """A prompt for people; the embedded model's without the tag of its role and the arrow that it answers behind."""
    text = readable(source, prompt)
    return re.sub(r"^@\w+ | →$", "", text) if source == "formulas" else text


def to_pocket(text: str) -> str:
    """What a person typed, in the embedded language: ``371 - 35 x 9`` as ``3 7 1 - 3 5 * 9``. Unknown words stay.

    Worked steps may be typed as they are shown, ``5 × 9 = 45, + 0 = 45; ... ⇒ 315``.
    """
    steps, arrow, result = text.replace("=>", "⇒").partition("⇒")
    if arrow:
        found = [_step(part) for part in re.split(r"\s*;\s*", steps.strip())]
        if all(found):
            return f"{' ; '.join(str(s) for s in found)} = {_plain(result)}"
    return _plain(text)


def _step(text: str) -> str | None:
    text = " ".join(text.replace("*", "×").replace(" - ", " − ").split())
    for pattern, form in _STEPS:
        if m := pattern.fullmatch(text):
            return form.format(*(_Digits(group) for group in m.groups()))
    return None


class _Digits(str):
    """A number inside a step: ``{:2}`` writes it as two digits with a space."""

    def __format__(self, spec: str) -> str:
        return " ".join(self.rjust(2, "0")) if spec == "2" else str(self)


def _plain(text: str) -> str:
    words: list[str] = []
    for piece in text.split():
        for part in re.findall(r"m/s2|m/s²|m/s|N/m|@\w+|\d+|[A-Za-zΩ]+|\S", piece):
            if part.isdigit():
                words += part
            elif part in ("x", "X") and words and _operand(words[-1]):
                words.append("*")  # an x after a number or a variable multiplies; elsewhere it is the variable
            else:
                words.append(_SIGNS.get(part, part))
    return " ".join(words)


def _operand(word: str) -> bool:
    return word.isdigit() or word in ("x", "y", "z")


def editable(source: str, text: str) -> str:
    """The text that an edit box starts from: readable if what is shown can be read back, else the raw text."""
    shown = readable(source, text)
    return shown if source == "formulas" and to_pocket(shown) == text else text


def typed(source: str, text: str, before: str) -> str:
    """What is played for the text of an edit box in place of ``before``: in the embedded language if that was."""
    return to_pocket(text) if source == "formulas" and knows(before) else text.strip()


def plain_critique(repair: Repair) -> str:
    """What the critic said, in a sentence. Unknown critiques come back as they are."""
    if not repair.critique and repair.turn is None:
        return "No critique: the critic came to no end."
    if not repair.critique:
        return "No critic: the agent was told the answer and asked again."
    if repair.critique.strip() == FINE:
        return "“This is fine”: the critic found nothing to mend."
    read = read_verdict(repair.critique)
    if read is None:
        return repair.critique
    role, hint = read
    if hint in FORMULA_HINTS.values():
        return f"The {role} chose the wrong formula. Here one has to {hint.replace(' then', ', then')}."
    if hint == DIGITS_HINT:
        return f"The {role} made a slip in the arithmetic: check the digits."
    if hint == COPY_HINT:
        return f"The {role} did not copy the number that was worked out: copy the result."
    return f"The {role} used the wrong unit: it should be {readable('formulas', hint.removeprefix('unit '))}."
