"""The finished experiment that ships with the lab, opened as a copy: what ``data/`` holds is never written to.

    with Store(demo.copy()) as store:
        store.experiments.reports(demo.EXPERIMENT)

The copy stands in the user's cache folder (``XDG_CACHE_HOME``, else ``~/.cache``; where nothing can be written there,
in the folder for temporary files), under a name with the checksum of the file that it came from and the version of the
schema. It is made once.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from .errors import Missing, ReadOnlyDatabase
from .store.schema import VERSION

EXPERIMENT = "demo-4-1"
PACKED = Path(__file__).resolve().parents[1] / "data" / "demo.db.gz"


@cache
def checksum(packed: Path = PACKED) -> str:
    """SHA-256 of the packed file, which data/README.md states; Missing where there is none."""
    try:
        return hashlib.sha256(packed.read_bytes()).hexdigest()
    except OSError:
        raise Missing("the demo experiment is part of the checkout (data/demo.db.gz), not of the installed package") \
            from None


def copy(packed: Path = PACKED, folders: tuple[Path, ...] = ()) -> Path:
    """The unpacked copy, made if it is not there; the first of ``folders`` that can be written to holds it."""
    name = f"demo-{checksum(packed)[:16]}-{VERSION}.db"  # a later lab brings its own copy to its schema
    places = folders or tuple(_folders())
    for folder in places:
        if (found := folder / name).is_file() and os.access(found, os.W_OK):
            return found
    for folder in places:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            return _unpacked(packed, folder / name)
        except OSError:
            continue
    raise ReadOnlyDatabase(f"no copy of the demo experiment can be made: {' and '.join(map(str, places))} cannot be "
                           "written to")


def _folders() -> Iterator[Path]:
    cache = os.environ.get("XDG_CACHE_HOME", "").strip()
    if cache or (Path.home() != Path("/")):
        yield (Path(cache) if cache else Path.home() / ".cache") / "sirius-lab"
    yield Path(tempfile.gettempdir()) / f"sirius-lab-{os.getuid() if hasattr(os, 'getuid') else 'demo'}"


def _unpacked(packed: Path, target: Path) -> Path:
    """Written under another name and put in its place when it is whole: two may come at once."""
    number, part = tempfile.mkstemp(dir=target.parent, prefix=f"{target.name}.")
    try:
        with os.fdopen(number, "wb") as out, gzip.open(packed, "rb") as source:
            shutil.copyfileobj(source, out)
        os.replace(part, target)
    finally:
        Path(part).unlink(missing_ok=True)
    return target
