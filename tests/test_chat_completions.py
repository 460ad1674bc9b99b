"""What an OpenAI-compatible server may answer: it is a completion, a named fault, or one clear line."""

from __future__ import annotations

import json
from email.utils import formatdate
from time import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sirius_core.errors import ModelError
from sirius_core.models import Completion, TryAgain
from sirius_core.models.chat_completions import Answer, Price, clean, completion, error_of, passing, wait
from sirius_core.models.openai_api import Endpoint


def read(data: Any, price: Price | None = None, raw: bytes | None = None) -> Completion:
    return completion(Answer(200, {}, json.dumps(data).encode() if raw is None else raw), 0.0, price, clean)


def reply(message: Any, finish: Any = "stop", **more: Any) -> dict[str, Any]:
    return {"choices": [{"message": message, "finish_reason": finish}], **more}


@pytest.mark.parametrize("message, finish, wanted", [
    ({"content": "4", "reasoning_content": "2 + 2 ..."}, "stop", ("4", "stop")),
    ({"content": "4", "reasoning": "2 + 2 ...", "refusal": None, "tool_calls": []}, None, ("4", "stop")),
    ({"content": [{"type": "text", "text": "fo"}, {"type": "text", "text": "ur"}]}, "stop", ("four", "stop")),
    ({"content": [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "4"}]}, "stop", ("4", "stop")),
    ({"content": ""}, "stop", ("", "stop")),
    ({"content": None}, "length", ("", "length")),
    ({"content": "fo"}, "length", ("fo", "length")),
    ({"content": "4"}, "eos", ("4", "stop")),
    ({"content": None, "refusal": "no"}, "stop", ("no", "refusal")),
    ({"content": "half", "refusal": ""}, "content_filter", ("half", "refusal")),
    ({"content": None, "tool_calls": [{"id": "1"}]}, "tool_calls", ("", "tool_call")),
    ({"content": "", "function_call": {"name": "f"}}, "function_call", ("", "tool_call")),
    ({"content": "4", "tool_calls": [{"id": "1"}]}, "tool_calls", ("4", "stop")),
    ({"content": "half: \ud800"}, "stop", ("half: \ufffd", "stop")),
])
def test_messages(message: Any, finish: Any, wanted: tuple[str, str]) -> None:
    said = read(reply(message, finish))
    assert (said.text, said.finish) == wanted


@pytest.mark.parametrize("data, name", [
    ([], "bad shape"), ("text", "bad shape"), (7, "bad shape"), (None, "bad shape"),
    ({}, "no choices"), ({"choices": None}, "no choices"), ({"choices": []}, "no choices"),
    ({"choices": {}}, "bad shape"), ({"choices": ["x"]}, "bad shape"), ({"choices": "x"}, "bad shape"),
    ({"choices": [{}]}, "bad shape"), ({"choices": [{"message": "x"}]}, "bad shape"),
    (reply({}), "null content"), (reply({"content": None}), "null content"), (reply({"content": []}), "null content"),
    (reply({"content": 7}), "bad shape"), (reply({"content": ["x"]}), "bad shape"),
    (reply({"content": [{"text": 7}]}), "bad shape"), (reply({"content": {"a": 1}}), "bad shape"),
    (reply({"content": None}, "error"), "error body"), ({"error": {"message": "broken"}}, "error body"),
    ({"error": "broken", "choices": []}, "error body"),
])
def test_wrong_shapes(data: Any, name: str) -> None:
    with pytest.raises(TryAgain) as caught:
        read(data)
    assert caught.value.name == name


@pytest.mark.parametrize("usage, tokens, cost", [
    ({"prompt_tokens": 1000, "completion_tokens": 100}, (1000, 100), 0.003),
    ({"prompt_tokens": 1000, "completion_tokens": 100, "prompt_tokens_details": {"cached_tokens": 600}},
     (1000, 100), 0.0024 + 0.0 + 0.00006),
    ({"prompt_tokens": 1000, "completion_tokens": 100, "prompt_cache_hit_tokens": 600}, (1000, 100), 0.00246),
    ({"prompt_tokens": 10, "completion_tokens": 0, "prompt_tokens_details": {"cached_tokens": 99}}, (10, 0), 0.000001),
    ({"prompt_tokens": 1000.0, "completion_tokens": 100, "prompt_tokens_details": None}, (1000, 100), 0.003),
    (None, (0, 0), None), ("x", (0, 0), None), ({}, (0, 0), None),
    ({"prompt_tokens": 5}, (5, 0), None),
    ({"prompt_tokens": -5, "completion_tokens": True}, (0, 0), None),
    ({"prompt_tokens": 10**30, "completion_tokens": "7"}, (0, 0), None),
])
def test_usage_and_cost(usage: Any, tokens: tuple[int, int], cost: float | None) -> None:
    said = read(reply({"content": "4"}, usage=usage), Price(1.0, 20.0, 0.1))
    assert (said.tokens_in, said.tokens_out) == tokens and said.cost == (None if cost is None else pytest.approx(cost))
    assert read(reply({"content": "4"}, usage=usage)).cost is None


