"""A model that learns without training: solved examples before each request, and instructions in new words.

`InContext` changes what a model is sent, never what is recorded: a turn keeps the request as the team made it, and
`InContext.sees` says what the model really read. Everything in it is a pure function of the request, so equal requests
read equally in every run.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from random import Random
from typing import Any

from ..errors import UsageError
from ..prompts import Message
from ..trajectories import digest
from . import Completion, Model, Sampling

CHOICES = ("similar", "random")
_WORD = re.compile(r"\w+|[^\w\s]")


def words(text: str) -> list[str]:
    """Words and signs of a text in small letters: what similarity and sameness look at."""
    return _WORD.findall(text.casefold())


def tokens(text: str, dialect: str) -> int:
    """How many tokens a text fills: exact on the pocket model (its words), else UTF-8 bytes / 3.5, rounded up."""
    return len(text.split()) if dialect == "pocket" else math.ceil(len(text.encode(errors="replace")) / 3.5)


def frame(messages: Sequence[Message]) -> str:
    """Hash of what kind of request this is: its system messages and the tags of the pocket language (``@analyst``)."""
    tags = [w for m in messages if m.content.startswith("@") for w in m.content.split() if w.startswith("@")]
    return digest([m.content for m in messages if m.role == "system"], tags)


@dataclass(frozen=True, slots=True)
class Demo:
    """A solved example: ``ask`` the request without system messages, ``reply`` what was answered.

    ``question`` is the task's own text inside the request (empty: the last message is compared instead); ``frame`` the
    kind of request that it is shown to (empty: any). ``content`` is its example's hash, by which the store finds where
    it came from; no id of an experiment stands in it, so that equal runs make equal checkpoints.
    """

    ask: tuple[Message, ...]
    reply: str
    question: str = ""
    frame: str = ""
    content: str = ""

    @property
    def messages(self) -> tuple[Message, ...]:
        return (*self.ask, Message("assistant", self.reply))

    @property
    def key(self) -> str:
        """What orders demonstrations of equal merit."""
        return self.content or digest(self.ask, self.reply)


class InContext:
    """``inner`` with demonstrations and rewritten instructions: the same dialect and lockstep, a name of its own.

    ``system`` maps an instruction (the whole text of a system message) to its new text; the empty instruction stands
    for "none": its text is put before a request that has no system message. At most ``count`` demonstrations are
    shown, whole ones, within ``budget`` tokens (see `tokens`); on the pocket model they also leave room for the request
    and the longest reply among them. ``choice`` ``similar`` takes those whose last message is nearest to the request's
    (cosine of TF-IDF vectors; equals in the order of their hashes) and puts the nearest last; ``random`` depends on
    ``seed`` and the request alone. A demonstration with the request's own question is never shown.
    """

    def __init__(
        self,
        inner: Model,
        name: str,
        demos: Sequence[Demo] = (),
        system: Mapping[str, str] | None = None,
        choice: str = "similar",
        budget: int = 2000,
        seed: int = 0,
        count: int = 4,
    ) -> None:
        if choice not in CHOICES:
            raise UsageError(f"demonstrations are chosen by {' or '.join(CHOICES)}, not {choice!r}")
        self.inner, self.name, self.dialect, self.lockstep = inner, name, inner.dialect, inner.lockstep
        self.demos, self.system = tuple(demos), dict(system or {})
        self.choice, self.budget, self.seed, self.count = choice, budget, seed, count
        self._frames = {demo.frame for demo in self.demos}
        self._shelves: dict[str, _Shelf] = {}

    async def complete(self, messages: Sequence[Message], sampling: Sampling) -> Completion:
        return await self.inner.complete(self.sees(messages), sampling)

    def sees(self, messages: Sequence[Message]) -> tuple[Message, ...]:
        """What ``inner`` reads: instructions in their new words, then the demonstrations, then the conversation."""
        shown = [message for demo in self.shown(messages) for message in demo.messages]
        system = [Message(m.role, self.system.get(m.content, m.content)) for m in messages if m.role == "system"]
        if not system and self.system.get(""):
            system = [Message("system", self.system[""])]
        return (*system, *shown, *(m for m in messages if m.role != "system"))

    def shown(self, messages: Sequence[Message]) -> tuple[Demo, ...]:
        """The demonstrations for a request, in the order in which they are shown."""
        kind = frame(messages)
        shelf = self._shelf(kind if kind in self._frames else "")
        asked = [m for m in messages if m.role != "system"]
        if not shelf.demos or not asked:
            return ()
        room = min(self.budget, self._room(messages, shelf))
        said, last = f" {' '.join(words(' '.join(m.content for m in asked)))} ", words(asked[-1].content)
        order = shelf.nearest(last) if self.choice == "similar" else self._shuffled(shelf, messages)
        chosen: list[Demo] = []
        for i in order:
            if len(chosen) == self.count or room < shelf.smallest:
                break
            if shelf.sizes[i] <= room and not shelf.same(i, said, last):
                room -= shelf.sizes[i]
                chosen.append(shelf.demos[i])
        return tuple(reversed(chosen))

    def _shelf(self, kind: str) -> _Shelf:
        if kind not in self._shelves:
            fits = sorted((d for d in self.demos if d.frame in ("", kind)), key=lambda demo: demo.key)
            self._shelves[kind] = _Shelf(tuple(fits), self.dialect)
        return self._shelves[kind]

    def _room(self, messages: Sequence[Message], shelf: _Shelf) -> float:
        if self.dialect != "pocket":
            return math.inf
        from ..pocket.transformer import Shape

        longest = max(tokens(demo.reply, "pocket") for demo in shelf.demos)
        return Shape(1).context - 2 - longest - sum(tokens(m.content, "pocket") for m in messages)

    def _shuffled(self, shelf: _Shelf, messages: Sequence[Message]) -> list[int]:
        order = list(range(len(shelf.demos)))
        Random(digest(self.seed, messages)).shuffle(order)
        return order


@dataclass(frozen=True)
class _Shelf:
    """Demonstrations of one kind in the order of their hashes, with an inverted index over their last messages."""

    demos: tuple[Demo, ...]
    dialect: str

    @cached_property
    def sizes(self) -> list[int]:
        return [sum(tokens(m.content, self.dialect) for m in demo.messages) for demo in self.demos]

    @cached_property
    def smallest(self) -> int:
        return min(self.sizes)

    @cached_property
    def _lasts(self) -> list[list[str]]:
        return [words(demo.ask[-1].content) for demo in self.demos]

    @cached_property
    def _questions(self) -> list[str]:
        return [f" {' '.join(words(demo.question))} " if demo.question else "" for demo in self.demos]

    @cached_property
    def _index(self) -> dict[str, tuple[Any, Any]]:
        """{word: (demos, weights in their vectors of length 1 times the word's own weight)}, as arrays."""
        import numpy as np

        counts = [Counter(last) for last in self._lasts]
        spread = Counter(word for count in counts for word in count)
        # a word that stands in every demonstration tells none from another: it weighs nothing and is left out
        weigh = {w: math.log((1 + len(counts)) / (1 + n)) for w, n in spread.items() if n < len(counts)}
        index: dict[str, list[tuple[int, float]]] = {word: [] for word in weigh}
        for i, count in enumerate(counts):
            vector = {w: (1 + math.log(n)) * weigh[w] for w, n in count.items() if w in weigh}
            length = math.sqrt(math.fsum(x * x for x in vector.values())) or 1.0
            for word, x in vector.items():
                index[word].append((i, x / length * weigh[word]))
        return {w: (np.array([i for i, _ in found]), np.array([x for _, x in found])) for w, found in index.items()}

    def same(self, i: int, said: str, last: list[str]) -> bool:
        """Whether a demonstration's question stands in the request (or, without one, is the request)."""
        return self._questions[i] in said if self._questions[i] else self._lasts[i] == last

    def nearest(self, last: list[str]) -> list[int]:
        """All demonstrations, the most similar first; the request's own length changes no order and is left out."""
        import numpy as np

        scores = np.zeros(len(self.demos))
        for word, n in sorted(Counter(last).items()):
            if word in self._index:
                found, weights = self._index[word]
                scores[found] += (1 + math.log(n)) * weights
        # rounded, so that the order of additions cannot decide between equals
        order: list[int] = np.argsort(-scores.round(9), kind="stable").tolist()
        return order
