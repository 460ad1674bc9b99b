"""An OpenAI-compatible endpoint as a model: whole requests as the server saw them, whole completions, named faults."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from endpoint import FakeEndpoint
from endpoint_faults import FAULTS

from sirius_core.errors import ModelError, SiriusError, UsageError
from sirius_core.models import Completion, Sampling, TryAgain
from sirius_core.models.chat_completions import Answer
from sirius_core.models.openai_api import OPENAI, Endpoint, OpenAIModel, Price
from sirius_core.prompts import Message

KEY = "sk-canary-0123456789abcdef"
ASKED = (Message("system", "Be brief."), Message("user", "2 + 2?"))
SAMPLING = Sampling(0.7, 64, 2**62 + 11)


def ask(server: FakeEndpoint | str, key: str = "", timeout: float = 30.0, **more: Any) -> Completion:
    """One call in a loop of its own, its client closed; ``ms`` is left out."""

    async def go() -> Completion:
        url = server if isinstance(server, str) else server.base_url
        model = OpenAIModel(Endpoint(url, "KEY" if key else "", {"KEY": key}), "fake", **more)
        try:
            async with asyncio.timeout(timeout):
                return replace(await model.complete(ASKED, SAMPLING), ms=0.0)
        finally:
            await model.close()

    return asyncio.run(go())


# -- requests ---------------------------------------------------------------------------------------------------------
def test_a_whole_request_and_a_whole_completion() -> None:
    with FakeEndpoint("four") as server:
        assert ask(server, KEY, price=Price(1.0, 10.0)) == Completion("four", "stop", 5, 1, 0.0, 1.5e-05)
    [seen] = server.log
    assert (seen.path, seen.outcome, seen.answered) == ("/v1/chat/completions", "200", True)
    assert seen.body == {
        "model": "fake", "temperature": 0.7, "max_tokens": 64, "seed": 2**62 + 11,
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "2 + 2?"}]}
    assert {name: value for name, value in seen.headers.items() if name not in ("host", "content-length")} == {
        "authorization": f"Bearer {KEY}", "content-type": "application/json", "accept": "application/json",
        "accept-encoding": "identity", "connection": "keep-alive", "user-agent": seen.headers["user-agent"]}
    assert seen.headers["user-agent"].startswith("AsyncOpenAI/Python ")


def test_requests_are_alike_but_for_their_body_and_share_a_connection() -> None:
    async def go() -> list[str]:
        model = OpenAIModel(Endpoint(server.base_url), "fake")
        said = [await model.complete([Message("user", text)], SAMPLING) for text in ("a", "half: \ud800", "ünï")]
        await model.close()
        return [s.text for s in said]

    with FakeEndpoint(lambda messages, body: messages[0]["content"]) as server:
        assert asyncio.run(go()) == ["a", "half: ?", "ünï"]
    assert server.connections == 1
    heads = [{**seen.headers, "content-length": ""} for seen in server.log]
    assert heads == heads[:1] * 3 and len({seen.headers["content-length"] for seen in server.log}) > 1


def test_openai_itself_is_asked_for_completion_tokens_and_a_request_may_be_changed() -> None:
    openai = OpenAIModel(Endpoint(OPENAI, environ={"OPENAI_API_KEY": KEY}), "gpt", request={
        "temperature": None, "reasoning_effort": "low", "max_completion_tokens": 9, "seed": None})
    assert openai.body([Message("user", "hi")], SAMPLING) == {
        "model": "gpt", "messages": [{"role": "user", "content": "hi"}], "reasoning_effort": "low",
        "max_completion_tokens": 9}
    assert openai.name == ('https://api.openai.com/v1 gpt {"max_completion_tokens":9,"reasoning_effort":"low",'
                           '"seed":null,"temperature":null}')
    assert (openai.dialect, openai.lockstep) == ("chat", False)
    plain = OpenAIModel(Endpoint(OPENAI, environ={"OPENAI_API_KEY": KEY}), "gpt", name="ours")
    assert plain.body([], Sampling(0.0, 5, 1)) == {
        "model": "gpt", "messages": [], "temperature": 0.0, "max_completion_tokens": 5, "seed": 1}
    assert plain.name == "ours"


@pytest.mark.parametrize("request_, message", [
    ({"messages": []}, "setting request: 'messages' is not yours to set"),
    ({"stream": True}, "setting request: 'stream' is not yours to set"),
    ({"n": 2}, "setting request: 'n' is not yours to set"),
    ({"x": float("nan")}, "setting request: Out of range float values are not JSON compliant"),
    ({"x": object}, "setting request: Object of type type is not JSON serializable"),
])
def test_fields_that_may_not_be_set(request_: Any, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        OpenAIModel(Endpoint("http://localhost/v1"), "m", request=request_)
    assert str(caught.value).startswith(message)


def test_a_model_needs_a_name() -> None:
    with pytest.raises(UsageError, match=r"^name a model at http://localhost/v1$"):
        OpenAIModel(Endpoint("http://localhost/v1"), " ")


# -- the key ----------------------------------------------------------------------------------------------------------
ENVIRON = {"OPENAI_API_KEY": "sk-openai", "OTHER": " other\n", "EMPTY": " ", "ODD": "a b", "LETTER": "schlüssel"}


@pytest.mark.parametrize("base_url, key_env, more, sent", [
    ("", "", {}, "OPENAI_API_KEY"),
    (OPENAI, "", {}, "OPENAI_API_KEY"),
    (OPENAI, "OTHER", {}, "OTHER"),
    ("", "", {"OPENAI_BASE_URL": "https://proxy.example/v1/"}, "OPENAI_API_KEY"),
    ("https://proxy.example/v1", "", {"OPENAI_BASE_URL": "https://proxy.example/v1/"}, "OPENAI_API_KEY"),
    ("http://127.0.0.1:8000/v1", "", {}, ""),
    ("http://[::1]:8000/v1", "", {}, ""),
    ("http://192.168.1.7/v1", "", {}, ""),
    ("http://vllm:8000/v1", "", {}, ""),
    ("http://box.local/v1", "", {}, ""),
    ("http://10.0.0.1/v1", "OTHER", {}, "OTHER"),
    ("https://api.example.com/v1", "OTHER", {}, "OTHER"),
])
def test_which_key_goes_where(base_url: str, key_env: str, more: Mapping[str, str], sent: str) -> None:
    endpoint = Endpoint(base_url, key_env, {**ENVIRON, **more})
    assert (endpoint.key_env, endpoint._key) == (sent, ENVIRON.get(sent, "").strip())


@pytest.mark.parametrize("base_url, key_env, message", [
    ("https://api.example.com/v1", "", "needs a key of its own: name the environment variable that holds it"),
    ("https://api.openai.com.example.com/v1", "", "needs a key of its own"),
    ("http://api.example.com/v1", "OTHER", "would send the key in OTHER unencrypted: use https"),
    ("http://8.8.8.8/v1", "OTHER", "would send the key in OTHER unencrypted"),
    (OPENAI, "ABSENT", "the environment variable ABSENT holds no key for https://api.openai.com/v1"),
    (OPENAI, "EMPTY", "the environment variable EMPTY holds no key for"),
    (OPENAI, "ODD", "the environment variable ODD holds no key: it has blanks or other signs"),
    (OPENAI, "LETTER", "the environment variable LETTER holds no key: it has blanks or other signs"),
    ("localhost:8000", "", "base_url='localhost:8000' is no web address"),
    ("http://", "", "is no web address"),
    ("ftp://h/v1", "", "is no web address"),
    ("http://h:99999/v1", "", "is no web address"),
    ("http://[::1", "", "is no web address"),
    ("http://a b/v1", "", "is no web address"),
    ("https://me:secret-word@h.com/v1", "", "base_url on h.com may hold no user, password, query or fragment"),
    ("https://h.com/v1?key=secret-word", "", "base_url on h.com may hold no user, password, query or fragment"),
    ("http://h/v1/chat/completions", "", "leave away /chat/completions"),
])
def test_no_key_goes_where_it_does_not_belong(base_url: str, key_env: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        Endpoint(base_url, key_env, ENVIRON)
    said = str(caught.value)
    assert message in said and "\n" not in said
    assert not any(secret in said for secret in ("secret-word", "sk-openai", "a b\"", "schlüssel"))


def test_what_the_environment_says_for_openai_stays_there(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"OPENAI_API_KEY": KEY, "OPENAI_ORG_ID": "org-1", "OPENAI_PROJECT_ID": "proj-1",
                        "OPENAI_ADMIN_KEY": KEY, "OPENAI_CUSTOM_HEADERS": f"X-Mine: 1\nAuthorization: Bearer {KEY}",
                        "HTTP_PROXY": "http://127.0.0.1:9", "http_proxy": "http://127.0.0.1:9"}.items():
        monkeypatch.setenv(name, value)
    with FakeEndpoint() as server:
        assert ask(server).text == "four"
    [seen] = server.log
    assert seen.headers["authorization"] == "Bearer none" and KEY not in str(seen)
    assert not {"x-mine", "openai-organization", "openai-project"} & set(seen.headers)


def said_by(error: BaseException | None) -> str:
    """Everything that an error and those behind it carry."""
    parts, seen = [], set[int]()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        parts += [str(error), repr(error), repr(error.args), repr(vars(error))]
        error = error.__cause__ or error.__context__
    return "\n".join(parts)


@pytest.mark.parametrize("fault", FAULTS)
def test_the_key_is_found_in_no_error_and_no_log(fault: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with FakeEndpoint(faults=fault) as server:
        try:
            found = repr(ask(server, KEY, timeout=0.3 if fault in ("hang", "trickle") else 30.0))
        except (TryAgain, SiriusError) as error:
            assert error.__context__ is None and error.__cause__ is None
            found = said_by(error)
        except TimeoutError:
            found = ""
        server.wait(lambda s: not s.in_flight)
    assert KEY in server.log[0].headers["authorization"]
    for text in (found, caplog.text, *(repr(vars(record)) for record in caplog.records)):
        assert KEY not in text and KEY[3:15] not in text


def test_a_server_that_says_the_key_in_its_reply_is_not_quoted() -> None:
    with FakeEndpoint(f"your key is {KEY}!") as server:
        assert ask(server, KEY).text == "your key is [key]!"
    endpoint = Endpoint(OPENAI, environ={"OPENAI_API_KEY": KEY})
    assert repr(OpenAIModel(endpoint, "m")) == "OpenAIModel(Endpoint('https://api.openai.com/v1'), 'm')"


# -- replies ----------------------------------------------------------------------------------------------------------
OUTCOMES: dict[str, Any] = {
    "429": ("rate limit", "Rate limit reached", 1.0),
    "429 bare": ("rate limit", "Rate limit reached", None),
    "429 ms": ("rate limit", "Rate limit reached", 0.02),
    "500": ("server error", "500 The server had an error while processing your request", None),
    "502": ("server error", "502 502 Bad Gateway Bad Gateway", None),
    "503": ("server error", "503 The engine is currently overloaded", None),
    "408": ("server error", "408 Request timed out", None),
    "409": ("server error", "409 The resource is locked", None),
    "400": "refused a request to 'fake' (400: temperature is not supported): change it with --set request=JSON",
    "401": "does not take the key in KEY for model 'fake' (Incorrect API key provided): set the right one, then resume",
    "403": "forbids model 'fake' (Country not supported)",
    "404": "has no model 'fake' (The model `fake` does not exist or you do not have access to it.)",
    "quota": "answers 'fake' no more, the account is empty (You exceeded your current quota): fill it, then resume",
    "echoed key": ("server error", "500 bad request: authorization: Bearer [key]", None),
    "echoed key 401": "does not take the key in KEY for model 'fake' (bad request: authorization: Bearer [key])",
    "error in 200": ("error body", "upstream failed", None),
    "choices missing": ("no choices", "the reply has no choices", None),
    "choices null": ("no choices", "the reply has no choices", None),
    "choices empty": ("no choices", "the reply has no choices", None),
    "null content": ("null content", "the message has no text", None),
    "refusal": Completion("I cannot help with that.", "refusal", 5, 1),
    "tool call": Completion("", "tool_call", 5, 1),
    "truncated": Completion("fo", "length", 5, 1),
    "content filter": Completion("", "refusal", 5, 1),
    "empty body": ("bad JSON", "the reply is empty", None),
    "wrong type": Completion("four", "stop", 5, 1),
    "strange headers": Completion("four", "stop", 5, 1),
    "huge": ("too large", "the reply has over 16 MB", None),
}
NAMES = {"429 date": "rate limit", "bad JSON": "bad JSON", "html": "bad JSON", "bad UTF-8": "bad UTF-8",
         "bad head": "bad HTTP", "reset": "reset", "half": "reset", "closed": "reset", "cut": "reset"}


@pytest.mark.parametrize("fault", [name for name in FAULTS if name not in ("hang", "trickle")])
def test_what_every_fault_is(fault: str) -> None:
    kind = FAULTS[fault].kind
    with FakeEndpoint(faults=fault) as server:
        if isinstance(wanted := OUTCOMES.get(fault), Completion):
            assert ask(server, KEY) == wanted and kind in ("fine", "outcome")
        elif isinstance(wanted, str):
            with pytest.raises(ModelError) as fatal:
                ask(server, KEY)
            assert str(fatal.value).startswith(f"{server.base_url} {wanted}") and kind == "fatal"
        else:
            with pytest.raises(TryAgain) as again:
                ask(server, KEY)
            error, wanted = again.value, wanted or NAMES[fault]
            assert (error.name if isinstance(wanted, str) else (error.name, error.why, error.wait)) == wanted
            assert kind == "again" and "\n" not in error.why
    assert len(server.log) == 1  # the library itself retries nothing


@pytest.mark.parametrize("code, wanted", [
    ("content_filter", Completion("flagged", "refusal")), ("invalid_prompt", Completion("flagged", "refusal")),
    ("content_policy_violation", Completion("flagged", "refusal")),
    ("context_length_exceeded", Completion("", "length")),
])
def test_a_refused_prompt_is_an_outcome_of_its_episode(code: str, wanted: Completion) -> None:
    model = OpenAIModel(Endpoint("http://localhost/v1"), "m")
    body = json.dumps({"error": {"message": "flagged", "code": code}}).encode()
    assert model.read(Answer(400, {}, body), 0.0) == wanted


# -- the wire ---------------------------------------------------------------------------------------------------------
async def canned(raw: bytes, use: Callable[[str], Awaitable[Any]]) -> Any:
    """What ``use(base URL)`` gives against a server that answers everything with these bytes."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        size = next((int(line.split(b":")[1]) for line in head.lower().splitlines() if b"content-length" in line), 0)
        await reader.readexactly(size)
        writer.write(raw)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        return await use(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1")


def ask_canned(raw: bytes) -> Completion:
    async def use(url: str) -> Completion:
        model = OpenAIModel(Endpoint(url), "fake")
        try:
            return await model.complete(ASKED, SAMPLING)
        finally:
            await model.close()

    found: Completion = asyncio.run(canned(raw, use))
    return found


GOOD = b'{"choices": [{"message": {"content": "four"}, "finish_reason": "stop"}]}'


def test_a_reply_without_a_length_is_read_to_its_end() -> None:
    assert ask_canned(b"HTTP/1.1 200 OK\r\n\r\n" + GOOD).text == "four"
    chunked = b"%x\r\n%s\r\n0\r\n\r\n" % (len(GOOD), GOOD)
    assert ask_canned(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked).text == "four"


@pytest.mark.parametrize("raw, error, text", [
    (b"HTTP/1.1 200 OK\r\n\r\n" + b" " * (17 * 2**20), TryAgain, "too large: the reply has over 16 MB"),
    (b"HTTP/1.1 500 No\r\n\r\n" + b" " * (17 * 2**20), TryAgain, "too large: the reply has over 16 MB"),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999\r\n\r\n", TryAgain, "too large"),
    (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n\x1f\x8b", TryAgain, "bad encoding: the reply is encoded (g"),
    (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 10**5 + b"\r\n\r\n", TryAgain, "bad HTTP"),
    (b"SSH-2.0-OpenSSH_9.6\r\n", TryAgain, "bad HTTP"),
    (b"", TryAgain, "reset: Server disconnected"),
    (b"HTTP/1.1 307 Go\r\nLocation: http://elsewhere.example/v1\r\nContent-Length: 0\r\n\r\n", ModelError,
     "sends on to http://elsewhere.example/v1: correct base_url"),
    (b"HTTP/1.1 402 Pay\r\nContent-Length: 0\r\n\r\n", ModelError, "the account is empty (status 402)"),
    (b"HTTP/1.1 422 No\r\nContent-Length: 13\r\n\r\n{\"detail\":\"x\"", ModelError, "refused a request to 'fake'"),
])
def test_answers_that_are_none(raw: bytes, error: type[Exception], text: str) -> None:
    with pytest.raises(error) as caught:
        ask_canned(raw)
    assert text in str(caught.value)


def test_a_host_that_does_not_listen() -> None:
    with pytest.raises(TryAgain, match=r"^no connection: connection refused$"):
        ask("http://127.0.0.1:9/v1")


def test_each_loop_has_a_client_of_its_own_and_leaves_nothing_open() -> None:
    async def go() -> object:
        model, other = OpenAIModel(endpoint, "fake"), OpenAIModel(endpoint, "fake")
        client = endpoint.client()
        await asyncio.gather(*(m.complete(ASKED, SAMPLING) for m in (model, other) * 3))
        assert endpoint.client() is client
        await model.close()
        await other.close()
        return client

    with FakeEndpoint() as server:
        endpoint = Endpoint(server.base_url)
        assert asyncio.run(go()) is not asyncio.run(go())
    gc.collect()  # a client that was left open would warn, and warnings are errors


# -- before any work --------------------------------------------------------------------------------------------------
def check(endpoint: Endpoint, model: str) -> Mapping[str, Any] | None:
    return asyncio.run(endpoint.check(model))


def test_a_listed_model_is_found_without_a_paid_call() -> None:
    with FakeEndpoint(models=("one", "two"), key=KEY) as server:
        found = check(Endpoint(server.base_url, "KEY", {"KEY": KEY}), "two")
    assert found == {"id": "two", "object": "model", "created": 0, "owned_by": "nobody"} and server.log == []


@pytest.mark.parametrize("key, model, message", [
    ("wrong-key-0123", "one", "does not take the key in KEY for model 'one' (Incorrect API key provided: wro***23.)"),
    ("", "one", "asks for a key (Incorrect API key provided: ***.): name the variable that holds it"),
    (KEY, "onne", "has no model 'onne'; did you mean 'one'?"),
    (KEY, "gpt", "has no model 'gpt'; it has: one, two"),
])
def test_a_wrong_key_and_an_unknown_model_are_said(key: str, model: str, message: str) -> None:
    with FakeEndpoint(models=("one", "two"), key=KEY) as server:
        with pytest.raises(ModelError) as caught:
            check(Endpoint(server.base_url, "KEY" if key else "", {"KEY": key}), model)
    said = str(caught.value)
    assert said.startswith(server.base_url) and message in said and "\n" not in said
    assert caught.value.__context__ is None and KEY not in said and "wrong-key-0123" not in said


def test_a_host_out_of_reach_is_said() -> None:
    with pytest.raises(ModelError) as caught:
        check(Endpoint("http://127.0.0.1:9/v1"), "m")
    assert str(caught.value) == ("nothing usable answers at http://127.0.0.1:9/v1 for model 'm' (no connection: "
                                 "connection refused): start the server, or correct base_url")
    assert caught.value.__context__ is None


@pytest.mark.parametrize("raw, message", [
    (b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", "has no model 'm' (status 404): correct model, or base_url"),
    (b"HTTP/1.1 200 OK\r\n\r\n{\"choices\":[{\"message\":{\"content\":null},\"finish_reason\":\"stop\"}]}", ""),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]", "nothing usable answers at http"),
    (b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<!DOCTYPE html><title>A page</title>", "(bad JSON: "),
    (b"HTTP/1.1 200 OK\r\n\r\n{\"error\":\"Unexpected endpoint or method\"}", "(error body: Unexpected endpoint or"),
    (b"HTTP/1.1 400 No\r\nContent-Length: 14\r\n\r\nunknown words.", ""),
    (b"HTTP/1.1 400 No\r\nContent-Length: 20\r\n\r\nno such model: 'm' !", "refused a request to 'm' (400: no such"),
    (b"HTTP/1.1 429 No\r\nContent-Length: 0\r\n\r\n", ""),
    (b"HTTP/1.1 429 No\r\n\r\n{\"error\":{\"code\":\"insufficient_quota\"}}", "the account is empty"),
    (b"HTTP/1.1 301 No\r\nLocation: https://h/v1\r\nContent-Length: 0\r\n\r\n", "sends on to https://h/v1"),
    (b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n", "forbids model 'm' (status 403)"),
    (b"no http at all\r\n\r\n", "nothing usable answers at"),
])
def test_a_server_without_a_list_is_asked_for_one_token(raw: bytes, message: str) -> None:
    async def use(url: str) -> Mapping[str, Any] | None:
        return await Endpoint(url).check("m")

    if not message:
        assert asyncio.run(canned(raw, use)) is None
        return
    with pytest.raises(ModelError) as caught:
        asyncio.run(canned(raw, use))
    assert message in str(caught.value) and caught.value.__context__ is None
