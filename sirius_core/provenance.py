"""From a training example back to where it came from, and forward to what became of it.

    chain = provenance.back(store, trajectory, turn)      example <- turn <- trajectory <- failure, critique, decision
    uses = provenance.forward(store, trajectory, turn)    training sets -> checkpoints -> gate -> test before and after

The SQL view ``v_provenance`` says the same of whole training sets. ``rebuild`` derives a round's training sets anew,
and ``manifest`` says what one would need to repeat the round.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from . import __version__, imports
from .errors import Missing, UsageError
from .finetune import Tuner, scripted
from .finetune.rewritten import evidence_of, shown
from .improve import Run
from .models import Model, ScriptedModel
from .store import Review, Store
from .store.examples import Use
from .tasks import SPLITS
from .training import Example
from .trajectories import Repair, Task, Trajectory, Turn, digest


@dataclass(frozen=True)
class Chain:
    """Where a turn came from. ``failed`` is the failure that the trajectory mends, ``repair`` how, ``mend`` the
    episode in which it was criticised and rewritten; ``decisions`` are all that people decided about the repair, oldest
    first, undone ones and undos too; ``decision`` is the one in force, if it admitted this trajectory."""

    task: Task
    trajectory: Trajectory
    turn: int
    failed: Trajectory | None = None
    repair: Repair | None = None
    mend: Trajectory | None = None
    decisions: tuple[Review, ...] = ()

    @property
    def said(self) -> Turn:
        return self.trajectory.turns[self.turn]

    @property
    def decision(self) -> Review | None:
        last = self.decisions[-1] if self.decisions else None
        return last if last is not None and last.replay == self.trajectory.id and last.verdict != "undo" else None


def back(store: Store, trajectory: str, turn: int) -> Chain:
    """Where turn ``turn`` of a trajectory came from. Missing if there is no such turn."""
    found = store.episodes.get(trajectory)
    if not 0 <= turn < len(found.turns):
        raise Missing(f"trajectory {trajectory!r} in {store.path} has no turn {turn}")
    task = store.episodes.task(found.task)
    failed = store.episodes.many([found.parent]).get(found.parent) if found.parent is not None else None
    name = store.examples.repair_of(trajectory)
    if name is None:
        return Chain(task, found, turn, failed)
    repair = store.repairs.get(name)
    mend = store.episodes.many([repair.mend]).get(repair.mend)
    return Chain(task, found, turn, failed, repair, mend, tuple(store.repairs.history(name)))


def of_example(store: Store, training_set: str, position: int) -> Chain:
    """Where the example at ``position`` of a training set came from."""
    return back(store, *store.examples.place(training_set, position))


def forward(store: Store, trajectory: str, turn: int) -> Sequence[Use]:
    """Every training set that the turn went into, and what became of it; an example drawn twice is there twice."""
    return store.examples.uses(trajectory, turn)


# -- a round's library, derived anew ---------------------------------------------------------------------------------
@dataclass(frozen=True)
class Rebuilt:
    """One model's training set as it is stored and as it follows from trajectories, decisions and seeds now; None and
    0 where there is none."""

    model: str
    stored: str | None
    derived: str | None
    examples_stored: int
    examples_derived: int

    @property
    def equal(self) -> bool:
        return self.stored == self.derived


class _Silent:
    """The machine of a run that is only read: its models never speak, its tuner is never called."""

    @property
    def tune(self) -> Tuner:
        return scripted

    def base(self) -> bytes:
        raise Missing("the experiment has not begun")

    def mender(self) -> bytes | None:
        return None

    def model(self, name: str, blob: bytes) -> Model:
        return ScriptedModel((), name=name)

    def describe(self) -> Mapping[str, Any]:
        return {}

    def close(self) -> None: ...


class _Reread(Run):
    """A run over what is stored: it plays nothing and writes nothing."""

    def _splits(self, source: str) -> dict[str, tuple[Task, ...]]:
        kept = self.store.experiments.splits(self.experiment.id)
        if not kept:  # from before splits were recorded
            return super()._splits(source)
        known = self.store.episodes.tasks([task for part in kept.values() for task in part])
        return {name: tuple(replace(known[task], split=name) for task in kept.get(name, ())) for name in SPLITS}


    def examples(self, round: int) -> dict[str, list[Example]]:
        """{model: its examples of a round}."""
        if self.settings.update != "prompts":
            return self.training_sets(round, self.library(round))
        models = self.models_after(round - 1)
        _, _, found = evidence_of(
            self.store, self.experiment, round, team=self.recipe.team, model_of=self.recipe.model_of,
            tried=self._tried(round), tasks={task.id: task for task in self.bench.tasks["train"]},
            start=lambda model: self._start(models, model))
        return {model: shown(found, model) for model in dict.fromkeys(brief.model for brief in found)}


def reread(store: Store, experiment: str) -> _Reread:
    """The run of an experiment over what is stored of it, to ask and not to carry on."""
    return _Reread(store, store.experiments.get(experiment), _Silent())


def rebuild(store: Store, experiment: str, round: int) -> list[Rebuilt]:
    """Every training set of a round against what follows anew from its sources; of an imported experiment, of what was
    kept. Nothing is written."""
    kept = store.experiments.get(experiment)
    if imports.imported(kept) and store.weights.training_sets(experiment, round):
        anew = imports.derived(store, kept)
    elif store.weights.models(experiment, round) is None or not round:
        raise UsageError(f"{experiment} has no round {round} that was trained")
    else:
        anew = reread(store, experiment).examples(round)
    derived = {model: (digest([(e.content, e.weight) for e in found]), len(found)) for model, found in anew.items()}
    stored = {row["model"]: (row["hash"], row["n"]) for row in store.weights.training_sets(experiment, round)}
    nothing = (None, 0)
    return [Rebuilt(model, stored.get(model, nothing)[0], derived.get(model, nothing)[0],
                    stored.get(model, nothing)[1], derived.get(model, nothing)[1])
            for model in sorted({*stored, *derived})]


PRIVATE = ("base_url", "key_env")  # settings that say where and as whom one asks
PATHS = ("data", "checkpoint", "recipe")  # of these the last part of a path is told


def manifest(store: Store, experiment: str, round: int) -> dict[str, Any]:
    """What one would need to repeat a round, as JSON: seeds, settings, hashes of prompts, training sets, checkpoints.

    No address, key or path of this machine is in it.
    """
    if imports.imported(store.experiments.get(experiment)):
        raise UsageError(f"{experiment} was imported: nobody was trained here, so no round can be repeated")
    run = reread(store, experiment)
    e = run.experiment
    kept = store.weights.models(experiment, round)
    if kept is None:
        raise UsageError(f"round {round} of {experiment} has not been trained yet")
    before = run.models_after(max(0, round - 1))
    prompts = {f"{role}.{name}.{dialect}": digest([list(m) for m in prompt.messages])
               for role, one in sorted(run.recipe.team.roles.items())
               for (name, dialect), prompt in sorted(one.prompts.items())}
    settings = {name: _told(name, value) for name, value in e.settings.as_dict().items() if name not in PRIVATE}
    sets = store.weights.training_sets(experiment, round)
    return {
        "experiment": e.id, "name": e.name, "round": round, "seed": e.seed, "recipe": run.recipe.name,
        "team": run.recipe.team.name, "written_by": f"sirius-lab {__version__}", "machine": dict(e.machine or {}),
        "settings": settings, "prompts": prompts, "models_before": before, "models_after": kept[0], "gate": kept[1],
        "seeds": {"select": f"select/{e.seed}/{round}",
                  "train": {row["model"]: run.tune_seed(round, row["model"]) for row in sets}},
        "training_sets": {row["model"]: {"hash": row["hash"], "examples": row["n"]} for row in sets},
        "checkpoints": {u.model: {"before": u.before, "after": u.after, "steps": u.steps}
                        for u in store.weights.updates(experiment, round)},
    }


def _told(name: str, value: Any) -> Any:
    return Path(value).name if name in PATHS and isinstance(value, str) and "/" in value else value
