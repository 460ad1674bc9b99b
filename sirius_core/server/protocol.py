"""What the server shares with OpenAI's protocol: errors in its form, JSON bodies, who may ask at all."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LONGEST_BODY = 1_000_000  # bytes of a JSON body; the longest readable prompt has about 1,500
DRAINED = 500_000_000  # bytes of a body that is too long, read and thrown away
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


class Refused(Exception):
    """A request that is answered with an error: ``{"error": {"message", "type", "param", "code", ...}}``.

    ``more`` are further fields of the error object, for clients that know them.
    """

    def __init__(
        self,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        status: int = 400,
        kind: str = "invalid_request_error",
        **more: Any,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"error": {"message": message, "type": kind, "param": param, "code": code, **more}}

    def response(self) -> Response:
        return answer(self.body, self.status)


def answer(body: Any, status: int = 200) -> Response:
    """JSON, compact."""
    return Response(json.dumps(body, separators=(",", ":")), status, media_type="application/json")


async def refused(request: Request, error: Exception) -> Response:
    """The exception handler of `Refused`."""
    assert isinstance(error, Refused)
    return error.response()


async def no_route(request: Request, error: Exception) -> Response:
    """The exception handler of Starlette's own refusals: unknown routes, wrong methods, broken forms."""
    assert isinstance(error, HTTPException)
    place = f"{request.method} {request.url.path}"
    if error.status_code == 404:
        return Refused(f"Unknown request URL: {place}", status=404, code="unknown_url").response()
    if error.status_code == 405:
        allowed = (error.headers or {}).get("Allow", "")
        reply = Refused(f"{place}: use {allowed}", status=405, code="method_not_allowed").response()
        reply.headers["Allow"] = allowed
        return reply
    return Refused(str(error.detail), status=error.status_code).response()


async def failed(request: Request, error: Exception) -> Response:
    """The handler of an engine's failure, a ModelError: a worker that died, weights that give no numbers."""
    return Refused(f"The model failed: {error}", status=500, kind="server_error").response()


async def broken(request: Request, error: Exception) -> Response:
    """The handler of everything unforeseen: no traceback leaves the process but for its own log."""
    return Refused("The server had an error while it answered.", status=500, kind="server_error").response()


class Guard:
    """In front of all routes: only this machine's own programs, no web pages, no endless bodies.

    A web page can make a browser ask 127.0.0.1: under a name of its own that it has pointed there (DNS rebinding), or
    across origins. Both show in headers that a page cannot forge, Host and Origin.
    """

    def __init__(self, app: ASGIApp, longest: Mapping[str, int]) -> None:
        self.app, self._longest = app, longest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        most = self._longest.get(scope["path"], LONGEST_BODY)
        if (refusal := _stranger(headers)) is not None:
            await refusal.response()(scope, receive, send)
            return
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen <= most:
                return message
            # Read to its end, as long as that is not endless: who still sends would see no answer but a reset.
            while message.get("more_body") and seen < DRAINED:
                message = await receive()
                seen += len(message.get("body", b""))
            raise Refused(f"The body is longer than {most:,} bytes.", status=413, code="request_too_large")

        await self.app(scope, counted, send)


def _stranger(headers: Headers) -> Refused | None:
    host = headers.get("host", "")
    if host.rsplit(":", 1)[0] not in LOOPBACK and host not in LOOPBACK:
        return Refused(
            f"This server answers only at {', '.join(LOOPBACK)}, not at {host[:100]!r}.",
            status=421,
            code="wrong_host",
        )
    origin = headers.get("origin")
    if origin is not None and origin.removeprefix("http://").rsplit(":", 1)[0] not in LOOPBACK:
        return Refused("Web pages may not use this server.", status=403, code="wrong_origin")
    return None


async def json_object(request: Request) -> dict[str, Any]:
    """The body as a JSON object; Refused for anything else."""
    if not request.headers.get("content-type", "").lower().startswith("application/json"):
        raise Refused("The body must be JSON: send Content-Type: application/json.", status=415)
    try:
        body = json.loads(await request.body(), parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise Refused(f"The body is no valid JSON: {error}") from None
    if not isinstance(body, dict):
        raise Refused("The body must be a JSON object.")
    return body


def _no_number(word: str) -> float:
    raise ValueError(f"{word} is no number of JSON")


# -- fields of a body ------------------------------------------------------------------------------------------------
def unknown_fields(body: Mapping[str, Any], known: Collection[str], where: str = "") -> None:
    """Refuse fields that this server does not know; ``null`` counts as absent."""
    if strange := sorted(name for name in body.keys() - set(known) if body[name] is not None):
        names = ", ".join(repr(where + name) for name in strange)
        raise Refused(f"Unsupported parameter: {names}.", param=where + strange[0], code="unsupported_parameter")


def text(body: Mapping[str, Any], name: str, default: str | None = None, longest: int = 256) -> str:
    """A text of at most ``longest`` characters; one that is absent and has no default is refused."""
    value = body.get(name)
    if value is None and default is not None:
        return default
    if not isinstance(value, str) or (not value and default is None):
        raise Refused(f"{name!r} must be a text.", param=name, code=None if value else "missing_required_parameter")
    if len(value) > longest:
        raise Refused(f"{name!r} is longer than {longest} characters.", param=name)
    return value


def whole(body: Mapping[str, Any], name: str, low: int, high: int, where: str = "") -> int | None:
    """A whole number of the range, or None where it is absent."""
    value = body.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise Refused(f"{where + name!r} must be a whole number from {low} to {high}.", param=where + name)
    return value


def real(body: Mapping[str, Any], name: str, low: float, high: float, where: str = "") -> float | None:
    """A number of the range, or None where it is absent."""
    value = body.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise Refused(f"{where + name!r} must be a number from {low:g} to {high:g}.", param=where + name)
    return float(value)


def flag(body: Mapping[str, Any], name: str) -> bool:
    """True or false; absent is false."""
    value = body.get(name)
    if value is None or isinstance(value, bool):
        return bool(value)
    raise Refused(f"{name!r} must be true or false.", param=name)
