"""An OpenAI-compatible chat endpoint of our own on loopback, with every fault of endpoint_faults.py.

    with FakeEndpoint(lambda messages, body: "four", faults={"reset": First(1)}) as server:
        OpenAI(base_url=server.base_url, api_key="any").chat.completions.create(model="fake", messages=[...])
    server.log[-1].outcome   # "200"; before it "reset"

Written by hand on asyncio's protocols (under 0.1 ms of CPU a request), in a thread and loop of its own. Benchmarks
start it as a process, so that its CPU is not counted: ``python tests/endpoint.py --latency 0.05`` prints its base URL
and serves until its standard input ends; ``GET /stats`` tells what it has seen.
"""

from __future__ import annotations

import argparse
import asyncio
import functools
import hashlib
import json
import math
import os
import random
import socket
import struct
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from pathlib import Path
from types import MappingProxyType
from typing import Any

import endpoint_faults as faulty
from endpoint_faults import Answer, Asked, Plan, Rate, as_json, as_plan, error, unknown_model

Replier = Callable[[Sequence[Mapping[str, Any]], Mapping[str, Any]], str | dict[str, Any]]
TOP = ("usage", "model", "choices", "id", "system_fingerprint")  # fields of a reply that stand above the message
TRICKLE = 0.02  # seconds between two bytes of a trickle
LATE = 0.0005  # seconds by which a loop that counts milliseconds wakes late, on average


@dataclass(frozen=True)
class Seen:
    """One request. ``number`` counts all, ``attempt`` those with this same body, from 1. ``outcome`` is the status, the
    fault's name, or ``busy`` (beyond the slots). ``answered``: its answer was written to the end."""

    number: int
    attempt: int
    path: str
    headers: Mapping[str, str]
    body: Mapping[str, Any]
    outcome: str
    answered: bool = False


