"""The queue for people: which repairs wait, what a decision is, what may enter the library.

With review on, a repair enters only by a decision: accept takes the critic's rewrite as it is, edit takes a person's
text, whose replay must have succeeded, reject keeps it out. What nobody decided stays out. Decisions are rows that are
never changed; undo is a row too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from . import rewriting
from .calls import Calls
from .episodes import Call, direct, replay
from .errors import UsageError
from .models import Voices
from .models.pocket import run_in_step
from .rewards import Judge
from .store import Review, Store
from .teams import Team
from .trajectories import Repair, Trajectory, digest

REASONS = ("still wrong", "right for a wrong reason", "leaks the answer", "unclear")
_GO_ON, _REVIEWED = "go on", "reviewed"


def waiting(store: Store, experiment: str, round: int) -> list[Repair]:
    """Mended repairs of a round that nobody has decided, unless somebody said go on."""
    if _GO_ON in store.episodes.finished(experiment, round, "review"):
        return []
    decided = store.repairs.decisions(experiment, round)
    return [r for r in queue(store, experiment, round) if r.id not in decided]


def queue(store: Store, experiment: str, round: int) -> list[Repair]:
    """Every repair of a round that a person should see: mended ones, and ones that were right but leak."""
    found = store.repairs.find(experiment, round)
    threshold = store.experiments.get(experiment).settings.threshold
    leaky = store.episodes.many([r.replay for r in found if r.replay is not None and r.leak])
    return [r for r in found if r.mended or (r.replay in leaky and leaky[r.replay].earned(threshold))]


def go_on(store: Store, experiment: str, round: int) -> None:
    """Let the round go on with the decisions that there are."""
    store.episodes.finish(experiment, round, "review", [_GO_ON])
    rewriting.go_on(store, experiment, round)


def close(store: Store, experiment: str, round: int) -> None:
    """The round's review is over: what nobody has decided stays out, whatever the setting will be in later rounds."""
    store.episodes.finish(experiment, round, "review", [_REVIEWED])


def admitted(store: Store, experiment: str, first: int, last: int) -> tuple[list[Trajectory], frozenset[str]]:
    """(replays that may enter the library, ids of those that carry a person's text), rounds ``first`` to ``last``.

    A round that was reviewed needs a decision for each; one that was not takes every mended repair.
    """
    ids: dict[str, bool] = {}
    threshold = store.experiments.get(experiment).settings.threshold
    for round in range(first, last + 1):
        reviewed = _REVIEWED in store.episodes.finished(experiment, round, "review")
        decisions = store.repairs.decisions(experiment, round)
        for repair in store.repairs.find(experiment, round):
            decision = decisions.get(repair.id)
            if decision is not None and decision.verdict == "edit" and decision.replay is not None:
                ids[decision.replay] = True
            elif repair.replay is not None and (
                decision.verdict == "accept" if decision is not None else repair.mended and not reviewed
            ):
                ids[repair.replay] = False
    found = store.episodes.many(list(ids))
    order = {i: (p.round, p.task, p.attempt, p.branch, p.draw) for i in ids for p in [found[i].path]}
    right = [found[i] for i in ids if found[i].earned(threshold)]
    right.sort(key=lambda t: order[t.id])  # not that of arrival
    return right, frozenset(t.id for t in right if ids[t.id])


def try_edit(
    store: Store,
    repair_id: str,
    text: str,
    *,
    team: Team,
    judge: Judge,
    voices: Voices,
    draw: int = 0,
    calls: Calls | None = None,
    check: Callable[[str], object] = len,
) -> Trajectory:
    """Replay the failed episode with a person's text in the repaired turn; the result is stored and returned.

    ``voices`` are the models of then; ``calls`` puts journal, deadline and retries around them, which an endpoint
    needs. ``check`` raises if the model could not read the text.
    """
    repair = store.repairs.get(repair_id)
    if repair.turn is None:
        raise UsageError("this critique blamed no turn: there is nothing to edit")
    if not text.strip():
        raise UsageError("the edited text is empty")
    check(text)
    failed = store.episodes.get(repair.failed)
    task = store.episodes.task(failed.task)
    path = replace(failed.path, phase="review")
    turn = repair.turn

    async def play_on() -> Trajectory:
        how: Call = calls or direct
        if calls is not None:
            calls.begin(path.round, path.phase)
        try:
            return await replay(failed, team, task, voices, edits={turn: text}, draw=draw, path=path, call=how)
        finally:
            if calls is not None:
                await calls.end()

    again = run_in_step(play_on())
    again = replace(again, reward=judge(task, again))
    store.episodes.add([again])
    return again


def decide(
    store: Store,
    repair_id: str,
    verdict: str,
    author: str,
    *,
    reason: str = "",
    edited: Trajectory | None = None,
    seconds: float = 0.0,
) -> None:
    """Record a decision. An edit needs its replay (`try_edit`), one that succeeded; undo takes it back."""
    repair = store.repairs.get(repair_id)
    experiment, round = store.repairs.place(repair_id)
    if store.weights.models(experiment, round) is not None or store.weights.training_sets(experiment, round):
        raise UsageError(f"round {round} of {experiment} has been trained already: its decisions stand")
    text, replayed = repair.rephrased, repair.replay
    threshold = store.experiments.get(experiment).settings.threshold
    if verdict == "edit":
        if edited is None or edited.parent != repair.failed or repair.turn is None or repair.turn not in edited.edits:
            raise UsageError("an edit is decided with its replay: try it first")
        if not edited.earned(threshold):
            raise UsageError("this edit does not lead to the right answer: it may not enter the library")
        text, replayed = edited.edits[repair.turn], edited.id
    elif verdict == "accept" and not store.episodes.get(repair.replay or "").earned(threshold):
        raise UsageError("this repair's replay is wrong: it can be edited or rejected, not accepted")
    store.repairs.decide(
        Review(repair_id, author, verdict, reason, text, digest(repair.rephrased), digest(text), replayed, seconds)
    )
