"""The same job by many hands: an episode is three calls in a row, each of which sees the earlier replies.

    python benchmarks/contenders.py ours --base-url URL --episodes 500 --at-once 64 --folder /tmp/x

One contender a process, so that its CPU and its memory are its own; prints one line of JSON: wall seconds, CPU
milliseconds and replies lost, of the episodes after a short warm-up, and the peak memory of the process. Peers are
imported where they are installed; `endpoints.py` starts this file with the interpreter that has them.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import resource
import sys
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

SYSTEMS = {
    "physicist": "You are a physicist in a team of three. Name the laws and the quantities that the question needs, "
    "state what is known and what is asked, and set up the equations. Leave the arithmetic to the mathematician.",
    "mathematician": "You are a mathematician in a team of three. Take the physicist's equations, solve them step by "
    "step and state every number with its unit. If an equation is wrong, say which, and go on with the right one.",
    "summarizer": "You are the summarizer of a team of three. Read what the physicist and the mathematician say, "
    "decide what follows for the question, and end with one line that begins with 'Answer:'.",
}
ASKED = {
    "physicist": "Question: {{question}}",
    "mathematician": "Question: {{question}}\n\nThe physicist says:\n{{physics}}",
    "summarizer": "Question: {{question}}\n\nThe physicist says:\n{{physics}}\n\nThe mathematician says:\n{{maths}}",
}
SLOTS = ("question", "physics", "maths")
MODEL, MOST, WARM_UP = "fake", 512, 40
KEY = "none-is-needed"


def question(i: int) -> str:
    return (f"A cart of {i % 997 + 3} kg is pushed along a level track by a force of {i % 89 + 11} N for "
            f"{i % 13 + 2} s. Friction takes {i % 7 + 1} % of the force. How fast is the cart at the end, in m/s?")


def messages(role: str, said: dict[str, str]) -> list[dict[str, str]]:
    """A role's request in OpenAI's form; ``said`` holds the question and the earlier replies."""
    text = ASKED[role]
    for slot, value in said.items():
        text = text.replace("{{" + slot + "}}", value)
    return [{"role": "system", "content": SYSTEMS[role]}, {"role": "user", "content": text}]


@dataclass
class Job:
    base_url: str
    episodes: int
    at_once: int
    folder: Path
    lost: int = 0


Say = Callable[[str, list[dict[str, str]], int], Awaitable[str]]


def cpu() -> float:
    """Milliseconds of this process and of children that have ended."""
    both = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return 1000 * sum(use.ru_utime + use.ru_stime for use in both)


def peak() -> float:
    """MB; of a pool the first process alone."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


class Clock:
    """CPU and wall of a ``with`` block."""

    def __enter__(self) -> Clock:
        gc.collect()
        self.wall, self.cpu = time.perf_counter(), cpu()
        return self

    def __exit__(self, *_: object) -> None:
        self.wall, self.cpu = time.perf_counter() - self.wall, cpu() - self.cpu


async def chain(say: Say, i: int) -> str:
    said = {"question": question(i)}
    for role, slot in zip(SYSTEMS, (*SLOTS[1:], "answer"), strict=True):
        said[slot] = await say(role, messages(role, said), i)
    return said["answer"]


async def many(play: Callable[[int], Awaitable[Any]], first: int, count: int, at_once: int) -> int:
    """Play episodes ``first`` to ``first + count`` with ``at_once`` of them at a time; how many were lost."""
    numbers, lost = iter(range(first, first + count)), 0

    async def worker() -> None:
        nonlocal lost
        for i in numbers:
            try:
                await play(i)
            except Exception as error:  # whatever a contender gives up with
                lost += 1
                print(f"lost: {type(error).__name__}: {error}"[:200], file=sys.stderr)

    async with asyncio.TaskGroup() as group:
        for _ in range(min(at_once, count)):
            group.create_task(worker())
    return lost


async def measured(job: Job, play: Callable[[int], Awaitable[Any]]) -> Clock:
    await many(play, 10**6, min(WARM_UP, job.episodes), job.at_once)
    with Clock() as clock:
        job.lost = await many(play, 0, job.episodes, job.at_once)
    return clock


