"""The network: decoder-only, pre-RMSNorm without gain, multi-query attention, squared ReLU, learned positions.

One key and value head serves all query heads, so that the queries of a sequence are one tall matrix, [T*H, D], and attention is
two matrix products per sequence instead of 2*H. The output head, and the last layer from its attention output on, are evaluated
only at positions whose next token carries loss. Everything works in the dtype of the weights: float32 in use, float64 in the
gradient check.

Letters in shapes: B sequences, T tokens, N = B*T, C width, H heads, D = C/H, F hidden, V vocabulary, R loss positions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Weights = dict[str, np.ndarray]

NORM_FLOOR = 1e-6


@dataclass(frozen=True)
class Shape:
    """The sizes of a network; `context` is the longest sequence, prompt and reply together, in tokens."""

    vocab: int
    width: int = 96
    layers: int = 3
    heads: int = 3
    hidden: int = 384
    context: int = 176

    def __post_init__(self) -> None:
        if min(self.vocab, self.width, self.layers, self.heads, self.hidden, self.context) < 1:
            raise ValueError(f"every size of a network must be at least 1: {self}")
        if self.width % self.heads:
            raise ValueError(f"width {self.width} is not a multiple of heads {self.heads}")

    @property
    def head_width(self) -> int:
        return self.width // self.heads

    def arrays(self) -> dict[str, tuple[int, ...]]:
        """Name and shape of every weight array, in the one order used for files and optimiser state."""
        c, d, f = self.width, self.head_width, self.hidden
        sizes: dict[str, tuple[int, ...]] = {"token": (self.vocab, c), "position": (self.context, c)}
        for i in range(self.layers):
            sizes |= {f"query{i}": (c, c), f"keyvalue{i}": (c, 2 * d), f"mix{i}": (c, c)}
            sizes |= {f"up{i}": (c, f), f"down{i}": (f, c)}
        return sizes | {"head": (c, self.vocab)}


def initialise(shape: Shape, seed: int) -> Weights:
    """Fresh float32 weights. Matrices that write into the residual stream start at zero scale/sqrt(2*layers); the head small."""
    rng = np.random.default_rng(seed)
    weights: Weights = {}
    for name, size in shape.arrays().items():
        if name in ("token", "position"):
            scale = 0.5 if name == "token" else 0.1
        elif name == "head":
            scale = 0.5 / np.sqrt(shape.width)
        else:
            scale = 1.0 / np.sqrt(size[0])
            if name.startswith(("mix", "down")):
                scale /= np.sqrt(2 * shape.layers)
        weights[name] = (rng.standard_normal(size) * scale).astype(np.float32)
    return weights


def normalise(x: Array) -> tuple[Array, Array]:
    """RMSNorm without gain: rows of x [N, C] to root mean square 1. Returns (rows, the factor of each row [N, 1])."""
    factor = np.einsum("nc,nc->n", x, x)
    factor *= 1 / x.shape[1]
    factor += NORM_FLOOR
    np.sqrt(factor, out=factor)
    np.reciprocal(factor, out=factor)
    return x * factor[:, None], factor[:, None]


def normalise_backward(gradient: Array, rows: Array, factor: Array) -> Array:
    """Gradient for the input of `normalise`, from that of its result. Works in place on `gradient`."""
    along = np.einsum("nc,nc->n", gradient, rows)
    along *= 1 / rows.shape[1]
    gradient -= rows * along[:, None]
    gradient *= factor
    return gradient


def causal_mask(length: int, heads: int, dtype: Any) -> Array:
    """[T*H, T]: 0 where the query of row t*H+h may look, minus infinity in its future."""
    mask = np.triu(np.full((length, length), -np.inf, dtype=dtype), 1)
    return np.repeat(mask, heads, axis=0)


def softmax_(scores: Array) -> Array:
    """Softmax over the last axis, in place."""
    scores -= scores.max(axis=-1, keepdims=True)
    np.exp(scores, out=scores)
    scores *= 1 / scores.sum(axis=-1, keepdims=True)
    return scores


def check_tokens(shape: Shape, tokens: Array) -> None:
    """Raises ValueError unless tokens is [B, T] with 1 <= T <= context and every id inside the vocabulary."""
    if tokens.ndim != 2 or not 1 <= tokens.shape[1] <= shape.context:
        raise ValueError(f"tokens must be [B, T] with T at most {shape.context}, not {tokens.shape}")
    if tokens.size and (tokens.min() < 0 or tokens.max() >= shape.vocab):
        raise ValueError(f"token ids must lie in 0..{shape.vocab - 1}, not {tokens.min()}..{tokens.max()}")


def _forward(weights: Weights, shape: Shape, tokens: Array, rows: Array) -> tuple[Array, list[tuple[Array, ...]]]:
    """Final normalised states at flat positions `rows` [R], and what each layer must remember for the backward pass."""
    b, t = tokens.shape
    c, h, d = shape.width, shape.heads, shape.head_width
    dtype = weights["token"].dtype
    x = (weights["token"][tokens] + weights["position"][:t]).reshape(b * t, c)
    mask = causal_mask(t, h, dtype)
    memory: list[tuple[Array, ...]] = []
    for i in range(shape.layers):
        n1, f1 = normalise(x)
        query = n1 @ weights[f"query{i}"]
        query *= d**-0.5
        keyvalue = (n1 @ weights[f"keyvalue{i}"]).reshape(b, t, 2 * d)
        look = query.reshape(b, t * h, d) @ keyvalue[:, :, :d].transpose(0, 2, 1)
        look += mask
        softmax_(look)
        seen = (look @ keyvalue[:, :, d:]).reshape(b * t, c)
        if i == shape.layers - 1:
            x, seen = x[rows], seen[rows]
        x = x + seen @ weights[f"mix{i}"]
        n2, f2 = normalise(x)
        active = n2 @ weights[f"up{i}"]
        np.maximum(active, 0, out=active)
        x = x + (active * active) @ weights[f"down{i}"]
        memory.append((n1, f1, query, keyvalue, look, seen, n2, f2, active))
    nf, ff = normalise(x)
    memory.append((nf, ff))
    return nf, memory


def forward_logits(weights: Weights, shape: Shape, tokens: Array) -> Array:
    """Logits [B, T, V] of the next token after every position; tokens is int [B, T]. ValueError for bad ids or lengths."""
    check_tokens(shape, tokens)
    states, _ = _forward(weights, shape, tokens, np.arange(tokens.size))
    logits: Array = (states @ weights["head"]).reshape(*tokens.shape, shape.vocab)
    return logits


def loss_and_gradients(weights: Weights, shape: Shape, tokens: Array, loss_weight: Array) -> tuple[float, Weights]:
    """Weighted mean of -log p(token t | tokens before t), in nats, and its gradient for every weight array.

    tokens int [B, T]; shorter sequences are padded on the right with any id. loss_weight [B, T] weights the prediction OF
    token t; 0 means no loss there, and column 0 must be 0, since nothing predicts a first token. The mean divides by the sum of
    the weights. ValueError for bad tokens or weights, or when no position carries loss.
    """
    check_tokens(shape, tokens)
    if loss_weight.shape != tokens.shape:
        raise ValueError(f"loss_weight {loss_weight.shape} must have the shape of tokens {tokens.shape}")
    if loss_weight[:, 0].any():
        raise ValueError("a first token is predicted by nothing: loss_weight[:, 0] must be 0")
    b, t = tokens.shape
    c, h, d = shape.width, shape.heads, shape.head_width
    dtype = weights["token"].dtype
    where = np.flatnonzero(loss_weight)
    if not len(where):
        raise ValueError("no position carries loss")
    share = loss_weight.reshape(-1)[where].astype(dtype)
    if not (np.isfinite(share).all() and (share > 0).all()):
        raise ValueError("loss weights must be finite and not negative")
    share /= share.sum()
    rows = where - 1
    target = tokens.reshape(-1)[where]
    nf, memory = _forward(weights, shape, tokens, rows)
    _, ff = memory.pop()

    chance = softmax_(nf @ weights["head"])
    each = np.arange(len(rows))
    loss = -float(share @ np.log(np.maximum(chance[each, target], np.finfo(dtype).tiny)))
    chance[each, target] -= 1
    chance *= share[:, None]
    gradients: Weights = {}
    gradients["head"] = nf.T @ chance
    dx = normalise_backward(chance @ weights["head"].T, nf, ff)
    for i in range(shape.layers - 1, -1, -1):
        n1, f1, query, keyvalue, look, seen, n2, f2, active = memory.pop()
        # The 2 of d(a*a) = 2a da is applied to the small matrices instead of to [N, F].
        up, down = weights[f"up{i}"], weights[f"down{i}"]
        da = dx @ down.T
        da *= active
        gradients[f"up{i}"] = (n2.T @ da) * 2
        np.multiply(active, active, out=active)
        gradients[f"down{i}"] = active.T @ dx
        dx += normalise_backward(da @ (up.T * 2), n2, f2)
        gradients[f"mix{i}"] = seen.T @ dx
        dseen = dx @ weights[f"mix{i}"].T
        if i == shape.layers - 1:
            dx, dseen, seen = (_spread(part, rows, b * t) for part in (dx, dseen, seen))
        dseen3 = dseen.reshape(b, t * h, d)
        dkeyvalue = np.empty_like(keyvalue)
        np.matmul(look.transpose(0, 2, 1), dseen3, out=dkeyvalue[:, :, d:])
        dlook = dseen3 @ keyvalue[:, :, d:].transpose(0, 2, 1)
        # sum_s P dP equals sum_d O dO: the row sums come from [B, T*H, D] instead of [B, T*H, T].
        dlook -= np.einsum("brd,brd->br", dseen3, seen.reshape(b, t * h, d))[:, :, None]
        dlook *= look
        dquery = (dlook @ keyvalue[:, :, :d]).reshape(b * t, c)
        dquery *= d**-0.5
        np.matmul(dlook.transpose(0, 2, 1), query.reshape(b, t * h, d), out=dkeyvalue[:, :, :d])
        dkv = dkeyvalue.reshape(b * t, 2 * d)
        gradients[f"query{i}"] = n1.T @ dquery
        gradients[f"keyvalue{i}"] = n1.T @ dkv
        dn1 = dquery @ weights[f"query{i}"].T
        dn1 += dkv @ weights[f"keyvalue{i}"].T
        dx += normalise_backward(dn1, n1, f1)
    gradients["position"] = np.zeros_like(weights["position"])
    gradients["position"][:t] = dx.reshape(b, t, c).sum(axis=0)
    gradients["token"] = _sum_by_token(dx, tokens.reshape(-1), shape.vocab)
    return loss, {name: gradients[name] for name in weights}


def _spread(part: Array, rows: Array, count: int) -> Array:
    """[count, C] of zeros with `part` [R, C] at the given rows."""
    whole = np.zeros((count, part.shape[1]), dtype=part.dtype)
    whole[rows] = part
    return whole


def _sum_by_token(dx: Array, tokens: Array, vocab: int) -> Array:
    """[V, C]: the sum of the rows of dx [N, C] that belong to each token; a product with a one-hot matrix is the fastest form."""
    one_hot = np.zeros((vocab, len(tokens)), dtype=dx.dtype)
    one_hot[tokens, np.arange(len(tokens))] = 1
    total: Array = one_hot @ dx
    return total
