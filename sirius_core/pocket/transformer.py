"""The network: decoder-only, pre-RMSNorm without gain, multi-query attention, squared ReLU, learned positions.

One key and value head serves all query heads, so that the queries of a sequence are one tall matrix, [T*H, D], and
attention is two matrix products per sequence instead of 2*H. The output head, and the last layer from its attention
output on, are evaluated only at positions whose next token carries loss. Everything works in the dtype of the
weights: float32 in use, float64 in the gradient check.

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
SAFE = 60.0  # scores within +-SAFE need no maximum: exp(60) * context is far from the largest float32
PART = 512  # tokens that go through the network at once in training: see _part


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
    """Fresh float32 weights; what writes into the residual stream starts smaller by sqrt(2*layers), the head by 2."""
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
    factor = np.vecdot(x, x)
    factor *= 1 / x.shape[1]
    factor += NORM_FLOOR
    np.sqrt(factor, out=factor)
    np.reciprocal(factor, out=factor)
    column = factor[:, None]
    return x * column, column


def normalise_backward(gradient: Array, rows: Array, factor: Array) -> Array:
    """Gradient for the input of `normalise`, from that of its result. Works in place on `gradient`."""
    along = np.vecdot(gradient, rows)
    along *= 1 / rows.shape[1]
    gradient -= rows * along[:, None]
    gradient *= factor
    return gradient


def softmax_(scores: Array, mask: Array | None = None) -> Array:
    """Softmax over the last axis, in place; `mask` (0 or minus infinity, broadcast) is added first.

    A maximum per row costs more than all the rest, so it is only taken when some score is so large that exp might
    overflow, or so small that a whole row might vanish.
    """
    safe = scores.size and scores.max() < SAFE and scores.min() > -SAFE
    if mask is not None:
        scores += mask
    if not safe:
        scores -= scores.max(axis=-1, keepdims=True)
    np.exp(scores, out=scores)
    # As a product with ones: several times faster than .sum() over short rows.
    total = scores @ np.ones(scores.shape[-1], dtype=scores.dtype)
    scores *= np.reciprocal(total, out=total)[..., None]
    return scores


def causal_mask(length: int, heads: int, dtype: Any) -> Array:
    """[T*H, T]: 0 where the query of row t*H+h may look, minus infinity in its future."""
    mask = np.triu(np.full((length, length), -np.inf, dtype=dtype), 1)
    return np.repeat(mask, heads, axis=0)


def scaled(weights: Weights, shape: Shape) -> Weights:
    """The same arrays, query matrices times D**-0.5: cheaper than to scale the queries or the scores."""
    scale = weights["query0"].dtype.type(shape.head_width**-0.5)
    return {name: array * scale if name.startswith("query") else array for name, array in weights.items()}


def check_tokens(shape: Shape, tokens: Array) -> None:
    """Raises ValueError unless tokens is [B, T] with 1 <= T <= context and every id inside the vocabulary."""
    if tokens.ndim != 2 or not 1 <= tokens.shape[1] <= shape.context:
        raise ValueError(f"tokens must be [B, T] with T at most {shape.context}, not {tokens.shape}")
    if tokens.size and (tokens.min() < 0 or tokens.max() >= shape.vocab):
        raise ValueError(f"token ids must lie in 0..{shape.vocab - 1}, not {tokens.min()}..{tokens.max()}")


def _forward(ready: Weights, shape: Shape, tokens: Array, rows: Array) -> tuple[Array, list[tuple[Array, ...]]]:
    """Final normalised states at flat positions `rows` [R], and what each layer must remember for the backward pass.

    `ready` are the weights as `scaled` gives them.
    """
    b, t = tokens.shape
    c, h, d, f = shape.width, shape.heads, shape.head_width, shape.hidden
    dtype = ready["token"].dtype
    x = (ready["token"][tokens] + ready["position"][:t]).reshape(b * t, c)
    mask = causal_mask(t, h, dtype)
    # NumPy compares with a row of zeros three times as fast as with the number 0.
    zeros = np.zeros(f, dtype=dtype)
    memory: list[tuple[Array, ...]] = []
    for i in range(shape.layers):
        n1, f1 = normalise(x)
        query = n1 @ ready[f"query{i}"]
        keyvalue = (n1 @ ready[f"keyvalue{i}"]).reshape(b, t, 2 * d)
        look = query.reshape(b, t * h, d) @ keyvalue[:, :, :d].transpose(0, 2, 1)
        softmax_(look, mask)
        seen = (look @ keyvalue[:, :, d:]).reshape(b * t, c)
        if i == shape.layers - 1:
            x, seen = x[rows], seen[rows]
        x = x + seen @ ready[f"mix{i}"]
        n2, f2 = normalise(x)
        active = n2 @ ready[f"up{i}"]
        np.maximum(active, zeros, out=active)
        squared = active * active
        x = x + squared @ ready[f"down{i}"]
        memory.append((n1, f1, query, keyvalue, look, seen, n2, f2, active, squared))
    final, factor = normalise(x)
    memory.append((final, factor))
    return final, memory


def forward_logits(weights: Weights, shape: Shape, tokens: Array) -> Array:
    """Logits [B, T, V] of the next token after every position of tokens, int [B, T]. ValueError for bad tokens."""
    check_tokens(shape, tokens)
    states, _ = _forward(scaled(weights, shape), shape, tokens, np.arange(tokens.size))
    logits: Array = (states @ weights["head"]).reshape(*tokens.shape, shape.vocab)
    return logits


def loss_and_gradients(weights: Weights, shape: Shape, tokens: Array, loss_weight: Array) -> tuple[float, Weights]:
    """Weighted mean of -log p(token t | tokens before t), in nats, and its gradient for every weight array.

    tokens int [B, T]; shorter sequences are padded on the right with any id. loss_weight [B, T] weights the
    prediction OF token t; 0 means no loss there, and column 0 must be 0, since nothing predicts a first token. The
    mean divides by the sum of the weights. ValueError for bad tokens or weights, or when no position carries loss.
    """
    check_tokens(shape, tokens)
    if loss_weight.shape != tokens.shape:
        raise ValueError(f"loss_weight {loss_weight.shape} must have the shape of tokens {tokens.shape}")
    if loss_weight[:, 0].any():
        raise ValueError("a first token is predicted by nothing: loss_weight[:, 0] must be 0")
    if not (np.isfinite(loss_weight).all() and (loss_weight >= 0).all()):
        raise ValueError("loss weights must be finite and not negative")
    total = float(loss_weight.sum(dtype=np.float64))
    if not total:
        raise ValueError("no position carries loss")
    ready = scaled(weights, shape)
    gradients = {name: np.zeros_like(array) for name, array in weights.items()}
    # What a row must be fed: everything before the last token that carries loss.
    needed = tokens.shape[1] - 1 - (loss_weight[:, ::-1] > 0).argmax(axis=1)
    needed[~loss_weight.any(axis=1)] = 0
    order = np.argsort(needed, kind="stable")
    order = order[needed[order] > 0]
    loss = 0.0
    inputs: list[Array] = []
    slopes: list[Array] = []
    while len(order):
        length = int(needed[order[-1]])
        take = max(1, PART // length)
        order, part = order[:-take], order[-take:]
        share = (loss_weight[part, 1 : length + 1] / total).astype(weights["token"].dtype)
        each_loss, dx = _part(ready, shape, tokens[part, : length + 1], share, gradients)
        loss += each_loss
        gradients["position"][:length] += dx.reshape(len(part), length, -1).sum(axis=0)
        inputs.append(tokens[part, :length].reshape(-1))
        slopes.append(dx)
    for i in range(shape.layers):
        gradients[f"query{i}"] *= gradients[f"query{i}"].dtype.type(shape.head_width**-0.5)
        gradients[f"up{i}"] *= 2
    _add_by_token(gradients["token"], np.concatenate(slopes), np.concatenate(inputs))
    return loss, gradients


def _part(ready: Weights, shape: Shape, tokens: Array, share: Array, gradients: Weights) -> tuple[float, Array]:
    """Loss and input gradient [N, C] of a few sequences [B, T+1]; adds to `gradients`, still without constant factors.

    A few sequences at a time keep everything that the backward pass needs in the processor's cache.
    """
    b, t = share.shape
    c, h, d = shape.width, shape.heads, shape.head_width
    rows = np.flatnonzero(share)
    weight = share.reshape(-1)[rows]
    target = tokens[:, 1:].reshape(-1)[rows]
    states, memory = _forward(ready, shape, tokens[:, :-1], rows)
    _, factor = memory.pop()
    chance = softmax_(states @ ready["head"])
    each = np.arange(len(rows))
    loss = -float(weight @ np.log(np.maximum(chance[each, target], np.finfo(chance.dtype).tiny)))
    chance[each, target] -= 1
    chance *= weight[:, None]
    gradients["head"] += states.T @ chance
    dx = normalise_backward(chance @ ready["head"].T, states, factor)
    for i in range(shape.layers - 1, -1, -1):
        n1, f1, query, keyvalue, look, seen, n2, f2, active, squared = memory.pop()
        da = dx @ ready[f"down{i}"].T
        da *= active
        gradients[f"up{i}"] += n2.T @ da
        gradients[f"down{i}"] += squared.T @ dx
        dn2 = da @ ready[f"up{i}"].T
        dn2 *= 2  # d(a*a) = 2a da; for the weights the 2 is applied once, at the end
        dx += normalise_backward(dn2, n2, f2)
        gradients[f"mix{i}"] += seen.T @ dx
        dseen = dx @ ready[f"mix{i}"].T
        if i == shape.layers - 1:
            dx, dseen, seen = (_spread(part, rows, b * t) for part in (dx, dseen, seen))
        dseen3 = dseen.reshape(b, t * h, d)
        dkeyvalue = np.empty_like(keyvalue)
        np.matmul(look.transpose(0, 2, 1), dseen3, out=dkeyvalue[:, :, d:])
        dlook = dseen3 @ keyvalue[:, :, d:].transpose(0, 2, 1)
        # sum_s P dP equals sum_d O dO: the row sums come from [B, T*H, D] instead of [B, T*H, T].
        dlook -= np.vecdot(dseen3, seen.reshape(b, t * h, d))[:, :, None]
        dlook *= look
        dquery = (dlook @ keyvalue[:, :, :d]).reshape(b * t, c)
        np.matmul(dlook.transpose(0, 2, 1), query.reshape(b, t * h, d), out=dkeyvalue[:, :, :d])
        dkv = dkeyvalue.reshape(b * t, 2 * d)
        gradients[f"query{i}"] += n1.T @ dquery
        gradients[f"keyvalue{i}"] += n1.T @ dkv
        dn1 = dquery @ ready[f"query{i}"].T
        dn1 += dkv @ ready[f"keyvalue{i}"].T
        dx += normalise_backward(dn1, n1, f1)
    return loss, dx


def _spread(part: Array, rows: Array, count: int) -> Array:
    """[count, C] of zeros with `part` [R, C] at the given rows."""
    whole = np.zeros((count, part.shape[1]), dtype=part.dtype)
    whole[rows] = part
    return whole


def _add_by_token(gradient: Array, dx: Array, tokens: Array) -> None:
    """Adds the rows of dx [N, C] to those rows of gradient [V, C] that `tokens` [N] names; faster than np.add.at."""
    order = np.argsort(tokens, kind="stable")
    present, first = np.unique(tokens[order], return_index=True)
    gradient[present] += np.add.reduceat(dx[order], first, axis=0)
