"""What an OpenAI-compatible server answers to a chat request, read strictly: a completion, a named fault, or an error.

A fault is a `TryAgain`: this attempt failed, another with the same parameters may not. Its names:

    rate limit     429 (an account without money is an error instead: waiting does not help)
    server error   5xx, 408, 409, 425
    error body     status 200, and an error where the reply should be
    bad JSON       nothing, HTML, half a reply ...
    bad UTF-8      bytes that are no text
    bad shape      JSON of another kind
    no choices     ``choices`` missing, null or empty
    null content   a message without text, refusal or tool call

and those of a broken connection (see openai_api.py): reset, timeout, no connection, bad HTTP, bad encoding, too large.
"""

from __future__ import annotations

import email.utils
import json
import math
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from . import Completion, TryAgain

MOST_TOKENS = 10**9  # a count beyond this is no count
_TAG = re.compile(r"<[^<>]*>")
_KEY_LIKE = re.compile(r"\b(?:sk|pk|gsk|xai|hf)[-_][\w*.\-]{6,}|(?<=[Bb]earer )\S+")


class Answer(NamedTuple):
    """What came back: ``headers`` are found by name in any case."""

    status: int
    headers: Mapping[str, str]
    raw: bytes


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars per million tokens read, written, and read from the server's cache (None: as ``input``)."""

    input: float
    output: float
    cached: float | None = None

    def cost(self, read: int, written: int, cached: int = 0) -> float:
        """US dollars of one call; ``cached`` of the ``read`` tokens came from the cache."""
        cheap = self.input if self.cached is None else self.cached
        return ((read - cached) * self.input + cached * cheap + written * self.output) / 1e6


@dataclass(frozen=True, slots=True)
class ServerError:
    """What a server says about a refused request: ``message`` is as it came, ``code`` and ``kind`` are short words."""

    message: str = ""
    code: str = ""
    kind: str = ""


Clean = Callable[[str], str]  # any text to one short line without the key


def clean(text: str, key: str = "", most: int = 200) -> str:
    """One line of at most ``most`` characters, without control characters and without ``key`` or a large part of it."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    if key:
        line = line.replace(key, "[key]")
        parts = {key[i : i + 10] for i in range(len(key) - 9)}
        if any(part in line for part in parts):
            words = line.split(" ")
            line = " ".join("[key]" if any(part in word for part in parts) else word for word in words)
    line = _KEY_LIKE.sub("[key]", line)
    return line if len(line) <= most else line[: most - 1] + "…"


def completion(answer: Answer, ms: float, price: Price | None, tidy: Clean) -> Completion:
    """The completion of a status 200; TryAgain, by name, where there is none."""
    data = _json(answer.raw)
    if not isinstance(data, dict):
        raise TryAgain("bad shape", f"the reply is {_kind(data)}, not an object")
    choices = data.get("choices")
    if choices is None or choices == []:
        if (said := error_in(data)).message:
            raise TryAgain("error body", tidy(said.message))
        raise TryAgain("no choices", "the reply has no choices")
    if not isinstance(choices, list) or not isinstance(choices[0], dict):
        raise TryAgain("bad shape", f"choices is {_kind(choices)}")
    choice = choices[0]
    message, finish = choice.get("message"), choice.get("finish_reason")
    if not isinstance(message, dict):
        raise TryAgain("bad shape", f"the message is {_kind(message)}")
    if finish == "error":  # so some routers pass on that the host behind them broke down
        raise TryAgain("error body", tidy(error_in(choice).message or "finish_reason error"))
    text, end = _said(message, finish)
    read, written, cached = _usage(data.get("usage"))
    cost = None
    if price is not None and read is not None and written is not None:
        cost = price.cost(read, written, cached)
    return Completion(text, end, read or 0, written or 0, ms, cost)


def _said(message: Mapping[str, Any], finish: object) -> tuple[str, str]:
    """(text, finish) of a message."""
    content, refusal = _text(message.get("content")), message.get("refusal")
    if isinstance(refusal, str) and refusal:
        return content or refusal, "refusal"
    if finish == "content_filter":
        return content or "", "refusal"
    if not content and (message.get("tool_calls") or message.get("function_call")):
        return "", "tool_call"
    if finish in ("length", "max_tokens"):  # without text where thinking took all the room: asking again gives the same
        return content or "", "length"
    if content is None:
        raise TryAgain("null content", "the message has no text")
    return content, "stop"


def _text(content: object) -> str | None:
    """A message's text: a string, or a list of parts whose texts are joined; None where there is none."""
    if content is None or isinstance(content, str):
        return content
    if isinstance(content, list) and all(isinstance(part, dict) for part in content):
        texts = [part.get("text") for part in content if part.get("type", "text") in ("text", "output_text")]
        if all(isinstance(text, str) for text in texts):
            return "".join(texts) if texts else None
    raise TryAgain("bad shape", f"the content is {_kind(content)}")


