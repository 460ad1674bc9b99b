"""Chat completions: what is asked is checked word for word, sampled by the engine and told in OpenAI's form.

A prompt is the contents of all messages, joined by a space: single lines of the pocket model's own words. Replies are
sampled whole; a stream is the finished reply, word by word.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import UnreadableText
from ..models import Completion, Sampling
from ..pocket.transformer import forward_logits
from ..pocket.vocabulary import WORDS, encode
from ..trajectories import digest
from .batches import Row
from .protocol import Refused, flag, real, text, unknown_fields, whole
from .shelf import Shelf, Shelved

NEUTRAL: Mapping[str, tuple[Any, ...]] = {
    "top_p": (1,),
    "frequency_penalty": (0,),
    "presence_penalty": (0,),
    "logit_bias": ({},),
    "response_format": ({"type": "text"},),
    "tools": ([],),
    "functions": ([],),
    "tool_choice": ("none", "auto"),
    "parallel_tool_calls": (True, False),
    "modalities": (["text"],),
    "store": (False,),
    "service_tier": ("auto", "default"),
}
"""What some clients always send: accepted with these values, which change nothing."""
IGNORED = ("user", "metadata", "safety_identifier", "prompt_cache_key")
READ = (
    *("model", "messages", "n", "seed", "temperature", "max_tokens", "max_completion_tokens", "stop"),
    *("logprobs", "top_logprobs", "stream", "stream_options"),
)
SPEAKERS = ("system", "developer", "user", "assistant")


@dataclass(frozen=True)
class Wish:
    """A checked request. ``stops`` end a reply before them; ``top`` alternatives go with each token of ``logprobs``."""

    model: Shelved
    prompt: tuple[int, ...]
    seeds: tuple[int, ...]
    temperature: float
    max_tokens: int
    stops: tuple[str, ...]
    logprobs: bool
    top: int
    stream: bool
    include_usage: bool

    def rows(self) -> list[Row]:
        return [(self.model.hash, self.prompt, Sampling(self.temperature, self.max_tokens, s)) for s in self.seeds]


def seed_of(seed: int, i: int) -> int:
    """The seed of reply ``i`` of a request: the first has the request's own."""
    return seed if i == 0 else int(digest(seed, i)[:16], 16) >> 1


def read(body: Mapping[str, Any], shelf: Shelf) -> Wish:
    """Check a request; Refused names the first parameter that cannot be met."""
    model = shelf.find(text(body, "model"))
    for name, values in NEUTRAL.items():
        given = body.get(name)
        same = any(given == v and (isinstance(given, bool) == isinstance(v, bool)) for v in values)
        if given is not None and not same:
            raise Refused(
                f"Unsupported value: {name!r} does not support {json.dumps(given)[:100]} with this model.",
                param=name,
                code="unsupported_value",
            )
    unknown_fields(body, (*READ, *IGNORED, *NEUTRAL))
    temperature = real(body, "temperature", 0, 2)
    most = whole(body, "max_completion_tokens", 1, 10**9)
    old = whole(body, "max_tokens", 1, 10**9)
    if None not in (most, old) and most != old:
        raise Refused("'max_tokens' and 'max_completion_tokens' differ: send one of them.", param="max_tokens")
    n, seed = whole(body, "n", 1, 128) or 1, whole(body, "seed", -(2**63), 2**63 - 1)
    seed = secrets.randbits(63) if seed is None else seed
    logprobs, top = flag(body, "logprobs"), whole(body, "top_logprobs", 0, 20)
    if top and not logprobs:
        raise Refused("'top_logprobs' needs 'logprobs': true.", param="top_logprobs")
    options = body.get("stream_options")
    if options is not None:
        if not isinstance(options, dict) or not flag(body, "stream"):
            raise Refused("'stream_options' must be an object, and needs 'stream': true.", param="stream_options")
        unknown_fields(options, ("include_usage", "include_obfuscation"), "stream_options.")
    return Wish(
        model,
        _prompt(body.get("messages"), model),
        tuple(seed_of(seed, i) for i in range(n)),
        1.0 if temperature is None else temperature,
        most or old or model.shape.context,
        _stops(body.get("stop")),
        logprobs,
        top or 0,
        flag(body, "stream"),
        options is not None and flag(options, "include_usage"),
    )


def _prompt(messages: Any, model: Shelved) -> tuple[int, ...]:
    if not isinstance(messages, list) or not messages:
        raise Refused("'messages' must be a list of at least one message.", param="messages")
    said = " ".join(content(message, f"messages[{i}]") for i, message in enumerate(messages))
    prompt = tokens(said, "messages", model.shape.vocab)
    if not prompt:
        raise Refused("'messages' hold no word.", param="messages")
    if len(prompt) >= model.shape.context - 1:
        raise Refused(
            f"This model reads at most {model.shape.context - 2} words; the messages have {len(prompt)}.",
            param="messages",
            code="context_length_exceeded",
            prompt_tokens=len(prompt),
        )
    return prompt


def content(message: Any, where: str) -> str:
    """The text of one message; Refused with its place otherwise."""
    if not isinstance(message, dict) or message.get("role") not in SPEAKERS:
        raise Refused(f"{where} must have one of the roles {', '.join(SPEAKERS)}.", param=f"{where}.role")
    unknown_fields(message, ("role", "content", "name", "refusal"), f"{where}.")
    found = message.get("content")
    if isinstance(found, list) and all(isinstance(p, dict) and p.get("type") == "text" for p in found):
        found = " ".join(part["text"] if isinstance(part.get("text"), str) else "" for part in found)
    if not isinstance(found, str):
        raise Refused(f"{where}.content must be a text.", param=f"{where}.content")
    return found


