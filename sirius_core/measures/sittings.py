"""What several agents said to one problem, debate round by debate round, judged by the truth."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from .. import answers, votes
from ..pocket.ordinary import is_pocket
from ..trajectories import Task, Trajectory, Turn


@dataclass(frozen=True)
class Sitting:
    """One problem before several agents. Every tuple has an entry for each debate round, every mapping one for each
    seat; ``said`` is "" where an agent gave no answer that can be read.

    ``votes`` are the plurality answers, ``vote_right`` whether they are right; ``team`` whether what the team answered
    is, which may weigh its votes, or choose otherwise. ``texts`` are whole replies; ``turns`` are there where an agent
    speaks once in a round. ``tokens``: read and written up to and with each round.
    """

    task: str
    group: str
    said: tuple[Mapping[str, str], ...]
    right: tuple[Mapping[str, bool], ...]
    votes: tuple[str | None, ...]
    vote_right: tuple[bool, ...]
    team: bool
    texts: tuple[Mapping[str, str], ...]
    turns: tuple[Mapping[str, Turn], ...]
    tokens: tuple[int, ...]


def read(trajectories: Iterable[Trajectory], tasks: Mapping[str, Task], threshold: float = 0.5) -> list[Sitting]:
    """The sittings among the trajectories; none where fewer than two agents sit.

    An episode that stopped early has empty answers for what was never said: it stays in every count.
    """
    found = [(t, votes.by_round(t, tasks[t.task].kind)) for t in trajectories]
    seats = list(dict.fromkeys(seat for _, rounds in found for each in rounds for seat in each))
    most = max((len(rounds) for _, rounds in found), default=0)
    if len(seats) < 2:
        return []
    return [_sitting(t, tasks[t.task], rounds, seats, most, threshold) for t, rounds in found]


def _sitting(t: Trajectory, task: Task, rounds: Sequence[Mapping[str, str]], seats: Sequence[str], most: int,
             threshold: float) -> Sitting:
    missing = most - len(rounds)
    places = [*votes.speaking(t), *({} for _ in range(missing))]
    said = tuple({seat: each.get(seat, "") for seat in seats} for each in [*rounds, *({} for _ in range(missing))])
    known: dict[str | None, bool] = {"": False, None: False}
    for each, place in zip(said, places, strict=True):
        for seat, i in place.items():
            if each[seat] not in known:
                known[each[seat]] = _judged(t.turns[i].text, task)
    turns = [_spoken(t, places, m) for m in range(most)]
    winners = tuple(votes.winner(each, said[0])[0] for each in said)
    return Sitting(
        t.task, task.group or t.task, said,
        tuple({seat: known[answer] for seat, answer in each.items()} for each in said),
        winners, (*(known[winner] for winner in winners[:-1]), known[winners[-1]] and t.outcome.stop is None),
        t.earned(threshold),
        tuple({seat: " ".join(turn.text for turn in each.get(seat, ())) for seat in seats} for each in turns),
        tuple({seat: spoken[0] for seat, spoken in each.items() if len(spoken) == 1} for each in turns),
        _tokens(t, places))


def is_right(answer: str, task: Task) -> bool:
    """Whether an answer, spelt as votes count it, is the truth."""
    return bool(answer) and (answer == votes.read(task.answer, task.kind) or _judged(answer, task))


def _judged(text: str, task: Task) -> bool:
    stated = text.rpartition(" | ")[2] if is_pocket(text) else text
    return answers.judge_text(stated, task.answer, task.kind, task.data.get("tolerance")).right


def _spoken(t: Trajectory, places: Sequence[Mapping[str, int]], m: int) -> dict[str, list[Turn]]:
    """{seat: what it said in round m}: the turn that states its answer, and those of its own that lead to it where
    there is but one round."""
    if len(places) > 1:
        return {seat: [t.turns[i]] for seat, i in places[m].items()}
    return {seat: [turn for turn in t.turns[: i + 1] if (turn.seat or "1") == seat] for seat, i in places[m].items()}


def _tokens(t: Trajectory, places: Sequence[Mapping[str, int]]) -> tuple[int, ...]:
    """Summaries between two rounds belong to the later one."""
    ends = [max([i + 1 for place in places[: m + 1] for i in place.values()], default=0) for m in range(len(places))]
    ends[-1] = len(t.turns)
    return tuple(sum(turn.tokens_in + turn.tokens_out for turn in t.turns[:end]) for end in ends)
