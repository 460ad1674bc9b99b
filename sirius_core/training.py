"""From judged trajectories to per-model training sets, each example with where it came from.

**Credit.** A direct success earns an example for every turn of its workflow. A repair earns one for the edited turn
and for every turn sampled afresh; turns given back earn nothing twice. The example's prompt is the one that stands
at inference, never the critic's or the reviser's.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from .store import ExampleRow
from .trajectories import Trajectory, Turn, digest


@dataclass(frozen=True)
class Example:
    """Turn ``turn`` of ``trajectory`` as something to imitate; loss only on the reply."""

    trajectory: Trajectory
    turn: int
    weight: float = 1.0
    source: str = "direct"

    @property
    def said(self) -> Turn:
        return self.trajectory.turns[self.turn]

    @property
    def content(self) -> str:
        return digest(self.said.messages, self.said.text)

    def row(self) -> ExampleRow:
        return ExampleRow(self.trajectory.id, self.turn, self.weight, self.source, self.content)


@dataclass(frozen=True)
class Library:
    """Every judged trajectory that a recipe may learn from in a round.

    ``tried`` are plays and admitted replays, oldest first; ``edited`` are ids of replays that carry a person's text;
    a success is what earned more than ``threshold``.
    """

    tried: tuple[Trajectory, ...]
    edited: frozenset[str] = field(default_factory=frozenset)
    threshold: float = 0.5

    def successes(self) -> tuple[Trajectory, ...]:
        return tuple(t for t in self.tried if t.earned(self.threshold))

    def source(self, trajectory: Trajectory) -> str:
        if trajectory.id in self.edited:
            return "edited"
        return "direct" if trajectory.parent is None else "repaired"

    def credited(self, trajectory: Trajectory) -> Iterator[Example]:
        """The turns that earn an example, by the rule above; an opponent's never do."""
        for i, turn in enumerate(trajectory.turns):
            if not turn.rival and (trajectory.parent is None or turn.origin != "given"):
                yield Example(trajectory, i, 1.0, self.source(trajectory))


ModelOf = Callable[[Turn], str]
Select = Callable[[Library, int, Random], list[Example]]


def by_frequency(library: Library, draws: int, random: Random) -> list[Example]:
    """``draws`` examples per role and solved problem, in proportion to how often each reply was produced.

    Drawing with replacement from all successful turns, copies included: a lucky trace that came once among twenty
    right ones is drawn one time in twenty, not as often as they (spec: the lucky-trace trap).
    """
    return _draw(library, library.successes(), draws, random)


def by_turn(library: Library, draws: int, random: Random) -> list[Example]:
    """The same where every turn has a reward of its own: of each try what earned it, whatever the try came to.

    ``draws`` examples per role, prompt and problem, of a judge for each of the two verdicts: it goes on hearing both,
    however rarely one of them is right by now. A judge that came to an answer of its own is believed only if some try
    had that answer right: a false answer is also held to be false by who is wrong in another way.
    """
    pools: dict[tuple[str, str, str, str], list[Example]] = defaultdict(list)
    good = [(t, e) for t in library.tried for e in library.credited(t) if _mark(t, e.turn) > library.threshold]
    known = {(t.task, _stated(e.said, "answer")) for t, e in good}
    for trajectory, example in good:
        said, own = example.said, _stated(example.said, "own")
        if own is None or (trajectory.task, own) in known:
            kind = str(_stated(said, "verdict"))
            pools[said.role, said.prompt, trajectory.task, kind].append(example)
    return [random.choice(pool) for _, pool in sorted(pools.items()) for _ in range(draws)]


def _mark(trajectory: Trajectory, turn: int) -> float:
    return 0.0 if trajectory.reward is None else trajectory.reward.turns.get(turn, 0.0)


def _stated(said: Turn, name: str) -> Any:
    return said.value.get(name) if isinstance(said.value, Mapping) else None


def at_random(library: Library, draws: int, random: Random) -> list[Example]:
    """The placebo: ``draws`` examples per role and problem, success ignored, repairs left out. As `by_frequency` leaves
    unsolved problems out, these are more; the setting ``examples`` makes them as many (`cut`)."""
    return _draw(library, tuple(t for t in library.tried if t.parent is None), draws, random)


def everything(library: Library, draws: int, random: Random) -> list[Example]:
    """The other placebo: every turn of every play, right or wrong, once; repairs left out. Who said nothing at all
    (a call that was lost) has nothing to imitate."""
    plays = (t for t in library.tried if t.parent is None)
    return [example for t in plays for example in library.credited(t) if example.said.text]


def mixed(one: Sequence[Example], other: Sequence[Example], share: float, random: Random) -> list[Example]:
    """As many of both as their supplies allow, ``share`` of them from ``one``, within one example."""
    most = min(len(one) / share if share else math.inf, len(other) / (1 - share) if share < 1 else math.inf)
    total = math.floor(most + 1e-9)
    take = round(share * total)
    return random.sample(one, take) + random.sample(other, total - take)


def _draw(library: Library, kept: Sequence[Trajectory], draws: int, random: Random) -> list[Example]:
    pools: dict[tuple[str, str], list[Example]] = defaultdict(list)
    for trajectory in kept:
        for example in library.credited(trajectory):
            pools[example.said.role, trajectory.task].append(example)
    return [random.choice(pool) for _, pool in sorted(pools.items()) for _ in range(draws)]


def cut(examples: list[Example], count: int | None, random: Random) -> list[Example]:
    """Exactly ``count`` examples (None: as many as there are): a random part, or the whole with random repeats."""
    if count is None or len(examples) == count or not examples:
        return examples
    if len(examples) > count:
        return [examples[i] for i in sorted(random.sample(range(len(examples)), count))]
    return examples + [random.choice(examples) for _ in range(count - len(examples))]


def per_model(examples: Iterable[Example], model_of: ModelOf) -> Mapping[str, list[Example]]:
    """{model: its training set}, models in alphabetical order."""
    sets: dict[str, list[Example]] = defaultdict(list)
    for example in examples:
        sets[model_of(example.said)].append(example)
    return dict(sorted(sets.items()))


def to_jsonl(examples: Iterable[Example]) -> Iterator[str]:
    """OpenAI chat lines: ``{"messages": [..., {"role": "assistant", "content": reply}]}``.

    A seat's earlier turns are prompt, never loss: they bear ``"weight": 0``, which is how such hosts are told so.
    """
    for example in examples:
        prompt, reply = as_messages(example)
        asked = [{**m, "weight": 0} if m["role"] == "assistant" else m for m in prompt]
        yield json.dumps({"messages": [*asked, reply]}, ensure_ascii=False)


def as_messages(example: Example) -> tuple[list[dict[str, str]], dict[str, str]]:
    """(what the speaker was asked, what it replied) as chat messages."""
    prompt = [{"role": m.role, "content": m.content} for m in example.said.messages]
    return prompt, {"role": "assistant", "content": example.said.text}