def tokens(said: str, param: str, size: int | None = None) -> tuple[int, ...]:
    """The tokens of a pocket model that knows the first ``size`` words; Refused with the unknown words and the nearest
    known ones."""
    try:
        return encode(said, size)
    except UnreadableText as error:
        raise Refused(
            str(error), param=param, code="unreadable_text", words=list(error.words), nearest=list(error.nearest)
        ) from None


def _stops(value: Any) -> tuple[str, ...]:
    stops = [value] if isinstance(value, str) else [] if value is None else value
    if not isinstance(stops, list) or len(stops) > 4 or not all(isinstance(s, str) and s for s in stops):
        raise Refused("'stop' must be a text, or a list of at most 4, none of them empty.", param="stop")
    return tuple(stops)


# -- replies ---------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Reply:
    """One choice: its text in pieces, one per token, cut before the first stop text."""

    pieces: tuple[str, ...]
    finish: str
    logprobs: tuple[dict[str, Any], ...] | None

    @property
    def text(self) -> str:
        return "".join(self.pieces)


def replies(wish: Wish, said: Sequence[Completion], shelf: Shelf) -> list[Reply]:
    """The choices that answer a request."""
    found = []
    for completion in said:
        cut = min((at for stop in wish.stops if (at := completion.text.find(stop)) >= 0), default=None)
        words = completion.text.split()
        pieces = [f" {word}" if i else word for i, word in enumerate(words)]
        if cut is not None:
            pieces = _cut(pieces, cut)
        logprobs = _logprobs(wish, completion.text, pieces, shelf) if wish.logprobs else None
        found.append(Reply(tuple(pieces), "stop" if cut is not None else completion.finish, logprobs))
    return found


def _cut(pieces: Sequence[str], length: int) -> list[str]:
    """The pieces of the first ``length`` characters."""
    kept: list[str] = []
    for piece in pieces:
        if length <= 0:
            break
        kept.append(piece[:length])
        length -= len(piece)
    return kept


def _logprobs(wish: Wish, said: str, pieces: Sequence[str], shelf: Shelf) -> tuple[dict[str, Any], ...]:
    """The model's own log-probabilities (nats, temperature 1) of the reply's tokens, by reading it once more."""
    reply = encode(said)[: len(pieces)]
    if not reply:
        return ()
    start = len(wish.prompt)
    logits = forward_logits(shelf.weights(wish.model), wish.model.shape, np.array([[*wish.prompt, *reply]]))
    each = logits[0, start - 1 : start - 1 + len(reply)].astype(np.float64)
    each -= each.max(axis=1, keepdims=True)
    each -= np.log(np.exp(each).sum(axis=1, keepdims=True))
    found = []
    for i, (token, piece) in enumerate(zip(reply, pieces, strict=True)):
        best = np.argsort(-each[i], kind="stable")[: wish.top].tolist()
        others = [_token(f" {WORDS[t]}" if i else WORDS[t], each[i, t]) for t in best]
        found.append({**_token(piece, each[i, token]), "top_logprobs": others})
    return tuple(found)


def _token(said: str, logprob: float) -> dict[str, Any]:
    return {"token": said, "logprob": float(logprob), "bytes": list(said.encode())}


def _head(wish: Wish, kind: str) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-{secrets.token_hex(12)}",
        "object": kind,
        "created": int(time.time()),
        "model": wish.model.id,
        "system_fingerprint": f"pocket_{wish.model.hash[:12]}",
    }


def _usage(wish: Wish, choices: Sequence[Reply]) -> dict[str, Any]:
    spoken = sum(len(choice.pieces) for choice in choices)
    return {"prompt_tokens": len(wish.prompt), "completion_tokens": spoken, "total_tokens": len(wish.prompt) + spoken}


def whole_answer(wish: Wish, choices: Sequence[Reply]) -> dict[str, Any]:
    """The body of an answer that is not streamed."""
    return _head(wish, "chat.completion") | {
        "choices": [
            {
                "index": i,
                "message": {"role": "assistant", "content": choice.text, "refusal": None},
                "logprobs": None if choice.logprobs is None else {"content": list(choice.logprobs), "refusal": None},
                "finish_reason": choice.finish,
            }
            for i, choice in enumerate(choices)
        ],
        "usage": _usage(wish, choices),
    }


def streamed(wish: Wish, choices: Sequence[Reply]) -> Iterator[str]:
    """The same as server-sent events: a chunk per word, the end of each choice, usage if asked for, ``[DONE]``."""
    head = _head(wish, "chat.completion.chunk")

    def event(parts: list[dict[str, Any]], usage: dict[str, Any] | None = None) -> str:
        body = head | {"choices": parts} | ({"usage": usage} if wish.include_usage else {})
        return f"data: {json.dumps(body, separators=(',', ':'))}\n\n"

    def part(i: int, delta: dict[str, Any], finish: str | None = None, logprob: Any = None) -> dict[str, Any]:
        known = None if logprob is None else {"content": [logprob], "refusal": None}
        return {"index": i, "delta": delta, "logprobs": known, "finish_reason": finish}

    for i, choice in enumerate(choices):
        yield event([part(i, {"role": "assistant", "content": "", "refusal": None})])
        for k, piece in enumerate(choice.pieces):
            yield event([part(i, {"content": piece}, logprob=choice.logprobs and choice.logprobs[k])])
        yield event([part(i, {}, choice.finish)])
    if wish.include_usage:
        yield event([], _usage(wish, choices))
    yield "data: [DONE]\n\n"
