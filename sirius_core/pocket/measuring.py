"""How good a checkpoint is at the chain of analyst, calculator and summarizer, with nothing around it.

This is the yardstick of the bases' manifests. Experiments use their own teams, trajectories and reports.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sirius_core.pocket.dialect import MAX_NEW, PROMPTS
from sirius_core.pocket.grammar import Problem
from sirius_core.pocket.marking import Marks, check
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


def _seed(seed: int, role: str, index: int) -> int:
    return int.from_bytes(hashlib.sha256(f"{seed}/{role}/{index}".encode()).digest()[:8], "big")
