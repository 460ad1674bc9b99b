"""What in a rewritten turn betrays the critique or the gold answer.

A turn that enters the library is imitated at inference, where there is neither. So it must not speak of advice or of an
earlier attempt, not quote the critic's advice, and, unless its role states the answer, not state the gold answer
without having been given or having derived it. What the turn's own inputs say is never held against it: a passage on
feedback inhibition makes "feedback" an ordinary word.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from . import answers, numerals
from .errors import UsageError
from .teams import Team
from .trajectories import Task, Turn

CLOSED = ("letter", "boolean", "yes_no_maybe")  # kinds with so few answers that only a statement of one is telling
QUOTE, LONG_QUOTE = 6, 14  # words of the critique in a row that are a quotation: with words of advice, and at any rate
MOST_NUMBERS = 5000


def leaks(text: str, turn: Turn, task: Task, team: Team, critique: str, dialect: str = "chat") -> tuple[str, ...]:
    """What in ``text``, written in place of ``turn``, betrays critique or gold answer; empty if nothing does.

    In the ``pocket`` dialect, where every word is counted, any mention of a gold number is a leak that the turn's input
    does not have and no equals sign precedes.
    """
    inputs = _inputs(turn)
    found = [f"mentions {trace!r}" for trace in _traces(text, inputs)][:1]
    found += [f"quotes the critique: {quote!r}" for quote in _quotes(text, critique, inputs)][:1]
    if turn.role != team.speaker:
        found += _counted(text, turn, task) if dialect == "pocket" else _states(text, inputs, task, derived=True)
    return tuple(found)


def told(feedback: str, turn: Turn, task: Task) -> tuple[str, ...]:
    """How a critic's feedback states the gold answer, which no role is to be told; empty if it does not."""
    return tuple(f"the feedback {found}" for found in _states(feedback, _inputs(turn), task, derived=False))


def _inputs(turn: Turn) -> list[str]:
    return [*turn.slots.values()] or [m.content for m in turn.messages if m.role != "system"]


# -- words -----------------------------------------------------------------------------------------------------------
# Each pattern has one group: the words that are reported, and that the inputs excuse.
_OWN = r"(?:answer|attempt|reply|draft|reasoning|submission)"  # what only an author calls so
_TEXT = rf"(?:{_OWN[3:-1]}|response|solution|explanation|calculation|summary|version|text|plan)"
_OLD = r"(?:previous|original|earlier|prior)"
_ANEW = r"(?:revised|corrected|rewritten|rephrased|reworked)"
_GOLD = r"(?:right|correct|gold|true|expected|final|provided)"
_OF_NATURE = r"(?:loop|inhibit|mechanism|control|regulat|system|circuit|resist|signal|network|factor|amplif|effect)"
_TRACES = tuple(re.compile(rf"\b{pattern}", re.IGNORECASE) for pattern in (
    r"(as advised)\b",
    r"(as (?:you|the (?:critic|reviewer|feedback)) (?:suggest|not|point|advis|mention|request|said|say)\w*)",
    r"(crit(?:ic|icism|ique)s?)\b",
    rf"(?:the|your|with|on|per|following|incorporating|addressing) (feedback)\b(?! {_OF_NATURE})",
    r"(feedback (?:given|provided|received|says|said|suggest|points|indicates|notes|mentions)\w*)",
    rf"((?:my|your) (?:{_OLD}|first|initial|old) {_TEXT})\b",
    rf"((?:the|an|our) {_OLD} {_OWN})\b",
    rf"((?:the|our) {_OLD} {_TEXT} (?:was (?:wrong|incorrect|flawed|not)|(?:incorrect|wrong|mistaken)ly|failed))",
    rf"({_ANEW} {_TEXT})\b",
    rf"(i (?:have )?{_ANEW})\b",
    r"(i (?:have )?(?:made|had) (?:a|an|the) (?:\w+ )?(?:mistake|error|slip))\b",
    r"(i (?:apologi[sz]e|was (?:wrong|mistaken)|stand corrected))\b",
    r"(you(?:'re| are) (?:right|correct) (?:that|about|to|in))\b",
    rf"({_GOLD} answer (?:is|was|has been) (?:given|known|provided|shown|told|said))\b",
    rf"((?:given|knowing|told|provided with) (?:that )?the {_GOLD} answer)\b",
    r"((?:gold|expected|known|provided|given) answer)\b(?! (?:choice|option))",
    r"(correct(?:ed|ion) answer)\b",
    r"(?:the|your|this) (hints?)\b",
    r"(as hinted)\b",
    r"(ground[- ]truth)\b",
))
_NEVER_EXCUSED = "as advised"
_ADVICE = re.compile(
    r"\b(?:you|your|should|must|instead|wrong|incorrect|mistake|error|forgot|missed|check|blame)\b", re.IGNORECASE)


def _traces(text: str, inputs: Iterable[str]) -> Iterator[str]:
    said, line = _flat(" ".join(inputs)), _one_line(text)
    for pattern in _TRACES:
        for found in pattern.finditer(line):
            if (word := _flat(found[1])) == _NEVER_EXCUSED or not re.search(rf"\b{re.escape(word)}\b", said):
                yield found[1]


