"""What a model is to the lab: anything with ``async complete(messages, sampling)``.

`Voices` says which model speaks for which role or seat, so that one shared model, one model per role, 2N models and
mixed teams are only maps. `ScriptedModel` is public API: tests and lessons script a team instead of patching it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from ..errors import UsageError
from ..prompts import Message


@dataclass(frozen=True, slots=True)
class Sampling:
    """How a reply is drawn. ``temperature`` 0 is greedy, ``max_tokens`` bounds the reply, ``seed`` is the call's."""

    temperature: float = 1.0
    max_tokens: int = 1024
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Completion:
    """A reply. ``finish`` is ``stop``, ``length`` (truncated), ``refusal`` or ``tool_call``; tokens are counts;
    ``ms`` wall time; ``cost`` US dollars, None where the price is not known.

    Half a character (a lone surrogate, as JSON may carry it), which no file can hold, becomes U+FFFD.
    """

    text: str
    finish: str = "stop"
    tokens_in: int = 0
    tokens_out: int = 0
    ms: float = 0.0
    cost: float | None = None

    def __post_init__(self) -> None:
        try:
            self.text.encode()
        except UnicodeEncodeError:
            whole = self.text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
            object.__setattr__(self, "text", whole)


class TryAgain(Exception):
    """One attempt at a call failed in a way that another may not: the rollout retries it, counted under ``name``.

    ``name`` is short and stable (``rate limit``, ``server error``, ``reset``, ``bad JSON`` ...); ``wait`` is what the
    server asked for (Retry-After), in seconds.
    """

    def __init__(self, name: str, why: str = "", wait: float | None = None) -> None:
        super().__init__(f"{name}: {why}" if why else name)
        self.name, self.why, self.wait = name, why, wait


class Model(Protocol):
    """``name`` is endpoint and model, or the checkpoint's hash: it is part of every journal key.

    ``dialect`` chooses among a role's prompts (``chat`` or ``pocket``). A ``lockstep`` model answers a whole batch at
    once when every live episode waits, and is exactly repeatable, so that its calls need no journal.
    """

    @property
    def name(self) -> str: ...
    @property
    def dialect(self) -> str: ...
    @property
    def lockstep(self) -> bool: ...
    async def complete(self, messages: Sequence[Message], sampling: Sampling) -> Completion: ...


@dataclass(frozen=True)
class Voices:
    """Which model speaks: ``models`` by ``role/seat``, else ``role``, else ``*``; ``sampling`` likewise by role."""

    models: Mapping[str, Model]
    sampling: Sampling = Sampling()
    by_role: Mapping[str, Sampling] = field(default_factory=dict)

    def model(self, role: str, seat: str | None) -> Model:
        for key in (f"{role}/{seat}", role, "*"):
            if key in self.models:
                return self.models[key]
        raise UsageError(f"no model speaks for role {role!r}; have: {', '.join(self.models)}")

    def settings(self, role: str, prompt: str, seed: int) -> Sampling:
        """``by_role`` is looked up by ``role.prompt``, then ``role``."""
        chosen = self.by_role.get(f"{role}.{prompt}") or self.by_role.get(role) or self.sampling
        return replace(chosen, seed=seed)

    @property
    def lockstep(self) -> bool:
        return any(model.lockstep for model in self.models.values())


Script = Callable[[Sequence[Message], Sampling], str | Completion]


class ScriptedModel:
    """A model that says what it is told: a list of replies in order, or a function of (messages, sampling).

    >>> import asyncio
    >>> asyncio.run(ScriptedModel(["yes"]).complete((), Sampling())).text
    'yes'
    """

    def __init__(self, replies: Iterable[str] | Script, *, name: str = "scripted", dialect: str = "chat") -> None:
        self.name, self.dialect, self.lockstep = name, dialect, False
        self.calls: list[tuple[tuple[Message, ...], Sampling]] = []
        self._script: Script | None = replies if callable(replies) else None
        self._queue: Iterator[str] = iter(()) if callable(replies) else iter(replies)

    async def complete(self, messages: Sequence[Message], sampling: Sampling) -> Completion:
        self.calls.append((tuple(messages), sampling))
        if self._script is None:
            text = next(self._queue, None)
            if text is None:
                raise UsageError(f"the script has no reply for call {len(self.calls)}")
            return Completion(text)
        reply = self._script(messages, sampling)
        return Completion(reply) if isinstance(reply, str) else reply
