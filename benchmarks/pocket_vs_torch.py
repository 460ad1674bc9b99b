"""The embedded model against the same network in PyTorch eager: tokens a second, one thread each, in turn A B A B.

    OPENBLAS_NUM_THREADS=1 python benchmarks/pocket_vs_torch.py [--rounds 7] [--json]

Needs torch==2.13.0, which the lab itself does not. Both sides have equal weights (logits equal to 1e-4, checked
first) and the same ideas: one key/value head read by all queries at once, cache allocated once, finished rows
dropped, output head and last layer only where loss falls. PyTorch chooses its own best form: every variant is tried
once, and the fastest is measured against NumPy. Workloads: 256 prompts of 20-30 tokens, 20-90 new ones at temperature
1; fine-tuning in batches of 64, lengths 40-110.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

try:
    import torch
    import torch.nn.functional as F
except ImportError:
    print("skipped: this comparison needs torch==2.13.0")
    sys.exit(0)

import numpy as np  # noqa: E402

from sirius_core.pocket import learning, sampling  # noqa: E402
from sirius_core.pocket.transformer import NORM_FLOOR, Shape, Weights, forward_logits, initialise  # noqa: E402

torch.set_num_threads(1)
SHAPE = Shape(200)
STOP = 1


class Twin(torch.nn.Module):
    """The network of `sirius_core.pocket.transformer` in PyTorch.

    `attention` is 'sdpa' (the fused operator) or 'tall' (explicit products, all queries as one matrix).
    """

    def __init__(self, weights: Weights, shape: Shape, attention: str) -> None:
        super().__init__()
        self.shape, self.attention = shape, attention
        self.w = torch.nn.ParameterDict({name: torch.tensor(array.copy()) for name, array in weights.items()})

    def norm(self, x: torch.Tensor) -> torch.Tensor:
        return F.rms_norm(x, (self.shape.width,), eps=NORM_FLOOR)

    def widen(self, i: int, x: torch.Tensor) -> torch.Tensor:
        active = F.relu(self.norm(x) @ self.w[f"up{i}"], inplace=True)
        active = active.square() if torch.is_grad_enabled() else active.square_()
        return torch.addmm(x, active, self.w[f"down{i}"]) if x.ndim == 2 else x + active @ self.w[f"down{i}"]

    def attend(
        self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, mask: torch.Tensor | None
    ) -> torch.Tensor:
        """query [B, Q, C], key and value [B, T, D], mask [B, 1, Q, T] (None: causal) -> [B, Q, C]."""
        (b, rows, c), t = query.shape, key.shape[1]
        h, d = self.shape.heads, self.shape.head_width
        if self.attention == "sdpa":
            heads = query.view(b, rows, h, d).transpose(1, 2)
            key4, value4 = (part[:, None].expand(b, h, t, d) for part in (key, value))
            seen = F.scaled_dot_product_attention(heads, key4, value4, attn_mask=mask, is_causal=mask is None)
            return seen.transpose(1, 2).reshape(b, rows, c)
        if mask is None:
            mask = torch.full((t, t), -torch.inf).triu(1)[None, None]
        tall = mask.expand(-1, h, -1, -1).transpose(1, 2).reshape(-1, rows * h, t).expand(b, -1, -1)
        look = torch.baddbmm(tall, query.reshape(b, rows * h, d), key.transpose(1, 2), alpha=d**-0.5)
        return (look.softmax(-1) @ value).view(b, rows, c)

    def forward(self, tokens: torch.Tensor, rows: torch.Tensor | None = None) -> torch.Tensor:
        """Logits [R, V] at flat positions `rows`, or everywhere."""
        b, t = tokens.shape
        c, d = self.shape.width, self.shape.head_width
        x = F.embedding(tokens, self.w["token"]) + self.w["position"][:t]
        for i in range(self.shape.layers):
            n = self.norm(x)
            key, value = (n @ self.w[f"keyvalue{i}"]).split(d, dim=2)
            seen = self.attend(n @ self.w[f"query{i}"], key, value, None)
            if i == self.shape.layers - 1 and rows is not None:
                x, seen = x.reshape(b * t, c)[rows], seen.reshape(b * t, c)[rows]
            x = self.widen(i, x + seen @ self.w[f"mix{i}"])
        return (self.norm(x) @ self.w["head"]).view(-1, self.shape.vocab)

    @torch.inference_mode()
    def sample(self, requests: Sequence[sampling.Request], part: int, drop: float) -> int:
        """Number of tokens generated.

        Prompts are read in parts of at most `part` padded tokens. Rows that ended leave once the share of live ones
        falls below `drop`; with 1 the last rows take their places at once, at the cost of copying only those.
        """
        shape, b = self.shape, len(requests)
        h, d = shape.heads, shape.head_width
        requests = sorted(requests, key=lambda request: len(request.prompt))
        length = torch.tensor([len(request.prompt) for request in requests])
        most = torch.tensor([request.max_new for request in requests])
        p = int(length.max())
        columns = p + int(most.max())
        blank = p - length
        hidden = torch.zeros((b, 1, columns)).masked_fill_(torch.arange(columns) < blank[:, None, None], -torch.inf)
        keys, values = torch.zeros((shape.layers, b, d, columns)), torch.zeros((shape.layers, b, columns, d))
        size = max(1, part // p)
        parts = [slice(i, i + size) for i in range(0, b, size)]
        logits = torch.cat([self.read(requests[at], keys[:, at], values[:, at], p) for at in parts])
        generated, alive = 0, torch.ones(b, dtype=torch.bool)
        for step in range(int(most.max())):
            # torch.multinomial takes ten times as long on a CPU.
            ladder = logits.softmax(-1).cumsum(-1)
            uniform = torch.rand(len(ladder), 1) * ladder[:, -1:]
            token = torch.searchsorted(ladder, uniform, right=True)[:, 0].clamp_(max=shape.vocab - 1)
            generated += int(alive.sum())
            alive &= (token != STOP) & (step + 1 < most)
            left = int(alive.sum())
            at = p + step
            if not left:
                break
            if drop == 1 and left < len(alive):
                holes, movers = (~alive[:left]).nonzero()[:, 0], left + alive[left:].nonzero()[:, 0]
                keys[:, holes, :, :at], values[:, holes, :at] = keys[:, movers, :, :at], values[:, movers, :at]
                for row in (hidden, length, most, token):
                    row[holes] = row[movers]
                keys, values, alive = keys[:, :left], values[:, :left], torch.ones(left, dtype=torch.bool)
                hidden, length, most, token = (row[:left] for row in (hidden, length, most, token))
            elif left < drop * len(alive):
                keys, values, hidden = keys[:, alive], values[:, alive], hidden[alive]
                length, most, token, alive = length[alive], most[alive], token[alive], alive[alive]
            x = F.embedding(token, self.w["token"]) + self.w["position"][(length + step).clamp(max=shape.context - 1)]
            for i in range(shape.layers):
                n = self.norm(x)
                key, value = (n @ self.w[f"keyvalue{i}"]).split(d, dim=1)
                keys[i, :, :, at], values[i, :, at] = key, value
                query = (n @ self.w[f"query{i}"]).view(-1, h, d)
                look = torch.baddbmm(hidden[:, :, : at + 1], query, keys[i, :, :, : at + 1], alpha=d**-0.5)
                seen = torch.bmm(look.softmax(-1), values[i, :, : at + 1]).view(len(x), -1)
                x = self.widen(i, torch.addmm(x, seen, self.w[f"mix{i}"]))
            logits = self.norm(x) @ self.w["head"]
        return generated

    def read(
        self, requests: Sequence[sampling.Request], keys: torch.Tensor, values: torch.Tensor, p: int
    ) -> torch.Tensor:
        """Logits after the prompts; fills the columns before p of keys and values."""
        c, d, b = self.shape.width, self.shape.head_width, len(requests)
        t = max(len(request.prompt) for request in requests)
        blank = torch.tensor([t - len(request.prompt) for request in requests])
        tokens = torch.zeros((b, t), dtype=torch.long)
        for row, request in enumerate(requests):
            tokens[row, t - len(request.prompt) :] = torch.tensor(request.prompt)
        hidden = torch.zeros((b, 1, t)).masked_fill_(torch.arange(t) < blank[:, None, None], -torch.inf)
        mask = torch.full((t, t), -torch.inf).triu(1) + hidden
        mask.diagonal(dim1=1, dim2=2).zero_()
        x = F.embedding(tokens, self.w["token"]) + self.w["position"][(torch.arange(t) - blank[:, None]).clamp(min=0)]
        for i in range(self.shape.layers):
            n = self.norm(x)
            key, value = (n @ self.w[f"keyvalue{i}"]).split(d, dim=2)
            keys[i, :, :, p - t : p], values[i, :, p - t : p] = key.transpose(1, 2), value
            if i == self.shape.layers - 1:
                x, n, mask = x[:, -1:], n[:, -1:], mask[:, -1:]
            seen = self.attend(n @ self.w[f"query{i}"], key, value, mask[:, None])
            x = self.widen(i, (x + seen @ self.w[f"mix{i}"]).view(-1, c)).view(x.shape)
        return (self.norm(x) @ self.w["head"])[:, 0]

    def tune(self, batches: Sequence[Sequence[learning.Example]], part: int) -> int:
        """One pass with AdamW (fused), gradients summed over parts of `part` tokens at most; returns the tokens."""
        optimiser = torch.optim.AdamW(self.parameters(), lr=1e-6, betas=(0.9, 0.99), weight_decay=0.0, fused=True)
        seen = 0
        for batch in batches:
            optimiser.zero_grad(set_to_none=True)
            ordered = sorted(batch, key=lambda example: len(example.tokens))
            total = sum(len(example.tokens) - example.start for example in batch)
            while ordered:
                take = max(1, part // len(ordered[-1].tokens))
                ordered, piece = ordered[:-take], ordered[-take:]
                padded, weight = (torch.from_numpy(array) for array in learning.pad(piece))
                rows = weight[:, 1:].reshape(-1).nonzero()[:, 0]
                logits = self(padded[:, :-1], rows)
                (F.cross_entropy(logits, padded[:, 1:].reshape(-1)[rows], reduction="sum") / total).backward()
            torch.nn.utils.clip_grad_norm_(self.parameters(), 1.0)
            optimiser.step()
            seen += sum(len(example.tokens) for example in batch)
        return seen


def rate(work: Callable[[], int]) -> float:
    begin = time.perf_counter()
    return work() / (time.perf_counter() - begin)


def best(variants: dict[str, Callable[[], int]]) -> tuple[str, Callable[[], int]]:
    """The fastest of the variants, each warmed up once and tried twice."""
    speeds = {}
    for name, work in variants.items():
        work()
        speeds[name] = max(rate(work), rate(work))
    name = max(speeds, key=speeds.__getitem__)
    return name, variants[name]


def compare(ours: Callable[[], int], theirs: Callable[[], int], rounds: int) -> dict[str, Any]:
    ours(), theirs()
    pairs = [(rate(ours), rate(theirs)) for _ in range(rounds)]
    numpy_rate, torch_rate = (statistics.median(column) for column in zip(*pairs, strict=True))
    ratio = statistics.median(a / b for a, b in pairs)
    return {"numpy": round(numpy_rate), "torch": round(torch_rate), "ratio": round(ratio, 3)}


def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    options = parser.parse_args(arguments)
    torch.manual_seed(0)
    rng = np.random.default_rng(1)
    weights = initialise(SHAPE, 0)

    def words(low: int, high: int) -> tuple[int, ...]:
        return tuple(rng.integers(2, SHAPE.vocab, rng.integers(low, high + 1)).tolist())

    twins = {attention: Twin(weights, SHAPE, attention) for attention in ("sdpa", "tall")}
    tokens = rng.integers(0, SHAPE.vocab, (8, 60))
    with torch.inference_mode():
        ours = forward_logits(weights, SHAPE, tokens).reshape(-1, SHAPE.vocab)
        gaps = [float(np.abs(ours - twin(torch.from_numpy(tokens)).numpy()).max()) for twin in twins.values()]
    if max(gaps) > 1e-4:
        raise SystemExit(f"the two networks differ: {max(gaps)}")

    requests = [sampling.Request(words(20, 30), i, 1.0, int(rng.integers(20, 91))) for i in range(256)]
    name, theirs = best({
        f"{attention}, {part} tokens read at once, rows dropped below {drop}": (
            lambda a=attention, p=part, x=drop: twins[a].sample(requests, p, x)
        )
        for attention, part, drop in itertools.product(twins, (512, 10**9), (0.7, 0.9, 1))
    })
    report: dict[str, Any] = {"largest_logit_difference": max(gaps), "torch_sampling": name}

    def generate() -> int:
        replies = sampling.sample(weights, SHAPE, requests, STOP)
        return sum(len(reply.tokens) + (reply.finish == "stop") for reply in replies)

    report["sampling"] = compare(generate, theirs, options.rounds)

    examples = [learning.Example(words(40, 110), 25) for _ in range(10 * 64)]
    parts = learning.buckets([len(example.tokens) for example in examples], 64, np.random.default_rng(0))
    batches = [[examples[i] for i in part] for part in parts]
    name, theirs = best({
        f"{attention}, {size} tokens at once": (lambda a=attention, x=size: twins[a].tune(batches, x))
        for attention, size in itertools.product(twins, (512, 2048, 10**9))
    })
    report["torch_training"] = name
    schedule = learning.Schedule(epochs=1, rate=1e-6)
    report["training"] = compare(
        lambda: learning.train(weights, SHAPE, examples, schedule, 0).tokens, theirs, options.rounds
    )
    if options.json:
        print(json.dumps(report))
    else:
        for key, value in report.items():
            print(key, value, file=sys.stdout)
    return report


if __name__ == "__main__":
    main()
