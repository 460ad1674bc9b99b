"""How good a checkpoint is at the chain of analyst, calculator and summarizer, in a debate, as actor and judge, or
in a game, with nothing around it.

This is the yardstick of the bases' manifests. Experiments use their own teams, trajectories and reports.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from sirius_core.pocket import matches
from sirius_core.pocket.dialect import MAX_NEW, PROMPTS, opinion, public
from sirius_core.pocket.grammar import Problem
from sirius_core.pocket.haggling import ROLES
from sirius_core.pocket.marking import Marks, check, check_solo
from sirius_core.pocket.notation import parse_plan
from sirius_core.pocket.sampling import Request, sample
from sirius_core.pocket.transformer import Shape, Weights
from sirius_core.pocket.vocabulary import STOP, decode, encode

TEAM = ("analyst", "calculator", "summarizer")


@dataclass(frozen=True)
class Played:
    """The three texts of one try and its marks; a text is empty when its role could not be asked or did not stop."""

    problem: Problem
    plan: str
    steps: str
    answer: str
    marks: Marks


def reply(
    weights: Weights, shape: Shape, role: str, prompts: Sequence[str | None], temperature: float, seed: int
) -> list[str]:
    """One reply per prompt; empty for a prompt that is None or leaves no room, and for a reply that did not stop."""
    tokens = [encode(prompt) if prompt is not None else () for prompt in prompts]
    asked = [i for i, t in enumerate(tokens) if 0 < len(t) < shape.context]
    requests = [Request(tokens[i], _seed(seed, role, i), temperature, MAX_NEW[role]) for i in asked]
    texts = [""] * len(prompts)
    for i, said in zip(asked, sample(weights, shape, requests, STOP), strict=True):
        texts[i] = decode(said.tokens) if said.finish == "stop" else ""
    return texts


def play(
    weights: Mapping[str, Weights], shape: Shape, problems: Sequence[Problem], temperature: float, seed: int
) -> list[Played]:
    """One try per problem; `weights` has one entry per role of TEAM, which may be the same."""
    questions = [PROMPTS["analyst"].format(question=p.question) for p in problems]
    plans = reply(weights["analyst"], shape, "analyst", questions, temperature, seed)
    read = [parse_plan(plan) for plan in plans]
    sums = [PROMPTS["calculator"].format(expression=plan.expression) if plan else None for plan in read]
    steps = reply(weights["calculator"], shape, "calculator", sums, temperature, seed)
    ends = [
        PROMPTS["summarizer"].format(question=p.question, steps=s) if s else None
        for p, s in zip(problems, steps, strict=True)
    ]
    answers = reply(weights["summarizer"], shape, "summarizer", ends, temperature, seed)
    return [Played(*x, check(*x)) for x in zip(problems, plans, steps, answers, strict=True)]


def measure(weights: Weights, shape: Shape, problems: Sequence[Problem], seed: int = 0) -> dict[str, int]:
    """Counts of one sampled (T=1) and one greedy try per problem: n, sampled, greedy, and the sampled tries' marks."""
    team = dict.fromkeys(TEAM, weights)
    sampled = [played.marks for played in play(team, shape, problems, 1.0, seed)]
    greedy = [played.marks for played in play(team, shape, problems, 0.0, seed)]
    right = [m for m in sampled if m.formula_right and m.expression_right]
    return {
        "n": len(problems),
        "sampled": sum(m.answer_right for m in sampled),
        "greedy": sum(m.answer_right for m in greedy),
        "formula": sum(m.formula_right for m in sampled),
        "calculator_asked_rightly": len(right),
        "calculator": sum(m.result_right for m in right),
        "unit": sum(m.unit_right for m in sampled),
        "lucky": sum(m.lucky for m in sampled),
    }


def measure_games(weights: Weights, shape: Shape, n: int, seed: int = 0) -> dict[str, Any]:
    """`matches.tally` by game of ``n`` games of each kind against itself, sampled (T=1), like the papers' settings."""
    def speak(turn: int) -> matches.Speak:
        return lambda role, prompts: reply(weights, shape, role, prompts, 1.0, seed * 1000 + turn)

    return {game: matches.tally(matches.play(matches.dealt(game, n, Random(f"matches/{game}/{seed}")), speak))
            for game in ROLES}


SEATS = 3


