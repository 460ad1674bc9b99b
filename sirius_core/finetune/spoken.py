"""A checkpoint in words: which model speaks, the examples that it is shown, its instructions in new words.

What an update without training makes. As a blob it is canonical JSON, ``{"kind": "spoken", "over": {...}, "demos":
[...], "system": {...}, "choice", "budget", "count", "seed"}``, so equal checkpoints have equal hashes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from random import Random
from typing import Any

from ..errors import CheckpointError
from ..models import Model, ScriptedModel
from ..models.in_context import CHOICES, Demo, InContext
from ..prompts import Message
from ..trajectories import canonical, digest


@dataclass(frozen=True)
class Spoken:
    """``over`` names the model that speaks, ``{"endpoint": base URL, "model": name}`` (with ``dialect`` where it is not
    chat, and ``request``, the settings' own fields of every request, where there are any) or ``{"pocket": base}``; the
    rest is what `InContext` takes."""

    over: Mapping[str, str]
    demos: tuple[Demo, ...] = ()
    system: Mapping[str, str] = field(default_factory=dict)
    choice: str = "similar"
    budget: int = 2000  # tokens
    count: int = 4
    seed: int = 0

    @property
    def dialect(self) -> str:
        return self.over.get("dialect") or ("pocket" if "pocket" in self.over else "chat")

    def blob(self) -> bytes:
        demos = [{**asdict(demo), "ask": [list(message) for message in demo.ask]} for demo in self.demos]
        rest = {"over": dict(self.over), "system": dict(self.system), "choice": self.choice, "budget": self.budget,
                "count": self.count, "seed": self.seed}
        return canonical({"kind": "spoken", "demos": demos, **rest}).encode()

    @classmethod
    def parse(cls, blob: bytes) -> Spoken:
        """CheckpointError says what is damaged. Fields that are left out have their defaults."""
        try:
            found = json.loads(blob)
            canonical(found).encode()  # half a character, which JSON may spell, is no text
        except (ValueError, RecursionError) as error:
            raise CheckpointError(f"a checkpoint in words cannot be read: {error}") from None
        if not isinstance(found, dict) or found.pop("kind", None) != "spoken":
            raise CheckpointError("this is no checkpoint in words: its kind is not 'spoken'")
        given = _shaped(found, _SHAPES, "a checkpoint in words")
        if "over" not in given or not given["over"]:
            raise CheckpointError("a checkpoint in words does not say over which model it stands")
        if given.get("choice", CHOICES[0]) not in CHOICES:
            raise CheckpointError(f"a checkpoint in words has an unknown choice, {given['choice']!r}")
        return cls(**{**given, "demos": tuple(_demo(one) for one in given.get("demos", ()))})

    def sees(self, messages: Sequence[Message]) -> tuple[Message, ...]:
        """What the model of this checkpoint reads in place of ``messages``: for whoever looks at a stored turn, whose
        ``model`` is the checkpoint's hash and whose messages are the request as the team made it."""
        return wrap(ScriptedModel((), dialect=self.dialect), "", self).sees(messages)

    def shuffled(self, seed: int) -> Spoken:
        """The control: the same demonstrations, but each replies to the request of another of its kind.

        What still helps then is their form alone; what they teach is the difference to the true ones.
        """
        demos = list(self.demos)
        for kind in sorted({demo.frame for demo in demos}):
            places = [i for i, demo in enumerate(demos) if demo.frame == kind]
            Random(f"shuffled/{seed}/{kind}").shuffle(places)
            replies = [demos[i].reply for i in places]
            for i, reply in zip(places, replies[1:] + replies[:1], strict=True):
                demos[i] = replace(demos[i], reply=reply, content=digest(demos[i].ask, reply))
        return replace(self, demos=tuple(demos))


def wrap(inner: Model, name: str, spoken: Spoken) -> InContext:
    """The model of a checkpoint whose hash is ``name``; ``inner`` is the model that ``spoken.over`` names."""
    s = spoken
    return InContext(inner, name, s.demos, s.system, s.choice, s.budget, s.seed, s.count)


def _texts(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(v, str) for v in value.values())


def _count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _conversation(value: Any) -> bool:
    return (isinstance(value, list) and len(value) > 0
            and all(isinstance(m, list) and len(m) == 2 and all(map(_text, m)) for m in value))


_SHAPES = {"over": _texts, "demos": lambda value: isinstance(value, list), "system": _texts, "choice": _text,
           "budget": _count, "count": _count, "seed": _count}
_DEMO = {"ask": _conversation, **{f.name: _text for f in fields(Demo) if f.name != "ask"}}


def _shaped(found: dict[str, Any], shapes: Mapping[str, Any], what: str) -> dict[str, Any]:
    for name, value in found.items():
        if name not in shapes:
            raise CheckpointError(f"{what} has a field {name!r} that this version does not know")
        if not shapes[name](value):
            raise CheckpointError(f"{what} has a damaged field {name!r}")
    return found


def _demo(found: Any) -> Demo:
    if not isinstance(found, dict) or not {"ask", "reply"} <= found.keys():
        raise CheckpointError("a demonstration in a checkpoint has no request or no reply")
    given = _shaped(found, _DEMO, "a demonstration in a checkpoint")
    return Demo(**{**given, "ask": tuple(Message(*message) for message in given["ask"])})
