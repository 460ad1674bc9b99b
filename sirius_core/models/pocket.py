"""The embedded model as a `Model`: weights come in as a checkpoint's bytes; this file knows no store.

NumPy's matrix products are not invariant to batch composition, so batches must not depend on timing: an `Engine`
collects requests until no coroutine can go on without a reply (`StepLoop` notices), sorts them and cuts them into
jobs of a fixed size. The same episodes then meet in the same batches in every run.
"""

from __future__ import annotations

import asyncio
import selectors
import time
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import wraps
from itertools import pairwise
from typing import Any, TypeVar

from ..errors import ModelError
from ..prompts import Message
from . import Completion, Sampling

T = TypeVar("T")


class _IdleSelector(selectors.DefaultSelector):  # type: ignore[misc,valid-type,unused-ignore]
    """Calls the loop's idle hooks before it would wait."""

    def __init__(self) -> None:
        super().__init__()
        self.hooks: list[Callable[[], bool]] = []

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if (timeout is None or timeout > 0) and any([hook() for hook in self.hooks]):
            timeout = 0
        return super().select(timeout)


class StepLoop(asyncio.SelectorEventLoop):
    """An event loop that runs its idle hooks when nothing else can go on; a hook returns True if it did something."""

    def __init__(self) -> None:
        selector = _IdleSelector()
        super().__init__(selector)
        self.hooks = selector.hooks

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Ctrl-C ends every task that it meets; whoever pressed it needs no traceback of each."""
        if not isinstance(context.get("exception"), KeyboardInterrupt):
            super().call_exception_handler(context)


def run_in_step(coroutine: Coroutine[Any, Any, T]) -> T:
    """``asyncio.run`` on a `StepLoop`."""
    with asyncio.Runner(loop_factory=StepLoop) as runner:
        return runner.run(coroutine)


def aside(work: Callable[..., T]) -> Callable[..., T]:
    """``work`` as it is; where an event loop runs already, as in a notebook, in a thread of its own."""

    @wraps(work)
    def done(*args: Any, **more: Any) -> T:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return work(*args, **more)
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(work, *args, **more).result()

    return done


@dataclass
class _Waiting:
    checkpoint: str
    prompt: tuple[int, ...]
    sampling: Sampling
    future: asyncio.Future[Completion] = field(compare=False)

    def order(self) -> tuple[Any, ...]:
        return (self.checkpoint, len(self.prompt), self.prompt, self.sampling.seed, self.sampling.temperature)


class Engine:
    """Batches requests to pocket checkpoints over worker processes (or in this one, for tests: ``workers=0``).

    ``batch`` is the most rows of one job: a part of the result, unlike the number of workers.
    """

    def __init__(self, workers: int = 0, batch: int = 200) -> None:
        self._batch, self._waiting = batch, list[_Waiting]()
        self._blobs: dict[str, bytes] = {}
        self._loaded: dict[str, Any] = {}
        self._shapes: dict[str, Any] = {}
        self.workers: Any = None
        if workers:
            from ..pocket.workers import Workers

            self.workers = Workers(workers)

    def model(self, name: str, blob: bytes) -> PocketModel:
        """The model of a checkpoint; ``name`` is its hash."""
        if name not in self._blobs:
            self._blobs[name] = blob
            if self.workers is not None:
                self.workers.register(name, blob)
        return PocketModel(name, self)

    def shape(self, name: str) -> Any:
        """The sizes of a registered checkpoint's network."""
        if name not in self._shapes:
            from ..pocket.checkpoint import manifest, shape_of

            self._shapes[name] = shape_of(manifest(self._blobs[name]))
        return self._shapes[name]

    def forget(self) -> None:
        """Let go of every checkpoint: a model speaks again once it is named again."""
        self._blobs.clear()
        self._shapes.clear()
        self._loaded.clear()
        if self.workers is not None:
            self.workers.forget()

    def submit(self, checkpoint: str, prompt: tuple[int, ...], sampling: Sampling) -> asyncio.Future[Completion]:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Completion] = loop.create_future()
        if not self._waiting:
            if not isinstance(loop, StepLoop):
                loop.call_later(0.002, self.flush)
            elif self.flush not in loop.hooks:
                loop.hooks.append(self.flush)
        self._waiting.append(_Waiting(checkpoint, prompt, sampling, future))
        return future

    def flush(self) -> bool:
        """Answer everything that waits; True if something did."""
        waiting, self._waiting = sorted((w for w in self._waiting if not w.future.done()), key=_Waiting.order), []
        if not waiting:
            return False
        jobs: list[list[_Waiting]] = []
        for checkpoint in dict.fromkeys(w.checkpoint for w in waiting):
            rows = [w for w in waiting if w.checkpoint == checkpoint]
            parts = -(-len(rows) // self._batch)
            bounds = [len(rows) * i // parts for i in range(parts + 1)]
            jobs += [rows[a:b] for a, b in pairwise(bounds)]
        started = time.perf_counter()
        try:
            replies = self._sample(jobs)
        except BaseException as error:
            if not isinstance(error, Exception):  # Ctrl-C: the loop itself ends with it
                for w in waiting:
                    w.future.cancel()
                raise
            for w in waiting:
                w.future.set_exception(error)
            return True
        ms = (time.perf_counter() - started) * 1000 / len(waiting)
        from ..pocket.vocabulary import decode

        for job, generated in zip(jobs, replies, strict=True):
            for w, g in zip(job, generated, strict=True):
                w.future.set_result(Completion(decode(g.tokens), g.finish, len(w.prompt), len(g.tokens), ms))
        return True

    def _sample(self, jobs: list[list[_Waiting]]) -> list[Any]:
        from ..pocket.sampling import Request
        from ..pocket.workers import SampleJob, run_sample

        asked = [
            SampleJob(
                job[0].checkpoint,
                [Request(w.prompt, w.sampling.seed, w.sampling.temperature, w.sampling.max_tokens) for w in job],
            )
            for job in jobs
        ]
        try:
            if self.workers is not None:
                return list(self.workers.sample(asked))
            return [run_sample(self._load(job.checkpoint), job) for job in asked]
        except FloatingPointError as error:
            raise ModelError(f"a checkpoint is of no use: {error}") from None

    def train(self, jobs: list[Any], on_step: Callable[[int, int, int, float], None]) -> list[Any]:
        """Fine-tune: jobs and results as in ``sirius_core.pocket.workers``."""
        if self.workers is not None:
            return list(self.workers.train(jobs, on_step))
        from ..pocket.workers import TrainJob, run_train

        def relay(index: int) -> Callable[[int, int, float], None]:
            return lambda step, steps, loss: on_step(index, step, steps, loss)

        return [run_train(self._load(job[0]), TrainJob(*job), relay(i)) for i, job in enumerate(jobs)]

    def _load(self, name: str) -> tuple[Any, Any]:
        """(weights, manifest) of a registered checkpoint, in this process."""
        if name not in self._loaded:
            from ..pocket import checkpoint

            self._loaded[name] = checkpoint.load(self._blobs[name])
        return self._loaded[name]  # type: ignore[no-any-return]

    def close(self) -> None:
        if self.workers is not None:
            self.workers.close()


class PocketModel:
    """One pocket checkpoint. Its prompts are single lines of its own vocabulary (dialect ``pocket``)."""

    dialect, lockstep = "pocket", True

    def __init__(self, name: str, engine: Engine) -> None:
        self.name, self._engine = name, engine

    async def complete(self, messages: Sequence[Message], sampling: Sampling) -> Completion:
        """Unknown words raise UnreadableText; a prompt as long as the context is a truncated, empty reply."""
        from ..pocket.vocabulary import encode

        shape = self._engine.shape(self.name)
        prompt = encode(" ".join(m.content for m in messages), shape.vocab)
        if len(prompt) >= shape.context - 1:
            return Completion("", "length", len(prompt))
        return await self._engine.submit(self.name, prompt, sampling)