@dataclass(eq=False)
class FakeEndpoint:
    """``reply`` is a text, or a function of (messages, body), called in the server's thread, to a text or to message
    fields (``refusal``, ``tool_calls``, ``content`` ..., beside them ``finish_reason`` and ``usage``).

    ``latency`` is in seconds, or a function of a `random.Random` seeded by seed, body and attempt. Beyond ``slots``
    requests in flight the answer is 429, with ``retry_after`` seconds where given. ``key`` is the only right one.
    ``price`` is (input, output) in US dollars per million tokens: then usage tells a cost, as some hosts do.
    ``held`` keeps all answers back until `release`. ``log_file`` gets one JSON line per request that came and per
    answer written, flushed, for tests that kill. ``keep`` False keeps no log in memory.
    """

    reply: str | Replier = "four"
    latency: float | Callable[[random.Random], float] = 0.0
    slots: int | None = None
    retry_after: float | None = None
    models: Sequence[str] = ("fake",)
    key: str | None = None
    faults: Plan | str | None = None
    seed: int = 0
    price: tuple[float, float] | None = None
    held: bool = False
    log_file: str | Path | None = None
    keep: bool = True
    port: int = 0
    log: list[Seen] = field(default_factory=list, init=False)
    in_flight: int = field(default=0, init=False)
    most_in_flight: int = field(default=0, init=False)
    requests: int = field(default=0, init=False)
    connections: int = field(default=0, init=False)
    outcomes: Counter[str] = field(default_factory=Counter, init=False)

    def __post_init__(self) -> None:
        self.faults = as_plan(self.faults)
        self._attempts: Counter[str] = Counter()
        self._wires: set[_Wire] = set()
        self._kept: list[Callable[[], None]] = []
        self._news = threading.Condition()
        self._file = os.open(self.log_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND) if self.log_file else None

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def __enter__(self) -> FakeEndpoint:
        ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve(ready)), name="endpoint")
        self._thread.start()
        ready.wait()
        if not self.port:
            self._thread.join()
            raise OSError("the endpoint could not listen")
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join()
        if self._file is not None:
            os.close(self._file)

    def release(self) -> None:
        """Let out what ``held`` kept back, and hold no more."""
        self._loop.call_soon_threadsafe(self._let_out)

    def wait(self, until: Callable[[FakeEndpoint], object], timeout: float = 30.0) -> None:
        """Return when ``until(self)`` holds; asked again whenever a request comes or ends. Or else TimeoutError."""
        with self._news:
            if not self._news.wait_for(lambda: until(self), timeout):
                raise TimeoutError(f"not within {timeout:g} s; {self.stats()}")

    def stats(self) -> dict[str, Any]:
        return {"requests": self.requests, "outcomes": dict(self.outcomes), "in_flight": self.in_flight,
                "most_in_flight": self.most_in_flight, "connections": self.connections}

    # -- in the server's own thread ----------------------------------------------------------------------------------
    async def _serve(self, ready: threading.Event) -> None:
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        try:
            server = await self._loop.create_server(lambda: _Wire(self), "127.0.0.1", self.port, backlog=1024)
            self.port = server.sockets[0].getsockname()[1]
        finally:
            ready.set()
        await self._end.wait()
        server.close()
        while self._wires:
            for wire in list(self._wires):
                wire.transport.abort()
            await asyncio.sleep(0)
        await server.wait_closed()

    def _let_out(self) -> None:
        self.held = False
        kept, self._kept = self._kept, []
        for go in kept:
            go()

    def tell(self, at: str, number: int, body: str, attempt: int, outcome: str) -> None:
        with self._news:
            self._news.notify_all()
        if self._file is not None:
            line = {"at": at, "number": number, "body": body, "attempt": attempt, "outcome": outcome}
            os.write(self._file, as_json(line) + b"\n")

    def arrive(self, wire: _Wire, path: str, headers: Mapping[str, str], raw: bytes) -> None:
        """Count and log a chat request, and have it answered when its time has come."""
        self.requests += 1
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        number, busy = self.requests, self.slots is not None and self.in_flight > self.slots
        simple = not (self.keep or self.faults or self._file or callable(self.latency))
        name = "" if simple else hashlib.blake2b(raw, digest_size=16).hexdigest()
        self._attempts[name] += not simple
        attempt = self._attempts[name]
        body = _read(raw)
        outcome, answer = ("busy", _busy(self.retry_after)) if busy else self._answer(headers, body, name, attempt)
        self.outcomes[outcome] += 1
        if self.keep:
            self.log.append(Seen(number, attempt, path, MappingProxyType(dict(headers)), body or {}, outcome))
        self.tell("asked", number, name, attempt, outcome)
        wire.done = functools.partial(self._done, number, name, attempt, outcome)
        if self.held:
            self._kept.append(lambda: wire.send(answer))
            return
        delay = self.latency
        if callable(delay):
            delay = delay(random.Random(f"{self.seed} {name} {attempt} latency"))
        wire.send_later(0.0 if busy else delay, answer)

    def _done(self, number: int, body: str, attempt: int, outcome: str, answered: bool) -> None:
        self.in_flight -= 1
        if self.keep:
            self.log[number - 1] = replace(self.log[number - 1], answered=answered)
        self.tell("answered" if answered else "dropped", number, body, attempt, outcome)

    def _answer(
        self, headers: Mapping[str, str], body: dict[str, Any] | None, name: str, attempt: int
    ) -> tuple[str, Answer]:
        if self.key is not None and headers.get("authorization") != f"Bearer {self.key}":
            return "401", faulty.wrong_key(headers.get("authorization", "").removeprefix("Bearer "))
        if body is None or not isinstance(body.get("messages"), list):
            return "400", error(400, "We could not parse the JSON body of your request.", "invalid_request_error")
        if body.get("model") not in self.models:
            return "404", unknown_model(str(body.get("model")))
        good: dict[str, Any] | None = None
        if self.faults and (fault := faulty.fault_for(self.faults, self.seed, name, attempt)):
            good = self.completion(body, name)
            return fault, faulty.FAULTS[fault].answer(Asked(headers, body, good, time.time()))
        return "200", Answer(as_json(self.completion(body, name)))

    def completion(self, body: Mapping[str, Any], name: str) -> dict[str, Any]:
        """The good answer, a chat completion."""
        said = self.reply if isinstance(self.reply, str) else self.reply(body["messages"], body)
        fields = {"content": said} if isinstance(said, str) else dict(said)
        top = {field: fields.pop(field) for field in TOP if field in fields}
        finish = fields.pop("finish_reason", "stop")
        read, wrote = sum(_words(m.get("content")) for m in body["messages"]), _words(fields.get("content"))
        usage: dict[str, Any] = {"prompt_tokens": read, "completion_tokens": wrote, "total_tokens": read + wrote}
        if self.price is not None:
            usage["cost"] = (read * self.price[0] + wrote * self.price[1]) / 1e6
        choice = {"index": 0, "message": {"role": "assistant", **fields}, "finish_reason": finish, "logprobs": None}
        return {"id": f"chatcmpl-{name}", "object": "chat.completion", "created": 0, "model": body["model"],
                "choices": [choice], "usage": usage} | top


