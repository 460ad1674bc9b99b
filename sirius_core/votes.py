"""Answers counted: what each agent said in each round, who wins, how ties are broken. No model decides here.

    >>> winner({"1": "41", "2": "42", "3": "42"})
    ('42', 0.6666666666666666)
    >>> winner({"1": "41", "2": "42", "3": ""}, first={"1": "41", "2": "42", "3": "42"})
    ('42', 0.3333333333333333)

Answers that are the same are one: 1,234 and 1234.0, 170 N and 170 kg m/s^2, ``1 7 0 N`` in the embedded language, one
half in any LaTeX. A tie goes to the answer that more said in the first round, then to that of the lowest seat. Who
states nothing readable has no vote, but stays in the denominator. (Debate and vote: arXiv 2305.14325, 2501.05707;
weights by an agent's own consistency: RLCCF.)
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from . import answers
from .answers import units
from .pocket.notation import read_number
from .pocket.ordinary import is_pocket
from .trajectories import Trajectory, Turn

DEBATERS = ("generator", "critic")
Answers = Mapping[str, str]  # {seat: answer, "" where none can be read}


def read(text: str, kind: str) -> str:
    """The answer that a text states, in one spelling for equal answers; empty where none can be read.

    A text in the embedded language with bars in it is ``plan | steps | answer``. Numbers that are not whole are the
    same where four significant digits are; of a quantity the unit counts, too.
    """
    if "|" in text and is_pocket(text):
        parts = text.split(" | ")
        text = parts[2] if len(parts) == 3 else ""
    if kind not in answers.KINDS or not answers.KINDS[kind].marked:
        return " ".join(text.rpartition("Answer:")[2].split()).lower()
    found = answers.extract(text, kind)
    if found is None:
        return ""
    if kind == "quantity" and isinstance(found.value, str):  # in the embedded language: 1 7 0 N
        number, _, unit = found.value.rpartition(" ")
        value = read_number(number)
        return "" if value is None or units.read_unit(unit) is None else f"{value} {units.canonical(unit)}"
    if kind == "quantity":
        return f"{_figure(found.value)} {units.canonical(found.unit)}".strip()
    if isinstance(found.value, tuple):
        return ", ".join(map(_figure, sorted(found.value) if kind == "list" else found.value))
    return _figure(found.value) if isinstance(found.value, float) else str(found.value)


def said(turn: Turn, kind: str) -> str:
    """The answer that a turn states, as `read` spells it; a reply that was cut short or never came states none."""
    return read(turn.text, kind) if turn.finish == "stop" else ""


def speaking(trajectory: Trajectory) -> list[dict[str, int]]:
    """[{seat: index of the turn that states its answer}], one for each round of a debate; of other teams one: the last
    turn of each seat (of a team without seats, of seat 1), but of a critic, and of a judge of what an actor said."""
    debate = any(turn.role == "generator" for turn in trajectory.turns)
    about = {"critic", "judge"} if any(turn.role == "actor" for turn in trajectory.turns) else {"critic"}
    rounds: list[dict[str, int]] = [] if debate else [{}]
    spoken: dict[str, int] = {}
    for i, turn in enumerate(trajectory.turns):
        seat = turn.seat or "1"
        if not debate and turn.role not in about:
            rounds[0][seat] = i
        elif debate and turn.role in DEBATERS:
            place = spoken[seat] = spoken.get(seat, -1) + 1
            rounds += [{}] if place == len(rounds) else []
            rounds[place][seat] = i
    return rounds


def by_round(trajectory: Trajectory, kind: str) -> list[dict[str, str]]:
    """[{seat: answer}], one for each round of a debate; the same answer is the same text throughout the episode."""
    rounds = speaking(trajectory)
    return settled([{seat: said(trajectory.turns[i], kind) for seat, i in r.items()} for r in rounds], kind)


def decided(trajectory: Trajectory, kind: str) -> str:
    """The answer on which the episode ended, spelt as in `by_round`: of a debate its vote, the label where no truth is
    known. Empty where it stopped."""
    if trajectory.outcome.stop is not None or trajectory.outcome.answer is None:
        return ""
    rounds = [{seat: said(trajectory.turns[i], kind) for seat, i in r.items()} for r in speaking(trajectory)]
    return settled([*rounds, {"": read(trajectory.outcome.answer, kind)}], kind)[-1][""]


def settled(rounds: Sequence[Answers], kind: str) -> list[dict[str, str]]:
    """The answers with those that `answers` compares as the same in one spelling: the one that came first."""
    if kind not in ("latex", "text"):  # the others' spelling tells
        return [dict(r) for r in rounds]
    known: dict[str, str] = {}

    def spelt(answer: str) -> str:
        if answer and answer not in known:
            same = answers.KINDS[kind].same
            one = answers.Read(answer, answer, "")
            known[answer] = next((k for k in known.values() if same(one, answers.Read(k, k, ""), None)), answer)
        return known.get(answer, "")

    return [{seat: spelt(answer) for seat, answer in r.items()} for r in rounds]


def steadiness(rounds: Sequence[Answers]) -> dict[str, float]:
    """{seat: share of its rounds' answers that equal its last one}, for the seats whose last answer can be read."""
    return {seat: sum(r.get(seat) == last for r in rounds) / len(rounds) for seat, last in rounds[-1].items() if last}


def winner(
    answers: Answers, first: Answers | None = None, weights: Mapping[str, float] | None = None
) -> tuple[str | None, float]:
    """(the plurality, its share of all votes); (None, 0.0) where nobody's answer can be read.

    ``first``: what was said in the first round, by which a tie is broken before the seats decide. ``weights``: what
    each seat's vote counts, 1 where nothing is said of it.
    """
    counts = {seat: (weights or {}).get(seat, 1.0) for seat in answers}
    votes: dict[str, float] = {}
    for seat in _in_order(answers):
        if answers[seat]:
            votes[answers[seat]] = votes.get(answers[seat], 0.0) + counts[seat]
    if not votes:
        return None, 0.0
    most = max(votes.values())
    level = [answer for answer, count in votes.items() if math.isclose(count, most)]  # the lowest seat's first
    begun = list((first or {}).values())
    won = max(level, key=begun.count)
    return won, votes[won] / (sum(counts.values()) or 1.0)


def _in_order(seats: Iterable[str]) -> list[str]:
    """Seats by number, then by name."""
    return sorted(seats, key=lambda seat: (0, int(seat), "") if seat.isdecimal() else (1, 0, seat))


def _figure(value: Any) -> str:
    if not math.isfinite(value):
        return str(value)
    return str(int(value)) if value == int(value) else f"{value:.4g}"