# -- clients without a lab --------------------------------------------------------------------------------------------
def aiohttp(job: Job) -> Clock:
    """Raw aiohttp and json: the least that this job costs with a general HTTP client."""
    import aiohttp as http

    async def run() -> Clock:
        head = {"Authorization": f"Bearer {KEY}"}
        async with http.ClientSession(headers=head, connector=http.TCPConnector(limit=0)) as session:
            async def say(role: str, asked: list[dict[str, str]], seed: int) -> str:
                body = {"model": MODEL, "messages": asked, "max_tokens": MOST, "temperature": 1.0, "seed": seed}
                async with session.post(f"{job.base_url}/chat/completions", json=body) as reply:
                    return str((await reply.json())["choices"][0]["message"]["content"])

            return await measured(job, lambda i: chain(say, i))

    return asyncio.run(run())


def openai(job: Job, aio: bool = False, post: bool = False) -> Clock:
    """`AsyncOpenAI` as it comes (one shared client); ``aio`` on aiohttp, ``post`` past the typed `create`."""
    import openai as library
    from openai.types.chat import ChatCompletion

    async def run() -> Clock:
        more: dict[str, Any] = {"http_client": library.DefaultAioHttpClient()} if aio else {}
        async with library.AsyncOpenAI(base_url=job.base_url, api_key=KEY, **more) as client:
            async def say(role: str, asked: list[dict[str, str]], seed: int) -> str:
                body: dict[str, Any] = {"model": MODEL, "messages": asked, "max_tokens": MOST, "temperature": 1.0,
                                        "seed": seed}
                if post:
                    said = await client.post("/chat/completions", cast_to=ChatCompletion, body=body)
                else:
                    said = await client.chat.completions.create(**body)
                return str(said.choices[0].message.content)

            return await measured(job, lambda i: chain(say, i))

    return asyncio.run(run())


_client: Any = None  # of one worker process


def _connect(base_url: str) -> None:
    global _client
    import openai as library

    _client = library.OpenAI(base_url=base_url, api_key=KEY)


def _in_a_process(i: int) -> str:
    said = {"question": question(i)}
    for role, slot in zip(SYSTEMS, (*SLOTS[1:], "answer"), strict=True):
        reply = _client.chat.completions.create(
            model=MODEL, messages=messages(role, said), max_tokens=MOST, temperature=1.0, seed=i)
        said[slot] = str(reply.choices[0].message.content)
    return said["answer"]


def processes(job: Job) -> Clock:
    """The published SiriuS code's pattern: a pool of 64 processes, a synchronous client in each. The library is
    imported before they fork; their first calls are part of the time, as they are there."""
    import openai as library

    assert library.OpenAI
    with Clock() as clock, ProcessPoolExecutor(64, get_context("fork"), _connect, (job.base_url,)) as pool:
        list(pool.map(_in_a_process, range(job.episodes)))
    return clock


# -- peers ------------------------------------------------------------------------------------------------------------
def langgraph(job: Job, stored: bool = False) -> Clock:
    """A graph of three nodes and `ChatOpenAI`; ``stored`` with its SQLite checkpointer."""
    from typing import TypedDict

    from langchain_openai import ChatOpenAI
    from langgraph.graph import END, START, StateGraph

    class State(TypedDict, total=False):
        question: str
        physics: str
        maths: str
        answer: str

    library: Any = ChatOpenAI
    model = library(base_url=job.base_url, api_key=KEY, model=MODEL, max_tokens=MOST, temperature=1.0)
    graph = StateGraph(State)
    before = START
    for role, slot in zip(SYSTEMS, (*SLOTS[1:], "answer"), strict=True):
        async def node(state: Any, role: str = role, slot: str = slot) -> dict[str, str]:
            return {slot: str((await model.ainvoke(messages(role, state))).content)}

        graph.add_node(role, node)
        graph.add_edge(before, role)
        before = role
    graph.add_edge(before, END)

    async def run() -> Clock:
        async with AsyncExitStack() as stack:
            keeper: Any = None
            if stored:
                from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

                path = str(job.folder / "langgraph.db")
                keeper = await stack.enter_async_context(AsyncSqliteSaver.from_conn_string(path))
            app: Any = graph.compile(checkpointer=keeper)
            return await measured(
                job, lambda i: app.ainvoke({"question": question(i)}, {"configurable": {"thread_id": str(i)}}))

    return asyncio.run(run())


