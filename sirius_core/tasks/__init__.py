"""Where tasks come from: one file per dataset, each with its splits. `SOURCES` is the registry.

A source's module has ``dataset(settings, seed) -> Dataset``, rows that are split here, or ``splits(settings, seed)``,
tasks that it splits by itself. docs/data.md says where each dataset comes from and in which format.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import Any

from ..errors import UnknownName, UsageError
from ..pocket.readable import SOURCES as EMBEDDED
from ..settings import Settings
from ..trajectories import Task

SOURCES = {
    "formulas": "formulas",
    "mmlu": "mmlu",
    "gpqa": "gpqa",
    "theoremqa": "theoremqa",
    "college_physics": "college_physics",
    "college_chemistry": "college_chemistry",
    "pubmedqa": "pubmedqa",
    "gsm8k": "gsm8k",
    "math": "competition_math",
    "arithmetic": "arithmetic",
    "sirius": "sirius",
    "table": "table",
    "sell_and_buy": "negotiation",
    "ultimatum": "negotiation",
    "resource_exchange": "negotiation",
}
SPLITS = ("train", "validation", "heldout", "new_wordings", "withheld_forms")
TESTS = SPLITS[2:]


def splits(source: str, settings: Settings, seed: int) -> Mapping[str, tuple[Task, ...]]:
    """{split: tasks} of an experiment; train, validation and the test splits never share a group (asserted here)."""
    module = _module(source)
    if hasattr(module, "splits"):
        return disjoint(source, module.splits(replace(settings, source=source), seed))
    from .splitting import make

    return disjoint(source, make(source, module.dataset(settings, seed), settings, seed).tasks)


def describe(source: str, settings: Settings, seed: int) -> dict[str, Any]:
    """What should be known of the data before a number on it is believed; JSON-able.

    {source, licence, restricted, files: [{name, bytes, sha256}], rows, questions (different ones), split (official or
    ours), splits: {split: tasks used}, offered: {split: rows before the settings' limits}, kinds: {kind: rows},
    majority: {answer, n, of, share} of the held-out tasks, doubled_questions (in more than one row), word_for_word (of
    them; None where there are too many rows to tell), left_out_rows (they repeat a question of another side),
    overlaps: [{subject, part, rows, repeated}] with official parts that are not used, needs_picture, left_out, notes,
    line}
    """
    from .describing import describe_dataset, describe_tasks

    module = _module(source)
    if hasattr(module, "splits"):
        made = splits(source, settings, seed)
        if hasattr(module, "describe"):
            return dict(module.describe(replace(settings, source=source), made))
        return describe_tasks(source, "part of Sirius Lab (MIT)", made)
    from .splitting import make

    dataset = module.dataset(settings, seed)
    split = make(source, dataset, settings, seed)
    disjoint(source, split.tasks)
    return describe_dataset(source, dataset, split)


def preview(source: str, settings: Settings, seed: int, n: int = 3) -> tuple[Task, ...]:
    """The first problems as they would be asked, whatever their split; of a dataset no more than those are read."""
    module = _module(source)
    if hasattr(module, "splits"):
        return tuple(module.splits(replace(settings, source=source), seed)["train"][:n])
    found = []
    for row in islice(module.dataset(settings, seed).rows(), n):
        row.check()
        found.append(row.task(source, "", row.key()))
    return tuple(found)


def split_title(source: str, split: str) -> str:
    """A split's name for people: ``withheld_forms`` is "out of distribution" where games are played."""
    titles: Mapping[str, str] = getattr(_module(source), "TITLES", {})
    return titles.get(split) or split.replace("_", " ")


def disjoint(source: str, made: Mapping[str, tuple[Task, ...]]) -> Mapping[str, tuple[Task, ...]]:
    """The splits, all of SPLITS, if no group stands on two sides; UsageError otherwise."""
    full = {name: made.get(name, ()) for name in SPLITS}
    groups = [{t.group for name in part for t in full[name]} for part in (("train",), ("validation",), TESTS)]
    for i, one in enumerate(groups):
        for other in groups[i + 1 :]:
            if shared := one & other:
                raise UsageError(f"{source}: group {sorted(shared)[0]!r} stands in two splits")
    return full


def absolute(data: str) -> str:
    """``settings.data`` as it reads from any folder: a path, a mixture's ``part=PATH, ...``, or an address as it is."""
    if not data.strip() or "://" in data:
        return data
    named = [entry.partition("=") for entry in data.split(",")]
    if all(equals for _, equals, _ in named) and not Path(data).exists():
        return ", ".join(f"{part.strip()}={_absolute(path)}" for part, _, path in named)
    return _absolute(data)


def _absolute(path: str) -> str:
    try:
        return str(Path(path.strip()).expanduser().resolve())
    except RuntimeError:  # ~name of nobody: the reader says that nothing is there
        return path.strip()


def restricted(task: Task) -> bool:
    """Whether a task's text must stay out of exports, bundles and logs (GPQA)."""
    return bool(task.data.get("restricted"))


def readable(source: str, text: str) -> str:
    """A task's or a turn's text as a person would write it (the pocket language has single digits as words).

    A text that is not of that language, such as a chat model's, comes back as it is.
    """
    if source not in EMBEDDED or not import_module("sirius_core.pocket.vocabulary").knows(text):
        return text
    render: Any = import_module("sirius_core.pocket.readable").render_readable
    return str(render(text))


def _module(source: str) -> Any:
    if source not in SOURCES:
        raise UnknownName("task source", source, SOURCES)
    return import_module(f"{__name__}.{SOURCES[source]}")