def _quotes(text: str, critique: str, inputs: Iterable[str]) -> Iterator[str]:
    """Parts of the critique in the text that have nothing of the inputs."""
    words, said, known = critique.split(), f" {_one_line(text)} ", f" {_one_line(' '.join(inputs))} "
    runs = [" ".join(words[i : i + QUOTE]) for i in range(len(words) - QUOTE + 1)]
    quoted = [run in said and run not in known for run in runs]
    long = LONG_QUOTE - QUOTE + 1  # so many short quotations in a row make a long one
    for i, run in enumerate(runs):
        if quoted[i] and _ADVICE.search(run):
            yield run
        elif all(quoted[i : i + long]) and i + long <= len(runs):
            yield " ".join(words[i : i + LONG_QUOTE])


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _flat(text: str) -> str:
    return _one_line(text).casefold()


# -- the gold answer -------------------------------------------------------------------------------------------------
_CHOSEN = r"\b(?:option|choice|answer|statement)\s?\(?{}\)?\s(?:is|must be)\s(?:the\s)?(?:correct|right|best|answer)\b"
_STATED = re.compile(
    r"\b(?:answer|result|outcome|solution|value|total|option)\b[^.\n=\d]{0,40}?(?:\b(?:is|be|equals?|to|of|as)\b|:)"
    r"(?:\s|[*_({]|\\boxed){0,8}$", re.IGNORECASE)
_DERIVED = re.compile(
    r"(?:[=≈≃∼~⇒→]|[-=]>|\\(?:approx|simeq|sim|to)|\b(?:gives?(?: you| us)?|yields?|gets?|obtains?|equals?|becomes?|"
    r"approximately|about|roughly|(?:comes?|computes?|evaluates?|works?)(?: out)? (?:to|at)))"
    r"(?:\s|[*_({]|\\boxed){0,8}$", re.IGNORECASE)
_PRODUCT = re.compile(r"\*(?!\s?10\s?\^)|\dx")
_QUOTIENT = re.compile(r"/|frac|sqrt|√|π|pi")
_NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?")


def _states(text: str, inputs: list[str], task: Task, *, derived: bool) -> list[str]:
    """Statements of the gold answer that no input makes; ``derived``: its own steps may arrive at a number."""
    if task.kind in CLOSED:
        truth = answers.known(task.answer, task.kind).value
        new = _claims(text, truth, task.kind) and not any(_claims(known, truth, task.kind) for known in inputs)
        return [f"states the answer {task.answer!r}"] if new else []
    for gold in _values(task):
        places = [place for place in _numbers(text) if _close(place.value, gold)]
        if not places or any(_close(place.value, gold) for known in inputs for place in _numbers(known)):
            continue
        stated = [bool(_STATED.search(place.before)) for place in places]
        if derived and any(_DERIVED.search(p.before) and not said for p, said in zip(places, stated, strict=True)):
            continue
        if any(stated) or (derived and _telling(gold) and any(place.plain for place in places)):
            return [f"states the gold value {gold:g} without deriving it"]
    return []


def _claims(text: str, truth: object, kind: str) -> bool:
    read = answers.extract(text, kind)
    if read is not None and read.value == truth and read.why.startswith("after"):
        return True
    return kind == "letter" and bool(re.search(_CHOSEN.format(re.escape(str(truth))), text))


def _values(task: Task) -> list[float]:
    """The numbers of the truth: one, or those of a list; none where it is in words or symbols."""
    try:
        found = answers.known(task.answer, task.kind).value
    except UsageError:
        found = None
    if isinstance(found, float | int) and not isinstance(found, bool):
        return [float(found)]
    if isinstance(found, tuple):
        return [v for v in found if isinstance(v, float | int)]
    words = numerals.plain(_join_digits(task.answer)).strip()
    alone = numerals.read_number(words, 0)
    return [alone[0]] if alone and not re.search(r"\d", words[alone[1] :]) else []


class _Number(NamedTuple):
    before: str  # the 60 characters before it
    value: float
    plain: bool  # neither a quotient nor a root


def _numbers(text: str) -> Iterator[_Number]:
    """Each number of a text; of a product neither the whole nor its factors."""
    plain = numerals.plain(_join_digits(text))
    end = count = 0
    for start in numerals.START.finditer(plain):
        if start.start() < end or count >= MOST_NUMBERS:
            continue
        count += 1
        if found := numerals.read_number(plain, start.start()):
            end = found[1]
            words = plain[start.start() : end]
            if not _PRODUCT.search(words):
                before = plain[max(0, start.start() - 60) : start.start()]
                yield _Number(before, found[0], not _QUOTIENT.search(words))


def _close(value: float, gold: float) -> bool:
    """The same number, or the same to three digits at least."""
    return abs(value - gold) <= (1e-3 if _digits(value) >= 3 else 1e-9) * abs(gold)


def _telling(gold: float) -> bool:
    """Whether a number is so special that its mere mention tells: 1764 and 1.5e-10 are, 2 and 90 are not."""
    return _digits(gold) >= 3 or (_digits(gold) == 2 and not 1e-2 <= abs(gold) < 1e4)


def _digits(value: float) -> int:
    return len(f"{abs(value):.9e}".partition("e")[0].replace(".", "").strip("0"))


def _counted(text: str, turn: Turn, task: Task) -> list[str]:
    joined = _join_digits(text)
    known = set(_NUMBER.findall(_join_digits(" ".join(m.content for m in turn.messages))))
    found = []
    for gold in _NUMBER.findall(_join_digits(task.answer)):
        stated = [m for m in _NUMBER.finditer(joined) if m[0] == gold]
        if stated and gold not in known and not any(joined[: m.start()].rstrip().endswith("=") for m in stated):
            found.append(f"states the gold value {gold} without deriving it")
    return found


def _join_digits(text: str) -> str:
    return re.sub(r"(?<=\b\d) (?=\d\b)", "", text)
