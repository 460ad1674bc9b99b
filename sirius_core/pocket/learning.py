"""Learning: Adam over one flat vector, fine-tuning on a fixed set, and the driver of a pre-training stream.

State is float32 throughout; storage in float16 is the checkpoint's affair. The same inputs give the same bytes on one
machine with one BLAS thread: the order of batches comes from the seed alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from sirius_core.pocket.transformer import Array, Shape, Weights, loss_and_gradients

OnStep = Callable[[int, int, float], None]


@dataclass(frozen=True)
class Example:
    """One sequence, prompt and reply and closing stop token; loss falls on tokens[start:], each with `weight`.

    No loss falls on tokens[a:b] for (a, b) in `silent`: prompts between several replies.
    """

    tokens: tuple[int, ...]
    start: int
    weight: float = 1.0
    silent: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True)
class Schedule:
    """How to fine-tune: `rate` is reached after `warmup` steps, then falls linearly to `final * rate`.

    `steps` is their exact number: epochs go on, or are cut off, until it is reached; None: as many as `epochs` make.
    """

    epochs: int = 2
    batch: int = 64
    rate: float = 5e-4
    warmup: int = 5
    final: float = 0.1
    decay: float = 0.0
    clip: float = 1.0
    betas: tuple[float, float] = (0.9, 0.99)
    steps: int | None = None


@dataclass(frozen=True)
class Trained:
    """New weights; one loss per step in nats per token; the tokens that went through the network, padding left out."""

    weights: Weights
    losses: tuple[float, ...]
    steps: int
    tokens: int


class Adam:
    """Adam with decoupled weight decay and a clip on the global norm.

    The arrays that come in are copied into one flat vector; `weights` are views of it, which every step changes.
    """

    def __init__(
        self, weights: Weights, *, decay: float = 0.0, clip: float = 1.0, betas: tuple[float, float] = (0.9, 0.99)
    ) -> None:
        self.flat: Array = np.concatenate([array.reshape(-1) for array in weights.values()])
        self.weights: Weights = {}
        self.gradient = np.empty_like(self.flat)
        self._mean = np.zeros_like(self.flat)
        self._square = np.zeros_like(self.flat)
        self._scratch = np.empty_like(self.flat)
        self._decay, self._clip, self._betas = decay, clip, betas
        self._count = 0
        offset = 0
        for name, array in weights.items():
            self.weights[name] = self.flat[offset : offset + array.size].reshape(array.shape)
            offset += array.size

    def step(self, gradients: Weights, rate: float) -> float:
        """Change the weights; returns the gradient's norm before the clip. FloatingPointError when it is not finite."""
        g, m, v, s = self.gradient, self._mean, self._square, self._scratch
        np.concatenate([gradients[name].reshape(-1) for name in self.weights], out=g)
        norm = float(np.sqrt(g @ g))
        if not np.isfinite(norm):
            raise FloatingPointError("the gradient is not finite: is the learning rate too high?")
        if self._clip and norm > self._clip:
            g *= self._clip / norm
        self._count += 1
        first, second = self._betas
        m *= first
        np.multiply(g, 1 - first, out=s)
        m += s
        v *= second
        np.multiply(g, g, out=s)
        s *= 1 - second
        v += s
        np.multiply(v, 1 / (1 - second**self._count), out=s)
        np.sqrt(s, out=s)
        s += 1e-8
        np.divide(m, s, out=s)
        s *= rate / (1 - first**self._count)
        if self._decay:
            self.flat *= 1 - rate * self._decay
        self.flat -= s
        return norm


def rate_at(step: int, steps: int, rate: float, warmup: int, final: float) -> float:
    """The learning rate of `step` (0-based) of `steps`: linear warm-up, then linear to final*rate at the last step."""
    if step < warmup:
        return rate * (step + 1) / (warmup + 1)
    done = (step - warmup) / max(1, steps - 1 - warmup)
    return rate * (1 - (1 - final) * min(1.0, done))


def pad(examples: Sequence[Example]) -> tuple[Array, Array]:
    """(tokens int [B, T], loss weights float32 [B, T]), padded on the right to the longest, without loss there."""
    longest = max(len(example.tokens) for example in examples)
    tokens = np.zeros((len(examples), longest), dtype=np.int64)
    loss_weight = np.zeros((len(examples), longest), dtype=np.float32)
    for row, example in enumerate(examples):
        tokens[row, : len(example.tokens)] = example.tokens
        loss_weight[row, max(1, example.start) : len(example.tokens)] = example.weight
        for first, end in example.silent:
            loss_weight[row, first:end] = 0
    return tokens, loss_weight


