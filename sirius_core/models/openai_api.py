"""Any OpenAI-compatible endpoint as a `Model`, on the official ``openai`` library.

One shared ``AsyncOpenAI`` per endpoint and event loop, on the aiohttp transport, asked by ``post`` and answered in
bytes that chat_completions.py reads: a third of what ``chat.completions.create`` costs. The library retries nothing;
the rollout does, with its journal, budget and deadline.

A key comes from the environment and goes into one header. It stands in no error, log, repr or row: errors are raised
outside of ``except``, because the library's own carry the request, and every text from a server is searched for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import difflib
import ipaddress
import json
import os
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import ModuleType
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

from ..errors import ModelError, UsageError
from ..prompts import Message
from ..trajectories import canonical
from . import Completion, Sampling, TryAgain
from .chat_completions import Answer, Price, clean, completion, error_of, no_money, passing

if TYPE_CHECKING:
    from .wire import Client

__all__ = ["OPENAI", "Endpoint", "OpenAIModel", "Price"]

OPENAI = "https://api.openai.com/v1"
PREFLIGHT = 30.0  # seconds for the check before any work
_ABSENT = re.compile(r"model.{0,120}(not found|not exist|unknown)|(unknown|no such|invalid) model", re.IGNORECASE)
_PRIVATE_NAMES = (".localhost", ".local", ".lan", ".internal", ".home.arpa")


class Endpoint:
    """A base URL and the key for it: ``Endpoint("http://127.0.0.1:8000/v1")``, ``Endpoint(OPENAI)``.

    The key is read from ``key_env``. Without one: OPENAI_API_KEY for OpenAI itself, or where OPENAI_BASE_URL names this
    very URL; none for a server on this machine or a private network; for any other host UsageError, because OpenAI's
    key is nobody else's business. An empty ``base_url`` is OPENAI_BASE_URL, else OpenAI's own.
    """

    def __init__(self, base_url: str = "", key_env: str = "", environ: Mapping[str, str] = os.environ) -> None:
        own = environ.get("OPENAI_BASE_URL", "").strip().rstrip("/")
        self.base_url = _checked(base_url.strip() or own or OPENAI)
        parts = urlsplit(self.base_url)
        self.host = parts.hostname or ""
        self.is_openai = self.host == "api.openai.com"
        self.is_private = _private(self.host)
        if not key_env and (self.is_openai or own == self.base_url):
            key_env = "OPENAI_API_KEY"
        if not key_env and not self.is_private:
            raise UsageError(f"{self.base_url} needs a key of its own: name the environment variable that holds it "
                             "(--set key_env=NAME)")
        self.key_env, self._key = key_env, _key(environ, key_env, self.base_url) if key_env else ""
        if self._key and parts.scheme == "http" and not self.is_private:
            raise UsageError(f"{self.base_url} would send the key in {key_env} unencrypted: use https")
        self._wire = _wire()
        self._clients: WeakKeyDictionary[asyncio.AbstractEventLoop, Client] = WeakKeyDictionary()

    def __repr__(self) -> str:
        return f"Endpoint({self.base_url!r})"

    def clean(self, text: str) -> str:
        """A text from the server as one short line without the key."""
        return clean(text, self._key)

    def keyless(self, said: Completion) -> Completion:
        """A completion without the key, which a server could have put into it."""
        if not self._key or self._key not in said.text:
            return said
        return replace(said, text=said.text.replace(self._key, "[key]"))

    def client(self) -> Client:
        """The client of the running event loop; `close` it there."""
        loop = asyncio.get_running_loop()
        if (found := self._clients.get(loop)) is None:
            found = self._wire.open_client(self.base_url, self._key, openai=self.is_openai, private=self.is_private)
            self._clients[loop] = found
        return found

    async def close(self) -> None:
        """Close the running loop's client, if there is one; the next call opens another."""
        if (client := self._clients.pop(asyncio.get_running_loop(), None)) is not None:
            await client.close()

    async def send(
        self, path: str, body: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """POST ``body`` (GET where there is none) and the answer, whatever its status; TryAgain if none came whole."""
        client, wire = self.client(), self._wire
        try:
            if body is None:
                got = await client.get(path, cast_to=wire.Response)
            else:
                raw = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
                more: Any = {"headers": headers} if headers else {}
                got = (await client.send_chat(raw) if path == wire.CHAT and not headers else
                       await client.post(path, cast_to=wire.Response, content=raw, options=more))
            return Answer(got.status_code, got.headers, got.content)
        except wire.APIStatusError as error:
            return Answer(error.status_code, error.response.headers, error.response.content)
        except TryAgain as fault:
            name, why = fault.name, fault.why
        except Exception as error:  # the library's, or aiohttp's own: a head that is no HTTP, too long a header ...
            name, why = wire.broken(error)
        raise TryAgain(name, self.clean(why))

    # -- before any work ---------------------------------------------------------------------------------------------
    async def check(self, model: str) -> Mapping[str, Any] | None:
        """What the server's list of models says of ``model``, None where it lists none.

        ModelError, in one line with URL, model and what to do, where the host is out of reach, the key wrong or the
        model unknown. A model that is not on the list, or on no list, is asked for one token.
        """
        opened = asyncio.get_running_loop() not in self._clients
        try:
            async with asyncio.timeout(PREFLIGHT):
                return await self._check(model)
        except TimeoutError:
            why = f"{self.base_url} gave no answer within {PREFLIGHT:g} s; see to the server, or correct base_url"
        except TryAgain as error:
            why = (f"nothing usable answers at {self.base_url} for model {model!r} ({error}): start the server, or "
                   "correct base_url")
        finally:
            if opened:
                await self.close()
        raise ModelError(why)

    async def _check(self, model: str) -> Mapping[str, Any] | None:
        listed = await self._again("/models")
        known: dict[str, Any] = {}
        if listed.status in (401, 403):
            self.refuse(listed, model)
        if listed.status == 200:
            with contextlib.suppress(ValueError, TypeError, KeyError, RecursionError):
                known = {str(entry["id"]): entry for entry in json.loads(listed.raw)["data"]}
        if model in known:
            return dict(known[model])
        one = "max_completion_tokens" if self.is_openai else "max_tokens"
        asked = await self._again("/chat/completions",
                                  {"model": model, "messages": [{"role": "user", "content": "Hi"}], one: 1})
        if asked.status == 200:
            self._speaks(asked)
            return None
        said = error_of(asked)
        if passing(asked, self.clean):
            return None
        absent = asked.status == 404 or said.code == "model_not_found" or bool(_ABSENT.search(said.message))
        if asked.status in (400, 404, 422) and absent and known:
            close = difflib.get_close_matches(model, known, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"it has: {', '.join(sorted(known)[:8])}"
            raise ModelError(f"{self.base_url} has no model {model!r}; {self.clean(hint)}")
        if asked.status not in (400, 422) or (absent and not known):
            self.refuse(asked, model)
        return None  # it refuses these words, or so few of them: the model is there

    def _speaks(self, answer: Answer) -> None:
        """TryAgain unless a status 200 holds a completion, be it empty: any web page answers with 200."""
        try:
            completion(answer, 0.0, None, self.clean)
        except TryAgain as fault:
            if fault.name != "null content":  # one token may be none
                raise

    async def _again(self, path: str, body: Mapping[str, Any] | None = None) -> Answer:
        """`send`, up to three times where the connection broke or the server is not itself."""
        for pause in (0.2, 0.8):
            try:
                answer = await self.send(path, body)
            except TryAgain as error:
                if error.name == "no connection":
                    raise
            else:
                if answer.status < 500:
                    return answer
            await asyncio.sleep(pause)
        return await self.send(path, body)

    def refuse(self, answer: Answer, model: str) -> NoReturn:
        """ModelError: why the server will not answer, and what mends it."""
        said = error_of(answer)
        url, why, status = self.base_url, self.clean(said.message) or f"status {answer.status}", answer.status
        if status == 401 and not self._key:
            raise ModelError(f"{url} asks for a key ({why}): name the variable that holds it, --set key_env=NAME")
        if status == 401:
            raise ModelError(f"{url} does not take the key in {self.key_env} for model {model!r} ({why}): set the "
                             "right one, then resume")
        if no_money(answer, said):
            raise ModelError(f"{url} answers {model!r} no more, the account is empty ({why}): fill it, then resume")
        if status == 403:
            raise ModelError(f"{url} forbids model {model!r} ({why}): use a key or a model that it allows")
        if status == 404:
            raise ModelError(f"{url} has no model {model!r} ({why}): correct model, or base_url if it lacks /v1")
        if 300 <= status < 400:
            there = self.clean(answer.headers.get("location", "elsewhere"))
            raise ModelError(f"{url} sends on to {there}: correct base_url")
        raise ModelError(f"{url} refused a request to {model!r} ({status}: {why}): change it with --set request=JSON, "
                         "e.g. {\"temperature\": null}, or the settings")


class OpenAIModel:
    """``OpenAIModel(Endpoint(url), "gpt-5-mini", request={"temperature": None}, price=Price(0.25, 2.0))``

    ``request`` is merged over every request's fields; None takes one away. It is part of the name: what was said to
    other requests is another model's. ``price`` fixes the cost of each reply; without it, or where the server tells no
    usage, the cost is None.
    """

    dialect, lockstep = "chat", False

    def __init__(
        self,
        endpoint: Endpoint,
        model: str,
        *,
        name: str | None = None,
        request: Mapping[str, Any] | None = None,
        price: Price | None = None,
    ) -> None:
        if not model.strip():
            raise UsageError(f"name a model at {endpoint.base_url}")
        self.endpoint, self.model, self.price = endpoint, model, price
        self.request = _fields(request or {})
        asked = f" {canonical(self.request)}" if self.request else ""
        self.name = name or f"{endpoint.base_url} {model}{asked}"
        self._most = "max_completion_tokens" if endpoint.is_openai else "max_tokens"

    def __repr__(self) -> str:
        return f"OpenAIModel({self.endpoint!r}, {self.model!r})"

    @property
    def lane(self) -> str:
        """What shares the server's limit: every model of one endpoint."""
        return self.endpoint.base_url

    def body(self, messages: Sequence[Message], sampling: Sampling) -> dict[str, Any]:
        """The request's fields.

        The seed is the call's own, all 63 bits: OpenAI, vLLM and `sirius serve` take 64-bit integers; llama.cpp and
        Ollama read 64 bits and use the lower 32. Where a server takes fewer, or none, ``request`` takes it away.
        """
        fields: dict[str, Any] = {
            "model": self.model,
            "messages": [{"role": m.role, "content": m.content} for m in messages],
            "temperature": sampling.temperature,
            self._most: sampling.max_tokens,
            "seed": sampling.seed,
        }
        if self.request:
            fields.update(self.request)
            fields = {name: value for name, value in fields.items() if value is not None}
        return fields

    async def complete(self, messages: Sequence[Message], sampling: Sampling) -> Completion:
        """One attempt. TryAgain: another may succeed. ModelError: none will."""
        start = time.perf_counter()
        answer = await self.endpoint.send("/chat/completions", self.body(messages, sampling))
        return self.read(answer, (time.perf_counter() - start) * 1e3)

    def read(self, answer: Answer, ms: float) -> Completion:
        """What an answer that took ``ms`` milliseconds says; errors as in `complete`."""
        if answer.status == 200:
            return self.endpoint.keyless(completion(answer, ms, self.price, self.endpoint.clean))
        if (fault := passing(answer, self.endpoint.clean)) is not None:
            raise fault
        error = error_of(answer)
        if answer.status == 400 and error.code in ("content_filter", "content_policy_violation", "invalid_prompt"):
            return Completion(self.endpoint.clean(error.message), "refusal")
        if answer.status == 400 and error.code == "context_length_exceeded":
            return Completion("", "length")
        self.endpoint.refuse(answer, self.model)

    async def close(self) -> None:
        """Close the running loop's client, which every model of this endpoint shares."""
        await self.endpoint.close()


def _wire() -> ModuleType:
    """The module that imports the libraries (0.3 s): before any call, so that no call's deadline pays for it."""
    try:
        from . import wire
    except ImportError:
        raise UsageError("a model at an endpoint needs an extra: pip install 'sirius-lab[openai]'") from None
    return wire


def _checked(base_url: str) -> str:
    """The URL without its last slash; UsageError where it is none, or carries what would be stored or sent wrongly."""
    try:
        parts = urlsplit(base_url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        usable = False
    if not usable or any(not c.isprintable() or c.isspace() for c in base_url):
        raise UsageError(f"base_url={clean(base_url, most=100)!r} is no web address: write e.g. "
                         "http://127.0.0.1:8000/v1")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise UsageError(f"base_url on {parts.hostname} may hold no user, password, query or fragment, because it is "
                         "stored and shown: put the key into an environment variable (--set key_env=NAME)")
    if parts.path.rstrip("/").endswith("/chat/completions"):
        raise UsageError(f"base_url={base_url}: leave away /chat/completions")
    return base_url.rstrip("/")


def _private(host: str) -> bool:
    """Whether a host is this machine or stands in a private network, by its name or address alone."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        if host.isdecimal() or host.startswith("0x"):  # an address in another notation
            return False
        return "." not in host or host.endswith(_PRIVATE_NAMES)
    return address.is_loopback or address.is_private or address.is_link_local


def _key(environ: Mapping[str, str], name: str, url: str) -> str:
    key = environ.get(name, "").strip()
    if not key:
        raise UsageError(f"the environment variable {name} holds no key for {url}: set it, or name another with "
                         "--set key_env=NAME")
    if not (key.isascii() and key.isprintable() and " " not in key):
        raise UsageError(f"the environment variable {name} holds no key: it has blanks or other signs that no key has")
    return key


def _fields(request: Mapping[str, Any]) -> dict[str, Any]:
    """More fields of a request, checked; UsageError for one that is ours to say, or is no JSON."""
    if taken := [name for name in ("messages", "model", "n", "stream") if name in request]:
        raise UsageError(f"setting request: {taken[0]!r} is not yours to set")
    try:
        json.dumps(dict(request), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise UsageError(f"setting request: {clean(str(error))}") from None
    return dict(request)
