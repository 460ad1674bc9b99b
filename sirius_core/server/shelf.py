"""The models on offer: every shipped base, and what was trained here.

A base is named ``pocket-NAME``, a trained model ``ft:pocket-NAME:SUFFIX:HASH`` with the first digits of its
checkpoint's hash. Two names of one checkpoint are one model to the engine, as they are in a run without a server.
"""

from __future__ import annotations

import difflib
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import CheckpointError, UnknownName
from ..models.pocket import Engine
from ..pocket import checkpoint, pretraining
from ..pocket.transformer import Shape, Weights
from ..trajectories import digest
from .keeping import Kept
from .protocol import Refused

OWNER = "sirius-lab"
SHOWN = 12  # digits of a hash in a model's name


@dataclass(frozen=True)
class Shelved:
    """A model: ``hash`` names its checkpoint, ``base`` is the shipped one that it comes from."""

    id: str
    hash: str
    base: str
    created: int
    blob: bytes
    shape: Shape
    parent: str | None = None

    def card(self) -> dict[str, Any]:
        """The model object; ``dialect``, ``context`` and ``checkpoint`` are the lab's own fields."""
        return {
            "id": self.id,
            "object": "model",
            "created": self.created,
            "owned_by": OWNER,
            "dialect": "pocket",
            "context": self.shape.context,
            "checkpoint": self.hash,
            "parent": self.parent,
        }


class Shelf:
    """``bases`` are names of shipped ones; trained models are kept in ``folder``, or in memory where it is None."""

    def __init__(self, engine: Engine, bases: Iterable[str] | None = None, folder: Path | None = None) -> None:
        self._engine, self._models = engine, dict[str, Shelved]()
        self._open: tuple[str, Weights] = ("", {})
        self._kept = Kept(folder and folder / "models")
        wanted = list(pretraining.BASES if bases is None else bases)
        for name in wanted:
            if name not in pretraining.BASES:
                raise UnknownName("base", name, pretraining.BASES)
            try:
                blob = pretraining.base(name)
            except CheckpointError:
                if bases is not None:
                    raise
                continue  # an installation may lack some
            self._place(f"pocket-{name}", blob, f"pocket-{name}", int(time.time()))
        for record in self._kept:
            blob = self._kept.content(digest(record["id"]))
            if checkpoint.digest(blob) != record["hash"]:
                raise CheckpointError(f"the model {record['id']} in {folder} is damaged: delete it")
            self._place(record["id"], blob, record["base"], record["created_at"], record["parent"])

    def _place(self, id: str, blob: bytes, base: str, created: int, parent: str | None = None) -> Shelved:
        _, manifest = checkpoint.load(blob)
        name = checkpoint.digest(blob)
        found = Shelved(id, name, base, created, blob, checkpoint.shape_of(manifest), parent)
        self._models[id] = found
        self._engine.model(name, blob)
        return found

    def __iter__(self) -> Iterator[Shelved]:
        return iter(self._models.values())

    def find(self, id: str, param: str | None = "model") -> Shelved:
        """Refused with 404 and the nearest name when there is no such model."""
        if id in self._models:
            return self._models[id]
        close = difflib.get_close_matches(id, self._models, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(self._models)}"
        raise Refused(
            f"The model {id[:256]!r} does not exist; {hint}", status=404, param=param, code="model_not_found"
        )

    def add(self, blob: bytes, parent: Shelved, suffix: str) -> Shelved:
        """Shelve a trained checkpoint under its name."""
        name = checkpoint.digest(blob)
        id = f"ft:{parent.base}:{suffix}:{name[:SHOWN]}"
        now = int(time.time())
        record = {"id": id, "hash": name, "base": parent.base, "created_at": now, "parent": parent.id}
        self._kept.put(digest(id), record, blob)
        return self._place(id, blob, parent.base, now, parent.id)

    def weights(self, model: Shelved) -> Weights:
        """A model's arrays; those of the last one asked for stay unpacked."""
        if self._open[0] != model.hash:
            self._open = (model.hash, checkpoint.load(model.blob)[0])
        return self._open[1]