def buckets(lengths: Sequence[int], batch: int, rng: np.random.Generator) -> list[Array]:
    """Indices cut into batches of similar length, in random order; equal lengths are shuffled."""
    shuffled = rng.permutation(len(lengths))
    ordered = shuffled[np.argsort(np.asarray(lengths)[shuffled], kind="stable")]
    parts = [ordered[i : i + batch] for i in range(0, len(ordered), batch)]
    return [parts[i] for i in rng.permutation(len(parts))]


def batches_of(lengths: Sequence[int], schedule: Schedule, rng: np.random.Generator) -> list[Array]:
    """The batches of a whole fine-tuning in order, as indices; none without examples."""
    if schedule.steps is None or not lengths:
        return [part for _ in range(schedule.epochs) for part in buckets(lengths, schedule.batch, rng)]
    plan: list[Array] = []
    while len(plan) < schedule.steps:
        plan += buckets(lengths, schedule.batch, rng)
    return plan[: schedule.steps]


def _advance(adam: Adam, shape: Shape, batch: Sequence[Example], rate: float) -> float:
    tokens, loss_weight = pad(batch)
    loss, gradients = loss_and_gradients(adam.weights, shape, tokens, loss_weight)
    adam.step(gradients, rate)
    return loss


def check_examples(shape: Shape, examples: Sequence[Example]) -> None:
    """ValueError for the first example that is too long, carries no loss or has a bad weight."""
    for i, example in enumerate(examples):
        if not 2 <= len(example.tokens) <= shape.context:
            raise ValueError(f"example {i} has {len(example.tokens)} tokens; 2 to {shape.context} fit this network")
        if not 0 <= example.start < len(example.tokens):
            raise ValueError(f"example {i}: start {example.start} is outside its {len(example.tokens)} tokens")
        if not 0 < example.weight < np.inf:
            raise ValueError(f"example {i}: weight {example.weight} must be positive and finite")


def train(
    weights: Weights,
    shape: Shape,
    examples: Sequence[Example],
    schedule: Schedule,
    seed: int,
    on_step: OnStep | None = None,
) -> Trained:
    """Fine-tune a copy of `weights`; `on_step(step, steps, loss)` after each step, counted from 1.

    Without examples the result is an equal copy, after 0 steps.

    ValueError for an example that does not fit; FloatingPointError when learning diverges.
    """
    check_examples(shape, examples)
    rng = np.random.default_rng(seed)
    adam = Adam(weights, decay=schedule.decay, clip=schedule.clip, betas=schedule.betas)
    lengths = [len(example.tokens) for example in examples]
    plan = batches_of(lengths, schedule, rng)
    losses: list[float] = []
    for step, part in enumerate(plan):
        rate = rate_at(step, len(plan), schedule.rate, schedule.warmup, schedule.final)
        losses.append(_advance(adam, shape, [examples[i] for i in part], rate))
        if on_step:
            on_step(step + 1, len(plan), losses[-1])
    return Trained(adam.weights, tuple(losses), len(plan), sum(lengths[i] for part in plan for i in part))


def pretrain_stream(
    weights: Weights,
    shape: Shape,
    batches: Iterator[list[Example]],
    steps: int,
    rate: float = 3e-3,
    warmup: int = 100,
    final: float = 0.0,
    decay: float = 0.01,
    clip: float = 1.0,
    on_step: OnStep | None = None,
) -> Trained:
    """Train on `steps` fresh batches of examples of similar length. ValueError when the stream ends early."""
    adam = Adam(weights, decay=decay, clip=clip)
    losses: list[float] = []
    seen = 0
    for step in range(steps):
        batch = next(batches, None)
        if batch is None:
            raise ValueError(f"the stream of batches ended after {step} of {steps} steps")
        check_examples(shape, batch)
        losses.append(_advance(adam, shape, batch, rate_at(step, steps, rate, warmup, final)))
        seen += sum(len(example.tokens) for example in batch)
        if on_step:
            on_step(step + 1, steps, losses[-1])
    return Trained(adam.weights, tuple(losses), steps, seen)
