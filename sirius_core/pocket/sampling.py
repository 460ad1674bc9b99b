"""Generation with a key/value cache, and the score of given sequences.

Rows are aligned on the right: every prompt of a batch ends in the same column, so that one step writes one column for all of them.
A row's randomness is a function of (its seed, its step) alone. NumPy's matrix products are not invariant to the composition of a
batch, so equal replies need equal batches in equal order, except where the probabilities are well separated from the draws.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sirius_core.pocket.transformer import Array, Shape, Weights, causal_mask, forward_logits, normalise, softmax_

CHUNK = 256


@dataclass(frozen=True)
class Request:
    """One reply to sample. `seed` is any 64-bit number; temperature 0 is greedy; at most `max_new` tokens, stop token included."""

    prompt: tuple[int, ...]
    seed: int
    temperature: float
    max_new: int


@dataclass(frozen=True)
class Generated:
    """A reply without its stop token. logprobs are the model's own (temperature 1), one per token, as `score` gives them.

    finish is 'stop' when the stop token was drawn, else 'length': `max_new` tokens, or the context is full.
    """

    tokens: tuple[int, ...]
    logprobs: tuple[float, ...]
    finish: str


def uniforms(seeds: Array, step: int) -> Array:
    """One number in [0, 1) per seed for this step: splitmix64 started at the seed, its output number `step`, upper 32 bits.

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
            raise ValueError(
                f"request {i}: a prompt of {len(request.prompt)} tokens; 1 to {shape.context - 1} fit, one place is for the reply"
            )
        if min(request.prompt) < 0 or max(request.prompt) >= shape.vocab:
            raise ValueError(f"request {i}: token ids must lie in 0..{shape.vocab - 1}")
        if request.max_new < 1:
            raise ValueError(f"request {i}: max_new must be at least 1, not {request.max_new}")
        if not 0 <= request.temperature < np.inf:
            raise ValueError(f"request {i}: temperature {request.temperature} must be 0 or a positive number")


def sample(weights: Weights, shape: Shape, requests: Sequence[Request], stop_token: int) -> list[Generated]:
    """One reply per request, in the order of the requests. ValueError for a request that does not fit the network."""
    check_requests(shape, requests)
    if not 0 <= stop_token < shape.vocab:
        raise ValueError(f"stop token {stop_token} is outside 0..{shape.vocab - 1}")
    # Prompts of similar length share a chunk: less padding. The order depends on the requests alone.
    order = sorted(range(len(requests)), key=lambda i: len(requests[i].prompt))
    replies: dict[int, Generated] = {}
    for i in range(0, len(order), CHUNK):
        part = order[i : i + CHUNK]
        replies.update(zip(part, _sample_chunk(weights, shape, [requests[j] for j in part], stop_token), strict=True))
    return [replies[i] for i in range(len(requests))]


def _draw(logits: Array, temperature: Array, uniform: Array) -> tuple[Array, Array]:
    """Token and its log-probability at temperature 1 for every row of logits [B, V]."""
    logits = logits - logits.max(axis=1, keepdims=True)
    each = np.arange(len(logits))
    chance = np.exp(logits)
    total = chance.sum(axis=1)
    if (temperature != 1).any():
        # Greedy rows are drawn as at temperature 1 and replaced below.
        np.exp(logits / np.where(temperature > 0, temperature, 1)[:, None].astype(logits.dtype), out=chance)
    ladder = np.cumsum(chance, axis=1, dtype=np.float64)
    token = (ladder <= (uniform * ladder[:, -1])[:, None]).sum(axis=1)
    greedy = temperature == 0
    if greedy.any():
        token[greedy] = logits[greedy].argmax(axis=1)
    return token, logits[each, token] - np.log(total)