def _usage(usage: object) -> tuple[int | None, int | None, int]:
    """(tokens read, tokens written, of those read from the cache); None where the server does not say it in numbers."""
    if not isinstance(usage, dict):
        return None, None, 0
    read, written = _count(usage.get("prompt_tokens")), _count(usage.get("completion_tokens"))
    details = usage.get("prompt_tokens_details")
    cached = _count(details.get("cached_tokens")) if isinstance(details, dict) else None
    if cached is None:
        cached = _count(usage.get("prompt_cache_hit_tokens"))
    return read, written, min(cached or 0, read or 0)


def _count(value: object) -> int | None:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if type(value) is int and 0 <= value <= MOST_TOKENS else None


def _json(raw: bytes) -> object:
    try:
        return json.loads(raw)
    except UnicodeDecodeError as error:
        why = f"byte {error.start} of {len(raw)} is no UTF-8"
        name = "bad UTF-8"
    except (ValueError, RecursionError) as error:
        why = f"{len(raw)} bytes, {type(error).__name__}" if raw.strip() else "the reply is empty"
        name = "bad JSON"
    raise TryAgain(name, why)


def _kind(value: object) -> str:
    known = {"dict": "an object", "list": "a list", "str": "a text", "NoneType": "null"}
    return known.get(type(value).__name__, "a number")


# -- errors ----------------------------------------------------------------------------------------------------------
def error_in(data: object) -> ServerError:
    """What an error body says, in the forms of OpenAI, vLLM, FastAPI, Gemini and plain text."""
    if isinstance(data, list) and data:
        data = data[0]
    if isinstance(data, str):
        return ServerError(_TAG.sub(" ", data))
    if not isinstance(data, dict):
        return ServerError()
    error = data.get("error") or data
    if isinstance(error, str):
        return ServerError(error)
    if not isinstance(error, dict):
        return ServerError()
    said = next((error[name] for name in ("message", "detail", "error_description") if error.get(name)), "")
    message = said if isinstance(said, str) else json.dumps(said, ensure_ascii=False)
    return ServerError(message, str(error.get("code") or ""), str(error.get("type") or ""))


def error_of(answer: Answer) -> ServerError:
    """What the body of a status other than 200 says."""
    text = answer.raw[:100_000].decode("utf-8", "replace")
    try:
        return error_in(json.loads(text))
    except (ValueError, RecursionError):
        return error_in(text)


def passing(answer: Answer, tidy: Clean) -> TryAgain | None:
    """The fault where a status other than 200 says that another attempt may succeed, else None."""
    status, said = answer.status, error_of(answer)
    if status == 429 and not no_money(answer, said):
        return TryAgain("rate limit", tidy(said.message), wait(answer.headers))
    if status in (408, 409, 425) or status >= 500:
        return TryAgain("server error", tidy(f"{status} {said.message}"), wait(answer.headers))
    return None


def no_money(answer: Answer, said: ServerError) -> bool:
    """Whether the account is empty: 402, or OpenAI's 429 that no waiting mends."""
    broke = ("insufficient_quota", "billing_hard_limit_reached", "billing_not_active")
    return answer.status == 402 or said.code in broke or said.kind in broke


def wait(headers: Mapping[str, str]) -> float | None:
    """Seconds that a server asks to wait: ``retry-after-ms``, ``retry-after`` in seconds or as a date; else None."""
    for name, unit in (("retry-after-ms", 1e-3), ("retry-after", 1.0)):
        try:
            seconds = float(headers.get(name, "")) * unit
        except ValueError:
            continue
        if math.isfinite(seconds) and seconds >= 0:
            return seconds
    try:
        when = email.utils.parsedate_to_datetime(headers.get("retry-after", "")).timestamp()
    except (TypeError, ValueError, OverflowError, OSError):
        return None
    return max(0.0, when - time.time())
