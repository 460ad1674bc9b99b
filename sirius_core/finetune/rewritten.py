"""A round's new instructions: evidence, writing, people's decisions, checkpoints. Done already is not done again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from .. import rewriting
from ..episodes import Call
from ..errors import UsageError, WaitingForReview
from ..models import Voices
from ..rollout import Records, Rollout, Work
from ..store import Experiment, Store, UpdateRow
from ..teams import Team
from ..training import Example, ModelOf
from ..trajectories import Task, Trajectory
from .prompts import Brief, briefs, propose, written
from .spoken import Spoken

PHASE = "rewrite"


def rewrite(
    store: Store,
    rollout: Rollout,
    experiment: Experiment,
    round: int,
    *,
    team: Team,
    model_of: ModelOf,
    voices: Voices,
    tried: Sequence[Trajectory],
    tasks: Mapping[str, Task],
    start: Callable[[str], str],
) -> dict[str, tuple[int, str]]:
    """New checkpoints of the models whose instructions were rewritten; {model: (cases read, hash of the evidence)}.

    ``voices`` speak for the role ``writer``; ``start`` gives the hash of the checkpoint that a model starts from. With
    review on, WaitingForReview until every rewrite is decided. What is accepted is written as an update without steps;
    whether it stays is the gate's matter.
    """
    s = experiment.settings
    starts, spoken, found = evidence_of(store, experiment, round, team=team, model_of=model_of, tried=tried,
                                        tasks=tasks, start=start)
    if voices.model("writer", None).dialect != "chat" or any(one.dialect != "chat" for one in spoken.values()):
        raise UsageError("update=prompts: the pocket model reads no instructions; name a model at an endpoint, "
                         "or use update=demos")
    evidence = {}
    for model in dict.fromkeys(brief.model for brief in found):
        rows = [e.row() for e in shown(found, model)]
        set_id, content = store.weights.add_training_set(experiment.id, round, model, rows)
        evidence[model] = (set_id, len(rows), content)

    def work(brief: Brief) -> Work:
        async def go(call: Call) -> Records:
            return await propose(brief, voices, call)

        return Work(brief.path.id, go)

    rollout.run(round, PHASE, [work(brief) for brief in found], lockstep=voices.model("writer", None).lockstep)
    episodes = store.episodes.many([brief.path.id for brief in found])
    made = [(brief, written(brief, episodes[brief.path.id])) for brief in found]
    store.rewrites.add([one for _, one in made if one is not None])
    done = {u.model for u in store.weights.updates(experiment.id, round)}
    if s.review and not done and store.weights.models(experiment.id, round) is None:
        if waiting := rewriting.waiting(store, experiment.id, round):
            raise WaitingForReview(
                f"{experiment.id}: {len(waiting)} rewritten instructions of round {round} wait; decide them on the "
                f"review page, or go on without: sirius resume {experiment.id} --go-on")
        rewriting.close(store, experiment.id, round)
    texts = {one.id: text for one, text in rewriting.admitted(store, experiment.id, round)}
    for model, (set_id, _, _) in evidence.items():
        new = {b.original: texts[one.id] for b, one in made if b.model == model and one is not None and one.id in texts}
        if not new or model in done:
            continue
        turns = [turn for b in found if b.model == model for turn in episodes[b.path.id].turns]
        with store.write():
            after = store.weights.put(replace(spoken[model], system={**spoken[model].system, **new}).blob())
            store.weights.add_update(experiment.id, UpdateRow(
                round, model, set_id, starts[model], after, 0, sum(t.tokens_in + t.tokens_out for t in turns), (),
                sum(t.ms for t in turns) / 1000))
    return {model: (n, content) for model, (_, n, content) in evidence.items()}


def evidence_of(
    store: Store,
    experiment: Experiment,
    round: int,
    *,
    team: Team,
    model_of: ModelOf,
    tried: Sequence[Trajectory],
    tasks: Mapping[str, Task],
    start: Callable[[str], str],
) -> tuple[dict[str, str], dict[str, Spoken], list[Brief]]:
    """({model: hash of the checkpoint that it starts from}, {model: that checkpoint}, what writers are handed)."""
    s = experiment.settings
    starts = {model: start(model) for model in {model_of(turn) for t in tried for turn in t.turns}}
    spoken = {model: Spoken.parse(store.weights.get(name)) for model, name in starts.items()}
    found = briefs(
        tried, team, model_of, tasks=tasks, in_force={model: one.system for model, one in spoken.items()},
        past=[r for r in store.rewrites.find(experiment.id) if r.round < round],
        repairs=store.repairs.find(experiment.id, round), threshold=s.threshold, only=s.roles_to_train(),
        gold=s.critic != "blind")
    return starts, spoken, found


def shown(found: Sequence[Brief], model: str) -> list[Example]:
    """A model's training set, where instructions are rewritten: the turns that its writers read."""
    return [e for brief in found if brief.model == model for e in brief.examples]
