"""Rewritten instructions before people: what may be one, which wait, what a decision is, which are admitted.

An instruction in new words must say something new, briefly, and must not carry a task or its answer into every request
(`objection`). With review on it is tried on the validation problems only after a decision: accept takes the writer's
text, edit a person's, reject keeps the old one; what nobody decided stays out. Decisions are rows that are never
changed; undo is a row too. Whether an admitted text stays in force is the gate's matter.
"""

from __future__ import annotations

from collections.abc import Sequence

from .answers import known
from .errors import UsageError
from .models.in_context import words
from .store import Store
from .store.rewrites import Rewrite, RewriteReview
from .trajectories import Task

MOST = 4000  # characters of an instruction
QUOTE = 8  # so many words in a row are a quotation
_CLOSED = ("letter", "boolean", "yes_no_maybe")  # every answer of these kinds is said in the task's own rules
_PHASE, _REVIEWED = "review rewrites", "reviewed"


def objection(text: str, before: str, tasks: Sequence[Task]) -> str:
    """Why ``text`` may not take the place of the instruction ``before``; empty if it may.

    ``tasks`` are those that its writer has seen. Their right answers of two characters or more may not stand in it,
    as words of their own, nor `QUOTE` words in a row of their questions, unless ``before`` has them, too.
    """
    said, had = words(text), f" {' '.join(words(before))} "
    if not said:
        return "it is empty"
    if len(text) > MOST:
        return f"it has {len(text):,} characters; {MOST:,} are allowed"
    joined = f" {' '.join(said)} "
    if joined == had:
        return "it says the same as before"
    for task in tasks:
        for gold in _golds(task):
            if f" {gold} " in joined and f" {gold} " not in had:
                return f"it contains the right answer of a task, {gold!r}"
    plain, old = [w for w in said if w[0].isalnum()], f" {' '.join(w for w in words(before) if w[0].isalnum())} "
    runs = {tuple(plain[i : i + QUOTE]) for i in range(len(plain) - QUOTE + 1)}
    for task in tasks:
        asked = [w for w in words(task.question) if w[0].isalnum()]
        for i in range(len(asked) - QUOTE + 1):
            if tuple(asked[i : i + QUOTE]) in runs and f" {' '.join(asked[i : i + QUOTE])} " not in old:
                return f"it quotes a task: {' '.join(asked[i : i + QUOTE])!r}"
    return ""


def _golds(task: Task) -> set[str]:
    """The answer as the source states it and, of a number, as it would be written plainly."""
    if task.kind in _CLOSED:
        return set()
    found = {" ".join(words(task.answer))}
    if task.kind == "number":
        value = known(task.answer, "number").value
        found.add(" ".join(words(f"{value:g}" if isinstance(value, float) else str(value))))
    return {gold for gold in found if len(gold) > 1}


def waiting(store: Store, experiment: str, round: int) -> list[Rewrite]:
    """Rewrites of a round that nobody has decided, unless somebody said go on or the round was reviewed."""
    if store.episodes.finished(experiment, round, _PHASE):
        return []
    decided = store.rewrites.decisions(experiment, round)
    return [r for r in store.rewrites.find(experiment, round) if r.id not in decided]


def go_on(store: Store, experiment: str, round: int) -> None:
    """Let the round go on with the decisions that there are; without effect before there is anything to decide."""
    if waiting(store, experiment, round):
        close(store, experiment, round)


def close(store: Store, experiment: str, round: int) -> None:
    """The round's review is over: what nobody has decided stays out, whatever the setting will be later."""
    store.episodes.finish(experiment, round, _PHASE, [_REVIEWED])


def admitted(store: Store, experiment: str, round: int) -> list[tuple[Rewrite, str]]:
    """(rewrite, its text after decisions) of all that may be tried: in a round that was reviewed, those that a person
    accepted or edited; else all but the rejected ones."""
    reviewed = _REVIEWED in store.episodes.finished(experiment, round, _PHASE)
    decisions = store.rewrites.decisions(experiment, round)
    found = []
    for rewrite in store.rewrites.find(experiment, round):
        decision = decisions.get(rewrite.id)
        if decision is None and not reviewed:
            found.append((rewrite, rewrite.after))
        elif decision is not None and decision.verdict in ("accept", "edit"):
            found.append((rewrite, decision.text))
    return found


def decide(
    store: Store, rewrite_id: str, verdict: str, author: str, *, reason: str = "", text: str = "", seconds: float = 0.0
) -> None:
    """Record a decision: accept, edit (with ``text``), reject, or undo, which takes the one in force back."""
    rewrite = store.rewrites.get(rewrite_id)
    if store.weights.updates(rewrite.experiment, rewrite.round) or (
        store.weights.models(rewrite.experiment, rewrite.round) is not None
    ):
        raise UsageError(
            f"round {rewrite.round} of {rewrite.experiment} has been validated already: its decisions stand"
        )
    if verdict not in ("accept", "edit", "reject", "undo"):
        raise UsageError(f"a decision is accept, edit, reject or undo, not {verdict!r}")
    if verdict == "edit":
        if wrong := objection(text, rewrite.before, seen_by_writer(store, rewrite)):
            raise UsageError(f"this instruction cannot be used: {wrong}")
    elif verdict == "accept":
        text = rewrite.after
    else:
        text = rewrite.before
    store.rewrites.decide(RewriteReview(rewrite_id, author, verdict, reason, text.strip(), seconds))


def seen_by_writer(store: Store, rewrite: Rewrite) -> list[Task]:
    """The tasks of the trajectories that the writer was shown."""
    found = store.episodes.many([trajectory for trajectory, _ in store.rewrites.seen(rewrite)])
    return [store.episodes.task(name) for name in dict.fromkeys(t.task for t in found.values())]
