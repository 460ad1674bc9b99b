"""Where tasks come from: one file per dataset, each with its splits. `SOURCES` is the registry."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from ..errors import UnknownName, UsageError
from ..settings import Settings
from ..trajectories import Task

SOURCES = {"formulas": "formulas"}
SPLITS = ("train", "validation", "heldout", "new_wordings", "withheld_forms")


def splits(source: str, settings: Settings, seed: int) -> Mapping[str, tuple[Task, ...]]:
    """{split: tasks} of an experiment; train, validation and the test splits never share a group (asserted here)."""
    if source not in SOURCES:
        raise UnknownName("task source", source, SOURCES)
    made: Mapping[str, tuple[Task, ...]] = import_module(f"{__name__}.{SOURCES[source]}").splits(settings, seed)
    groups = [{t.group for name in part for t in made[name]}
              for part in (("train",), ("validation",), ("heldout", "new_wordings", "withheld_forms"))]
    for i, one in enumerate(groups):
        for other in groups[i + 1 :]:
            if shared := one & other:
                raise UsageError(f"{source}: group {sorted(shared)[0]!r} stands in two splits")
    return made


def readable(source: str, text: str) -> str:
    """A task's or a turn's text as a person would write it (the pocket language has single digits as words).

    A text that is not of that language, such as a chat model's, comes back as it is.
    """
    if source != "formulas" or not import_module("sirius_core.pocket.vocabulary").knows(text):
        return text
    render: Any = import_module("sirius_core.pocket.readable").render_readable
    return str(render(text))
