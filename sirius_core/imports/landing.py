"""Traces take their place in the store: tasks, judged trajectories, and what waits for people.

The file is read whole before anything is written. Then batches land, each with the count of traces so far, so that an
import that was killed goes on where it was: the same file makes the same experiment, once.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice

from .. import rewards
from ..errors import UsageError
from ..prompts import Message
from ..recipes import IMPORTED
from ..settings import Settings
from ..store import Experiment, Store
from ..tasks.rows import normalised
from ..trajectories import Outcome, Repair, Reward, SeedPath, Stop, Task, Trajectory, Turn, digest
from .reading import Survey, opened, state_of, survey, traces
from .traces import Trace

ROUND = 0  # whose queue the failed traces wait in: nobody was trained yet
PHASE, EDITS = "propose", "review"  # a trace is a try at a problem; what is said in place of its last turn
SENT = "sent"  # of repairs
BATCH = 200
MEASURE = "import"
Progress = Callable[[str, int, int], None]  # (what is done: reading or storing, how far, of how many; 0: not known)


@dataclass(frozen=True)
class Taken:
    """What an import brought. ``before`` tells that the same file had been imported: nothing was stored again.

    ``differ`` counts traces whose own reward says something else than the rule.
    """

    experiment: str
    traces: int
    right: int
    wrong: int
    not_judged: int
    waiting: int
    differ: int
    before: bool
    notes: tuple[str, ...] = ()


def take(
    store: Store,
    path: str | os.PathLike[str],
    name: str = "",
    kind: str = "",
    on_progress: Progress = lambda what, done, total: None,
) -> Taken:
    """Import a file. UsageError names the first defect with row and key, and then nothing of the file is stored."""
    found = survey(opened(path), kind, lambda lines: on_progress("reading", lines, 0))
    experiment, place = _experiment(store, found, name, kind)
    if before := whole(store, experiment.id):
        on_progress("storing", found.traces, found.traces)
    else:
        _land(store, experiment, found, place, on_progress)
    body = store.experiments.measurement(experiment.id, MEASURE)
    counts = {key: int(body[key]) for key in ("right", "wrong", "not_judged", "waiting", "differ")}
    return Taken(experiment.id, found.traces, **counts, before=before, notes=found.notes)


def whole(store: Store, experiment: str) -> bool:
    """Whether every trace of an imported experiment has landed."""
    body = store.experiments.measurement(experiment, MEASURE)
    return body is not None and body["landed"] == body["traces"]


def _experiment(store: Store, found: Survey, name: str, kind: str) -> tuple[Experiment, SeedPath]:
    """The experiment of this file, made unless it stands; and where its trajectories begin."""
    settings = Settings().changed({
        "recipe": IMPORTED, "review": True, "rounds": ROUND, "update": "none", "critic": "none", "controls": 0,
        "library": "fresh", "replays": 0, "planted": 0.0, "blind": 0.0,
    })
    with store.write():
        for known in store.experiments.all():
            body = store.experiments.measurement(known.id, MEASURE)
            if body is not None and (body["sha256"], body["kind"]) == (found.sha256, kind):
                break
        else:
            known = store.experiments.create(name or found.path.stem or IMPORTED, settings, 0)
            store.experiments.set_measurement(known.id, MEASURE, {
                "file": found.path.name, "sha256": found.sha256, "kind": kind, "bytes": found.state[0],
                "traces": found.traces, "forms": dict(found.forms), "notes": list(found.notes),
                "landed": 0, "right": 0, "wrong": 0, "not_judged": 0, "waiting": 0, "differ": 0,
            })
            store.experiments.set_job(known.id, status="paused", phase="import", total=found.traces,
                                      message="the import is not finished: import the file again")
    return known, SeedPath(known.id, known.seed, ROUND, PHASE, "")


def _land(
    store: Store, experiment: Experiment, found: Survey, place: SeedPath, on_progress: Progress
) -> None:
    """Batch after batch, each with the count of what has landed, so that nothing lands twice."""
    done = store.experiments.measurement(experiment.id, MEASURE)["landed"]
    lines = islice(traces(found.path, found.reading), done, None)
    while batch := list(islice(lines, BATCH)):
        with store.write():
            _batch(store, experiment, place, batch)
        done += len(batch)
        on_progress("storing", done, found.traces)
    if state_of(found.path) != found.state:
        raise UsageError(f"{found.path.name} has changed while it was imported; {experiment.id} holds parts of both")
    store.experiments.log(experiment.id, f"imported {found.traces} traces of {found.path.name}")
    store.experiments.set_job(experiment.id, status="done", phase="", message="", done=done, total=done)


def _batch(store: Store, experiment: Experiment, place: SeedPath, batch: Sequence[Trace]) -> None:
    tasks = [_task(one) for one in batch]
    store.episodes.add_tasks({task.id: task for task in tasks}.values())
    tried = store.episodes.tries(experiment.id, PHASE, {task.id for task in tasks})
    threshold, counts = experiment.settings.threshold, Counter[str]()
    landed: list[Trajectory] = []
    waiting: list[Repair] = []
    for one, task in zip(batch, tasks, strict=True):
        attempt = tried.get(task.id, 0)
        tried[task.id] = attempt + 1
        path = SeedPath(place.experiment, place.seed, one.round, place.phase, task.id, attempt)
        played = _played(path, one, task)
        landed.append(played)
        right = played.earned(threshold)
        counts["not_judged" if played.reward is None else "right" if right else "wrong"] += 1
        counts["differ"] += bool(one.answer and one.reward is not None and (one.reward > threshold) != right)
        if one.better is not None:
            by_rule = partial(rewards.right, task) if one.answer else _preferred
            better = said_otherwise(played, one.better, by_rule)
            landed.append(better)
            waiting.append(_item(played, better, better.earned(threshold)))
        elif one.answer and not right:
            waiting.append(_item(played))
    counts.update(waiting=len(waiting), landed=len(batch))
    store.episodes.add(landed)
    store.repairs.add(experiment.id, ROUND, SENT, waiting)
    body = store.experiments.measurement(experiment.id, MEASURE)
    store.experiments.set_measurement(experiment.id, MEASURE, {**body, **{k: body[k] + n for k, n in counts.items()}})


# -- one trace ---------------------------------------------------------------------------------------------------------
def _task(one: Trace) -> Task:
    """The problem: the same question with the same answer is the same problem, in every file."""
    return Task.of(IMPORTED, one.kind, "train", one.question, one.answer, kind=one.kind or "text",
                   group=digest(normalised(one.question))[:16])


def _played(path: SeedPath, one: Trace, task: Task) -> Trajectory:
    turns = tuple(_turns(one))
    answer = one.final or turns[-1].text
    outcome = Outcome(answer) if answer.strip() else Outcome(None, Stop.NO_ANSWER, "the trace ends in an empty text")
    played = Trajectory(path, IMPORTED, turns, outcome)
    if one.answer:
        return replace(played, reward=rewards.right(task, played))
    if one.better is not None:
        return replace(played, reward=Reward(0.0, None, "the file prefers another reply"))
    stated = "the reward that the file states" if not one.origin else "an export holds what was right"
    return replace(played, reward=None if one.reward is None else Reward(one.reward, None, stated))


def _turns(one: Trace) -> Iterator[Turn]:
    seen = Counter[str]()
    for number, said in enumerate(one.said):
        asked = said.asked or _supposed(one, number)
        request = digest(said.role, "answer", None, asked)
        yield Turn(said.role, "answer", None, asked, {"question": one.question}, said.text, request, seen[request],
                   "imported", public=said.text, model=said.model)
        seen[request] += 1


def _supposed(one: Trace, number: int) -> tuple[Message, ...]:
    """What a turn was asked where the file does not say: the question, and all that had been said before."""
    before = [f"[{said.role}]\n{said.text}" for said in one.said[:number]]
    return (Message("user", "\n\n".join([one.question, *before])),)


def said_otherwise(parent: Trajectory, text: str, judged: Callable[[Trajectory], Reward]) -> Trajectory:
    """The trace with another text in its last turn, judged. Nobody is asked: all else stays as it was recorded."""
    last = len(parent.turns) - 1
    path = replace(parent.path, phase=EDITS, branch=digest(parent.path.key, {str(last): text}, None))
    given = [replace(turn, origin="given") for turn in parent.turns[:last]]
    said = replace(parent.turns[last], text=text, public=text, origin="edited", model="")
    again = Trajectory(path, parent.team, (*given, said), Outcome(text), parent.id, {last: text})
    return replace(again, reward=judged(again))


def _preferred(again: Trajectory) -> Reward:
    return Reward(1.0, None, "the file prefers it")


def _item(failed: Trajectory, better: Trajectory | None = None, mended: bool = False) -> Repair:
    """What waits for a person: a failure whose last turn may be said otherwise, or has been in the file."""
    last = len(failed.turns) - 1
    text, replay = ("", None) if better is None else (better.turns[last].text, better.id)
    return Repair(digest(SENT, failed.id), failed.id, failed.id, failed.task, "", IMPORTED, last,
                  failed.turns[last].role, "", text, text, (), replay, mended)
