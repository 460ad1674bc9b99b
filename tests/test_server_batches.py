"""Requests that belong together: the engine's own batch, nobody else held up, nothing held for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sirius_core.errors import ModelError
from sirius_core.models import Completion, Sampling
from sirius_core.models.pocket import Engine, run_in_step
from sirius_core.pocket import pretraining
from sirius_core.pocket.vocabulary import encode
from sirius_core.server import Served
from sirius_core.server.batches import Batches, Row
from sirius_core.server.protocol import Refused

ASKS = ["@calculator 3 7 * 4 6 =>", "@calculator 9 * 8 =>", "@calculator 6 4 / 8 =>"]


@pytest.fixture(scope="module")
def engine() -> Engine:
    found = Engine()
    for name in ("misled", "novice"):
        found.model(name, pretraining.base(name))
    return found


ROWS = st.builds(
    lambda name, prompt, temperature, seed, most: (name, tuple(encode(prompt)), Sampling(temperature, most, seed)),
    st.sampled_from(["misled", "novice"]),
    st.sampled_from(ASKS),
    st.sampled_from([0.0, 1.0, 1.8]),
    st.integers(0, 2**63 - 1),
    st.sampled_from([3, 1024]),
)


async def at_once(engine: Engine, rows: list[Row]) -> list[Completion]:
    return list(await asyncio.gather(*[engine.submit(*row) for row in rows]))


def told(replies: list[Completion]) -> list[tuple[str, str, int]]:
    return [(said.text, said.finish, said.tokens_out) for said in replies]


@given(st.data())
def test_a_batch_is_answered_as_if_it_had_been_asked_at_once(engine: Engine, data: st.DataObject) -> None:
    """In whatever order its requests come, with others that wait by themselves, and with some that are refused."""
    requests = data.draw(st.lists(st.lists(ROWS, min_size=1, max_size=3) | st.none(), min_size=1, max_size=6))
    order = data.draw(st.permutations(range(len(requests))))
    strangers = data.draw(st.lists(ROWS, max_size=3))
    alone = run_in_step(at_once(engine, [row for rows in requests if rows for row in rows]))

    async def go() -> list[Completion]:
        desk = Batches(engine)

        async def one(index: int) -> list[Completion]:
            with desk.seat(f"b/{index}/{len(requests)}") as seat:
                rows = requests[index]
                return [] if rows is None else await seat.replies(rows)

        async def stranger(row: Row) -> list[Completion]:
            with desk.seat(None) as seat:
                return await seat.replies([row])

        others = [asyncio.ensure_future(stranger(row)) for row in strangers]
        tasks = {index: asyncio.ensure_future(one(index)) for index in order}
        await asyncio.gather(*others)
        return [said for i in range(len(requests)) for said in await tasks[i]]

    assert told(run_in_step(go())) == told(alone)


def test_a_batch_that_stays_incomplete_is_refused_and_holds_nobody_up(engine: Engine) -> None:
    row = ("misled", tuple(encode(ASKS[0])), Sampling(seed=1))

    async def go() -> list[Any]:
        desk = Batches(engine, patience=0.2)

        async def one(header: str | None) -> Any:
            with desk.seat(header) as seat:
                return (await seat.replies([row]))[0].text

        held = [asyncio.ensure_future(one(f"half/{i}/3")) for i in range(2)]
        first = await one(None)
        assert not any(task.done() for task in held)
        ended = await asyncio.gather(*held, return_exceptions=True)
        assert await one("half/0/1") == first  # the name is free again
        return ended

    for error in run_in_step(go()):
        assert isinstance(error, Refused) and error.status == 503
        assert error.body["error"]["code"] == "batch_incomplete"
        assert str(error) == "2 of 3 requests of batch half came; send it again"


def test_a_request_that_is_sent_again_takes_the_place_of_the_first(engine: Engine) -> None:
    row = ("misled", tuple(encode(ASKS[0])), Sampling(seed=1))

    async def go() -> tuple[Any, ...]:
        desk = Batches(engine)

        async def one(index: int) -> Any:
            with desk.seat(f"x/{index}/2") as seat:
                return (await seat.replies([row]))[0].text

        first, again = asyncio.ensure_future(one(0)), asyncio.ensure_future(one(0))
        return tuple(await asyncio.gather(first, again, one(1), return_exceptions=True))

    first, again, other = run_in_step(go())
    assert isinstance(first, Refused) and first.status == 409
    assert again == other


def test_an_engine_that_fails_fails_every_request_of_the_batch() -> None:
    engine = Engine()
    engine.model("broken", b"PK no checkpoint")
    row = ("broken", tuple(encode(ASKS[0])), Sampling(seed=1))

    async def go() -> list[Any]:
        desk = Batches(engine)

        async def one(index: int) -> Any:
            with desk.seat(f"x/{index}/2") as seat:
                return await seat.replies([row])

        return list(await asyncio.gather(one(0), one(1), return_exceptions=True))

    assert [type(error) for error in run_in_step(go())] == [ModelError, ModelError]


@pytest.mark.parametrize("header", ["a/0/0", "a/1/1", "a/0/20001", "a b/0/1", "a/0", "/0/1", "a/-1/2", "a/0/2x", ""])
def test_a_place_that_is_none_is_refused(engine: Engine, header: str) -> None:
    async def go() -> None:
        with Batches(engine).seat(header):
            pass

    with pytest.raises(Refused, match="x-sirius-batch"):
        run_in_step(go())


def test_one_name_has_one_size(engine: Engine) -> None:
    async def go() -> None:
        desk = Batches(engine)
        with desk.seat("a/0/2"), desk.seat("a/1/3"):
            pass

    with pytest.raises(Refused, match="batch a has 2 requests, not 3"):
        run_in_step(go())


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with Served(bases=["misled"], patience=0.4) as running:
        yield running


def test_over_http_a_refused_request_counts_as_arrived(served: Served) -> None:
    async def go() -> list[Any]:
        async with openai.AsyncOpenAI(base_url=served.base_url, api_key="none", max_retries=0) as client:

            async def one(index: int, said: str, size: int) -> Any:
                got = await client.chat.completions.create(
                    model="pocket-misled", messages=[{"role": "user", "content": said}], seed=index,
                    extra_headers={"X-Sirius-Batch": f"web{size}/{index}/{size}"})
                return got.choices[0].message.content

            whole = await asyncio.gather(*[one(i, said, 4) for i, said in enumerate([*ASKS, "no such word"])],
                                         return_exceptions=True)
            half = await asyncio.gather(one(0, ASKS[0], 2), return_exceptions=True)
            return [*whole, *half]

    engine = Engine()
    engine.model("misled", pretraining.base("misled"))
    rows = [("misled", tuple(encode(said)), Sampling(1.0, 176, i)) for i, said in enumerate(ASKS)]
    *replies, refused, late = asyncio.run(go())
    assert replies == [said.text for said in run_in_step(at_once(engine, rows))]
    assert isinstance(refused, openai.BadRequestError) and refused.code == "unreadable_text"
    assert isinstance(late, openai.InternalServerError) and late.code == "batch_incomplete"
