"""Repair of one failed trajectory (Algorithm 2): criticise, rewrite one turn, rephrase, leak check, replay.

The critic's and the writer's own calls are an episode themselves, the *mend*, so that every raw text is kept, seeded
and journalled like any other turn. The replay runs on the rephrased text: a rephrase that spoils a repair cannot
enter the library.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from .episodes import Call, play, replay
from .errors import Stopped, UsageError
from .leaks import leaks, told
from .models import Completion, Model, Sampling, Voices
from .prompts import Message
from .rewards import Judge
from .rollout import Records
from .teams import Blame, Team
from .trajectories import Repair, SeedPath, Task, Trajectory, Turn, digest


@dataclass(frozen=True)
class Failure:
    """A failed trajectory with everything needed to mend it. ``path`` places the mend and its replays."""

    task: Task
    trajectory: Trajectory
    team: Team
    voices: Voices
    judge: Judge
    path: SeedPath
    threshold: float = 0.5  # a reward above it is a success


class Repairer(Protocol):
    """How failures are mended. None of a recipe's repairers ever raises for a model's failure: it records it."""

    async def __call__(self, failure: Failure, call: Call) -> Records: ...


@dataclass(frozen=True)
class CriticRepair:
    """The critic's way: up to ``max_critiques`` critiques, each with up to ``max_regenerations`` rewrites.

    ``gold``: whether the critic is shown the right answer. ``each``: one critique for each role of the chain, whose
    turn is rewritten where it is blamed, instead of one for whoever is. ``max_calls`` bounds the calls spent on this
    failure (0: no bound); a critique or a rewrite that could not be played to its end within them is not asked for.
    ``rephrase``: whether a rewrite is put into words that do not mention advice before it is replayed. The first
    success ends the work.
    """

    gold: bool = True
    each: bool = False
    max_critiques: int = 1
    max_regenerations: int = 1
    max_calls: int = 0
    rephrase: bool = True

    async def __call__(self, failure: Failure, call: Call) -> Records:
        return await _mend(failure, call, self)

    @property
    def critic(self) -> str:
        """Who criticises: what a repair's record says."""
        return "gold" if self.gold else "blind"

    async def rewrite(self, failure: Failure, ask: Any, turn: Turn, slots: Mapping[str, Any]) -> str:
        """The turn said again on advice."""
        return str(await ask(turn.role, "revise", seat=turn.seat,
                             **_that_fit(failure, turn.role, turn.seat, "revise", slots)))

    def mended(self, failure: Failure, again: Trajectory) -> bool:
        """Whether a replay shows that the rewrite mends the failure."""
        return again.earned(failure.threshold)

    def attempts(self, failure: Failure) -> list[tuple[int, int, str, str]]:
        """(number, draw and branch of the mend, role asked about or none) of each critique that is asked for."""
        asked = [(c, role) for c in range(self.max_critiques) for role in (failure.team.chain if self.each else ("",))]
        return [(number, c, digest("mend", failure.trajectory.path.key, role), role)
                for number, (c, role) in enumerate(asked)]

    async def criticise(self, failure: Failure, ask: Any, role: str) -> tuple[str, Blame | None]:
        """A critique, and the turn that it blames: of ``role``, or without one of whichever role of the chain."""
        team, task = failure.team, failure.task
        if team.view is None or team.blame is None:
            raise UsageError(f"team {team.name!r} has no critic that could mend its failures: take another team, "
                             "or a recipe without repair (--set critic=none)")
        slots = {**team.view(task, failure.trajectory, task.answer if self.gold else None),
                 "role": role or ", ".join(team.chain)}
        critique = await ask("critic", **_that_fit(failure, "critic", None, "answer", slots))
        blamed = team.blame(str(critique), failure.trajectory)
        if role and blamed is not None and failure.trajectory.turns[blamed.turn].role != role:
            blamed = None
        return str(critique), blamed

    def told(self, failure: Failure, blamed: Blame) -> tuple[str, ...]:
        """How the feedback gives away the gold answer, which only the critic may know; empty if it does not."""
        turn = failure.trajectory.turns[blamed.turn]
        return told(blamed.feedback, turn, failure.task) if self.gold and not _in_pocket(failure, turn) else ()


