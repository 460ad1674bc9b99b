"""College Chemistry: MMLU and GPQA Diamond, 128 training and 65 test questions in the paper."""

from __future__ import annotations

from ..settings import Settings
from .college import Ingredient
from .college import dataset as mixture
from .rows import Dataset

PARTS = (Ingredient("mmlu", "college_chemistry", "66 + 34"), Ingredient("gpqa", "Chemistry", "62 + 31"))


def dataset(settings: Settings, seed: int) -> Dataset:
    return mixture(PARTS, settings, seed)
