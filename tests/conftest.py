"""One BLAS thread per test process, as in a run: no result hangs on threads, and workers do not fight for cores.

`make test` gives whole files to its workers (``--dist loadfile``), so that what a file prepares for its tests is made
once, and gives them out in the order below. It has more workers than cores, because tests in a browser, of processes
and of servers mostly wait.
"""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

# The longest files, longest first: what is left for the end is short, and no worker ends long after the others.
LONGEST = (
    "test_look", "test_journey", "test_journeys", "test_notebooks", "test_hostile", "test_review", "test_journeys_long",
    "test_trl", "test_live", "test_cli", "test_contrast_journey", "test_faults", "test_lesson", "test_explore",
    "test_finetune_openai", "test_crash_http", "test_pages_endpoint", "test_pages_contrast", "test_crash", "test_pages",
    "test_pages_run", "test_statistics_coverage", "test_recipes", "test_pages_review", "test_in_step",
    "test_pages_lesson", "test_games_journey", "test_journal", "test_imitator", "test_campaign", "test_pages_explore",
    "test_pages_games", "test_trl_speaks", "test_society",
)

for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")

settings.register_profile("lab", deadline=None, max_examples=60, derandomize=True)
settings.load_profile("lab")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    place = {name: i for i, name in enumerate(LONGEST)}
    items.sort(key=lambda item: place.get(item.path.stem, len(place)))
