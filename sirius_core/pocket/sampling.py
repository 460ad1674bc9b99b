"""Generation with a key/value cache, and the score of given sequences.

Rows are aligned on the right: every prompt of a batch ends in the same column, so that one step writes one column for
all of them. A row's randomness is a function of (its seed, its step) alone. NumPy's matrix products are not invariant
to the composition of a batch, so equal replies need equal batches in equal order, except where the probabilities are
well separated from the draws.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sirius_core.pocket.transformer import (
    PART,
    Array,
    Shape,
    Weights,
    causal_mask,
    forward_logits,
    normalise,
    scaled,
    softmax_,
)

CHUNK = 256  # rows that generate together; a larger cache leaves the processor's own cache


@dataclass(frozen=True)
class Request:
    """One reply to sample. `seed` has 64 bits; temperature 0 is greedy; `max_new` counts the stop token, too."""

    prompt: tuple[int, ...]
    seed: int
    temperature: float
    max_new: int


@dataclass(frozen=True)
class Generated:
    """A reply without its stop token. logprobs, one per token, are the model's own (temperature 1), as `score` gives.

    finish is 'stop' when the stop token was drawn, else 'length': `max_new` tokens, or the context is full.
    """

    tokens: tuple[int, ...]
    logprobs: tuple[float, ...]
    finish: str


def uniforms(seeds: Array, step: int) -> Array:
    """One number in [0, 1) per seed: output number `step` of splitmix64 started at the seed, its upper 32 bits.

    32 bits keep u * total < total exactly in float64, so that the inverse CDF never runs off its end.
    """
    z = seeds + np.uint64(((step + 1) * 0x9E3779B97F4A7C15) & 0xFFFFFFFFFFFFFFFF)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z ^= z >> np.uint64(31)
    mixed: Array = (z >> np.uint64(32)).astype(np.float64) * 2.0**-32
    return mixed


def check_requests(shape: Shape, requests: Sequence[Request]) -> None:
    """ValueError for the first request that this network cannot serve."""
    for i, request in enumerate(requests):
        if not 1 <= len(request.prompt) < shape.context:
            raise ValueError(f"request {i}: a prompt of {len(request.prompt)} tokens; 1 to {shape.context - 1} fit")
        if min(request.prompt) < 0 or max(request.prompt) >= shape.vocab:
            raise ValueError(f"request {i}: token ids must lie in 0..{shape.vocab - 1}")
        if request.max_new < 1:
            raise ValueError(f"request {i}: max_new must be at least 1, not {request.max_new}")
        if not 0 <= request.temperature < np.inf:
            raise ValueError(f"request {i}: temperature {request.temperature} must be 0 or a positive number")


def sample(weights: Weights, shape: Shape, requests: Sequence[Request], stop_token: int) -> list[Generated]:
    """One reply per request, in the order of the requests.

    ValueError for a request that does not fit the network, FloatingPointError for weights that give no finite logits.
    """
    check_requests(shape, requests)
    if not 0 <= stop_token < shape.vocab:
        raise ValueError(f"stop token {stop_token} is outside 0..{shape.vocab - 1}")
    # Prompts of similar length share a chunk: less padding. Equal prompts stand together. Only the requests decide.
    order = sorted(range(len(requests)), key=lambda i: (len(requests[i].prompt), requests[i].prompt))
    ready = scaled(weights, shape)
    replies: dict[int, Generated] = {}
    for i in range(0, len(order), CHUNK):
        part = order[i : i + CHUNK]
        replies.update(zip(part, _sample_chunk(ready, shape, [requests[j] for j in part], stop_token), strict=True))
    return [replies[i] for i in range(len(requests))]


class _Cache:
    """Keys [layers, B, D, columns], values [layers, B, columns, D] of live rows; what hides padding [B, columns]."""

    def __init__(self, shape: Shape, blank: Array, columns: int, dtype: Any) -> None:
        # Zeros, not garbage: a padding column is hidden by adding minus infinity, which would not hide NaN.
        sizes = shape.layers, len(blank)
        self.keys = np.zeros((*sizes, shape.head_width, columns), dtype=dtype)
        self.values = np.zeros((*sizes, columns, shape.head_width), dtype=dtype)
        self.hidden = np.where(np.arange(columns) < blank[:, None], -np.inf, 0).astype(dtype)

    def move(self, source: Array, target: Array, used: int) -> None:
        """Rows `source` take the places of rows `target`; only the first `used` columns hold anything."""
        self.keys[:, target, :, :used] = self.keys[:, source, :, :used]
        self.values[:, target, :used] = self.values[:, source, :used]
        self.hidden[target] = self.hidden[source]


class _Dice:
    """Draws tokens from logits by inverse CDF: first a block of tokens, then one of its `SIDE` members.

    A running sum over the whole vocabulary would cost as much as a large matrix product.
    """

    SIDE = 16

    def __init__(self, vocab: int, rows: int, dtype: Any) -> None:
        blocks = -(-vocab // self.SIDE)
        self._vocab = vocab
        self._chance = np.zeros((rows, blocks * self.SIDE), dtype=dtype)
        self._member = np.kron(np.eye(blocks, dtype=dtype), np.ones((self.SIDE, 1), dtype=dtype))

    def draw(self, logits: Array, temperature: Array, uniform: Array) -> tuple[Array, Array]:
        """Token and its log-probability at temperature 1 for every row of logits [B, V], which is overwritten."""
        each = np.arange(len(logits))
        logits -= logits.max(axis=1, keepdims=True)
        chance = self._chance[: len(logits)]
        ladder = self._ladder(logits, chance)
        if not np.isfinite(ladder[:, -1]).all():
            raise FloatingPointError("the logits are not finite: the weights are damaged")
        log_total = np.log(ladder[:, -1])
        if (temperature != 1).any():
            # Greedy rows are drawn, too, and replaced below; the floor keeps the quotients finite.
            warmth = np.maximum(temperature, 1e-6).astype(logits.dtype)
            ladder = self._ladder(logits / warmth[:, None], chance)
        # 32-bit uniforms times a float64 total stay below the total, so that a block is always found.
        goal = uniform * ladder[:, -1]
        block = (ladder <= goal[:, None]).sum(axis=1)
        goal -= np.where(block > 0, ladder[each, block - 1], 0)
        steps = np.cumsum(chance.reshape(len(logits), -1, self.SIDE)[each, block], axis=1, dtype=np.float64)
        # The block's own sum may differ from the ladder's in the last bit: stay below it, on a token with some chance.
        np.minimum(goal, np.nextafter(steps[:, -1], 0), out=goal)
        token = block * self.SIDE + (steps <= goal[:, None]).sum(axis=1)
        greedy = temperature == 0
        if greedy.any():
            token[greedy] = logits[greedy].argmax(axis=1)
        return token, logits[each, token] - log_total

    def _ladder(self, logits: Array, chance: Array) -> Array:
        np.exp(logits, out=chance[:, : self._vocab])
        ladder: Array = np.cumsum(chance @ self._member, axis=1, dtype=np.float64)
        return ladder


def _sample_chunk(weights: Weights, shape: Shape, requests: Sequence[Request], stop_token: int) -> list[Generated]:
    """`weights` as `scaled` gives them; equal prompts of the requests stand together."""
    length = np.array([len(request.prompt) for request in requests])
    most = np.array([min(request.max_new, shape.context - len(request.prompt)) for request in requests])
    seed = np.array([request.seed & (2**64 - 1) for request in requests], dtype=np.uint64)
    temperature = np.array([request.temperature for request in requests], dtype=np.float64)
    first, longest = int(length.max()), int(most.max())
    dtype = weights["token"].dtype
    cache = _Cache(shape, first - length, first + longest, dtype)
    # Several tries of one prompt read it once.
    prompts = list(dict.fromkeys(request.prompt for request in requests))
    index = {prompt: i for i, prompt in enumerate(prompts)}
    source = np.array([index[request.prompt] for request in requests])
    size = max(1, PART // first)
    parts: list[Array] = []
    for i in range(0, len(prompts), size):
        low, high = np.searchsorted(source, [i, i + size]).tolist()
        part, at = prompts[i : i + size], slice(low, high)
        parts.append(_prefill(weights, shape, part, source[at] - i, cache, at, first))
    logits = np.concatenate(parts)

    dice = _Dice(shape.vocab, len(requests), dtype)
    drawn = np.zeros((len(requests), longest), dtype=np.int64)
    logprobs = np.zeros((len(requests), longest), dtype=dtype)
    count = np.zeros(len(requests), dtype=np.int64)
    stopped = np.zeros(len(requests), dtype=bool)
    live = np.arange(len(requests))
    for step in range(longest):
        token, logprob = dice.draw(logits, temperature[live], uniforms(seed[live], step))
        drawn[live, step], logprobs[live, step] = token, logprob
        stops = token == stop_token
        stopped[live[stops]] = True
        count[live[~stops]] = step + 1
        ends = stops | (step + 1 >= most[live])
        if ends.any():
            # The last rows fill the holes of those that end, so that the live ones stay together at the least copying.
            n = len(live) - int(ends.sum())
            if not n:
                break
            holes = np.flatnonzero(ends[:n])
            movers = n + np.flatnonzero(~ends[n:])
            cache.move(movers, holes, first + step)
            live[holes], token[holes] = live[movers], token[movers]
            live, token = live[:n], token[:n]
        x = weights["token"][token] + weights["position"][length[live] + step]
        logits = _step(weights, shape, x, first + step, cache)
    return [
        Generated(
            tuple(drawn[row, : count[row]].tolist()),
            tuple(logprobs[row, : count[row]].tolist()),
            "stop" if stopped[row] else "length",
        )
        for row in range(len(requests))
    ]


def _prefill(
    weights: Weights,
    shape: Shape,
    prompts: Sequence[tuple[int, ...]],
    copies: Array,
    cache: _Cache,
    at: slice,
    end: int,
) -> Array:
    """Read prompts and return the logits after them, [len(copies), V]; row i of the result is prompt copies[i].

    Keys and values go to the rows `at` of the cache, into the columns before `end`.
    """
    b, h, d = len(prompts), shape.heads, shape.head_width
    t = max(map(len, prompts))
    blank = np.array([t - len(prompt) for prompt in prompts])
    tokens = np.zeros((b, t), dtype=np.int64)
    for row, prompt in enumerate(prompts):
        tokens[row, blank[row] :] = prompt
    place = np.maximum(np.arange(t) - blank[:, None], 0)
    x = (weights["token"][tokens] + weights["position"][place]).reshape(b * t, -1)
    # A padding position may look at padding, so that its softmax is not empty; nobody looks at it.
    padding = np.arange(t) < blank[:, None]
    mask = causal_mask(t, h, x.dtype) + np.where(padding, -np.inf, 0).astype(x.dtype)[:, None, :]
    np.copyto(mask, 0, where=np.repeat(padding, h, axis=1)[:, :, None])
    for i in range(shape.layers):
        n1, _ = normalise(x)
        keyvalue = (n1 @ weights[f"keyvalue{i}"]).reshape(b, t, 2 * d)
        keys, values = keyvalue[:, :, :d].transpose(0, 2, 1), keyvalue[:, :, d:]
        cache.keys[i, at, :, end - t : end] = keys[copies]
        cache.values[i, at, end - t : end] = values[copies]
        if i == shape.layers - 1:  # from here on only the last position matters
            x, n1, mask = x[t - 1 :: t], n1[t - 1 :: t], mask[:, -h:]
        look = softmax_((n1 @ weights[f"query{i}"]).reshape(b, -1, d) @ keys, mask)
        x = _widen(weights, i, x + (look @ values).reshape(x.shape) @ weights[f"mix{i}"])
    logits: Array = normalise(x)[0] @ weights["head"]
    return logits[copies]


def _step(weights: Weights, shape: Shape, x: Array, at: int, cache: _Cache) -> Array:
    """Logits [B, V] after one more token per row, embedded as x [B, C], which goes to column `at` of the cache."""
    n, d = len(x), shape.head_width
    for i in range(shape.layers):
        keys, values = cache.keys[i, :n], cache.values[i, :n]
        n1, _ = normalise(x)
        query = n1 @ weights[f"query{i}"]
        keyvalue = n1 @ weights[f"keyvalue{i}"]
        keys[:, :, at] = keyvalue[:, :d]
        values[:, at] = keyvalue[:, d:]
        look = query.reshape(n, shape.heads, d) @ keys[:, :, : at + 1]
        softmax_(look, cache.hidden[:n, None, : at + 1])
        seen = (look @ values[:, : at + 1]).reshape(n, -1)
        x = _widen(weights, i, x + seen @ weights[f"mix{i}"])
    logits: Array = normalise(x)[0] @ weights["head"]
    return logits


def _widen(weights: Weights, i: int, x: Array) -> Array:
    active = normalise(x)[0] @ weights[f"up{i}"]
    np.maximum(active, np.zeros(active.shape[1], dtype=active.dtype), out=active)
    active *= active
    x += active @ weights[f"down{i}"]
    return x


def score(weights: Weights, shape: Shape, sequences: Sequence[Sequence[int]], starts: Sequence[int]) -> list[Array]:
    """Log-probabilities, in nats, of every sequence's tokens from its start on: arrays of len(sequence) - start.

    ValueError when a sequence does not fit, or a start is 0: nothing predicts a first token.
    """
    if len(sequences) != len(starts):
        raise ValueError(f"{len(sequences)} sequences but {len(starts)} starts")
    for i, (sequence, start) in enumerate(zip(sequences, starts, strict=True)):
        if not 1 <= start <= len(sequence) <= shape.context:
            raise ValueError(f"sequence {i}: {len(sequence)} tokens from {start} on; the context is {shape.context}")
    order = sorted(range(len(sequences)), key=lambda i: len(sequences[i]))
    result: dict[int, Array] = {}
    for first in range(0, len(order), 64):
        part = order[first : first + 64]
        tokens = np.zeros((len(part), max(len(sequences[i]) for i in part)), dtype=np.int64)
        for row, i in enumerate(part):
            tokens[row, : len(sequences[i])] = sequences[i]
        logits = forward_logits(weights, shape, tokens)[:, :-1]
        logits -= logits.max(axis=2, keepdims=True)
        chosen = np.take_along_axis(logits, tokens[:, 1:, None], axis=2)[:, :, 0]
        logprob = chosen - np.log(np.exp(logits).sum(axis=2))
        for row, i in enumerate(part):
            result[i] = logprob[row, starts[i] - 1 : len(sequences[i]) - 1].astype(np.float64)
    return [result[i] for i in range(len(sequences))]
