"""The frozen records that everything else passes around: Task, Turn, Trajectory, Outcome, Reward.

Identity and randomness come from where a call stands in the experiment, never from time: a `SeedPath` names the
episode, and `SeedPath.seed` adds the call. Content hashes are taken over canonical JSON without latency, usage or
clock, so that identical replies count twice and are found once.
"""

from __future__ import annotations

import hashlib
import json
import json.encoder
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from .prompts import Message


def json_encoder(*, sort_keys: bool) -> Callable[[Any], str]:
    """An encoder to JSON without spaces, made once for all calls.

    json.dumps with options makes two new ones each time, half of the cost of a short hash.
    """
    encoder = json.JSONEncoder(sort_keys=sort_keys, separators=(",", ":"), ensure_ascii=False)
    make = getattr(json.encoder, "c_make_encoder", None)
    if make is None:  # another Python than CPython
        return encoder.encode
    write = json.encoder.encode_basestring
    parts = make(None, encoder.default, write, None, ":", ",", sort_keys, False, True)
    return lambda value: "".join(parts(value, 0))


_canonical = json_encoder(sort_keys=True)


def canonical(value: Any) -> str:
    """JSON with sorted keys and no spaces: equal values give equal texts."""
    return _canonical(value)


def digest(*values: Any) -> str:
    """32 hexadecimal digits (BLAKE2b-128) of the canonical JSON of ``values``."""
    return hashlib.blake2b(_canonical(values).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


class Stop(StrEnum):
    """How a model failed for good. A stopped trajectory is an outcome: it stays in every denominator."""

    NO_ANSWER = "no answer"
    TRUNCATED = "truncated"
    REFUSED = "refused"
    FORFEIT = "forfeit"
    UNREADABLE = "unreadable"  # the embedded model was handed words that it does not know
    LOST = "lost"  # every attempt at the call failed


@dataclass(frozen=True, slots=True)
class Task:
    """One problem and what judges it.

    ``answer`` is the truth as the source states it, ``kind`` how it is compared (answers.KINDS), ``group`` what must
    not be shared between splits (normalised text, or the canonical operand pair), ``data`` whatever a rule needs.
    """

    id: str
    source: str
    split: str
    question: str
    answer: str
    kind: str = "exact"
    group: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, source: str, row: str, split: str, question: str, answer: str, **more: Any) -> Task:
        """A task whose id is the hash of its source, row and content."""
        return cls(digest(source, row, question, answer)[:16], source, split, question, answer, **more)


@dataclass(frozen=True, slots=True)
class SeedPath:
    """Where an episode stands: seed and place of the experiment, round, phase, task, try, branch of a replay, draw.

    ``experiment`` makes ids unique in a database with many experiments; it takes no part in seeds, so two
    experiments with the same seed deal the same randomness.
    """

    experiment: str
    seed: int
    round: int
    phase: str
    task: str
    attempt: int = 0
    branch: str = ""
    draw: int = 0

    def _place(self) -> tuple[Any, ...]:
        return (self.seed, self.round, self.phase, self.task, self.attempt, self.branch, self.draw)

    @property
    def id(self) -> str:
        return digest(self.experiment, self._place())

    @property
    def key(self) -> str:
        """Hash of the place without the experiment: what a replay's randomness may depend on."""
        return digest(self._place())

    def _dealt(self) -> tuple[Any, ...]:
        """The place whose randomness the calls draw: those of a comparison (``worth:ARM:MODE``, ``credit:TEAM:MODE``)
        share one; so do all games of a cross-play matrix (``cross:SPLIT:RED:BLUE``), whatever round their players are
        of; so do all games of one number against a person (``human``), who is no part of it."""
        kind, _, rest = self.phase.partition(":")
        if kind == "human":
            return replace(self, round=0, branch="")._place()
        if kind == "cross":
            return replace(self, round=0, phase=f"{kind}:{rest.partition(':')[0]}", branch="")._place()
        if kind not in ("worth", "credit"):
            return self._place()
        return replace(self, phase=f"{kind}:{rest.rpartition(':')[2]}", branch="")._place()

    def call_seed(self, role: str, prompt: str, seat: str | None, request: str, occurrence: int) -> int:
        """The 63-bit seed of one call of this episode."""
        return int(digest(self._dealt(), role, prompt, seat, request, occurrence)[:16], 16) >> 1