@dataclass(frozen=True)
class Rationalisation(CriticRepair):
    """STaR's way: no critic; the single agent is told the answer and asked again; the hint is not trained on.

    Nothing is rephrased: what mentions the hint all the same is caught as a leak.
    """

    rephrase: bool = False

    async def criticise(self, failure: Failure, ask: Any, role: str) -> tuple[str, Blame | None]:
        index = failure.trajectory.turn_of(role or failure.team.speaker)
        if index is None:
            return "", None
        pocket = _in_pocket(failure, failure.trajectory.turns[index])
        hint = "gold" if pocket else "It does not come to the right answer, which is\n"
        return "", Blame(index, f"{hint}{' ' * pocket}{failure.task.answer}")

    def told(self, failure: Failure, blamed: Blame) -> tuple[str, ...]:
        return ()


@dataclass(frozen=True)
class OwnRevision(CriticRepair):
    """A team that revises by itself (actor-critic): its critic's feedback and the revision that came of it are at hand.

    It is for tries whose first answer was wrong and whose revision is right (`revised`). The revision, rephrased, takes
    the place of that first answer, so that it can be learned from as one.
    """

    gold: bool = False

    async def criticise(self, failure: Failure, ask: Any, role: str) -> tuple[str, Blame | None]:
        said = failure.trajectory.turns[-2]
        return said.text, Blame(0, said.public)

    async def rewrite(self, failure: Failure, ask: Any, turn: Turn, slots: Mapping[str, Any]) -> str:
        return failure.trajectory.turns[-1].text

    def mended(self, failure: Failure, again: Trajectory) -> bool:
        marks = again.reward.turns if again.reward is not None else {}
        return super().mended(failure, again) and marks.get(0, 0.0) > failure.threshold


def revised(trajectory: Trajectory, threshold: float) -> bool:
    """Whether the first answer of a try earned too little, and the revision with which it ended enough."""
    marks, last = trajectory.reward.turns if trajectory.reward is not None else {}, len(trajectory.turns) - 1
    again = last > 0 and trajectory.turns[last].prompt == "revise"
    return again and marks.get(0, 0.0) <= threshold < marks.get(last, 0.0)


@dataclass(frozen=True)
class Advised(CriticRepair):
    """A person's critique of one turn: ``feedback`` is what the role is told; ``draw`` numbers the tries at it.

    What of it turns up in the rewrite, word for word, is a leak as with any critic.
    """

    turn: int = 0
    feedback: str = ""
    draw: int = 0

    @property
    def critic(self) -> str:
        return "person"

    def attempts(self, failure: Failure) -> list[tuple[int, int, str, str]]:
        branch = digest("advised", failure.trajectory.path.key, self.turn, self.feedback)
        return [(self.draw, self.draw, branch, "")]

    async def criticise(self, failure: Failure, ask: Any, role: str) -> tuple[str, Blame | None]:
        return self.feedback, Blame(self.turn, self.feedback)

    def told(self, failure: Failure, blamed: Blame) -> tuple[str, ...]:
        return ()


class _Ledger:
    """Counts the calls of one failure."""

    def __init__(self, call: Call) -> None:
        self.count, self._call = 0, call

    async def __call__(self, model: Model, messages: Sequence[Message], sampling: Sampling, place: Any) -> Completion:
        self.count += 1
        return await self._call(model, messages, sampling, place)