def test_without_a_price_of_its_own_the_cache_costs_as_much() -> None:
    assert Price(1.0, 2.0).cost(10**6, 10**6, 10**5) == 3.0 and Price(1.0, 2.0, 0.0).cost(10**6, 0, 10**6) == 0.0


FIELDS = ["choices", "message", "content", "usage", "finish_reason", "prompt_tokens", "prompt_tokens_details", "text",
          "error", "refusal", "tool_calls", "code", "type", "detail"]
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=5),
    max_leaves=25)
shaped = st.builds(lambda message, finish, usage: reply(message, finish, usage=usage), anything, anything, anything)


@given(st.one_of(anything, shaped, shaped.map(lambda data: data["choices"][0])))
def test_whatever_json_comes_is_a_completion_or_a_named_fault(data: Any) -> None:
    try:
        said = read(data, Price(1.0, 2.0))
    except TryAgain as error:
        assert error.name in ("bad shape", "no choices", "null content", "error body")
        return
    assert said.finish in ("stop", "length", "refusal", "tool_call") and said.text.encode().decode() == said.text
    assert said.tokens_in >= 0 and said.tokens_out >= 0 and (said.cost is None or said.cost >= 0)


@given(st.binary(max_size=200))
def test_whatever_bytes_come_are_a_completion_or_a_named_fault(raw: bytes) -> None:
    with pytest.raises(TryAgain) as caught:
        read(None, raw=raw)
    assert caught.value.name in ("bad JSON", "bad UTF-8", "bad shape", "no choices")


def test_json_that_would_exhaust_the_reader_is_bad_json() -> None:
    for raw in (b"[" * 10**6, b'{"a":' * 10**6, b"1" * 10**5):
        with pytest.raises(TryAgain, match="bad JSON"):
            read(None, raw=raw)


@pytest.mark.parametrize("body, wanted", [
    ({"error": {"message": "m", "code": "c", "type": "t"}}, ("m", "c", "t")),
    ({"error": "m"}, ("m", "", "")),
    ({"message": "m", "code": 400, "object": "error"}, ("m", "400", "")),
    ({"detail": "m"}, ("m", "", "")),
    ({"detail": [{"loc": ["body"], "msg": "m"}]}, ('[{"loc": ["body"], "msg": "m"}]', "", "")),
    ([{"error": {"message": "m", "code": 400}}], ("m", "400", "")),
    ({}, ("", "", "")),
])
def test_errors_in_the_forms_of_many_servers(body: Any, wanted: tuple[str, str, str]) -> None:
    said = error_of(Answer(400, {}, json.dumps(body).encode()))
    assert (said.message, said.code, said.kind) == wanted


@pytest.mark.parametrize("headers, seconds", [
    ({}, None), ({"retry-after": "2"}, 2.0), ({"retry-after": "1.5"}, 1.5), ({"retry-after-ms": "250"}, 0.25),
    ({"retry-after-ms": "250", "retry-after": "9"}, 0.25), ({"retry-after-ms": "x", "retry-after": "9"}, 9.0),
    ({"retry-after": "-1"}, None), ({"retry-after": "nan"}, None), ({"retry-after": "inf"}, None),
    ({"retry-after": "soon"}, None), ({"retry-after": "0"}, 0.0),
    ({"retry-after": "Thu, 01 Jan 1970 00:00:00 GMT"}, 0.0), ({"retry-after": "Thu, 99 Jan 1970"}, None),
])
def test_how_long_a_server_asks_to_wait(headers: dict[str, str], seconds: float | None) -> None:
    assert wait(headers) == seconds


def test_a_date_to_wait_for() -> None:
    found = wait({"retry-after": formatdate(time() + 30, usegmt=True)})
    assert found is not None and 25 < found <= 30


@given(st.integers(300, 599), st.one_of(st.binary(max_size=100), anything.map(lambda d: json.dumps(d).encode())))
def test_whatever_a_refusal_says_is_one_clear_line(status: int, raw: bytes) -> None:
    endpoint = Endpoint("http://localhost/v1")
    answer = Answer(status, {}, raw)
    if passing(answer, clean) is None:
        with pytest.raises(ModelError) as caught:
            endpoint.refuse(answer, "m")
        assert str(caught.value).startswith("http://localhost/v1 ") and str(caught.value).isprintable()
    else:
        assert status in (408, 409, 425, 429) or status >= 500


@given(st.text(), st.text(), st.text(alphabet="abcdefXYZ0123456789-_", min_size=10, max_size=40), st.integers(0, 40))
def test_a_cleaned_text_is_one_short_line_without_the_key(before: str, after: str, key: str, cut: int) -> None:
    for echo in (key, key[:cut] + "\x00" + key[cut:], key[: max(10, cut)], f"Bearer {key}"):
        line = clean(before + echo + after, key)
        assert len(line) <= 200 and "\n" not in line and all(c.isprintable() for c in line)
        if key not in before + after:
            assert key not in line
