"""The embedded language as people read and write it, word diffs, and a critique in plain words.

Everything that a model said goes to the page as escaped text: a reply is data, never markup.
"""

from __future__ import annotations

import difflib
import html
import re
from collections.abc import Iterable

import streamlit as st

from sirius_core import tasks
from sirius_core.pocket.dialect import COPY_HINT, DIGITS_HINT, FINE, FORMULA_HINTS, read_verdict
from sirius_core.trajectories import Repair

# One static style: colours with alpha sit on a light and on a dark page alike; the words carry a line or a bar, too.
STYLE = """<style>
.said {overflow-wrap: anywhere; line-height: 1.75; margin: 0; white-space: pre-wrap;}
.said.big {font-size: 1.08em;}
.said.task {font-size: 1.3em; line-height: 1.5;}
.said ins {background: rgba(22, 163, 106, .20); text-decoration: none; border-bottom: 2px solid rgb(22, 163, 106);
           border-radius: 3px; padding: 0 .18em;}
.said del {background: rgba(220, 60, 70, .17); text-decoration: line-through; border-radius: 3px; padding: 0 .18em;}
.said .quiet {opacity: .68;}
.said .pair {margin-right: 1.1em;}
</style>"""

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


def typed(source: str, text: str) -> str:
    """What is played for the text of an edit box."""
    return to_pocket(text) if source == "formulas" else text.strip()


# -- text on the page ------------------------------------------------------------------------------------------------
def say(text: str, *, big: bool = False, quiet: bool = False) -> None:
    """A model's text, drawn as text."""
    kind = "said big" if big else "said"
    body = html.escape(text) or '<span class="quiet">(nothing)</span>'
    st.html(f'<p class="{kind}">{f"<span class=quiet>{body}</span>" if quiet else body}</p>')


def problem(text: str) -> None:
    """The problem that an episode is about, on top of everything."""
    st.html(f'<p class="said task">{html.escape(text)}</p>')


def say_pairs(pairs: Iterable[tuple[str, str]]) -> None:
    """Small quiet labels, each with a model's text: ``answered 1431 Ns   right is 1364 Ns``."""
    form = '<span class="pair"><span class="quiet">{}</span> <b>{}</b></span>'
    st.html(f'<p class="said">{" ".join(form.format(html.escape(k), html.escape(v)) for k, v in pairs)}</p>')


def diff(before: str, after: str, *, big: bool = True) -> None:
    """A word diff: what went is struck through, what came is underlined."""
    st.html(f'<p class="said{" big" if big else ""}">{diff_html(before, after)}</p>')


def diff_html(before: str, after: str) -> str:
    old, new = (re.findall(r"\s*(?:[^\s:;,.?]+|\S)", text) for text in (before, after))  # words with the space before
    same = difflib.SequenceMatcher(None, [w.strip() for w in old], [w.strip() for w in new], autojunk=False)
    parts: list[str] = []
    for kind, a, b, c, d in same.get_opcodes():
        gone, come = "".join(old[a:b]), "".join(new[c:d])
        parts += [html.escape(come)] if kind == "equal" else [_marked("del", gone), _marked("ins", come)]
    return "".join(parts) or "<span class=quiet>(nothing)</span>"


def _marked(tag: str, text: str) -> str:
    lead = " " if text[:1].isspace() else ""
    return f"{lead}<{tag}>{html.escape(text.strip())}</{tag}>" if text.strip() else ""


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
