"""Multiagent Finetuning (arXiv 2501.05707): a debate's vote is the label, each of 2N models learns its part."""

from __future__ import annotations

from random import Random

from .. import teams
from ..rewards import agreement, right
from ..settings import Settings
from ..training import Example, Library
from . import Recipe, each_seat

MIX = 0.5  # w: share of "corrected" among a critic's examples; the paper leaves it open


def own_parts(library: Library, draws: int, random: Random) -> list[Example]:
    """Generator n: first answers that agree with the vote. Critic n: last turns that agree, corrected and kept."""
    examples: list[Example] = []
    for seat in sorted({turn.seat or "" for t in library.successes() for turn in t.turns}):
        corrected: list[Example] = []
        kept: list[Example] = []
        for t in library.successes():
            assert t.reward is not None
            own = [i for i, turn in enumerate(t.turns) if turn.seat == seat]
            agrees = [t.reward.turns.get(i, 0.0) > 0.5 for i in own]
            if agrees[0]:
                examples.append(Example(t, own[0]))
            if agrees[-1] and len(own) > 1:
                (kept if agrees[0] else corrected).append(Example(t, own[-1]))
        # w is honoured within one example: as many of each kind as both supplies allow
        total = int(min(len(corrected) / MIX, len(kept) / (1 - MIX)))
        take = round(MIX * total)
        examples += random.sample(corrected, take) + random.sample(kept, total - take)
    return examples


def recipe(settings: Settings) -> Recipe:
    return Recipe("multiagent_finetuning", teams.get("debate"), agreement, select=own_parts, model_of=each_seat,
                  examiner=right)
