"""What can go wrong at an endpoint, each fault by name, and when it does: for `FakeEndpoint`.

``FAULTS[name].answer(asked)`` makes the bytes and says in which manner they are sent. ``kind`` is what a careful client
makes of it: ``again`` (another attempt may succeed), ``fatal`` (no attempt will), ``outcome`` (the model failed, with a
name), ``fine`` (the reply is there all the same).

A plan is ``{name: Rate(0.2) | First(2) | ALWAYS}``: a rate falls by the hash of seed, body and attempt, never by time.
Several rates exclude one another; several `First` come one after the other.
"""

from __future__ import annotations

import copy
import email.utils
import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

HUGE = 32 * 2**20  # bytes of the huge body
DATE_WAIT = 1.0  # seconds from now that the date of "429 date" names, rounded up to a whole second


@dataclass(frozen=True)
class Asked:
    """What a fault may use: the request's headers and body, the good answer, and the time in seconds since 1970."""

    headers: Mapping[str, str]
    body: Mapping[str, Any]
    good: Mapping[str, Any]
    now: float = 0.0


@dataclass(frozen=True)
class Answer:
    """``manner``: whole; reset or close (before any byte, by RST or by FIN); half or cut (the body stops in the middle,
    by RST or by FIN); trickle (blanks for ever, the promised length never comes); hang (nothing); raw (``body`` is the
    whole response)."""

    body: bytes = b""
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    manner: str = "whole"
    type: str = "application/json"


@dataclass(frozen=True)
class Fault:
    name: str
    kind: str
    answer: Callable[[Asked], Answer]


FAULTS: dict[str, Fault] = {}


def _fault(name: str, kind: str, answer: Callable[[Asked], Answer]) -> None:
    if name in FAULTS:
        raise ValueError(f"two faults are called {name!r}")
    FAULTS[name] = Fault(name, kind, answer)


def as_json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def error(status: int, message: str, kind: str, code: str | None = None, *headers: tuple[str, str]) -> Answer:
    """An error in OpenAI's form."""
    body = {"error": {"message": message, "type": kind, "param": None, "code": code}}
    return Answer(as_json(body), status, headers)


def _changed(message: Mapping[str, Any] | None = None, finish: str = "stop") -> Callable[[Asked], Answer]:
    """The good answer with other message fields and another end."""

    def answer(asked: Asked) -> Answer:
        good = copy.deepcopy(dict(asked.good))
        good["choices"][0]["message"].update(message or {})
        good["choices"][0]["finish_reason"] = finish
        return Answer(as_json(good))

    return answer


