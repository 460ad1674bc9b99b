"""Play and replay: one episode, recorded.

A workflow sees only `ask`. Around it an episode renders the prompt, finds out whether the call stands in a parent
trajectory (then its turn is given back word for word), and else has it sampled with a seed of its own. Turns are
recorded in the order of the workflow, not of arrival, so parallel turns give one and the same trajectory however
their replies come in.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextvars import ContextVar
from copy import copy
from dataclasses import replace
from typing import Any

from .errors import Stopped, UsageError
from .models import Completion, Model, Sampling, Voices
from .prompts import Message
from .teams import Parsed, Team
from .trajectories import Outcome, SeedPath, Stop, Task, Trajectory, Turn, digest

Call = Callable[[Model, Sequence[Message], Sampling, Callable[[], object]], Awaitable[Completion]]
Parse = Callable[[str], Parsed]
_FAILED = {"length": Stop.TRUNCATED, "refusal": Stop.REFUSED, "tool_call": Stop.NO_ANSWER}
_NEVER_SPOKEN = (Stop.LOST, Stop.UNREADABLE)  # such a turn has no reply that a replay could give back


async def direct(
    model: Model, messages: Sequence[Message], sampling: Sampling, place: Callable[[], object]
) -> Completion:
    """The plainest `Call`: ask the model. The rollout puts journal, retries and budget around it."""
    return await model.complete(messages, sampling)


class Reply(str):
    """A turn's reply, usable as text. Another seat that is handed it sees only ``public``."""

    role: str
    seat: str | None
    public: str
    value: Any
    asked: tuple[Message, ...]  # what the seat was asked, without system messages

    def seen_by(self, role: str, seat: str | None) -> str:
        return str(self) if _own(self, role, seat) else self.public


