"""The HTTP below openai_api.py: one client per endpoint and event loop, replies bounded, broken connections by name."""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import httpx2
from httpx2 import Response
from openai import APIStatusError, AsyncOpenAI, DefaultAioHttpClient

from . import TryAgain
from .in_step import allow_files

__all__ = ["APIStatusError", "Client", "Response", "broken", "open_client"]

MOST_BYTES = 16 * 2**20  # of one reply
CONNECT = 10.0  # seconds for a connection
LONGEST = 86_400.0  # seconds between two bytes; how long a call may take at all is the rollout's business
IDLE = 4.0  # seconds until an idle connection is dropped: uvicorn, below most servers, closes it after 5
CHAT = "/chat/completions"
PLAIN = {"Accept-Encoding": "identity"}  # replies are small, and a bomb has no fuse


def open_client(base_url: str, key: str, *, openai: bool, private: bool) -> Client:
    """A client that retries nothing and follows no redirect: messages go to the host that was named, and no other.

    What the environment says for OpenAI (organization, project, headers) goes to no other host, and no proxy stands
    between a private host and this machine.
    """
    with contextlib.suppress(ImportError):  # Windows has no such limit
        allow_files()
    http = DefaultAioHttpClient(
        timeout=httpx2.Timeout(LONGEST, connect=CONNECT),
        limits=httpx2.Limits(max_connections=10_000, max_keepalive_connections=10_000, keepalive_expiry=IDLE),
        follow_redirects=False,
        trust_env=not private,
        verify=base_url.startswith("https:"),  # certificates take 20 ms to read
        event_hooks={"response": [_bound]},
    )
    client = Client(base_url=base_url, api_key=key or "none", max_retries=0, http_client=http, default_headers=PLAIN)
    if not openai:
        client.organization = client.project = client.admin_api_key = None
        client._custom_headers = PLAIN
    return client


class Client(AsyncOpenAI):
    """The library builds the first chat request; the next are copies of it with another body.

    Headers and address are the same in all of them: to build and to read them anew is half of what a call costs. What
    the library tells of this machine (X-Stainless-...) is left away. In a version of the library that has no such
    method nothing is copied, and all else is as it was.
    """

    _first: httpx2.Request | None = None

    @property
    def user_agent(self) -> str:
        return f"AsyncOpenAI/Python {self._version}"

    def _build_request(self, options: Any, *, retries_taken: int = 0) -> httpx2.Request:
        if options.url != CHAT or options.content is None or options.headers:
            return super()._build_request(options, retries_taken=retries_taken)
        if self._first is None:
            self._first = super()._build_request(options, retries_taken=retries_taken)
            for name in [name for name in self._first.headers if name.startswith(("x-stainless", "content-length"))]:
                del self._first.headers[name]
        return self._copy(self._first, options.content)

    def _copy(self, first: httpx2.Request, content: bytes) -> httpx2.Request:
        copy = httpx2.Request(
            first.method, first.url, headers=first.headers, stream=httpx2.ByteStream(content),
            extensions=first.extensions,
        )
        copy.headers["content-length"] = str(len(content))
        copy.read()  # what is read is sent in one piece
        return copy

    async def send_chat(self, content: bytes) -> httpx2.Response:
        """The response to a chat request's bytes. APIStatusError, if at all, for the first one only."""
        if self._first is None:
            return await self.post(CHAT, cast_to=httpx2.Response, content=content)
        return await self._client.send(self._copy(self._first, content))


async def _bound(response: httpx2.Response) -> None:
    """Hook, after the head of a response: its body may not grow beyond `MOST_BYTES`."""
    coding = response.headers.get("content-encoding", "identity")
    if coding != "identity":
        raise TryAgain("bad encoding", f"the reply is encoded ({coding[:40]}), which was not asked for")
    size = response.headers.get("content-length", "")
    if not size.isdecimal():
        assert isinstance(response.stream, httpx2.AsyncByteStream)
        response.stream = _Bounded(response.stream)
    elif len(size) > 12 or int(size) > MOST_BYTES:
        raise too_large()


class _Bounded(httpx2.AsyncByteStream):
    def __init__(self, stream: httpx2.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        seen = 0
        async for part in self._stream:
            seen += len(part)
            if seen > MOST_BYTES:
                raise too_large()
            yield part

    async def aclose(self) -> None:
        await self._stream.aclose()


def too_large() -> TryAgain:
    return TryAgain("too large", f"the reply has over {MOST_BYTES // 2**20} MB")


def broken(error: BaseException) -> tuple[str, str]:
    """(name, why) of a connection that failed. aiohttp's own error tells a reset from a timeout; the library's not."""
    first: BaseException | None = error
    while first is not None and not isinstance(first, (aiohttp.ClientError, TimeoutError)):
        first = first.__cause__
    why = str(first or error) or type(first or error).__name__
    if isinstance(first, TimeoutError):
        return "timeout", why
    if isinstance(first, aiohttp.ClientConnectorError):
        number = first.os_error.errno
        return "no connection", os.strerror(number).lower() if number and number > 0 else str(first.strerror)
    if isinstance(first, (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError)):
        return "reset", why
    return "bad HTTP", f"{type(first or error).__name__}: {why}"