def measure_panel(weights: Weights, shape: Shape, problems: Sequence[Problem], seed: int = 0) -> dict[str, int]:
    """Counts of a debate of three with two rounds, sampled (T=1), beside one greedy answer alone.

    n            problems
    solo         first answers that are right, of 3 n; `solo_greedy`: of n
    vote         problems whose first answers' plurality is right (a tie goes to the lowest seat among those level)
    debate       the same of the last answers
    outvoted     first plans for which both others had one formula, and not the speaker's
    went_along   those of them whose speaker then took the others' formula
    """
    greedy = reply(weights, shape, "solo", [PROMPTS["solo"].format(question=p.question) for p in problems], 0.0, seed)
    asked = [PROMPTS["solo"].format(question=p.question) for p in problems for _ in range(SEATS)]
    first = reply(weights, shape, "solo", asked, 1.0, seed)
    views: list[str | None] = []
    for i, problem in enumerate(problems):
        panel = [shown(text) for text in first[i * SEATS : (i + 1) * SEATS]]
        for k, own in enumerate(panel):
            others = " ; ".join(panel[:k] + panel[k + 1 :])
            views.append(PROMPTS["solo/debate"].format(question=problem.question, own=own, others=others))
    last = reply(weights, shape, "solo", views, 1.0, seed + 1)
    outvoted = went = 0
    for i in range(0, len(first), SEATS):
        plans = [_formula(text) for text in first[i : i + SEATS]]
        for k, own in enumerate(plans):
            one, other = plans[:k] + plans[k + 1 :]
            if one and own and one == other != own:
                outvoted += 1
                went += _formula(last[i + k]) == one
    return {
        "n": len(problems),
        "solo": sum(check_solo(problems[i // SEATS], text).answer_right for i, text in enumerate(first)),
        "solo_greedy": sum(check_solo(p, text).answer_right for p, text in zip(problems, greedy, strict=True)),
        "vote": _voted(problems, first),
        "debate": _voted(problems, last),
        "outvoted": outvoted,
        "went_along": went,
    }


def measure_cases(weights: Weights, shape: Shape, problems: Sequence[Problem], seed: int = 0) -> dict[str, int]:
    """Counts of an actor, a judge and a tutor who are all this checkpoint, sampled (T=1), beside one greedy answer.

    n                 problems
    sampled, greedy   first answers that are right; of the sampled ones formula, unit and lucky as `measure` has them
    passed_right      right first answers that the judge holds to be right; `passed_wrong`: wrong ones
    unread            verdicts that cannot be read: such an answer stands
    final             answers that are right in the end
    mended            wrong first answers whose revision is right; `spoilt`: right ones whose revision is wrong
    """
    asked = [PROMPTS["actor"].format(question=p.question) for p in problems]
    first = reply(weights, shape, "actor", asked, 1.0, seed)
    sure = reply(weights, shape, "actor", asked, 0.0, seed)
    views = [{"question": p.question, "response": shown(text)} for p, text in zip(problems, first, strict=True)]
    judged = reply(weights, shape, "judge", [PROMPTS["judge"].format(**view) for view in views], 1.0, seed)
    verdicts = [opinion(text) for text in judged]
    hints = reply(weights, shape, "tutor",
                  [PROMPTS["tutor"].format(**view) if verdict is False else None
                   for view, verdict in zip(views, verdicts, strict=True)], 1.0, seed)
    again = [PROMPTS["actor/revise"].format(**view, hint=hint) if verdict is False else None
             for view, hint, verdict in zip(views, hints, verdicts, strict=True)]
    revised = reply(weights, shape, "actor", again, 1.0, seed + 1)
    marks = [check_solo(p, text) for p, text in zip(problems, first, strict=True)]
    was = [m.answer_right for m in marks]
    final = [check_solo(p, new if verdict is False else old).answer_right
             for p, old, new, verdict in zip(problems, first, revised, verdicts, strict=True)]
    return {
        "n": len(problems),
        "sampled": sum(was),
        "greedy": sum(check_solo(p, text).answer_right for p, text in zip(problems, sure, strict=True)),
        "formula": sum(m.formula_right for m in marks),
        "unit": sum(m.unit_right for m in marks),
        "lucky": sum(m.lucky for m in marks),
        "passed_right": sum(a and verdict is True for a, verdict in zip(was, verdicts, strict=True)),
        "passed_wrong": sum(not a and verdict is True for a, verdict in zip(was, verdicts, strict=True)),
        "unread": sum(verdict is None for verdict in verdicts),
        "final": sum(final),
        "mended": sum(b and not a for a, b in zip(was, final, strict=True)),
        "spoilt": sum(a and not b for a, b in zip(was, final, strict=True)),
    }


def shown(text: str) -> str:
    """What others see of a solo reply: its formula and its answer, as `dialect.public` writes them."""
    return public(_formula(text), _answer(text))


def _formula(text: str) -> str:
    plan = parse_plan(text.split(" | ")[0])
    return plan.formula if plan else ""


def _answer(text: str) -> str:
    parts = text.split(" | ")
    return parts[2] if len(parts) == 3 else ""


def _voted(problems: Sequence[Problem], texts: Sequence[str]) -> int:
    right = 0
    for i, problem in enumerate(problems):
        said = [answer for text in texts[i * SEATS : (i + 1) * SEATS] if (answer := _answer(text))]
        right += bool(said) and Counter(said).most_common(1)[0][0] == problem.answer
    return right


def _seed(seed: int, role: str, index: int) -> int:
    return int.from_bytes(hashlib.sha256(f"{seed}/{role}/{index}".encode()).digest()[:8], "big")