@dataclass(frozen=True, slots=True)
class Turn:
    """One call of a model and its reply.

    ``request`` is the hash of (role, prompt, seat, messages) and ``occurrence`` its number among identical requests
    of the episode: together they find the turn again in a replay. ``origin`` is ``sampled``, ``given`` (back from the
    parent, word for word) or ``edited``. ``public`` is what other seats may see. ``slots`` are the values that filled
    the prompt, so that a revision can be asked for in the same terms.
    """

    role: str
    prompt: str
    seat: str | None
    messages: tuple[Message, ...]
    slots: Mapping[str, str]
    text: str
    request: str
    occurrence: int = 0
    origin: str = "sampled"
    finish: str = "stop"
    public: str = ""
    value: Any = None
    model: str = ""
    seed: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    ms: float = 0.0
    cost: float | None = None  # US dollars; None where the price is not known

    @property
    def rival(self) -> bool:
        """Whether an untrained or earlier self of a role spoke, from seat ``base`` or ``rN``: never learned from."""
        return self.seat is not None and (self.seat == "base" or (self.seat[0] == "r" and self.seat[1:].isdecimal()))

    @property
    def content(self) -> str:
        """Hash of what was asked and said, without latency, usage or clock."""
        return digest(self.role, self.prompt, self.seat, self.messages, self.text, self.finish)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an episode ended: an answer, or the `Stop` that kept it from one, and why."""

    answer: str | None
    stop: Stop | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Reward:
    """A rule's number, what it read and why. ``turns`` gives single turns their own value where the rule knows one."""

    value: float
    read: str | None = None
    why: str = ""
    turns: Mapping[int, float] = field(default_factory=dict)
    lucky: bool | None = None  # right answer by wrong steps; None where the task cannot check its steps

    @property
    def right(self) -> bool:
        return self.value > 0.5


@dataclass(frozen=True, slots=True)
class Trajectory:
    """The frozen record of one episode: a play, or a replay of ``parent`` with ``edits`` ({turn index: text})."""

    path: SeedPath
    team: str
    turns: Sequence[Turn]  # a tuple, or store.turns.StoredTurns
    outcome: Outcome
    parent: str | None = None
    edits: Mapping[int, str] = field(default_factory=dict)
    fresh_from: int | None = None
    reward: Reward | None = None

    @property
    def id(self) -> str:
        return self.path.id

    @property
    def task(self) -> str:
        return self.path.task

    @property
    def right(self) -> bool:
        return self.reward is not None and self.reward.right

    def earned(self, threshold: float) -> bool:
        """Whether the reward is above an experiment's threshold (Algorithm 1: R > epsilon)."""
        return self.reward is not None and self.reward.value > threshold

    @property
    def content(self) -> str:
        outcome = self.outcome
        return digest(self.path.task, self.team, [t.content for t in self.turns], outcome.answer, outcome.stop)

    def turn_of(self, role: str) -> int | None:
        """Index of the last turn of ``role``, or None."""
        return next((i for i in reversed(range(len(self.turns))) if self.turns[i].role == role), None)


@dataclass(frozen=True, slots=True)
class Repair:
    """One attempt to mend a failed trajectory: a critique, the rewrite of one turn, its replay.

    ``mend`` is the id of the trajectory that holds the critic's and the writer's own calls. ``raw`` is the rewrite as
    it came, ``rephrased`` the text that was replayed; both are kept. ``leak`` lists traces of the critique or of the
    answer. ``replay`` is None when the critique named nothing that could be rewritten.
    """

    id: str
    failed: str
    mend: str
    task: str
    critique: str
    critic: str
    turn: int | None = None
    role: str = ""
    feedback: str = ""
    raw: str = ""
    rephrased: str = ""
    leak: tuple[str, ...] = ()
    replay: str | None = None
    mended: bool = False
    critique_no: int = 0
    regeneration_no: int = 0
    calls: int = 0
