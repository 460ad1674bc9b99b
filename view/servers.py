"""Servers that may be asked: what the environment names, what answers on this machine, which models one has.

Nothing is asked without a click. A key is never shown or kept: only the name of its variable.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

from sirius_core.errors import ModelError
from sirius_core.models import TryAgain
from sirius_core.models.openai_api import OPENAI, Endpoint
from sirius_core.models.pocket import aside

PORTS = {8000: "vLLM", 11434: "Ollama", 8080: "llama.cpp", 8399: "sirius serve", 1234: "LM Studio"}
QUICK, PATIENT = 0.8, 10.0  # seconds for a server on this machine, and for one elsewhere
MOST = 1_000_000  # bytes of a list of models
SHOWN = 200  # models


class Server(NamedTuple):
    """A base URL, what it probably is, and the models that it lists."""

    url: str
    what: str
    models: tuple[str, ...] = ()


def from_environment(environ: Mapping[str, str] = os.environ) -> list[Server]:
    """OpenAI where OPENAI_API_KEY is set, and what OPENAI_BASE_URL names. Nobody is asked."""
    found = [Server(OPENAI, "OpenAI")] if environ.get("OPENAI_API_KEY", "").strip() else []
    if own := environ.get("OPENAI_BASE_URL", "").strip().rstrip("/"):
        found.insert(0, Server(own, "OPENAI_BASE_URL"))
    return found


def on_this_machine(ports: Mapping[int, str] | None = None) -> list[Server]:
    """The servers of 127.0.0.1 that answer with a list of models on one of these ports."""
    asked = list((PORTS if ports is None else ports).items())
    with ThreadPoolExecutor(len(asked) or 1) as pool:
        found = pool.map(lambda one: _listed(*one), asked)
        return [server for server in found if server is not None]


def _listed(port: int, what: str) -> Server | None:
    connection, end = http.client.HTTPConnection("127.0.0.1", port, timeout=QUICK), time.monotonic() + 2 * QUICK
    try:
        connection.request("GET", "/v1/models", headers={"Accept": "application/json"})
        answer, raw = connection.getresponse(), b""
        while len(raw) < MOST and time.monotonic() < end and (more := answer.read1(65_536)):
            raw += more
        if answer.status in (401, 403):
            return Server(f"http://127.0.0.1:{port}/v1", f"{what}, with a key")
        models = _names(raw) if answer.status == 200 else None
        return None if models is None else Server(f"http://127.0.0.1:{port}/v1", what, models)
    except (OSError, http.client.HTTPException, ValueError):
        return None
    finally:
        connection.close()


def models_at(base_url: str, key_env: str) -> tuple[str, ...]:
    """The models that a server lists, asked with the key that the settings name; SiriusError in one line if none."""
    endpoint = Endpoint(base_url, key_env)

    async def ask() -> Any:
        try:
            async with asyncio.timeout(PATIENT):
                return await endpoint.send("/models")
        finally:
            await endpoint.close()

    try:
        answer = aside(asyncio.run)(ask())
    except TimeoutError:
        raise ModelError(f"{endpoint.base_url} gave no answer within {PATIENT:g} s") from None
    except TryAgain as error:
        raise ModelError(f"nothing usable answers at {endpoint.base_url} ({error})") from None
    if answer.status in (401, 403):
        endpoint.refuse(answer, "any")
    names = _names(answer.raw) if answer.status == 200 else None
    if names is None:
        raise ModelError(f"{endpoint.base_url} gives no list of models (status {answer.status}): write the name")
    return names


def _names(raw: bytes) -> tuple[str, ...] | None:
    """The names on a list of models; None if it is none."""
    try:
        names = {str(entry["id"]) for entry in json.loads(raw)["data"]}
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    return tuple(sorted(name for name in names if 0 < len(name) <= 200 and name.isprintable())[:SHOWN])


def key_line(base_url: str, key_env: str) -> str:
    """Which variable a key is read from; UsageError, in one line, where it is missing or the URL is wrong."""
    endpoint = Endpoint(base_url, key_env)
    if endpoint.key_env:
        return f"The key is read from the variable {endpoint.key_env}, which is set. It is never stored or shown."
    return "No key is sent: the server stands on this machine or in a private network."