def _truncated(asked: Asked) -> Answer:
    text = str(asked.good["choices"][0]["message"].get("content") or "")
    return _changed({"content": text[: len(text) // 2]}, "length")(asked)


def _without_choices(*value: Any) -> Callable[[Asked], Answer]:
    def answer(asked: Asked) -> Answer:
        rest = {name: field for name, field in asked.good.items() if name != "choices"}
        return Answer(as_json(rest | ({"choices": value[0]} if value else {})))

    return answer


def _limited(*headers: tuple[str, str]) -> Callable[[Asked], Answer]:
    return lambda asked: error(429, "Rate limit reached", "requests", "rate_limit_exceeded", *headers)


def _limited_until(asked: Asked) -> Answer:
    at = email.utils.formatdate(int(asked.now + DATE_WAIT) + 1, usegmt=True)
    return _limited(("Retry-After", at))(asked)


@cache
def _huge_body() -> bytes:
    """Made once: many of them are asked for at a time."""
    choice = {"index": 0, "message": {"role": "assistant", "content": "a" * HUGE}, "finish_reason": "stop"}
    return as_json({"id": "huge", "object": "chat.completion", "created": 0, "model": "fake", "choices": [choice]})


def _echo(status: int) -> Callable[[Asked], Answer]:
    def answer(asked: Asked) -> Answer:
        return error(status, f"bad request: authorization: {asked.headers.get('authorization')}", "echo", "echo")

    return answer


HTML = b"<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head><body><h1>Bad Gateway</h1></body></html>"
TOOL = {"id": "call_1", "type": "function", "function": {"name": "look_up", "arguments": "{}"}}
STRANGE = (
    ("X-Request-Id", "one"), ("X-Request-Id", "two"), ("Retry-After", "soon"), ("Retry-After-Ms", "-1"),
    ("X-Should-Retry", "maybe"), ("Openai-Processing-Ms", "NaN"), ("X-Empty", ""), ("X-Latin", "caf\xe9"),
    ("X-Long", "x" * 4000),
)
SERVER = "The server had an error while processing your request"

_fault("429", "again", _limited(("Retry-After", "1")))
_fault("429 bare", "again", _limited())
_fault("429 date", "again", _limited_until)
_fault("429 ms", "again", _limited(("Retry-After-Ms", "20")))
_fault("500", "again", lambda asked: error(500, SERVER, "server_error"))
_fault("502", "again", lambda asked: Answer(HTML, 502, type="text/html"))
_fault("503", "again", lambda asked: error(503, "The engine is currently overloaded", "server_error"))
_fault("408", "again", lambda asked: error(408, "Request timed out", "timeout"))
_fault("409", "again", lambda asked: error(409, "The resource is locked", "conflict"))
_fault("400", "fatal", lambda asked: error(400, "temperature is not supported", "invalid_request_error"))
_fault("401", "fatal", lambda asked: error(401, "Incorrect API key provided", "invalid_request_error",
                                           "invalid_api_key"))
_fault("403", "fatal", lambda asked: error(403, "Country not supported", "request_forbidden"))
_fault("404", "fatal", lambda asked: unknown_model(str(asked.body.get("model"))))
_fault("quota", "fatal", lambda asked: error(429, "You exceeded your current quota", "insufficient_quota",
                                             "insufficient_quota"))
_fault("echoed key", "again", _echo(500))
_fault("echoed key 401", "fatal", _echo(401))
_fault("error in 200", "again", lambda asked: Answer(error(0, "upstream failed", "server_error").body))
_fault("choices missing", "again", _without_choices())
_fault("choices null", "again", _without_choices(None))
_fault("choices empty", "again", _without_choices([]))
_fault("null content", "again", _changed({"content": None}))
_fault("refusal", "outcome", _changed({"content": None, "refusal": "I cannot help with that."}))
_fault("tool call", "outcome", _changed({"content": None, "tool_calls": [TOOL]}, "tool_calls"))
_fault("truncated", "outcome", _truncated)
_fault("content filter", "outcome", _changed({"content": ""}, "content_filter"))
_fault("bad JSON", "again", lambda asked: Answer(as_json(asked.good)[:-1] + b",}"))
_fault("bad UTF-8", "again", lambda asked: Answer(as_json(asked.good).replace(b"assistant", b"assist\xff\xfe")))
_fault("empty body", "again", lambda asked: Answer())
_fault("html", "again", lambda asked: Answer(HTML, type="text/html"))
_fault("bad head", "again", lambda asked: Answer(b"HTTP/1.1 fine\r\nnonsense\r\n\r\n", manner="raw"))
_fault("reset", "again", lambda asked: Answer(manner="reset"))
_fault("half", "again", lambda asked: Answer(as_json(asked.good), manner="half"))
_fault("closed", "again", lambda asked: Answer(manner="close"))
_fault("cut", "again", lambda asked: Answer(as_json(asked.good), manner="cut"))
_fault("trickle", "again", lambda asked: Answer(manner="trickle"))
_fault("hang", "again", lambda asked: Answer(manner="hang"))
_fault("huge", "again", lambda asked: Answer(_huge_body()))
_fault("wrong type", "fine", lambda asked: Answer(as_json(asked.good), type="text/plain"))
_fault("strange headers", "fine", lambda asked: Answer(as_json(asked.good), headers=STRANGE))


def unknown_model(name: str) -> Answer:
    message = f"The model `{name}` does not exist or you do not have access to it."
    return error(404, message, "invalid_request_error", "model_not_found")


def wrong_key(given: str) -> Answer:
    """OpenAI's words: a given key is shown by its ends only."""
    if not given:
        return error(401, "You didn't provide an API key.", "invalid_request_error")
    shown = f"{given[:3]}***{given[-2:]}" if len(given) > 8 else "***"
    return error(401, f"Incorrect API key provided: {shown}.", "invalid_request_error", "invalid_api_key")


@dataclass(frozen=True)
class Rate:
    """This share of all attempts."""

    share: float


@dataclass(frozen=True)
class First:
    """The first ``count`` attempts at each body."""

    count: int


ALWAYS = Rate(1.0)
Plan = Mapping[str, Rate | First]


def as_plan(faults: Plan | str | None) -> dict[str, Rate | First]:
    """A name alone is `ALWAYS`; unknown names and rates that exceed 1 together raise ValueError."""
    plan: dict[str, Rate | First] = {faults: ALWAYS} if isinstance(faults, str) else dict(faults or {})
    if unknown := [name for name in plan if name not in FAULTS]:
        raise ValueError(f"no fault is called {unknown[0]!r}; known: {', '.join(FAULTS)}")
    if sum(when.share for when in plan.values() if isinstance(when, Rate)) > 1 + 1e-9:
        raise ValueError("the rates of all faults together exceed 1")
    return plan


def fault_for(plan: Plan, seed: int, body: str, attempt: int) -> str | None:
    """Which fault meets ``attempt`` (1 is the first) at the body with this hash; None: a good answer.

    >>> [fault_for({"reset": First(1), "429": First(2)}, 0, "", n) for n in (1, 2, 3, 4)]
    ['reset', '429', '429', None]
    """
    below = 0
    for name, when in plan.items():
        if isinstance(when, First):
            below += when.count
            if attempt <= below:
                return name
    if not any(isinstance(when, Rate) for when in plan.values()):
        return None
    drawn = random.Random(f"{seed} {body} {attempt}").random()
    for name, when in plan.items():
        if isinstance(when, Rate):
            drawn -= when.share
            if drawn < 0:
                return name
    return None
