"""How differently agents write who say the same: distances between texts, without any model.

    distance = 1 - cos(u, v),    u and v the counts of a reply's word sequences of one, two and three words

over all pairs of agents whose answers to a problem agree with the last vote, as in Multiagent Finetuning; there an
encoder's sentence embeddings stand in place of counts. Counts are not weighted by rarity, so a distance means the same
in every round and experiment. 0: the same sequences; 1: none in common. Higher means more diverse.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import combinations

from ..models.in_context import words
from .panel import at
from .rows import Row, mean
from .sittings import Sitting

LONGEST = 3  # words
MOST = 100  # problems: the first of the test


def grams(text: str) -> Counter[tuple[str, ...]]:
    """How often every sequence of one to three words occurs."""
    said = words(text)
    return Counter(tuple(said[i : i + k]) for k in range(1, LONGEST + 1) for i in range(len(said) - k + 1))


def distance(one: Mapping[tuple[str, ...], int], two: Mapping[tuple[str, ...], int]) -> float:
    """1 - cosine, from 0 to 1; 1 if either is empty and the other is not, 0 if both are."""
    if not one or not two:
        return float(bool(one) != bool(two))
    dot = sum(n * two.get(gram, 0) for gram, n in one.items())
    lengths = math.sqrt(sum(n * n for n in one.values()) * sum(n * n for n in two.values()))
    return min(1.0, max(0.0, 1 - dot / lengths))


def measure(found: Sequence[Sitting]) -> list[Row]:
    """A row for every debate round: generators speak in the first, critics in the later ones."""
    rows, rounds = list[Row](), len(found[0].said) if found else 0
    for m in range(rounds):
        values, groups = list[float](), list[str]()
        for s in found[:MOST]:
            agree = [seat for seat, answer in s.said[m].items() if answer and answer == s.votes[-1]]
            counted = [grams(s.texts[m][seat]) for seat in agree]
            far = [distance(one, two) for one, two in combinations(counted, 2)]
            values += far
            groups += [s.group] * len(far)
        rows.append(mean("distance", at(m, rounds), values, groups))
    return rows
