"""Data sets of the Hugging Face hub, through the optional ``datasets`` library: ``hf://owner/name[@revision][/config]``.

The library downloads to its own cache with its own deadlines and takes a token from the environment (HF_TOKEN).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ..errors import UsageError
from .records import PARTS, Part, Records

_ADDRESS = re.compile(r"hf://([\w.-]+/[\w.-]+)(?:@([\w./-]+?))?(?:/([\w.-]+))?")


def opened(address: str) -> Records:
    """The splits of a data set of the hub; those called otherwise than train, validation or test take no part."""
    found = _ADDRESS.fullmatch(address.strip())
    if not found:
        raise UsageError(f"{address!r} is no data set of the hub: write hf://owner/name or hf://owner/name/config")
    name, revision, config = found.groups()
    try:
        import datasets
    except ImportError:
        raise UsageError(f"{address} needs a library: pip install 'sirius-lab[hub]', or give a file") from None
    datasets.disable_progress_bars()
    try:
        loaded = datasets.load_dataset(name, config, revision=revision)
    except Exception as error:  # network, gate, no such name, no such config: whatever it was, one line
        lines = str(error).strip().splitlines() or [""]
        raise UsageError(f"{address} cannot be loaded: {type(error).__name__}: {lines[0][:300]}") from error
    named = {PARTS.get(str(split).lower(), ""): split for split in loaded}
    ordered: list[str] = [part for part in ("train", "validation", "test") if part in named] or [""]
    texts = {part: _without_media(loaded[named[part]]) for part in ordered}
    parts = tuple(Part(part, f"{address} ({named[part]})", _reader(split), tuple(split.column_names))
                  for part, split in texts.items())
    notes = [] if revision else ["no revision is named: the data set may change (hf://owner/name@revision)"]
    if other := sorted(str(split) for split in loaded if split not in {named[part] for part in ordered}):
        notes.append(f"splits that take no part: {', '.join(other)}")
    return Records(parts, notes=tuple(notes))


def _without_media(split: Any) -> Any:
    """The split without pictures, sounds and films: a text model sees none, and decoding them needs more libraries."""
    media = [name for name, kind in split.features.items() if type(kind).__name__ in ("Image", "Audio", "Video")]
    return split.remove_columns(media) if media else split


def _reader(split: Any) -> Any:
    def rows() -> Iterator[tuple[int, dict[str, Any]]]:
        yield from enumerate(split, 1)

    return rows