def dspy(job: Job) -> Clock:
    """A module of three `Predict`s under `dspy.Parallel`."""
    import dspy as library

    model = library.LM(f"openai/{MODEL}", api_base=job.base_url, api_key=KEY, cache=False, max_tokens=MOST,
                       temperature=1.0)
    library.configure(lm=model, adapter=library.ChatAdapter(), track_usage=False)

    class Chain(library.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.steps = []
            for n, (system, slot) in enumerate(zip(SYSTEMS.values(), (*SLOTS[1:], "answer"), strict=True)):
                signature = library.Signature(f"{', '.join(SLOTS[: n + 1])} -> {slot}", system)
                self.steps.append((slot, library.Predict(signature)))

        def forward(self, question: str) -> Any:
            said = {"question": question}
            for slot, step in self.steps:
                said[slot] = getattr(step(**said), slot)
            return said["answer"]

    team = Chain()

    def play(first: int, count: int) -> None:
        pool = library.Parallel(num_threads=job.at_once, disable_progress_bar=True)
        pool([(team, library.Example(question=question(first + i)).with_inputs("question")) for i in range(count)])

    play(10**6, WARM_UP)
    with Clock() as clock:
        play(0, job.episodes)
    return clock


# -- the lab ----------------------------------------------------------------------------------------------------------
def ours(job: Job, tries: int = 50) -> Clock:
    """A phase of a run: `Rollout` with `OpenAIModel`, rewards, the journal and every turn in a SQLite file."""
    import sirius_core.jobs  # what a run has in memory beside
    from sirius_core.store import Store

    assert sirius_core.jobs
    with Store(job.folder / "lab.db") as store:
        phase = _phase(store, job, tries)
        phase(10**6, min(WARM_UP, job.episodes))
        with Clock() as clock:
            job.lost = phase(0, job.episodes)
    return clock


def _phase(store: Any, job: Job, tries: int) -> Callable[[int, int], int]:
    """A function (first, count) that plays that many episodes and tells how many were lost."""
    from sirius_core.evaluate import Bench
    from sirius_core.models import Sampling, Voices
    from sirius_core.models.openai_api import Endpoint, OpenAIModel
    from sirius_core.recipes import Recipe
    from sirius_core.rollout import Rollout
    from sirius_core.settings import Settings
    from sirius_core.teams import Team, roles
    from sirius_core.trajectories import Task

    async def workflow(task: Task, ask: Any) -> Any:
        physics = await ask("physicist", question=task.question)
        maths = await ask("mathematician", question=task.question, physics=physics)
        return await ask("summarizer", question=task.question, physics=physics, maths=maths)

    prompts = {(role, "answer"): f"[system]\n{SYSTEMS[role]}\n[user]\n{ASKED[role]}" for role in SYSTEMS}
    recipe = Recipe("bench", Team("bench", roles(prompts), workflow, tuple(SYSTEMS), "summarizer"))
    experiment = store.experiments.create("bench", Settings(), 0)

    def phase(first: int, count: int) -> int:
        tasks = [Task.of("bench", str(i), "train", question(i), "4", kind="number")
                 for i in range(first, first + (count + tries - 1) // tries)]
        store.episodes.add_tasks(tasks)
        voices = Voices({"*": OpenAIModel(Endpoint(job.base_url), MODEL)}, Sampling(1.0, MOST))
        bench = Bench(store, experiment, Rollout(store, experiment.id, concurrency=job.at_once), recipe, {})
        name = f"propose {first}"
        bench.play_all(1, name, [(name, tasks[i // tries], i % tries, voices) for i in range(count)])
        landed, stops = store.db.row("SELECT count(*), count(stop) FROM trajectory WHERE phase = ?", name)
        return int(count - landed + stops)

    return phase


CONTENDERS: dict[str, Callable[[Job], Clock]] = {
    "ours": ours,
    "aiohttp": aiohttp,
    "create": openai,
    "create on aiohttp": lambda job: openai(job, aio=True),
    "post on aiohttp": lambda job: openai(job, aio=True, post=True),
    "64 processes": processes,
    "dspy": dspy,
    "langgraph": langgraph,
    "langgraph stored": lambda job: langgraph(job, stored=True),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("contender", choices=CONTENDERS)
    parser.add_argument("--base-url", required=True)
    parser.add_argument("--episodes", type=int, default=500)
    parser.add_argument("--at-once", type=int, default=32)
    parser.add_argument("--folder", type=Path, required=True)
    args = parser.parse_args()
    job = Job(args.base_url, args.episodes, args.at_once, args.folder)
    clock = CONTENDERS[args.contender](job)
    print(json.dumps({"wall": clock.wall, "cpu": clock.cpu, "lost": job.lost, "peak_mb": peak()}))


if __name__ == "__main__":
    main()