def _read(raw: bytes) -> dict[str, Any] | None:
    try:
        body = json.loads(raw)
    except ValueError:
        return None
    return body if isinstance(body, dict) else None


def _words(content: Any) -> int:
    """What counts as a token here: words between blanks."""
    if isinstance(content, str):
        return content.count(" ") + 1
    return sum(_words(part.get("text")) for part in content) if isinstance(content, list) else 0


def _busy(retry_after: float | None) -> Answer:
    wait = () if retry_after is None else (("Retry-After", f"{retry_after:g}"),)
    return error(429, "Too many requests at once", "requests", "rate_limit_exceeded", *wait)


class _Wire(asyncio.Protocol):
    """One connection: requests are read and answered in order, also when they come pipelined."""

    def __init__(self, server: FakeEndpoint) -> None:
        self.server, self.bytes, self.busy, self.last = server, b"", False, False
        self.timer: asyncio.TimerHandle | None = None
        self.done: Callable[[bool], None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.server.connections += 1
        self.server._wires.add(self)

    def connection_lost(self, error: Exception | None) -> None:
        self.server._wires.discard(self)
        if self.timer is not None:
            self.timer.cancel()
        self._end(False)

    def reset(self) -> None:
        """End the connection by RST, not by FIN."""
        sock = self.transport.get_extra_info("socket")
        if sock is not None and not self.transport.is_closing():
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()

    def data_received(self, data: bytes) -> None:
        self.bytes += data
        self._next()

    def _next(self) -> None:
        """Take the next whole request from what has come, if there is one."""
        end = self.bytes.find(b"\r\n\r\n")
        if end < 0 or self.busy:
            return
        first, *lines = self.bytes[:end].decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        if headers.get("transfer-encoding", "").lower() == "chunked":
            body, size = _unchunked(self.bytes, end + 4)
        else:
            size = end + 4 + int(headers.get("content-length", 0))
            body = self.bytes[end + 4 : size]
        if not 0 <= size <= len(self.bytes):
            return
        self.bytes, self.busy = self.bytes[size:], True
        self.last = headers.get("connection", "").lower() == "close" or first.endswith("HTTP/1.0")
        self._take(first.split(" "), headers, body)

    def _take(self, first: list[str], headers: dict[str, str], body: bytes) -> None:
        method, path = first[0], first[1].partition("?")[0] if len(first) > 1 else ""
        if (method, path) == ("POST", "/v1/chat/completions"):
            self.server.arrive(self, path, headers, body)
            return
        names = [{"id": name, "object": "model", "created": 0, "owned_by": "nobody"} for name in self.server.models]
        given = headers.get("authorization", "")
        if path == "/stats":
            answer = Answer(as_json(self.server.stats()))
        elif self.server.key is not None and given != f"Bearer {self.server.key}":
            answer = faulty.wrong_key(given.removeprefix("Bearer "))
        elif (method, path) == ("GET", "/v1/models"):
            answer = Answer(as_json({"object": "list", "data": names}))
        elif method == "GET" and path.startswith("/v1/models/"):
            found = [name for name in names if name["id"] == path.removeprefix("/v1/models/")]
            answer = Answer(as_json(found[0])) if found else unknown_model(path.removeprefix("/v1/models/"))
        else:
            answer = error(404, f"Unknown request URL: {method} {path}", "invalid_request_error", "unknown_url")
        self.send(answer)

    def send_later(self, delay: float, answer: Answer) -> None:
        if delay > 0:
            self.timer = self.server._loop.call_later(delay - LATE, self.send, answer)
        else:
            self.send(answer)

    def send(self, answer: Answer) -> None:
        self.timer = None
        if self.transport.is_closing():
            self._end(False)
        elif answer.manner == "reset":
            self.reset()
        elif answer.manner == "close":
            self.transport.close()
        elif answer.manner in ("half", "cut"):
            self.transport.write(self._head(answer) + answer.body[: len(answer.body) // 2])
            if answer.manner == "cut":
                self.transport.close()
            else:  # a moment later: RST takes unread bytes with it
                self.timer = self.server._loop.call_later(0.01, self.reset)
        elif answer.manner == "trickle":
            self.transport.write(self._head(replace(answer, body=b" " * 10**6)))
            self._trickle()
        elif answer.manner == "raw":
            self.transport.write(answer.body)
            self.transport.close()
        elif answer.manner != "hang":
            self.transport.write(self._head(answer) + answer.body)
            self._end(True)
            if self.last:
                self.transport.close()
            else:
                self.busy = False
                if self.bytes:
                    self.server._loop.call_soon(self._next)

    def _head(self, answer: Answer) -> bytes:
        reason = HTTPStatus(answer.status).phrase
        more = "".join(f"{name}: {value}\r\n" for name, value in answer.headers)
        head = f"HTTP/1.1 {answer.status} {reason}\r\nContent-Type: {answer.type}\r\n{more}"
        return f"{head}Content-Length: {len(answer.body)}\r\n\r\n".encode("latin-1")

    def _trickle(self) -> None:
        self.transport.write(b" ")
        self.timer = self.server._loop.call_later(TRICKLE, self._trickle)

    def _end(self, answered: bool) -> None:
        done, self.done = self.done, None
        if done is not None:
            done(answered)


def _unchunked(data: bytes, at: int) -> tuple[bytes, int]:
    """A chunked body that begins at ``at``, and where it ends; -1 while it is not whole."""
    parts = []
    while (end := data.find(b"\r\n", at)) >= 0:
        size = int(data[at:end].partition(b";")[0], 16)
        at = end + 2 + size + 2
        if at > len(data):
            break
        if not size:
            return b"".join(parts), at
        parts.append(data[end + 2 : at - 2])
    return b"", -1


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--latency", type=float, default=0.0, help="seconds; the median where --sigma is given")
    parser.add_argument("--sigma", type=float, default=0.0, help="latency is lognormal with this sigma")
    parser.add_argument("--slots", type=int)
    parser.add_argument("--retry-after", type=float)
    parser.add_argument("--reply", default="four")
    parser.add_argument("--fault", action="append", default=[], metavar="NAME=RATE")
    parser.add_argument("--log-file")
    args = parser.parse_args()
    rates = (pair.rpartition("=") for pair in args.fault)
    latency: Any = args.latency
    if args.sigma:
        latency = lambda rng: rng.lognormvariate(math.log(args.latency), args.sigma)  # noqa: E731
    server = FakeEndpoint(args.reply, latency, args.slots, args.retry_after, port=args.port, log_file=args.log_file,
                          faults={name: Rate(float(rate)) for name, _, rate in rates}, keep=False)
    with server:
        print(server.base_url, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
