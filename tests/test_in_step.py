"""A served pocket model, asked in the batches of a run without a server: the same replies, whatever happens between."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from endpoint import FakeEndpoint
from endpoint_faults import ALWAYS, First
from hypothesis import given, settings
from hypothesis import strategies as st

from sirius_core.errors import ModelError, UnreadableText
from sirius_core.models import Completion, Model, Sampling
from sirius_core.models.in_step import InStep
from sirius_core.models.openai_api import Endpoint, OpenAIModel
from sirius_core.models.pocket import Engine, run_in_step
from sirius_core.pocket import pretraining
from sirius_core.prompts import Message
from sirius_core.server import Served

ROOT = Path(__file__).resolve().parents[1]
ASKS = ["@calculator 3 7 * 4 6 =>", "@calculator 9 * 8 =>", "@calculator 6 4 / 8 =>", "no such word =>", "1 " * 175,
        "1 " * 174, "1 " * 173]


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with Served(bases=["misled", "novice"]) as running:
        yield running


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine()


def local(engine: Engine) -> dict[str, Model]:
    return {name: engine.model(name, pretraining.base(name)) for name in ("misled", "novice")}


def remote(served: Served) -> dict[str, Model]:
    endpoint = Endpoint(served.base_url)
    return {name: InStep(OpenAIModel(endpoint, f"pocket-{name}")) for name in ("misled", "novice")}


Call = tuple[str, str, float, int, int]  # model, prompt, temperature, most tokens, seed
CALLS = st.tuples(st.sampled_from(["misled", "novice"]), st.sampled_from(ASKS), st.sampled_from([0.0, 1.0, 1.8]),
                  st.sampled_from([2, 1024]), st.integers(0, 2**63 - 1))


def episodes(models: dict[str, Model], plan: Sequence[Sequence[Call]]) -> list[list[Any]]:
    """Every episode makes its calls one after the other; those of different episodes meet in batches."""

    async def episode(calls: Sequence[Call]) -> list[Any]:
        said: list[Any] = []
        for name, prompt, temperature, most, seed in calls:
            try:
                got = await models[name].complete((Message("user", prompt),), Sampling(temperature, most, seed))
            except UnreadableText as error:
                said.append((str(error), error.words, error.nearest))
            else:
                said.append((got.text, got.finish, got.tokens_in, got.tokens_out))
        return said

    async def all_of_them() -> list[list[Any]]:
        try:
            return list(await asyncio.gather(*[episode(calls) for calls in plan]))
        finally:
            for model in models.values():
                if isinstance(model, InStep):
                    await model.close()

    return run_in_step(all_of_them())


@settings(max_examples=25)
@given(st.lists(st.lists(CALLS, min_size=1, max_size=3), min_size=1, max_size=8))
def test_replies_are_those_of_a_run_without_a_server(
    served: Served, engine: Engine, plan: list[list[Call]]
) -> None:
    assert episodes(remote(served), plan) == episodes(local(engine), plan)


def test_many_calls_wait_together(served: Served, engine: Engine) -> None:
    """More than one job of the engine, more than any client's usual number of connections."""
    plan = [[("misled", ASKS[i % 3], 1.0, 4, i)] for i in range(1200)]
    assert episodes(remote(served), plan) == episodes(local(engine), plan)


def test_it_is_a_lockstep_model_of_the_pocket_dialect() -> None:
    model = InStep(OpenAIModel(Endpoint("http://127.0.0.1:9/v1"), "pocket-misled"))
    assert (model.dialect, model.lockstep, model.name) == ("pocket", True, "http://127.0.0.1:9/v1 pocket-misled")


# -- what goes wrong -------------------------------------------------------------------------------------------------
def ask(model: InStep, n: int) -> list[Completion]:
    async def go() -> list[Completion]:
        calls = [model.complete((Message("user", f"{i}"),), Sampling(seed=i)) for i in range(n)]
        try:
            return list(await asyncio.gather(*calls))
        finally:
            await model.close()

    return run_in_step(go())


@pytest.mark.parametrize("fault", ["reset", "503", "cut", "bad JSON"])
def test_a_batch_of_which_a_part_fails_is_sent_again_as_a_whole(fault: str) -> None:
    def reply(messages: Any, body: Any) -> str:
        return f"{messages[0]['content']} of {body['seed']}"

    with FakeEndpoint(reply, faults={fault: First(1)}) as server:
        said = ask(InStep(OpenAIModel(Endpoint(server.base_url), "fake")), 3)
        assert [one.text for one in said] == ["0 of 0", "1 of 1", "2 of 2"]
        places = [seen.headers["x-sirius-batch"].split("/") for seen in server.log]
    last = places[-1][0]
    assert sorted(place for place in places if place[0] == last) == [[last, str(i), "3"] for i in range(3)]
    assert len({place[0] for place in places}) >= 2


def test_a_server_that_never_answers_is_said_in_one_line() -> None:
    with FakeEndpoint(faults={"500": ALWAYS}) as server:
        model = InStep(OpenAIModel(Endpoint(server.base_url), "fake"), attempts=2)
        with pytest.raises(ModelError, match=r"failed to answer a batch of 2 calls, 2 times \(server error"):
            ask(model, 2)
    with FakeEndpoint(held=True) as server:
        model = InStep(OpenAIModel(Endpoint(server.base_url), "fake"), attempts=1, deadline=0.05)
        with pytest.raises(ModelError, match=r"1 times \(no reply within 0.05 s\)"):
            ask(model, 2)


def test_a_model_that_the_server_has_not_is_no_reason_to_ask_again(served: Served) -> None:
    with pytest.raises(ModelError, match="pocket-misled"):
        ask(InStep(OpenAIModel(Endpoint(served.base_url), "pocket-mislead")), 2)


def test_too_few_open_files_are_said_before_anything_is_sent() -> None:
    code = """
import asyncio, resource
resource.setrlimit(resource.RLIMIT_NOFILE, (200, 200))
from sirius_core.errors import ModelError
from sirius_core.models import Sampling
from sirius_core.models.in_step import InStep
from sirius_core.models.openai_api import Endpoint, OpenAIModel
from sirius_core.models.pocket import run_in_step
model = InStep(OpenAIModel(Endpoint("http://127.0.0.1:9/v1"), "m"))
async def go():
    await asyncio.gather(*[model.complete((), Sampling()) for _ in range(100)])
try:
    run_in_step(go())
except ModelError as error:
    print(error)
"""
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env)
    assert (done.stdout, done.stderr) == (
        "100 calls wait for each other, but only 72 connections may be open here: lower the chunk, or raise the "
        "number of open files (ulimit -n)\n", "")
