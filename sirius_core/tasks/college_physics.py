"""College Physics: MMLU, GPQA Diamond and TheoremQA, 212 training and 107 test questions in the paper."""

from __future__ import annotations

from ..settings import Settings
from .college import Ingredient
from .college import dataset as mixture
from .rows import Dataset

PARTS = (Ingredient("mmlu", "college_physics", "68 + 34"), Ingredient("gpqa", "Physics", "57 + 29"),
         Ingredient("theoremqa", "Physics", "87 + 44"))


def dataset(settings: Settings, seed: int) -> Dataset:
    return mixture(PARTS, settings, seed)
