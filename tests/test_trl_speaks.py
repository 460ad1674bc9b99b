"""How a local checkpoint speaks: draws, seeds, limits, company and callers that leave."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest
from tiny_llama import answers, make

from sirius_core.models import Completion, Sampling
from sirius_core.models.hugging_face import Checkpoint
from sirius_core.models.local import LocalEngine
from sirius_core.prompts import Message

pytestmark = pytest.mark.skipif(find_spec("trl") is None, reason="the trl extra is not installed")

ASK = (Message("user", "red"),)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return make(tmp_path_factory.mktemp("checkpoints") / "tiny")


@pytest.fixture(scope="module")
def engine(folder) -> Iterator[LocalEngine]:
    engine = LocalEngine(Checkpoint(folder), batch=100)
    yield engine
    engine.close()


def draws(engine: LocalEngine, seeds: range, temperature: float, tokens: int) -> list[str]:
    async def all_at_once() -> list[Completion]:
        model = engine.model("base")
        return list(await asyncio.gather(*(model.complete(ASK, Sampling(temperature, tokens, s)) for s in seeds)))

    return [said.text for said in asyncio.run(all_at_once())]


def test_a_reply_depends_on_seed_and_temperature_and_not_on_its_company(folder, engine):
    alone = LocalEngine(Checkpoint(folder), batch=1)
    try:
        many = draws(engine, range(6), 1.0, 12)
        assert many == draws(alone, range(6), 1.0, 12) and len(set(many)) == 6
        assert draws(alone, range(3, 4), 1.0, 12) == many[3:4]
        assert len(set(draws(alone, range(3), 0.0, 12))) == 1
    finally:
        alone.close()


def test_draws_follow_the_models_own_probabilities(engine):
    import torch

    n, checkpoint = 600, engine.checkpoint
    said = draws(engine, range(n), 0.5, 1)
    with torch.no_grad():
        logits = checkpoint.load()(torch.tensor([checkpoint.prompt(ASK)])).logits[0, -1]
    likely = torch.softmax(logits / 0.5, 0)
    texts = [checkpoint.tokenizer.decode([i], skip_special_tokens=True) for i in range(len(likely))]
    for i in likely.topk(3).indices.tolist():
        expected = sum(float(p) for p, text in zip(likely, texts, strict=True) if text == texts[i])
        assert expected > 0.05
        assert abs(said.count(texts[i]) / n - expected) < 4 * (expected * (1 - expected) / n) ** 0.5


def test_a_reply_ends_at_its_limit_or_at_the_end_of_the_context(tmp_path):
    small = LocalEngine(Checkpoint(make(tmp_path / "small", context=40)))
    try:
        model = small.model("base")
        room = 40 - len(small.checkpoint.prompt(ASK))
        [short, long] = [answers(model, [ASK], Sampling(0.0, n))[0] for n in (3, 10_000)]
        assert (short.finish, short.tokens_out, short.tokens_in) == ("length", 3, 40 - room)
        assert (long.finish, long.tokens_out) == ("length", room)
        [nothing] = answers(model, [(Message("user", "red" * 20),)], Sampling())
        assert (nothing.text, nothing.finish, nothing.tokens_out) == ("", "length", 0)
    finally:
        small.close()


def test_a_caller_that_gives_up_does_not_keep_the_others_waiting(engine):
    model = engine.model("base")

    async def one_leaves() -> Completion:
        leaves = asyncio.create_task(model.complete(ASK, Sampling(1.0, 200, 1)))
        stays = asyncio.create_task(model.complete(ASK, Sampling(1.0, 5, 2)))
        await asyncio.sleep(0)
        leaves.cancel()
        return await stays

    [alone] = answers(model, [ASK], Sampling(1.0, 5, 2))
    assert replace(asyncio.run(one_leaves()), ms=0.0) == replace(alone, ms=0.0)


def test_a_loop_that_ended_with_calls_under_way_leaves_the_engine_usable(engine):
    model = engine.model("base")

    async def walk_out() -> None:
        tasks = [asyncio.create_task(model.complete(ASK, Sampling(1.0, 100, seed))) for seed in range(3)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)  # the batch is in the thread now
        for task in tasks:
            task.cancel()

    asyncio.run(walk_out())
    assert answers(model, [ASK], Sampling(0.0, 3))[0].tokens_out == 3
