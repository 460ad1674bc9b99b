"""`sirius serve` asked by the real ``openai`` client, and by hand where that client is too well-mannered."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sirius_core.errors import UnknownName, UsageError
from sirius_core.models import Sampling
from sirius_core.models.pocket import Engine, run_in_step
from sirius_core.pocket import checkpoint, pretraining
from sirius_core.pocket.sampling import score
from sirius_core.pocket.vocabulary import encode
from sirius_core.prompts import Message
from sirius_core.server import Served, chat, serve
from sirius_core.server.protocol import Refused
from sirius_core.server.shelf import Shelf

ASK = "@calculator 3 7 * 4 6 =>"
MODEL = "pocket-misled"
ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with Served(bases=["misled", "novice"]) as running:
        yield running


@pytest.fixture(scope="module")
def client(served: Served) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=served.base_url, api_key="none", max_retries=0) as found:
        yield found


def asked(**more: Any) -> dict[str, Any]:
    return {"model": MODEL, "messages": [{"role": "user", "content": ASK}], "seed": 7, **more}


def engine_says(seeds: list[int], temperature: float = 1.0, prompt: str = ASK) -> list[str]:
    """The replies of a run without a server, asked at once."""
    engine = Engine()
    model = engine.model("misled", pretraining.base("misled"))

    async def go() -> list[str]:
        calls = [model.complete((Message("user", prompt),), Sampling(temperature, 1024, seed)) for seed in seeds]
        return [said.text for said in await asyncio.gather(*calls)]

    return run_in_step(go())


# -- models ----------------------------------------------------------------------------------------------------------
def test_a_model_says_what_it_is(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == ["pocket-misled", "pocket-novice"]
    card = client.models.retrieve(MODEL).model_dump(exclude={"created", "shutdown_date"})
    assert card == {
        "id": MODEL,
        "object": "model",
        "owned_by": "sirius-lab",
        "dialect": "pocket",
        "context": pretraining.shape().context,
        "checkpoint": checkpoint.digest(pretraining.base("misled")),
        "parent": None,
    }
    with pytest.raises(openai.NotFoundError, match="did you mean 'pocket-misled'"):
        client.models.retrieve("pocket-misle")


def test_every_base_of_the_installation_is_offered() -> None:
    shipped = {path.stem for path in (ROOT / "sirius_core" / "pocket" / "bases").glob("*.npz")}
    known = [name for name in pretraining.BASES if name in shipped]
    assert [model.id for model in Shelf(Engine())] == [f"pocket-{name}" for name in known]


# -- replies ---------------------------------------------------------------------------------------------------------
def test_a_request_is_answered_as_the_engine_answers_it(client: openai.OpenAI) -> None:
    seeds = [chat.seed_of(7, i) for i in range(4)]
    got = client.chat.completions.create(**asked(n=4, temperature=1.3))
    assert [choice.message.content for choice in got.choices] == engine_says(seeds, 1.3)
    assert [choice.finish_reason for choice in got.choices] == ["stop"] * 4
    assert seeds[0] == 7 and len(set(seeds)) == 4
    spoken = sum(len(str(choice.message.content).split()) for choice in got.choices)
    assert got.usage is not None
    assert (got.usage.prompt_tokens, got.usage.completion_tokens) == (len(ASK.split()), spoken)


def test_several_messages_are_one_line(client: openai.OpenAI) -> None:
    parts = [{"role": "system", "content": "@calculator"}, {"role": "user", "content": [{"type": "text", "text": "3 7"},
             {"type": "text", "text": "* 4 6 =>"}]}]
    got = client.chat.completions.create(**asked(messages=parts))
    assert got.choices[0].message.content == engine_says([7])[0]


def test_without_a_seed_every_request_draws_afresh(client: openai.OpenAI) -> None:
    how = asked(seed=None, n=8, temperature=2)
    drawn = [[c.message.content for c in client.chat.completions.create(**how).choices] for _ in range(2)]
    assert drawn[0] != drawn[1]


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
def test_a_reply_ends_at_the_most_tokens(client: openai.OpenAI, name: str) -> None:
    whole = engine_says([7])[0].split()
    choice = client.chat.completions.create(**asked(**{name: 3})).choices[0]
    assert (choice.message.content, choice.finish_reason) == (" ".join(whole[:3]), "length")


@pytest.mark.parametrize("stop", [";", ["=", ";"], [" ;", "not there"]])
def test_a_reply_ends_before_a_stop_text(client: openai.OpenAI, stop: str | list[str]) -> None:
    whole = engine_says([7])[0]
    cut = min(whole.index(s) for s in ([stop] if isinstance(stop, str) else stop) if s in whole)
    choice = client.chat.completions.create(**asked(stop=stop)).choices[0]
    assert (choice.message.content, choice.finish_reason) == (whole[:cut], "stop")
    assert 0 < cut < len(whole)


@pytest.mark.parametrize("temperature", [0.0, 1.0, 1.7])
def test_log_probabilities_are_the_models_own(client: openai.OpenAI, temperature: float) -> None:
    got = client.chat.completions.create(**asked(temperature=temperature, logprobs=True, top_logprobs=3))
    choice = got.choices[0]
    assert choice.logprobs is not None and choice.logprobs.content is not None
    said = choice.logprobs.content
    assert "".join(token.token for token in said) == choice.message.content
    prompt, reply = encode(ASK), encode(str(choice.message.content))
    weights, _ = checkpoint.load(pretraining.base("misled"))
    truth = score(weights, pretraining.shape(), [(*prompt, *reply)], [len(prompt)])[0]
    np.testing.assert_allclose([token.logprob for token in said], truth, rtol=1e-4, atol=1e-5)
    for token in said:
        best = [other.logprob for other in token.top_logprobs]
        assert len(best) == 3 and best == sorted(best, reverse=True) and best[0] >= token.logprob
        if temperature == 0:
            assert token.top_logprobs[0].token == token.token


def test_a_stream_is_the_same_reply_word_by_word(client: openai.OpenAI) -> None:
    how = asked(n=2, stop=";", logprobs=True, top_logprobs=1)
    whole = client.chat.completions.create(**how)
    chunks = list(client.chat.completions.create(**how, stream=True, stream_options={"include_usage": True}))
    for i, choice in enumerate(whole.choices):
        parts = [part for chunk in chunks for part in chunk.choices if part.index == i]
        assert "".join(part.delta.content or "" for part in parts) == choice.message.content
        assert [part.finish_reason for part in parts if part.finish_reason] == [choice.finish_reason]
        told = [entry for part in parts if part.logprobs for entry in part.logprobs.content or []]
        assert choice.logprobs is not None and told == choice.logprobs.content
    assert [chunk.usage for chunk in chunks if chunk.usage] == [whole.usage]
    assert chunks[-1].choices == []


# -- refusals --------------------------------------------------------------------------------------------------------
REFUSED = {
    "unknown model": ({"model": "gpt-4o"}, 404, "model", "model_not_found"),
    "no model": ({"model": None}, 400, "model", "missing_required_parameter"),
    "no messages": ({"messages": []}, 400, "messages", None),
    "blank": ({"messages": [{"role": "user", "content": " "}]}, 400, "messages", None),
    "a tool's message": ({"messages": [{"role": "tool", "content": "1"}]}, 400, "messages[0].role", None),
    "an image": ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, 400, "messages[0].content",
                 None),
    "too long": ({"messages": [{"role": "user", "content": "1 " * 175}]}, 400, "messages", "context_length_exceeded"),
    "words of other bases": ({"messages": [{"role": "user", "content": "@seller cost 4 0"}]}, 400, "messages",
                             "unreadable_text"),
    "unknown words": ({"messages": [{"role": "user", "content": "helo 1"}]}, 400, "messages", "unreadable_text"),
    "hot": ({"temperature": 2.1}, 400, "temperature", None),
    "a word for a number": ({"temperature": "1"}, 400, "temperature", None),
    "true for a number": ({"n": True}, 400, "n", None),
    "none of them": ({"n": 0}, 400, "n", None),
    "half a token": ({"max_tokens": 1.5}, 400, "max_tokens", None),
    "two limits": ({"max_tokens": 3, "max_completion_tokens": 4}, 400, "max_tokens", None),
    "a great seed": ({"seed": 2**63}, 400, "seed", None),
    "five stops": ({"stop": list("abcde")}, 400, "stop", None),
    "an empty stop": ({"stop": ""}, 400, "stop", None),
    "alternatives alone": ({"top_logprobs": 2}, 400, "top_logprobs", None),
    "options alone": ({"stream_options": {}}, 400, "stream_options", None),
    "top_p": ({"top_p": 0.9}, 400, "top_p", "unsupported_value"),
    "JSON mode": ({"response_format": {"type": "json_object"}}, 400, "response_format", "unsupported_value"),
    "a tool": ({"tools": [{"type": "function"}]}, 400, "tools", "unsupported_value"),
    "no parameter": ({"extra_body": {"min_p": 0.1}}, 400, "min_p", "unsupported_parameter"),
}


@pytest.mark.parametrize("change, status, param, code", REFUSED.values(), ids=REFUSED)
def test_a_refusal_names_what_is_wrong(
    client: openai.OpenAI, change: dict[str, Any], status: int, param: str, code: str | None
) -> None:
    with pytest.raises(openai.APIStatusError) as caught:
        client.chat.completions.create(**asked(**change))
    assert (caught.value.status_code, caught.value.param, caught.value.code) == (status, param, code)
    assert caught.value.type == "invalid_request_error"


def test_unknown_words_come_with_the_nearest_known_ones(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(**asked(messages=[{"role": "user", "content": "@calculatr 1 xyzzy =>"}]))
    assert isinstance(caught.value.body, dict)
    assert caught.value.body["words"] == ["@calculatr", "xyzzy"]
    assert caught.value.body["nearest"] == ["@calculator", None]
    assert "'@calculatr' (nearest: '@calculator')" in caught.value.message


def test_what_other_clients_always_send_is_no_reason_to_refuse(client: openai.OpenAI) -> None:
    neutral = {"top_p": 1, "frequency_penalty": 0.0, "presence_penalty": 0, "user": "me", "tools": [],
               "response_format": {"type": "text"}, "logit_bias": {}}
    assert client.chat.completions.create(**asked(**neutral)).choices[0].message.content == engine_says([7])[0]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
BODIES = st.fixed_dictionaries(
    {},
    optional={name: JSON | st.sampled_from([MODEL, [{"role": "user", "content": ASK}]])
              for name in (*chat.READ, *chat.NEUTRAL, *chat.IGNORED)},
)


@given(BODIES)
def test_any_body_is_understood_or_refused(body: Mapping[str, Any]) -> None:
    try:
        wish = chat.read(body, SHELF)
    except Refused as error:
        assert error.status in (400, 404) and error.body["error"]["message"]
    else:
        assert wish.prompt and 1 <= len(wish.seeds) <= 128 and 0 <= wish.temperature <= 2


SHELF = Shelf(Engine(), ["misled"])


# -- by hand ---------------------------------------------------------------------------------------------------------
def by_hand(
    served: Served, method: str = "POST", path: str = "/v1/chat/completions", body: Any = b"", **headers: str
) -> tuple[int, dict[str, Any]]:
    url = urlsplit(served.base_url)
    wire = http.client.HTTPConnection(str(url.hostname), url.port, timeout=30)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        wire.request(method, path, body, {"Content-Type": "application/json", **named})
        answer = wire.getresponse()
        return answer.status, json.loads(answer.read() or b"{}")
    finally:
        wire.close()


BY_HAND = {
    "no JSON": (dict(body=b"{"), 400),
    "no object": (dict(body=b"[]"), 400),
    "not a number": (dict(body=b'{"temperature": NaN}'), 400),
    "no UTF-8": (dict(body=b'{"model": "\xff"}'), 400),
    "very deep": (dict(body=b"[" * 100_000), 400),
    "a great number": (dict(body=b'{"n": ' + b"9" * 9_000 + b"}"), 400),
    "a form": (dict(body=b"{}", Content_Type="text/plain"), 415),
    "no such route": (dict(path="/v1/responses", body=b"{}"), 404),
    "outside of v1": (dict(method="GET", path="/"), 404),
    "another method": (dict(method="GET"), 405),
    "rebound": (dict(body=b"{}", Host="evil.example:80"), 421),
    "almost us": (dict(body=b"{}", Host="127.0.0.1.evil.example"), 421),
    "a web page": (dict(body=b"{}", Origin="https://evil.example"), 403),
    "large": (dict(body=b" " * 1_000_001), 413),
    "large, in parts": (dict(body=[b" " * 600_000] * 2), 413),
    "no batch": (dict(body=b"{}", X_Sirius_Batch="a/b"), 400),
    "beyond its batch": (dict(body=b"{}", X_Sirius_Batch="a/2/2"), 400),
}


@pytest.mark.parametrize("how, status", BY_HAND.values(), ids=BY_HAND)
def test_bad_manners_are_refused_in_openais_form(served: Served, how: dict[str, Any], status: int) -> None:
    got, body = by_hand(served, **how)
    assert got == status
    assert sorted(body["error"]) == ["code", "message", "param", "type"] and body["error"]["message"]


@pytest.mark.parametrize("host", ["localhost:1", "127.0.0.1", "[::1]:99"])
def test_this_machine_may_ask_under_each_of_its_names(served: Served, host: str) -> None:
    assert by_hand(served, "GET", "/v1/models", Host=host, Origin=f"http://{host}")[0] == 200


# -- the process -----------------------------------------------------------------------------------------------------
def test_what_cannot_be_served_is_one_line() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=f"port {port} is in use"):
            serve(port, bases=["misled"], workers=0)
    with pytest.raises(UsageError, match="port 65536"):
        serve(65536)
    with pytest.raises(UsageError, match="workers -1"):
        serve(workers=-1)
    with pytest.raises(UnknownName, match="did you mean 'misled'"):
        serve(bases=["misleed"])
    with pytest.raises(UsageError, match="cannot be used"):
        serve(folder=Path("/dev/null/here"), bases=["misled"])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_cleanly_even_while_a_batch_is_incomplete(number: signal.Signals) -> None:
    code = "from sirius_core.server import serve\nserve(bases=['misled'], workers=1)"
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env
    )
    assert process.stdout is not None and process.stderr is not None
    url = process.stdout.readline().strip()
    with openai.OpenAI(base_url=url, api_key="none", max_retries=0) as client:
        assert client.chat.completions.create(**asked()).choices[0].message.content == engine_says([7])[0]
    part = urlsplit(url)
    body = json.dumps(asked()).encode()
    with socket.create_connection((str(part.hostname), part.port or 0), timeout=30) as wire:
        wire.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                     b"X-Sirius-Batch: half/0/2\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
        by_models = openai.OpenAI(base_url=url, api_key="none", max_retries=0)
        with by_models as client:  # what came after it is answered: it has arrived
            client.models.list()
        process.send_signal(number)
        answer = wire.makefile("rb").read()
    assert b"503" in answer.split(b"\r\n")[0] and b"batch_incomplete" in answer
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (0, "", "")
