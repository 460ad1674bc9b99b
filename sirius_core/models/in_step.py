"""A pocket model behind OpenAI's protocol (``sirius serve``), asked in the very batches of a run without a server.

NumPy's matrix products depend on the composition of a batch. The engine of such a run answers everything that waits
when no coroutine can go on; here the same moment sends it, every call with a header that says which batch it belongs
to (see server/batches.py), and no reply is handed on before all are there. So the same episodes meet in the same
batches, and replies and training sets are those of a run without a server.
"""

from __future__ import annotations

import asyncio
import json
import random
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from ..errors import ModelError, UnreadableText
from ..prompts import Message
from . import Completion, Sampling, TryAgain
from .pocket import StepLoop

if TYPE_CHECKING:
    from .chat_completions import Answer
    from .openai_api import OpenAIModel

HEADER = "X-Sirius-Batch"
SPARE = 128  # open files that are no connections
SLICE = 50  # requests that are made at once: with thousands, the first would time out before the last is made
LONGEST_WAIT = 30.0  # seconds between two attempts


class InStep:
    """An `OpenAIModel` of such a server as a lockstep model of the pocket dialect.

    The connections of a batch stay open together: the more episodes a chunk has, the more. Each batch has ``deadline``
    seconds and ``attempts`` tries, always whole; asking again gives the same replies. Then ModelError.
    """

    dialect, lockstep = "pocket", True

    def __init__(self, model: OpenAIModel, *, attempts: int = 4, deadline: float = 600.0) -> None:
        self.model, self.name = model, model.name
        self.attempts, self.deadline = attempts, deadline

    async def complete(self, messages: Sequence[Message], sampling: Sampling) -> Completion:
        """UnreadableText for words that the model does not know; ModelError when the server cannot be asked."""
        loop = asyncio.get_running_loop()
        if (steps := _steps.get(loop)) is None:
            steps = _steps[loop] = _Steps()
        return await steps.ask(_Call(self, tuple(messages), sampling, loop.create_future()))

    async def close(self) -> None:
        """Close the running loop's connections, which every model of this endpoint shares."""
        await self.model.close()


@dataclass(eq=False)
class _Call:
    speaker: InStep
    messages: tuple[Message, ...]
    sampling: Sampling
    future: asyncio.Future[Completion] = field(repr=False)


class _Steps:
    """What waits in one event loop, whatever the model: all of it is answered before anything goes on."""

    def __init__(self) -> None:
        self._waiting: list[_Call] = []
        self._flight: asyncio.Task[None] | None = None

    def ask(self, call: _Call) -> asyncio.Future[Completion]:
        loop = asyncio.get_running_loop()
        if not self._waiting:
            if not isinstance(loop, StepLoop):
                loop.call_later(0.002, self.flush)
            elif self.flush not in loop.hooks:
                loop.hooks.append(self.flush)
        self._waiting.append(call)
        return call.future

    def flush(self) -> bool:
        """Send what waits, unless something is on its way; True if anything was sent."""
        if self._flight is not None:
            return False
        waiting, self._waiting = [call for call in self._waiting if not call.future.done()], []
        if waiting:
            self._flight = asyncio.get_running_loop().create_task(self._answer(waiting))
        return bool(waiting)

    async def _answer(self, calls: list[_Call]) -> None:
        started = time.perf_counter()
        by_server: dict[str, list[_Call]] = {}
        for call in calls:
            by_server.setdefault(call.speaker.model.endpoint.base_url, []).append(call)
        found: dict[_Call, Completion | UnreadableText] = {}
        error: ModelError | None = None
        try:
            for group in by_server.values():
                found.update(zip(group, await _batch(group), strict=True))
        except ModelError as failed:
            error = failed
        except BaseException:
            for call in calls:
                call.future.cancel()
            raise
        finally:
            self._flight = None
        ms = (time.perf_counter() - started) * 1000 / len(calls)
        for call in calls:
            if call.future.done():  # cancelled: nobody listens
                continue
            said = error or found[call]
            if isinstance(said, Completion):
                call.future.set_result(replace(said, ms=ms))
            else:
                call.future.set_exception(said)
        if self._waiting and not isinstance(call.future.get_loop(), StepLoop):
            self.flush()


_steps: WeakKeyDictionary[asyncio.AbstractEventLoop, _Steps] = WeakKeyDictionary()


async def _batch(calls: Sequence[_Call]) -> list[Completion | UnreadableText]:
    """The replies to one batch, in order; all of it again when a part of it failed."""
    room = allow_files() - SPARE
    if len(calls) > room:
        raise ModelError(
            f"{len(calls):,} calls wait for each other, but only {max(0, room):,} connections may be open here: "
            "lower the chunk, or raise the number of open files (ulimit -n)"
        )
    attempts = max(call.speaker.attempts for call in calls)
    deadline = max(call.speaker.deadline for call in calls)
    why = ""
    for attempt in range(attempts):
        pause = min(8.0, 0.25 * 2**attempt) * random.uniform(0.5, 1.0)
        try:
            return await _attempt(calls, deadline)
        except TimeoutError:
            why = f"no reply within {deadline:g} s"
        except TryAgain as fault:
            why, pause = str(fault), pause if fault.wait is None else min(fault.wait, LONGEST_WAIT)
        if attempt + 1 < attempts:
            await asyncio.sleep(pause)
    url = calls[0].speaker.model.endpoint.base_url
    raise ModelError(f"{url} failed to answer a batch of {len(calls):,} calls, {attempts} times ({why})")


async def _attempt(calls: Sequence[_Call], deadline: float) -> list[Completion | UnreadableText]:
    id = secrets.token_hex(8)
    first: BaseException | None = None
    tasks: list[asyncio.Task[Completion | UnreadableText]] = []
    try:
        async with asyncio.timeout(deadline), asyncio.TaskGroup() as group:
            for i, call in enumerate(calls):
                tasks.append(group.create_task(_ask(call, {HEADER: f"{id}/{i}/{len(calls)}"})))
                if i % SLICE == SLICE - 1:
                    await asyncio.sleep(0)
    except BaseExceptionGroup as errors:
        # One that waiting does not mend says more than all those that were dropped with it.
        first = next((e for e in errors.exceptions if not isinstance(e, TryAgain)), errors.exceptions[0])
    if first is not None:
        raise first
    return [task.result() for task in tasks]


async def _ask(call: _Call, headers: Mapping[str, str]) -> Completion | UnreadableText:
    model = call.speaker.model
    answer = await model.endpoint.send("/chat/completions", model.body(call.messages, call.sampling), headers)
    error = _error(answer) if answer.status == 400 else {}
    if error.get("code") == "unreadable_text":
        return UnreadableText(error.get("words", ()), error.get("nearest", ()))
    said = model.read(answer, 0.0)
    if error.get("code") == "context_length_exceeded":
        return replace(said, tokens_in=int(error.get("prompt_tokens", 0)))
    return said


def _error(answer: Answer) -> dict[str, Any]:
    try:
        error = json.loads(answer.raw)["error"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return {}
    return error if isinstance(error, dict) else {}


def allow_files() -> int:
    """Raise this process's limit of open files as far as the system lets it; returns the limit."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for wanted in (hard, 10_240):  # macOS says "no limit", and takes at most 10,240
        if soft == resource.RLIM_INFINITY or (wanted != resource.RLIM_INFINITY and wanted <= soft):
            break
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            soft = wanted
            break
        except (ValueError, OSError):
            continue
    return 10**6 if soft == resource.RLIM_INFINITY else soft
