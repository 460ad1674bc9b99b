"""What the embedded model is trained on, looked at closely: the first batch, and what it still finds hardest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..training import Example

MOST = 400  # different examples that are scored: each takes one pass through the network


@dataclass(frozen=True)
class Sample:
    """One sequence as the network reads it. The loss falls on ``reply`` alone, its closing sign included; ``position``
    is the example's in its training set."""

    position: int
    prompt: str
    reply: str


@dataclass(frozen=True)
class Scored:
    """An example and what a checkpoint makes of its reply: mean loss in nats per token, and the whole reply's
    probability."""

    sample: Sample
    loss: float
    probability: float


def learning_examples(examples: Sequence[Example]) -> list[Any]:
    """The examples as `pocket.learning` takes them: prompt, reply and the closing sign, loss on the last two."""
    from ..pocket import learning
    from ..pocket.vocabulary import STOP, encode

    found = []
    for example in examples:
        turn = example.said
        prompt = encode(" ".join(m.content for m in turn.messages))
        found.append(learning.Example((*prompt, *encode(turn.text), STOP), len(prompt), example.weight))
    return found


def first_batch(examples: Sequence[Example], settings: Mapping[str, Any], seed: int) -> list[Sample]:
    """The sequences of the first optimiser step, in the order in which they stand in the batch."""
    import numpy as np

    from ..pocket import learning

    made = learning_examples(examples)
    if not made:
        return []
    parts = learning.buckets([len(x.tokens) for x in made], settings["batch"], np.random.default_rng(seed))
    return [_sample(int(i), made[i]) for i in parts[0]]


def worst(blob: bytes, examples: Sequence[Example], count: int = 10) -> list[Scored]:
    """The ``count`` different examples of the highest loss under a checkpoint, worst first.

    Of more than `MOST` different examples the first `MOST` are scored.
    """
    import numpy as np

    from ..pocket import checkpoint, transformer

    weights, manifest = checkpoint.load(blob)
    shape = checkpoint.shape_of(manifest)
    different = list({x.content: i for i, x in reversed(list(enumerate(examples)))}.values())[::-1][:MOST]
    made = learning_examples([examples[i] for i in different])
    scored = []
    for position, x in zip(different, made, strict=True):
        tokens = np.array([x.tokens], dtype=np.int64)
        logits = transformer.forward_logits(weights, shape, tokens)[0].astype(np.float64)
        logits -= logits.max(axis=1, keepdims=True)
        chances = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
        at = np.arange(x.start - 1, len(x.tokens) - 1)
        said = chances[at, tokens[0, x.start :]]
        scored.append(Scored(_sample(position, x), float(-said.mean()), float(np.exp(said.sum()))))
    return sorted(scored, key=lambda s: (-s.loss, s.sample.position))[:count]


def _sample(position: int, x: Any) -> Sample:
    from ..pocket.vocabulary import STOP_WORD, decode

    return Sample(position, decode(x.tokens[: x.start]), f"{decode(x.tokens[x.start :])} {STOP_WORD}".strip())
