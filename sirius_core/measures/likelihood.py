"""How far apart agents are as language models: what one thinks of another's replies.

Of the reply of agent i to its own prompt, token by token, its closing sign included, in nats at temperature 1:

    nll          mean of -log p_j(token), over ordered pairs i != j     how surprised the others are
    kl_between   mean over tokens of KL(p_i || p_j), over the same      how far their next words differ
    kl_from_base mean over tokens of KL(p_i || p_base), over agents     how far training has moved each

as in Multiagent Finetuning. Generators (the first debate round) and critics (the last) stand apart. 0 means one and the
same model; higher means more diverse. Only a checkpoint of the embedded model shows its probabilities here; for others
there are no rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..errors import SiriusError
from ..trajectories import Turn
from .panel import at
from .rows import Row, mean
from .sittings import Sitting

if TYPE_CHECKING:
    from ..pocket.transformer import Array, Shape, Weights

REPLIES = 40  # of each kind; from the first problems of the test
Blob = Callable[[str], bytes]  # the checkpoint with this hash
SPOKEN = ("stop", "length")  # a call that failed has no reply, and perhaps words that no model knows
BATCH, DIGITS = 16, 6  # digits: the last ones of a float are the processor's, not the model's


def measure(found: Sequence[Sitting], blob: Blob, base: str) -> list[Row]:
    """Rows of the first and the last debate round; none unless every agent speaks by a checkpoint of the embedded
    model. ``base`` is the hash of the untrained one."""
    rounds = len(found[0].said) if found else 0
    rows: list[Row] = []
    loaded: dict[str, Any] = {}
    for m in sorted({0, rounds - 1}) if rounds else ():
        seats = list(found[0].said[m])
        asked = [(s.group, s.turns[m]) for s in found
                 if set(s.turns[m]) == set(seats) and all(t.finish in SPOKEN for t in s.turns[m].values())]
        asked = asked[: max(1, REPLIES // len(seats))]
        names = {seat: {turns[seat].model for _, turns in asked} for seat in seats}
        if not asked or any(len(each) != 1 for each in names.values()):
            continue
        if rounds == 1 and set().union(*names.values()) == {base}:
            continue  # tries of one untrained model: there is nobody to be apart from
        try:
            speakers = {name: _loaded(name, blob, loaded) for name in {base}.union(*names.values())}
        except SiriusError:  # not a checkpoint of the embedded model, or none that is stored
            continue
        rows += _rows(at(m, rounds), asked, {seat: each.pop() for seat, each in names.items()}, base, speakers)
    return rows


def _loaded(name: str, blob: Blob, loaded: dict[str, Any]) -> tuple[Weights, Shape]:
    from ..pocket import checkpoint

    if name not in loaded:
        weights, manifest = checkpoint.load(blob(name))
        loaded[name] = weights, checkpoint.shape_of(manifest)
    return loaded[name]  # type: ignore[no-any-return]


def _rows(where: str, asked: Sequence[tuple[str, Mapping[str, Turn]]], names: Mapping[str, str], base: str,
          speakers: Mapping[str, tuple[Weights, Shape]]) -> list[Row]:
    """What each speaker thinks of each reply is reckoned once, however many agents share it."""
    replies = [(group, seat, *_sequence(turns[seat])) for group, turns in asked for seat in names]
    replies = [r for r in replies if r[3] < len(r[2]) <= min(shape.context for _, shape in speakers.values())]
    thinks = {name: log_chances(*speaker, [r[2] for r in replies], [r[3] for r in replies])
              for name, speaker in speakers.items()}
    nll, kl, moved = list[float](), list[float](), list[float]()
    pairs, each = list[str](), list[str]()
    for k, (group, seat, tokens, start) in enumerate(replies):
        own = thinks[names[seat]][k]
        for other in (o for o in names if o != seat):
            seen = thinks[names[other]][k]
            nll.append(surprise(seen, tokens[start:]))
            kl.append(divergence(own, seen))
            pairs.append(group)
        moved.append(divergence(own, thinks[base][k]))
        each.append(group)
    found = [mean("nll", where, nll, pairs), mean("kl_between", where, kl, pairs),
             mean("kl_from_base", where, moved, each)]
    return [{**row, **{end: row[end] and round(row[end], DIGITS) for end in ("value", "low", "high")}} for row in found]


def _sequence(turn: Turn) -> tuple[tuple[int, ...], int]:
    """(prompt and reply as tokens, where the reply begins)."""
    from ..pocket.vocabulary import STOP, encode

    prompt = encode(" ".join(m.content for m in turn.messages))
    closing = (STOP,) if turn.finish == "stop" else ()
    return (*prompt, *encode(turn.text), *closing), len(prompt)


def surprise(chances: Array, tokens: Sequence[int]) -> float:
    """Mean -log p of ``tokens`` [n] under the log-distributions ``chances`` [n, V], in nats."""
    return -float(sum(chances[i, token] for i, token in enumerate(tokens))) / len(tokens)


def divergence(one: Array, two: Array) -> float:
    """Mean over rows of KL(one || two) of log-distributions [n, V], in nats; never below 0."""
    import numpy as np

    return max(0.0, float((np.exp(one) * (one - two)).sum(axis=1).mean()))


def log_chances(weights: Weights, shape: Shape, sequences: Sequence[Sequence[int]], starts: Sequence[int]
                ) -> list[Array]:
    """The log-distribution over the vocabulary before every token of each sequence from its start on: [n, V] each."""
    import numpy as np

    from ..pocket.transformer import forward_logits

    found: dict[int, Array] = {}
    order = sorted(range(len(sequences)), key=lambda i: (len(sequences[i]), i))
    for first in range(0, len(order), BATCH):
        part = order[first : first + BATCH]
        tokens = np.zeros((len(part), max(len(sequences[i]) for i in part)), dtype=np.int64)
        for line, i in enumerate(part):
            tokens[line, : len(sequences[i])] = sequences[i]
        logits = forward_logits(weights, shape, tokens)
        for line, i in enumerate(part):
            own = logits[line, starts[i] - 1 : len(sequences[i]) - 1].astype(np.float64)
            own -= own.max(axis=1, keepdims=True)
            found[i] = own - np.log(np.exp(own).sum(axis=1, keepdims=True))
    return [found[i] for i in range(len(sequences))]