def _sample_chunk(weights: Weights, shape: Shape, requests: Sequence[Request], stop_token: int) -> list[Generated]:
    b, layers = len(requests), shape.layers
    c, h, d = shape.width, shape.heads, shape.head_width
    dtype = weights["token"].dtype
    length = np.array([len(request.prompt) for request in requests])
    most = np.array([min(request.max_new, shape.context - len(request.prompt)) for request in requests])
    seed = np.array([request.seed & 0xFFFFFFFFFFFFFFFF for request in requests], dtype=np.uint64)
    temperature = np.array([request.temperature for request in requests], dtype=np.float64)
    p = int(length.max())
    columns = p + int(most.max())
    tokens = np.zeros((b, p), dtype=np.int64)
    for row, request in enumerate(requests):
        tokens[row, p - len(request.prompt) :] = request.prompt
    blank = p - length  # columns of padding at the left of each row
    keys = np.empty((layers, b, d, columns), dtype=dtype)
    values = np.empty((layers, b, columns, d), dtype=dtype)
    hidden = np.where(np.arange(columns) < blank[:, None], -np.inf, 0).astype(dtype)

    # The whole prompts at once. A padding position may look at itself, so that its softmax is not empty; nobody looks at it.
    place = np.maximum(np.arange(p) - blank[:, None], 0)
    x = (weights["token"][tokens] + weights["position"][place]).reshape(b * p, c)
    mask = np.repeat(hidden[:, None, :p] + causal_mask(p, 1, dtype), h, axis=1)
    corner = np.arange(p)
    for k in range(h):
        mask[:, corner * h + k, corner] = 0
    for i in range(layers):
        n1, _ = normalise(x)
        query = n1 @ weights[f"query{i}"]
        query *= d**-0.5
        keyvalue = (n1 @ weights[f"keyvalue{i}"]).reshape(b, p, 2 * d)
        keys[i, :, :, :p] = keyvalue[:, :, :d].transpose(0, 2, 1)
        values[i, :, :p] = keyvalue[:, :, d:]
        look = query.reshape(b, p * h, d) @ keyvalue[:, :, :d].transpose(0, 2, 1)
        look += mask
        softmax_(look)
        seen = (look @ keyvalue[:, :, d:]).reshape(b * p, c)
        if i == layers - 1:
            x, seen = x.reshape(b, p, c)[:, -1], seen.reshape(b, p, c)[:, -1]
        x = x + seen @ weights[f"mix{i}"]
        x = _widen(weights, i, x)
    logits = normalise(x)[0] @ weights["head"]

    new_tokens = np.zeros((b, int(most.max())), dtype=np.int64)
    new_logprobs = np.zeros((b, int(most.max())), dtype=np.float64)
    count = np.zeros(b, dtype=np.int64)
    stopped = np.zeros(b, dtype=bool)
    live = np.arange(b)
    step = 0
    while True:
        token, logprob = _draw(logits, temperature[live], uniforms(seed[live], step))
        stops = token == stop_token
        new_tokens[live, step] = token
        new_logprobs[live, step] = logprob
        stopped[live[stops]] = True
        count[live[~stops]] = step + 1
        goes_on = ~stops & (step + 1 < most[live])
        if not goes_on.any():
            break
        if not goes_on.all():
            live, token = live[goes_on], token[goes_on]
            keys, values, hidden = keys[:, goes_on], values[:, goes_on], hidden[goes_on]
        n, at = len(live), p + step
        x = weights["token"][token] + weights["position"][length[live] + step]
        for i in range(layers):
            n1, _ = normalise(x)
            query = n1 @ weights[f"query{i}"]
            query *= d**-0.5
            keyvalue = n1 @ weights[f"keyvalue{i}"]
            keys[i, :, :, at] = keyvalue[:, :d]
            values[i, :, at] = keyvalue[:, d:]
            look = query.reshape(n, h, d) @ keys[i, :, :, : at + 1]
            look += hidden[:, None, : at + 1]
            softmax_(look)
            x = x + (look @ values[i, :, : at + 1]).reshape(n, c) @ weights[f"mix{i}"]
            x = _widen(weights, i, x)
        logits = normalise(x)[0] @ weights["head"]
        step += 1
    return [
        Generated(
            tuple(new_tokens[row, : count[row]].tolist()),
            tuple(new_logprobs[row, : count[row]].tolist()),
            "stop" if stopped[row] else "length",
        )
        for row in range(b)
    ]


def _widen(weights: Weights, i: int, x: Array) -> Array:
    active = normalise(x)[0] @ weights[f"up{i}"]
    np.maximum(active, 0, out=active)
    active *= active
    result: Array = active @ weights[f"down{i}"]
    result += x
    return result


def score(weights: Weights, shape: Shape, sequences: Sequence[Sequence[int]], starts: Sequence[int]) -> list[Array]:
    """For every sequence the log-probabilities (nats) of its tokens from `start` on: arrays of length len(sequence) - start.

    ValueError when a sequence does not fit, or a start is 0: nothing predicts a first token.
    """
    if len(sequences) != len(starts):
        raise ValueError(f"{len(sequences)} sequences but {len(starts)} starts")
    for i, (sequence, start) in enumerate(zip(sequences, starts, strict=True)):
        if not 1 <= start <= len(sequence) <= shape.context:
            raise ValueError(f"sequence {i}: {len(sequence)} tokens from {start} on do not fit a context of {shape.context}")
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
