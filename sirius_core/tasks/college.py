"""The paper's mixtures, each part split 2:1 on its own: College Physics (MMLU college_physics 68 + 34, GPQA Diamond
physics 57 + 29, TheoremQA physics 87 + 44) and College Chemistry (MMLU college_chemistry 66 + 34, GPQA 62 + 31).

``data`` is a folder with the parts in subfolders mmlu, gpqa and theoremqa, or names them one by one:
``data=mmlu=PATH, theoremqa=PATH``. A part that is not there is left out, and the report says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from ..errors import UnknownName, UsageError
from ..settings import Settings
from . import gpqa, mmlu, theoremqa
from .files import existing
from .rows import Dataset, Row

READERS: dict[str, Callable[[Settings, int], Dataset]] = {
    "mmlu": mmlu.dataset, "gpqa": gpqa.dataset, "theoremqa": theoremqa.dataset,
}
WANTED = "a folder with subfolders mmlu, gpqa and theoremqa, or data=mmlu=PATH, gpqa=PATH, theoremqa=PATH"


@dataclass(frozen=True)
class Ingredient:
    """One part of a mixture: its source, the subject that it takes, and what the paper has of it."""

    source: str
    subject: str
    rows: str


def dataset(ingredients: tuple[Ingredient, ...], settings: Settings, seed: int) -> Dataset:
    """The mixture of the parts that are there."""
    if settings.subjects.strip():
        raise UsageError(f"subjects={settings.subjects}: a mixture's subjects are fixed; leave it empty")
    paths = _paths(settings.data, ingredients)
    parts = {one.source: READERS[one.source](replace(settings, data=paths[one.source], subjects=one.subject), seed)
             for one in ingredients if one.source in paths}
    if not parts:
        raise UsageError(f"{settings.data!r} has none of the mixture's parts: set data=PATH, {WANTED}")
    left_out = tuple(f"{one.source} ({one.subject}) is not there: the paper has {one.rows} of its questions"
                     for one in ingredients if one.source not in paths)

    def rows() -> Iterator[Row]:
        for source, part in parts.items():
            for row in part.rows():
                yield replace(row, id=f"{source}/{row.id}", stratum=source, part="")

    def beside() -> Iterator[Row]:
        for source, part in parts.items():
            for row in part.beside() if part.beside else ():
                yield replace(row, stratum=source)

    return Dataset("; ".join(f"{source}: {part.licence}" for source, part in parts.items()), rows,
                   tuple(path for part in parts.values() for path in part.files), beside,
                   tuple(f"{source}: {note}" for source, part in parts.items() for note in part.notes), left_out,
                   any(part.restricted for part in parts.values()))


def _paths(data: str, ingredients: tuple[Ingredient, ...]) -> dict[str, str]:
    """{source: path} of the parts that are named, or found in the folder."""
    if "=" in data and not Path(data).exists():
        found = {}
        for entry in data.split(","):
            source, _, path = (part.strip() for part in entry.partition("="))
            if source not in (known := [one.source for one in ingredients]):
                raise UnknownName("part of the mixture", source, known)
            found[source] = str(existing(path, WANTED))
        return found
    folder = existing(data, WANTED)
    if not folder.is_dir():
        raise UsageError(f"{data!r} is a file: set data=PATH, {WANTED}")
    return {one.source: str(folder / one.source) for one in ingredients if (folder / one.source).is_dir()}
