"""The endpoint that the other tests lean on: the real client reads its replies, and each fault shows what it should."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
import urllib.request
from collections import Counter
from pathlib import Path
from typing import Any

import openai
import pytest
from endpoint import FakeEndpoint
from endpoint_faults import ALWAYS, FAULTS, First, Rate, as_plan, fault_for
from hypothesis import given
from hypothesis import strategies as st

ASK: dict[str, Any] = {"model": "fake", "messages": [{"role": "user", "content": "two and two"}]}


def create(server: FakeEndpoint, key: str = "any", timeout: float = 30.0, **more: Any) -> Any:
    with openai.OpenAI(base_url=server.base_url, api_key=key, max_retries=0, timeout=timeout) as client:
        return client.chat.completions.create(**(ASK | more))


def test_the_real_client_reads_a_reply_and_the_log_holds_what_was_asked() -> None:
    with FakeEndpoint(lambda messages, body: f"{messages[-1]['content']} at {body['temperature']}") as server:
        said = create(server, temperature=0.5)
    assert said.choices[0].message.content == "two and two at 0.5"
    assert (said.choices[0].finish_reason, said.model) == ("stop", "fake")
    assert said.usage.to_dict() == {"prompt_tokens": 3, "completion_tokens": 5, "total_tokens": 8}
    [seen] = server.log
    assert (seen.number, seen.attempt, seen.path, seen.outcome) == (1, 1, "/v1/chat/completions", "200")
    assert seen.answered and seen.body == ASK | {"temperature": 0.5} and seen.headers["authorization"] == "Bearer any"
    assert server.stats() == {
        "requests": 1, "outcomes": {"200": 1}, "in_flight": 0, "most_in_flight": 1, "connections": 1}


def test_a_reply_may_be_message_fields_and_usage_tells_a_cost() -> None:
    said = {"content": None, "refusal": "no", "finish_reason": "content_filter"}
    with FakeEndpoint(lambda messages, body: dict(said), price=(1.0, 2.0)) as server:
        refused = create(server)
    assert (refused.choices[0].message.refusal, refused.choices[0].finish_reason) == ("no", "content_filter")
    assert refused.usage.to_dict()["cost"] == pytest.approx(3e-6)


def test_models_are_listed_and_keys_checked() -> None:
    with FakeEndpoint(models=("one", "two"), key="sk-right-key") as server:
        with openai.OpenAI(base_url=server.base_url, api_key="sk-right-key") as client:
            assert [model.id for model in client.models.list()] == ["one", "two"]
            assert client.models.retrieve("two").id == "two"
            with pytest.raises(openai.NotFoundError, match="three"):
                client.models.retrieve("three")
        with pytest.raises(openai.AuthenticationError, match=r"sk-\*\*\*ey") as caught:
            create(server, "sk-wrong-key")
        assert caught.value.code == "invalid_api_key"
        with pytest.raises(openai.NotFoundError) as unknown:
            create(server, "sk-right-key")
        assert unknown.value.code == "model_not_found"


def test_attempts_are_counted_by_body() -> None:
    with FakeEndpoint(faults={"503": First(2)}) as server:
        with openai.OpenAI(base_url=server.base_url, api_key="any", max_retries=2) as client:
            client.chat.completions.create(**ASK)
        with pytest.raises(openai.InternalServerError):
            create(server, temperature=0)
    assert [(seen.attempt, seen.outcome) for seen in server.log] == [(1, "503"), (2, "503"), (3, "200"), (1, "503")]


# -- faults -----------------------------------------------------------------------------------------------------------
RAISED: dict[str, Any] = {
    "429": openai.RateLimitError, "429 bare": openai.RateLimitError, "429 date": openai.RateLimitError,
    "429 ms": openai.RateLimitError, "quota": openai.RateLimitError, "500": openai.InternalServerError,
    "502": openai.InternalServerError, "503": openai.InternalServerError, "408": openai.APIStatusError,
    "409": openai.ConflictError, "400": openai.BadRequestError, "401": openai.AuthenticationError,
    "403": openai.PermissionDeniedError, "404": openai.NotFoundError, "echoed key": openai.InternalServerError,
    "echoed key 401": openai.AuthenticationError, "bad JSON": json.JSONDecodeError, "bad UTF-8": UnicodeDecodeError,
    "empty body": json.JSONDecodeError, "html": None, "bad head": openai.APIConnectionError,
    "reset": openai.APIConnectionError, "closed": openai.APIConnectionError, "half": openai.APIConnectionError,
    "cut": openai.APIConnectionError, "hang": openai.APITimeoutError,
}
SAID: dict[str, Any] = {  # (choices or the text, finish) of answers that the client reads without complaint
    "error in 200": None, "choices missing": None, "choices null": None, "choices empty": [],
    "null content": (None, "stop"), "refusal": (None, "stop"), "tool call": (None, "tool_calls"),
    "truncated": ("fo", "length"), "content filter": ("", "content_filter"), "wrong type": ("four", "stop"),
    "strange headers": ("four", "stop"),
}


def test_every_fault_is_tested() -> None:
    assert {*RAISED, *SAID, "huge", "trickle"} == set(FAULTS)
    assert Counter(fault.kind for fault in FAULTS.values()).keys() == {"again", "fatal", "outcome", "fine"}


@pytest.mark.parametrize("name", [name for name, kind in RAISED.items() if kind])
def test_a_fault_that_the_client_raises(name: str) -> None:
    with FakeEndpoint(faults=name) as server:
        with pytest.raises(RAISED[name]) as caught:
            create(server, key="sk-canary", timeout=0.2 if name == "hang" else 30.0)
        server.wait(lambda s: not s.in_flight)
    [seen] = server.log
    assert seen.outcome == name
    assert seen.answered == (name not in ("reset", "closed", "half", "cut", "hang", "bad head"))
    response = getattr(caught.value, "response", None)
    headers = response.headers if response is not None else {}
    assert {"retry-after", "retry-after-ms"} & set(headers) == {
        "429": {"retry-after"}, "429 date": {"retry-after"}, "429 ms": {"retry-after-ms"}}.get(name, set())
    assert ("sk-canary" in str(caught.value)) == name.startswith("echoed key")


@pytest.mark.parametrize("name", SAID)
def test_a_fault_that_the_client_lets_pass(name: str) -> None:
    with FakeEndpoint(faults=name) as server:
        said = create(server)
    if isinstance(SAID[name], tuple):
        choice = said.choices[0]
        assert (choice.message.content, choice.finish_reason) == SAID[name]
        assert (choice.message.refusal is not None, choice.message.tool_calls is not None) == (
            name == "refusal", name == "tool call")
    else:
        assert said.choices == SAID[name]


def test_a_page_in_place_of_an_answer_comes_as_text_and_a_huge_answer_whole() -> None:
    with FakeEndpoint(faults="html") as server:
        with pytest.raises((json.JSONDecodeError, AttributeError)):
            assert create(server).choices
    with FakeEndpoint(faults="huge") as server:
        assert len(create(server).choices[0].message.content) == 32 * 2**20


def test_a_trickle_passes_a_timeout_per_read() -> None:
    async def ask(server: FakeEndpoint) -> None:
        async with openai.AsyncOpenAI(base_url=server.base_url, api_key="any", max_retries=0, timeout=0.2) as client:
            async with asyncio.timeout(0.5):
                await client.chat.completions.create(**ASK)

    with FakeEndpoint(faults={"trickle": ALWAYS}) as server:
        with pytest.raises(TimeoutError):
            asyncio.run(ask(server))


@given(st.floats(0, 1), st.integers(0, 9), st.text(max_size=4), st.integers(0, 4), st.integers(0, 4))
def test_faults_fall_by_body_and_attempt_alone(share: float, seed: int, body: str, one: int, two: int) -> None:
    plan = as_plan({"reset": First(one), "429": First(two), "500": Rate(share / 2), "hang": Rate(share / 2)})
    met = [fault_for(plan, seed, body, attempt) for attempt in range(1, 40)]
    assert met[: one + two] == ["reset"] * one + ["429"] * two
    assert set(met[one + two :]) <= {"500", "hang", None}
    assert met == [fault_for(plan, seed, body, attempt) for attempt in range(1, 40)]


def test_a_rate_is_met_and_wrong_plans_are_refused() -> None:
    met = Counter(fault_for({"500": Rate(0.2), "reset": Rate(0.01)}, 3, str(i), 1) for i in range(10_000))
    assert 1900 <= met["500"] <= 2100 and 70 <= met["reset"] <= 130
    with pytest.raises(ValueError, match="no fault is called 'tea'"):
        FakeEndpoint(faults="tea")
    with pytest.raises(ValueError, match="exceed 1"):
        FakeEndpoint(faults={"500": Rate(0.6), "reset": Rate(0.6)})


# -- many at once -----------------------------------------------------------------------------------------------------
def test_requests_beyond_the_slots_are_turned_away() -> None:
    async def ask(server: FakeEndpoint) -> list[Any]:
        async with openai.AsyncOpenAI(base_url=server.base_url, api_key="any", max_retries=0) as client:
            asked = [asyncio.create_task(client.chat.completions.create(**ASK, seed=i)) for i in range(5)]
            await asyncio.to_thread(server.wait, lambda s: s.requests == 5)
            server.release()
            return await asyncio.gather(*asked, return_exceptions=True)

    with FakeEndpoint(slots=3, retry_after=2, held=True) as server:
        said = asyncio.run(ask(server))
    limited = [error for error in said if isinstance(error, openai.RateLimitError)]
    assert len(limited) == 2 and all(error.response.headers["retry-after"] == "2" for error in limited)
    assert server.outcomes == {"200": 3, "busy": 2} and server.in_flight == 0


def request(body: bytes, *headers: str) -> bytes:
    lines = ["POST /v1/chat/completions HTTP/1.1", "Host: h", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


def test_pipelined_and_chunked_requests_are_answered_in_order() -> None:
    bodies = [json.dumps(ASK | {"seed": i}).encode() for i in range(300)]
    asked = [request(body, f"Content-Length: {len(body)}") for body in bodies]
    asked[1] = request(b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (bodies[1][:9], bodies[1][9:], b"")),
                       "Transfer-Encoding: chunked")
    asked[-1] = asked[-1].replace(b"Host: h", b"Connection: close")
    with FakeEndpoint(lambda messages, body: f"<{body['seed']}>") as server:
        with socket.create_connection(("127.0.0.1", server.port)) as wire:
            wire.sendall(b"".join(asked))
            came = b"".join(iter(lambda: wire.recv(65536), b""))
    texts = [part.partition(b">")[0] for part in came.split(b'"content":"<')[1:]]
    assert texts == [b"%d" % i for i in range(300)]
    assert (server.most_in_flight, server.connections) == (1, 1)


def test_a_client_that_goes_away_is_not_answered() -> None:
    with FakeEndpoint(held=True) as server:
        with socket.create_connection(("127.0.0.1", server.port)) as wire:
            body = json.dumps(ASK).encode()
            wire.sendall(request(body, f"Content-Length: {len(body)}"))
            server.wait(lambda s: s.in_flight == 1)
        server.wait(lambda s: not s.in_flight)
        assert [seen.answered for seen in server.log] == [False]
        with pytest.raises(TimeoutError, match="'requests': 1"):
            server.wait(lambda s: s.requests == 2, timeout=0.01)


def test_latency_is_the_same_for_the_same_request() -> None:
    drawn: list[float] = []

    def latency(rng: Any) -> float:
        drawn.append(rng.random())
        return 0.0

    for _ in range(2):
        with FakeEndpoint(latency=latency, seed=4) as server:
            create(server)
            create(server, seed=1)
    assert drawn[:2] == drawn[2:] and drawn[0] != drawn[1]


def test_as_a_process_it_serves_until_its_input_ends(tmp_path: Path) -> None:
    script = Path(__file__).with_name("endpoint.py")
    command = [sys.executable, str(script), "--log-file", str(tmp_path / "log"), "--reply", "five", "--fault", "500=0"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin and process.stdout
        url = process.stdout.readline().strip()
        with openai.OpenAI(base_url=url, api_key="any") as client:
            assert client.chat.completions.create(**ASK).choices[0].message.content == "five"
        with urllib.request.urlopen(url.removesuffix("/v1") + "/stats") as reply:
            assert json.load(reply)["outcomes"] == {"200": 1}
        process.stdin.close()
        assert process.wait() == 0
    lines = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert [(line["at"], line["number"], line["attempt"], line["outcome"]) for line in lines] == [
        ("asked", 1, 1, "200"), ("answered", 1, 1, "200")]
    assert lines[0]["body"] == lines[1]["body"]