async def _mend(failure: Failure, call: Call, how: CriticRepair) -> Records:
    ledger = _Ledger(call)
    team, task, failed = failure.team, failure.task, failure.trajectory
    mends: list[Trajectory] = []
    replays: list[Trajectory] = []
    repairs: list[Repair] = []

    def fits(calls: int) -> bool:
        return not how.max_calls or ledger.count + calls <= how.max_calls

    for number, draw, branch, role in how.attempts(failure):
        if not fits(3) or any(r.mended for r in repairs):  # critic, rewrite, rephrase: the last turn has no successors
            break
        path = replace(failure.path, branch=branch, draw=draw)
        found: list[Repair] = []

        async def mending(
            task: Task,
            ask: Any,
            role: str = role,
            path: SeedPath = path,
            number: int = number,
            found: list[Repair] = found,
        ) -> Any:
            start = ledger.count
            base = Repair("", failed.id, path.id, task.id, "", how.critic, critique_no=number)
            try:
                critique, blamed = await how.criticise(failure, ask, role)
            except Stopped:  # no critique could be had: that, too, is an attempt
                found.append(replace(base, id=digest(path.id, 0), calls=ledger.count - start))
                raise
            base = replace(base, critique=critique)
            if blamed is None:
                found.append(replace(base, id=digest(path.id, 0), calls=ledger.count - start))
                return None
            turn = failed.turns[blamed.turn]
            base = replace(base, turn=blamed.turn, role=turn.role, feedback=blamed.feedback)
            if given_away := how.told(failure, blamed):
                found.append(replace(base, id=digest(path.id, 0), leak=given_away, calls=ledger.count - start))
                return None
            costs = 1 + how.rephrase + _successors(team, turn.role)  # rewrite, rephrase, and whoever acts again
            if turn.prompt != "revise" and (clash := {"draft", "feedback"} & turn.slots.keys()):
                raise UsageError(f"team {team.name!r}: the slot {min(clash)!r} of role {turn.role!r} is one that a "
                                 "revision fills itself; give the slot another name")
            advised = {"response": turn.public, **turn.slots, "feedback": blamed.feedback, "draft": turn.text}
            for no in range(how.max_regenerations):
                if not fits(costs):
                    break
                repair = replace(base, id=digest(path.id, no), regeneration_no=no)
                try:
                    raw = text = await how.rewrite(failure, ask, turn, advised)
                    repair = replace(repair, raw=raw)
                    if how.rephrase:
                        said = {"text": raw, "question": task.question}
                        text = str(await ask("rephraser", **_that_fit(failure, "rephraser", None, "answer", said)))
                except Stopped:  # this rewrite came to nothing; the next one may
                    found.append(replace(repair, calls=ledger.count - start))
                    start = ledger.count
                    continue
                dialect = "pocket" if _in_pocket(failure, turn) else "chat"
                leak = leaks(text, turn, task, team, critique, dialect)
                again = await replay(
                    failed,
                    team,
                    task,
                    failure.voices,
                    edits={blamed.turn: text},
                    draw=number * how.max_regenerations + no,
                    path=failure.path,
                    call=ledger,
                )
                again = replace(again, reward=failure.judge(task, again))
                replays.append(again)
                found.append(
                    replace(
                        repair,
                        rephrased=text,
                        leak=leak,
                        replay=again.id,
                        mended=how.mended(failure, again) and not leak,
                        calls=ledger.count - start,
                    )
                )
                start = ledger.count
                if found[-1].mended:
                    return again.outcome.answer
            if not found:  # no calls were left for a rewrite
                found.append(replace(base, id=digest(path.id, 0), calls=ledger.count - start))
            return None

        mends.append(
            await play(replace(team, name=f"{team.name}:mend", workflow=mending), task, failure.voices, path, ledger)
        )
        repairs += found
    return Records((*mends, *replays), tuple(repairs))


def _successors(team: Team, role: str) -> int:
    return len(team.chain) - 1 - team.chain.index(role) if role in team.chain else len(team.chain)


def _that_fit(
    failure: Failure, role: str, seat: str | None, prompt: str, slots: Mapping[str, Any]
) -> dict[str, Any]:
    """The slots that the role's prompt has: a critic's prompt may or may not name the role, a revision the draft."""
    model = failure.voices.model(role, seat)
    wanted = failure.team.role(role).prompt(prompt, model.dialect).slots
    return {name: value for name, value in slots.items() if name in wanted}


def _in_pocket(failure: Failure, turn: Turn) -> bool:
    return failure.voices.model(turn.role, turn.seat).dialect == "pocket"


async def play_again(failure: Failure, call: Call, max_calls: int) -> Records:
    """The control: the whole team simply plays the task again, until it succeeds or the calls are spent."""
    ledger, found, draw = _Ledger(call), list[Trajectory](), 0
    while ledger.count + len(failure.team.chain) <= max_calls and not any(t.earned(failure.threshold) for t in found):
        path = replace(failure.path, branch=digest("again", failure.trajectory.path.key), draw=draw)
        played = await play(failure.team, failure.task, failure.voices, path, ledger)
        found.append(replace(played, reward=failure.judge(failure.task, played)))
        draw += 1
    return Records(tuple(found))