class Ask:
    """What a workflow is handed: ``await ask(role, prompt="answer", seat=None, history=(), parse=None, **slots)``.

    ``ask.dialect(role, seat)`` says how a role is spoken to, where a workflow must know; ``ask.tokens`` how many tokens
    were read and written so far; ``ask.seated(seat)`` plays the team once more from a seat of its own;
    ``ask.seats(role)`` names a role's seats that have a voice of their own, ``ask.settled(role, seats)`` takes one.

    ``history`` is a sequence of earlier replies: the seat's own come back as its own messages, the public part of
    the others' as messages from the user. ``parse`` makes a typed value with a public part; it raises Stopped to end
    the episode as a failure of the model.
    """

    def __init__(
        self,
        team: Team,
        voices: Voices,
        path: SeedPath,
        call: Call,
        parent: Trajectory | None,
        edits: Mapping[int, str],
        fresh_from: int | None,
    ) -> None:
        self._team, self._voices, self._path, self._call = team, voices, path, call
        self._parent = parent
        self._given = {(t.request, t.occurrence): (i, t) for i, t in enumerate(parent.turns)} if parent else {}
        self._edits, self._fresh_from = edits, fresh_from
        self._seen: Counter[str] = Counter()
        self._turns: list[tuple[tuple[int, ...], Turn, Stopped | None]] = []
        self._open = 0
        self._settled = asyncio.Event()

    async def __call__(
        self,
        role: str,
        /,  # a prompt may have a slot named role
        prompt: str = "answer",
        seat: str | None = None,
        history: Sequence[Reply] = (),
        parse: Parse | None = None,
        **slots: Any,
    ) -> Reply:
        place = _place()
        model = self._voices.model(role, seat)
        values = {name: v.seen_by(role, seat) if isinstance(v, Reply) else str(v) for name, v in slots.items()}
        if spoken := self._team.spoken.get(model.dialect):
            values = {name: spoken(value) for name, value in values.items()}
        filled = self._team.role(role).prompt(prompt, model.dialect).fill(values)
        messages = _with_history(filled, history, role, seat)
        request = digest(role, prompt, seat, messages)
        occurrence = self._seen[request]
        self._seen[request] += 1
        draft = Turn(role, prompt, seat, messages, values, "", request, occurrence)
        self._open += 1
        try:
            turn = await self._speak(draft, model)
            turn, failed = self._read(turn, parse)
        except Stopped as stopped:  # the call itself failed for good
            turn, failed = replace(draft, finish=stopped.stop), stopped
        finally:
            self._open -= 1
            if not self._open:
                self._settled.set()
        self._turns.append((place, turn, failed))
        if failed is not None:
            raise await self._stopped(place)
        reply = Reply(turn.text)
        reply.role, reply.seat, reply.public, reply.value = role, seat, turn.public, turn.value
        reply.asked = tuple(m for m in filled if m.role != "system")
        return reply

    def dialect(self, role: str, seat: str | None = None) -> str:
        return self._voices.model(role, seat).dialect

    def seats(self, role: str) -> tuple[str, ...]:
        """The seats of a role that have a voice of their own."""
        return tuple(key.partition("/")[2] for key in self._voices.models if key.startswith(f"{role}/"))

    def settled(self, role: str, seats: Sequence[str]) -> str:
        """One of these seats, by task and try; in a replay the one from which the role spoke in the parent."""
        before = (turn.seat for turn in self._parent.turns if turn.role == role) if self._parent else ()
        drawn = sorted(seats)[int(digest(self._path.task, self._path.attempt)[:8], 16) % len(seats)]
        return next((seat for seat in before if seat is not None and seat in seats), drawn)

    @property
    def tokens(self) -> int:
        """Tokens of all turns so far; one that was given back counts what it cost when it was said."""
        return sum(turn.tokens_in + turn.tokens_out for _, turn, _ in self._turns)

    def seated(self, seat: str) -> Seated:
        return Seated(self, seat)

    async def _speak(self, draft: Turn, model: Model) -> Turn:
        index, old = self._given.get((draft.request, draft.occurrence), (-1, None))
        if old is not None and index in self._edits:
            return replace(
                old,
                text=self._edits[index],
                origin="edited",
                model="",  # said by somebody else: a mend, or a person
                seed=0,
                finish="stop",
                slots=draft.slots,
                tokens_in=0,
                tokens_out=0,
                ms=0.0,
                cost=None,
            )
        spoken = old is not None and old.finish not in _NEVER_SPOKEN
        if old is not None and spoken and (self._fresh_from is None or index < self._fresh_from):
            return replace(old, origin="given", slots=draft.slots)
        path, d = self._path, draft
        seed = path.call_seed(d.role, d.prompt, d.seat, d.request, d.occurrence)
        sampling = self._voices.settings(d.role, d.prompt, seed)
        if limit := self._team.limit(d.role, d.prompt, model.dialect):
            sampling = replace(sampling, max_tokens=min(limit, sampling.max_tokens))
        place = (d.role, d.seat, d.request, d.occurrence)
        said = await self._call(model, d.messages, sampling, lambda: (path.key, *place))
        return replace(
            draft,
            text=said.text,
            public=said.text,
            finish=said.finish,
            model=model.name,
            seed=seed,
            tokens_in=said.tokens_in,
            tokens_out=said.tokens_out,
            ms=said.ms,
            cost=said.cost,
        )

    def _read(self, turn: Turn, parse: Parse | None) -> tuple[Turn, Stopped | None]:
        """The turn with its typed value, and what failed about it. Of a reply that could not be parsed nothing is known
        to be public."""
        public = turn.text if parse is None else ""
        if turn.public != public or turn.value is not None:
            turn = replace(turn, public=public, value=None)
        if turn.finish in _FAILED:
            return turn, Stopped(_FAILED[turn.finish], f"the reply of {turn.role} ended by {turn.finish!r}")
        if parse is None:
            return turn, None
        try:
            parsed = parse(turn.text)
        except Stopped as stopped:
            return turn, stopped
        return replace(turn, value=parsed.value, public=parsed.public), None

    # A stop takes effect when nothing else of the episode can go on: which parallel siblings are recorded must not
    # depend on whose reply came first. What this task of the workflow has caught before it asked again is over.
    async def _stopped(self, place: tuple[int, ...]) -> Stopped:
        quiet = 0
        while quiet < 3:  # siblings that are about to ask get their turn first
            await asyncio.sleep(0)
            quiet = 0 if self._open else quiet + 1
            while self._open:
                self._settled.clear()
                await self._settled.wait()
        over = [entry[0] for entry in self._turns if entry[0][:-1] == place[:-1] and entry[0] < place]
        first = min((entry for entry in self._turns if entry[2] and entry[0] not in over), key=lambda entry: entry[0])
        return first[2] or Stopped(Stop.NO_ANSWER)

    def turns(self) -> tuple[Turn, ...]:
        return tuple(turn for _, turn, _ in sorted(self._turns, key=lambda entry: entry[0]))


class Seated:
    """`Ask` for one of several tries at a task: every role speaks from the try's seat, and reads what it would read
    in a try alone. A role's own seat (a debater's) comes behind: ``2.1``."""

    def __init__(self, ask: Ask, seat: str) -> None:
        self._ask, self._seat = ask, seat

    async def __call__(
        self,
        role: str,
        /,
        prompt: str = "answer",
        seat: str | None = None,
        history: Sequence[Reply] = (),
        parse: Parse | None = None,
        **slots: Any,
    ) -> Reply:
        place = self._place(seat)
        read = {name: v.seen_by(role, seat) if isinstance(v, Reply) else v for name, v in slots.items()}
        heard = [_moved(past, place if _own(past, role, seat) else None) for past in history]
        return _moved(await self._ask(role, prompt, place, heard, parse, **read), seat)

    def dialect(self, role: str, seat: str | None = None) -> str:
        return self._ask.dialect(role, self._place(seat))

    @property
    def tokens(self) -> int:
        return self._ask.tokens

    def turns(self) -> tuple[Turn, ...]:
        """The try's own turns so far, by the seats that they would have alone."""
        mine = [(turn, (turn.seat or "").partition(".")) for turn in self._ask.turns()]
        return tuple(replace(turn, seat=own or None) for turn, (seat, _, own) in mine if seat == self._seat)

    def _place(self, seat: str | None) -> str:
        return self._seat if seat is None else f"{self._seat}.{seat}"


