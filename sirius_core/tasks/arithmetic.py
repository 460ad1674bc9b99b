"""Arithmetic as Du et al. (2023) generate it: ``a+b*c+d-e*f`` with whole numbers from 0 to 29, no file needed.

The held-out problems are the first of NumPy's seed 0, so the first hundred are those of their published code. The
training problems follow the experiment's seed; one that is also held out is left out.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..settings import Settings
from .rows import Dataset, Row

QUESTION = "What is the result of {}+{}*{}+{}-{}*{}?"


def dataset(settings: Settings, seed: int) -> Dataset:
    sizes = {"test": (0, settings.heldout), "validation": (1, settings.validation),
             "train": (2 + seed % 2**31, settings.problems)}

    def rows() -> Iterator[Row]:
        import numpy as np

        for part, (start, count) in sizes.items():
            draws = np.random.RandomState(start)
            for number in range(count):
                a, b, c, d, e, f = (int(n) for n in draws.randint(0, 30, size=6))
                yield Row(f"{part}/{start}/{number}", QUESTION.format(a, b, c, d, e, f), str(a + b * c + d - e * f),
                          "number", f"arithmetic, {part} problem {number + 1}", part,
                          data={"tolerance": 0.0, "licence": "generated"})

    return Dataset("generated here", rows, notes=("the first 100 held-out problems are those of Du et al.'s code",))
