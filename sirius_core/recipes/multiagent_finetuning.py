"""Multiagent Finetuning (arXiv 2501.05707): a debate's vote is the label, each of 2N models learns its own part.

Generator n learns its first answers that agree with the vote; critic n its last turns that agree, of which ``mix`` were
wrong at first. Earlier turns are prompt, never loss. No truth is read; tests ask for the right answer. A debate counts
if more than ``threshold`` of its last answers agree (0: any plurality). Each own answer is one example: ``draws`` plays
no part. ``sharing=shared``: one model in all seats, the paper's single agent with debate (in one round: majority).
"""

from __future__ import annotations

from random import Random

from .. import votes
from ..rewards import agreement, right
from ..settings import Settings
from ..training import Example, Library, Select, mixed
from . import Recipe, all_in_one, debate_of, each_seat


def own_parts(mix: float) -> Select:
    def select(library: Library, draws: int, random: Random) -> list[Example]:
        examples: list[Example] = []
        debates = [(t, votes.speaking(t), t.reward.turns) for t in library.successes() if t.reward is not None]
        for seat in sorted({seat for _, rounds, _ in debates for seat in rounds[0]}, key=int):
            corrected, kept = list[Example](), list[Example]()
            for t, rounds, agrees in debates:
                first, last = rounds[0][seat], rounds[-1][seat]
                if agrees[first]:
                    examples.append(Example(t, first))
                if agrees[last] and last != first:
                    (kept if agrees[first] else corrected).append(Example(t, last))
            examples += mixed(corrected, kept, mix, random)
        return examples

    return select


def recipe(settings: Settings) -> Recipe:
    return Recipe("multiagent_finetuning", debate_of(settings), agreement, select=own_parts(settings.mix),
                  model_of=all_in_one if settings.sharing == "shared" else each_seat, examiner=right)