def _moved(reply: Reply, seat: str | None) -> Reply:
    """The same reply as of another seat."""
    moved = copy(reply)
    moved.seat = seat
    return moved


class _Scope:
    """Where an asyncio task of an episode stands in the workflow: its own calls and the tasks that it starts are
    numbered as they come. Tasks begin in the order in which a workflow starts them, so the numbers, unlike the
    arrival of replies, are the same in every run."""

    __slots__ = ("count", "path", "task")

    def __init__(self, task: asyncio.Task[Any] | None, path: tuple[int, ...] = ()) -> None:
        self.task, self.path, self.count = task, path, 0

    def next(self) -> tuple[int, ...]:
        self.count += 1
        return (*self.path, self.count)


_scope: ContextVar[_Scope] = ContextVar("scope")  # inherited by tasks that a workflow starts


def _place() -> tuple[int, ...]:
    scope, task = _scope.get(), asyncio.current_task()
    if scope.task is not task:
        scope = _Scope(task, scope.next())
        _scope.set(scope)
    return scope.next()


def _own(reply: Reply, role: str, seat: str | None) -> bool:
    return reply.seat == seat if seat is not None else (reply.role, reply.seat) == (role, None)


def _with_history(
    filled: tuple[Message, ...], history: Sequence[Reply], role: str, seat: str | None
) -> tuple[Message, ...]:
    """System messages, then the history as this seat saw it, then what is asked now."""
    past: list[Message] = []
    for reply in history:
        if _own(reply, role, seat):
            past += [*reply.asked, Message("assistant", str(reply))]
        else:
            past.append(Message("user", reply.public))
    system = tuple(m for m in filled if m.role == "system")
    return (*system, *past, *(m for m in filled if m.role != "system"))


async def _run(team: Team, task: Task, ask: Ask) -> Outcome:
    token = _scope.set(_Scope(asyncio.current_task()))
    try:
        answer = await team.workflow(task, ask)
    except Stopped as stopped:
        return Outcome(None, Stop(stopped.stop), stopped.why)
    except BaseExceptionGroup as group:  # a TaskGroup of parallel turns
        stops, rest = group.split(Stopped)
        if rest is not None or stops is None:
            raise
        first: BaseException = stops
        while isinstance(first, BaseExceptionGroup):
            first = first.exceptions[0]
        assert isinstance(first, Stopped)
        return Outcome(None, Stop(first.stop), first.why)
    finally:
        _scope.reset(token)
    if answer is None or not str(answer).strip():
        return Outcome(None, Stop.NO_ANSWER, "the workflow gave no answer")
    return Outcome(str(answer))


async def play(team: Team, task: Task, voices: Voices, path: SeedPath, call: Call = direct) -> Trajectory:
    """One episode of ``team`` on ``task``, recorded whatever happens to the model. Cancellation records nothing."""
    ask = Ask(team, voices, path, call, None, {}, None)
    outcome = await _run(team, task, ask)
    return Trajectory(path, team.name, ask.turns(), outcome)


def branch_of(parent: Trajectory, edits: Mapping[int, str], fresh_from: int | None) -> str:
    """The name of a replay among those of its parent; its draws share it."""
    return digest(parent.path.key, {str(i): text for i, text in edits.items()}, fresh_from)


async def replay(
    parent: Trajectory,
    team: Team,
    task: Task,
    voices: Voices,
    *,
    edits: Mapping[int, str] | None = None,
    fresh_from: int | None = None,
    draw: int = 0,
    path: SeedPath | None = None,
    call: Call = direct,
) -> Trajectory:
    """The workflow played again from ``parent``.

    A turn whose request stands in the parent is given back word for word; turn ``i`` of ``edits`` says its new text;
    every turn whose messages changed, and every turn from index ``fresh_from`` on, is sampled afresh with its own
    seed for this ``draw``. ``path`` moves the replay elsewhere in the experiment (another round or phase).
    """
    changes = dict(edits or {})
    if bad := [i for i in changes if not 0 <= i < len(parent.turns)]:
        raise UsageError(f"turn {bad[0]} cannot be edited: the trajectory has turns 0 to {len(parent.turns) - 1}")
    place = replace(path or parent.path, branch=branch_of(parent, changes, fresh_from), draw=draw)
    ask = Ask(team, voices, place, call, parent, changes, fresh_from)
    outcome = await _run(team, task, ask)
    return Trajectory(place, team.name, ask.turns(), outcome, parent.id, changes, fresh_from)
