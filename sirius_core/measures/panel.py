"""Inside a panel: votes, single agents, consensus and dissent, by debate round.

Consensus is the share of answers, over problems and agents, that are the plurality's answer, with the vote's own
equivalence and not letter by letter (Multiagent Finetuning, section on diversity; lower means more diverse). An answer
that cannot be read is wrong, agrees with nobody and stays in every count.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..trajectories import Task
from . import sittings
from .rows import Row, mean, paired, row
from .sittings import Sitting


def at(m: int, rounds: int) -> str:
    """``debate round 1``: everyone alone, before anybody heard the others; ``all tries`` where nobody ever does."""
    return f"debate round {m + 1}" if rounds > 1 else "all tries"


def measure(found: Sequence[Sitting]) -> list[Row]:
    """Rows of every debate round; of more than one also the last vote, as the team counts it, against the first, over
    the same problems. Where the team answers otherwise than by plurality, what that is worth over the plain vote."""
    if not found:
        return []
    groups, rows, rounds = [s.group for s in found], list[Row](), len(found[0].said)
    for m in range(rounds):
        seats, where = list(found[0].said[m]), at(m, rounds)
        each = [s.group for s in found for _ in seats]
        best = [int(any(s.right[m].values())) for s in found]
        vote = [int(s.vote_right[m]) for s in found]
        rows += [
            mean("vote", where, vote, groups),
            mean("agent_mean", where, [int(s.right[m][seat]) for s in found for seat in seats], each),
            *(mean("agent", f"{where}, agent {seat}", [int(s.right[m][seat]) for s in found], groups)
              for seat in seats),
            mean("pass_at_n", where, best, groups),
            mean("pass_minus_vote", where, [b - v for b, v in zip(best, vote, strict=True)], groups),
            mean("consensus", where, [int(s.votes[m] is not None and s.said[m][seat] == s.votes[m])
                                      for s in found for seat in seats], each),
            mean("distinct", where, [len({a for a in s.said[m].values() if a}) for s in found], groups),
            mean("unparsed", where, [int(not s.said[m][seat]) for s in found for seat in seats], each),
            mean("tokens", where, [s.tokens[m] for s in found], groups),
        ]
    last, team = at(rounds - 1, rounds), [int(s.team) for s in found]
    first, plain = ([int(s.vote_right[m]) for s in found] for m in (0, -1))
    if team != plain:
        rows += [mean("team", last, team, groups), paired("team_minus_vote", last, plain, team, groups)]
    if rounds > 1:
        rows.append(paired("last_minus_first", f"{last} - {at(0, rounds)}", first, team, groups))
    return rows


def labels(told: Sequence[tuple[str, str | None, int]], tasks: Mapping[str, Task], where: str) -> Row:
    """How often the vote that served as label was the truth: {task, label, how often it served}.

    Where no label could be had nothing was learned: such tries do not count.
    """
    known = [(task, sittings.is_right(label, tasks[task]), n) for task, label, n in told if label and n]
    if not known:
        return row("label", where, None, 0)
    values = [int(right) for _, right, n in known for _ in range(n)]
    return mean("label", where, values, [tasks[task].group or task for task, _, n in known for _ in range(n)])
