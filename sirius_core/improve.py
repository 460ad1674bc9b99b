"""The loop on one page: propose, judge, repair, review, select, update, evaluate, repeat (SiriuS, Algorithms 1 and 2).

`improve` is the whole of it. Each phase does what is not stored yet and then reads its result from the store, so a run
that was killed anywhere goes on as if nothing had happened.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from random import Random
from typing import Any, Protocol

from . import crossplay, figures, measures, recipes, review, spending, tasks
from .episodes import Call
from .errors import WaitingForReview
from .evaluate import Bench, controls, report, test, voices_for
from .finetune import TuneJob, Tuner, live
from .finetune.rewritten import rewrite
from .gate import Gate
from .models import Model, Voices
from .repair import Failure
from .rollout import Limits, Records, Rollout, Work
from .store import Experiment, Store, UpdateRow
from .teams import Team
from .training import Example, Library, cut, per_model
from .trajectories import Task, Trajectory, digest

Progress = Callable[[int, str, int, int], None]  # (round, phase, done, total)
Repairs = tuple[Sequence[Trajectory], frozenset[str]]  # (replays that enter, ids of those with a person's text)


class Machine(Protocol):
    """What a run plays and learns on: the untrained checkpoint, models from checkpoints, a tuner."""

    @property
    def tune(self) -> Tuner: ...
    def base(self) -> bytes: ...
    def mender(self) -> bytes | None: ...  # who criticises, rephrases and rewrites prompts, if not the base
    def model(self, name: str, blob: bytes) -> Model: ...
    def describe(self) -> Mapping[str, Any]: ...
    def close(self) -> None: ...


MENDER = "mender"  # its place among an experiment's models, where the machine has one


def opponents(team: Team, base: str, pool: Sequence[Mapping[str, str]] = ()) -> dict[str, str]:
    """{role/seat: checkpoint} of the opponents that each player may have (see `Team.opposed`): the untrained one, and
    of a ``pool`` the models after rounds 0, 1 ..."""
    if not team.opposed:
        return {}
    rounds = {f"{role}/r{n}": then.get(role) or then["*"] for n, then in enumerate(pool) for role in team.roles}
    return {**{f"{role}/base": base for role in team.roles}, **rounds}


def improve(run: Run) -> list[dict[str, Any]]:
    """Rounds of self-improvement; returns the reports, rounds[0] the untrained base."""
    models = run.models()
    if run.round == 0:
        run.close(0, models, {})                            # rounds[0] is the untrained base
    for t in range(max(1, run.round), run.settings.rounds + 1):
        tried = run.propose(t, models)                      # Algorithm 1: every agent acts on every x_i
        failed = [x for x in tried if run.failed(x)]        # R_i <= epsilon
        run.repair(t, models, failed)                       # Algorithm 2: feedback, regeneration, replay
        run.try_again(t, models)                            # where a budget is held and something is left of it
        run.wait_for_people(t)
        library = run.library(t)                            # the good sets C
        models, learned = run.update(t, models, library)    # SFT each theta(n) on its own C(n)
        run.close(t, models, {**learned, **run.what_the_critic_bought(t, failed)})
    return run.store.experiments.reports(run.experiment.id)


@dataclass
class Run:
    """One experiment being carried out. ``on_progress`` hears (round, phase, done, total)."""

    store: Store
    experiment: Experiment
    machine: Machine
    on_progress: Progress = lambda round, phase, done, total: None
    limits: Limits | None = None
    bench: Bench = field(init=False)

    def __post_init__(self) -> None:
        s = self.settings = self.experiment.settings
        self.recipe = recipes.get(s)
        splits = self._splits(self.recipe.source or s.source)
        limits = self.limits or Limits(s.deadline, s.attempts, s.max_calls, s.max_tokens, s.max_cost)
        rollout = Rollout(self.store, self.experiment.id, s.chunk, s.concurrency, limits, self._heard)
        self.bench = Bench(self.store, self.experiment, rollout, self.recipe, splits)
        self._gate = Gate(self.bench, lambda models: self.voices(models, "validate"),
                          lambda round: self._phase(round, "validate"))
        self._at, self._round = "", 0
        self._seconds: dict[str, float] = {}
        self._kept: dict[int, tuple[Trajectory, ...]] = {}

    def _splits(self, source: str) -> dict[str, tuple[Task, ...]]:
        """The experiment's problems: those with which it began, whatever has become of a dataset's file by now."""
        e, s, store = self.experiment, self.settings, self.store
        if source != "formulas" and (kept := store.experiments.splits(e.id)):
            known = store.episodes.tasks([task for part in kept.values() for task in part])
            return {name: tuple(replace(known[task], split=name) for task in kept.get(name, ()))
                    for name in tasks.SPLITS}
        splits = dict(tasks.splits(source, s, e.seed))
        with store.write():
            for part in splits.values():
                store.episodes.add_tasks(part)
            store.experiments.set_splits(e.id, {name: [t.id for t in part] for name, part in splits.items()})
            if source != "formulas":
                store.experiments.set_measurement(e.id, "data", tasks.describe(source, s, e.seed))
        return splits

    # -- the phases --------------------------------------------------------------------------------------------------
    @property
    def round(self) -> int:
        """The first round that is not closed."""
        return len(self.store.experiments.reports(self.experiment.id))

    def models(self) -> dict[str, str]:
        """Who speaks now: {role: checkpoint hash} after the last closed round."""
        return self.models_after(self.round - 1)

    def models_after(self, round: int) -> dict[str, str]:
        kept = self.store.weights.models(self.experiment.id, round)
        return self.base_models() if kept is None else kept[0]

    def base_models(self) -> dict[str, str]:
        """{"*": hash of the untrained checkpoint}: it speaks for every role until one is trained. MENDER: the one
        that mends, if it is another.

        It is the one with which the experiment began, whatever the machine's base is by now.
        """
        if (kept := self.store.weights.models(self.experiment.id, 0)) is None:
            with self.store.write():
                base = {"*": self.store.weights.put(self.machine.base())}
                if (mender := self.machine.mender()) is not None:
                    base[MENDER] = self.store.weights.put(mender)
                self.store.weights.set_models(self.experiment.id, 0, base, {"updates": {"accepted": 0, "rejected": 0}})
            return base
        return kept[0]

    def propose(self, round: int, models: Mapping[str, str]) -> tuple[Trajectory, ...]:
        """``max_solutions`` tries at every training problem, fewer where a held budget does not pay for them."""
        voices, most = self.voices(models, "propose"), self.settings.max_solutions
        with self._phase(round, "propose"):
            if spending.held(self.settings, round):
                spending.first_tries(self.bench, round, voices)
            else:
                train = self.bench.tasks["train"]
                self.bench.play_all(round, "propose", [("propose", x, k, voices) for x in train for k in range(most)])
            return tuple(t for t in self._tried(round) if t.path.attempt < most)

    def repair(self, round: int, models: Mapping[str, str], failed: list[Trajectory]) -> None:
        """Failures to the critic, problems without any success first, at most ``max_repairs``."""
        if self.recipe.repair is None:
            return
        solved = {t.task for t in self._tried(round) if self.success(t)}
        order = Random(f"repairs/{self.experiment.seed}/{round}")
        ranked = sorted(failed, key=lambda t: (t.task in solved, t.path.attempt, order.random()))
        s, voices, by_id = self.settings, self.voices(models, "repair"), {t.id: t for t in self.bench.tasks["train"]}
        repairer = self.recipe.repair

        def work(trajectory: Trajectory) -> Work:
            task = by_id[trajectory.task]
            path = self.bench.path(round, "repair", task, trajectory.path.attempt)
            failure = Failure(task, trajectory, self.recipe.team, voices, self.recipe.judge, path, s.threshold)

            async def go(call: Call) -> Records:
                return await repairer(failure, call)

            return Work(f"{task.id}/{trajectory.path.attempt}", go)

        with self._phase(round, "repair"):
            plan = [work(t) for t in ranked[: s.max_repairs]]
            spending.repairs(self.bench, round, plan, lockstep=voices.lockstep)

    def try_again(self, round: int, models: Mapping[str, str]) -> None:
        """What tries and repairs leave of a held budget: more tries at problems that nothing has solved yet."""
        if spending.held(self.settings, round):
            with self._phase(round, "propose"):
                spending.more_tries(self.bench, round, self.voices(models, "propose"))
            self._kept.pop(round, None)  # they count like all tries

    def wait_for_people(self, round: int) -> None:
        """Games against people that may be learned from join the round. With review on, it waits until its queue is
        decided, or a person says go on.

        Before it waits, what a reviewer should see beside a repair is played (`review.replays`), and known-bad repairs
        are put among the others (`review.planted`).
        """
        with self.store.write():
            if not (closed := review.closed(self.store, self.experiment.id, round)):
                self.store.human_games.take(self.experiment.id, round)
        if not self.settings.review or closed:
            return
        with self.store.write():  # nobody decides, or takes back, between the look and the end
            if not (waiting := review.waiting(self.store, self.experiment.id, round)):
                review.close(self.store, self.experiment.id, round)
        if waiting:
            team, judge = self.recipe.team, self.recipe.judge
            if k := self.settings.replays:
                voices = self.voices(self.models_after(round - 1), review.replays.PHASE)
                shown = [i.repair for i in review.items(self.store, self.experiment.id, round) if not i.planted]
                plan = review.replays.plan(self.store, round, shown, k, team=team, judge=judge, voices=voices)
                with self._phase(round, review.replays.PHASE):
                    self.bench.rollout.run(round, review.replays.PHASE, plan, lockstep=voices.lockstep)
            review.planted.plant(self.store, self.experiment.id, round, team=team, judge=judge)
            raise WaitingForReview(
                f"{self.experiment.id}: {len(waiting)} repairs of round {round} wait; decide them on the "
                f"review page, or go on without: sirius resume {self.experiment.id} --go-on")

    def library(self, round: int, admitted: Repairs | None = None) -> Library:
        """The plays of this round, or of all so far, and the repairs that were admitted.

        ``admitted`` stands in for what was admitted in this round alone: what would have been learned had others
        decided (see worth.py).
        """
        first = round if self.settings.library == "fresh" else 1
        plays = [t for r in range(first, round + 1) for t in self._tried(r)]
        plays += self.store.human_games.taken(self.experiment.id, first, round)
        if admitted is None:
            replays, edited = review.admitted(self.store, self.experiment.id, first, round)
        else:
            earlier, before = review.admitted(self.store, self.experiment.id, first, round - 1)
            replays, edited = [*earlier, *admitted[0]], before | admitted[1]
        return Library((*plays, *replays), edited, self.settings.threshold)

    def update(self, round: int, models: dict[str, str], library: Library) -> tuple[dict[str, str], dict[str, Any]]:
        """Train each model on its own examples or rewrite its instructions, then let the gate decide what is kept."""
        made = (self._rewrite(round, models) if self.settings.update == "prompts"
                else self._train(round, models, library))
        updates = self.store.weights.updates(self.experiment.id, round)
        models, verdict = self._gate.decide(round, models, {u.model: u.after for u in updates})
        mended = self.store.repairs.find(self.experiment.id, round)
        return models, {
            "library": {model: n for model, (n, _) in made.items()},
            "training_sets": {model: content for model, (_, content) in made.items()},
            "steps": {u.model: u.steps for u in updates},
            "repaired": sum(r.mended for r in mended), "repairs": len(mended),
            "solved": len({t.task for t in self._tried(round) if self.success(t)}),
            "lucky_library": _lucky(library), "updates": verdict["updates"], "validation": verdict.get("validation"),
            "models": models,
        }

    def training_sets(
        self, round: int, library: Library, counts: Mapping[str, int] | None = None
    ) -> dict[str, list[Example]]:
        """{model: its examples of this round}, exactly ``counts`` of them where given, else what the settings say."""
        s, random = self.settings, Random(f"select/{self.experiment.seed}/{round}")
        only = s.roles_to_train()
        chosen = [e for e in self.recipe.select(library, s.draws, random) if not only or e.said.role in only]
        return {model: cut(examples, s.examples_in(round) if counts is None else counts[model], random)
                for model, examples in per_model(chosen, self.recipe.model_of).items()}

    def tune_job(self, round: int, models: Mapping[str, str], model: str, examples: Sequence[Example]) -> TuneJob:
        """One model's fine-tuning of this round, from the checkpoint that spoke in it."""
        s, start = self.settings, self._start(models, model)
        how = {"epochs": s.epochs, "rate": s.rate * s.cooling ** (round - 1), "batch": s.batch}
        if (steps := s.held("steps", round)) is not None:
            how["steps"] = steps
        return TuneJob(model, start, self.store.weights.get(start), tuple(examples), how, self.tune_seed(round, model))

    def tune_seed(self, round: int, model: str) -> int:
        return int(digest(self.experiment.seed, round, "train", model)[:15], 16)

    def _train(self, round: int, models: Mapping[str, str], library: Library) -> dict[str, tuple[int, str]]:
        """A new checkpoint for each model that has examples; {model: (examples, hash of its training set)}."""
        s, sets = self.settings, self.training_sets(round, library)
        with self._phase(round, "train"):
            self._heard(0, max(1, len(sets)))
            done = {u.model: u for u in self.store.weights.updates(self.experiment.id, round)}
            jobs, stored = [], {}
            for model, examples in sets.items():
                stored[model] = self.store.weights.add_training_set(
                    self.experiment.id, round, model, [e.row() for e in examples])
                if model not in done and s.update != "none":
                    jobs.append(self.tune_job(round, models, model, examples))
            heard = live.listener(self.store, self.experiment.id, round, jobs, self.bench.rollout.check,
                                  self.on_progress)
            trained = self.machine.tune(jobs, heard) if jobs else []
            for job, tuned in zip(jobs, trained, strict=True):
                with self.store.write():  # a role's checkpoint lands with its record
                    after = self.store.weights.put(tuned.blob)
                    self.store.weights.add_update(self.experiment.id, UpdateRow(
                        round, job.model, stored[job.model][0], job.before, after, tuned.steps, tuned.tokens,
                        tuned.losses, tuned.seconds))
        return {model: (len(examples), stored[model][1]) for model, examples in sets.items()}

    def _rewrite(self, round: int, models: Mapping[str, str]) -> dict[str, tuple[int, str]]:
        """A new checkpoint for each model whose instructions a writer rewrote; {model: (cases read, their hash)}."""
        base = self.base_models()
        voices = self.voices({**base, "writer": base.get(MENDER, base["*"])}, "rewrite")
        with self._phase(round, "rewrite"):
            return rewrite(self.store, self.bench.rollout, self.experiment, round, team=self.recipe.team,
                           model_of=self.recipe.model_of, voices=voices, tried=self._tried(round),
                           tasks={task.id: task for task in self.bench.tasks["train"]},
                           start=lambda model: self._start(models, model))

    def what_the_critic_bought(self, round: int, failed: list[Trajectory]) -> dict[str, Any]:
        """Critic, blind critic and playing again by the team that played this round, at equal calls."""
        if not self.settings.controls:
            return {}
        models = self.models_after(round - 1)
        with self._phase(round, "control"):
            return {"controls": controls(self.bench, round, self.voices(models, "control"), failed)}

    def close(self, round: int, models: Mapping[str, str], learned: Mapping[str, Any]) -> None:
        """Evaluate on the test splits, then store the report and its figures: the round is closed."""
        reports = self.store.experiments.reports(self.experiment.id)
        with self._phase(round, "evaluate"):
            tests = test(self.bench, round, self.voices(models, "evaluate"))
            also = measures.of_round(self.store, self.experiment, self.recipe, round)
        if self.recipe.name == "self_play" and 0 < round == self.settings.rounds and self._in_step:
            with self._phase(round, crossplay.MEASUREMENT):  # on an endpoint it is played where asked for
                crossplay.after_last_round(self)
        body = {**report(self.bench, round, tests, learned), "measures": also,
                "seconds": sum(self._seconds.values()), "phases": dict(self._seconds)}
        self._seconds.clear()
        self.store.experiments.add_report(self.experiment.id, round, body, figures.for_round([*reports, body]))

    # -- small things ------------------------------------------------------------------------------------------------
    def success(self, trajectory: Trajectory) -> bool:
        return trajectory.earned(self.settings.threshold)

    def failed(self, trajectory: Trajectory) -> bool:
        """Whether the recipe's repair looks at a try: at one that earned too little, unless the recipe says which."""
        return self.recipe.mends(trajectory, self.settings.threshold)

    def voices(self, models: Mapping[str, str], phase: str = "") -> Voices:
        """The models that speak. Who mends is never trained, so it stays the base where one model is shared, too. Where
        players are opposed each also speaks untrained, and of a pool as it was after every closed round."""
        team, base = self.recipe.team, self.base_models()
        names = {**{role: base.get(MENDER, base["*"]) for role in team.menders},
                 **{role: name for role, name in models.items() if role != MENDER}}
        pool = range(self.round if self.settings.opponent == "pool" else 0)
        names |= opponents(team, base["*"], [self.models_after(n) for n in pool])
        speak = {role: self.machine.model(name, self.store.weights.get(name)) for role, name in names.items()}
        return voices_for(speak, self.settings, team, phase)

    def _start(self, models: Mapping[str, str], model: str) -> str:
        """The checkpoint from which a model learns on."""
        return self.base_models()["*"] if self.settings.start == "base" else models.get(model) or models["*"]

    def _tried(self, round: int) -> tuple[Trajectory, ...]:
        """A round's plays in plan order: an endpoint's replies land in any order, and nothing may depend on it."""
        if round not in self._kept:
            place = {task.id: i for i, task in enumerate(self.bench.tasks["train"])}
            found = self.store.episodes.find(self.experiment.id, round=round, phase="propose", whole=self._in_step)
            self._kept[round] = tuple(sorted(found, key=lambda t: (place[t.task], t.path.attempt)))
        return self._kept[round]

    @cached_property
    def _in_step(self) -> bool:
        """Whether the embedded model plays: its turns are short and often read. An endpoint's stay in the store."""
        return self.voices(self.base_models()).lockstep

    def _heard(self, done: int, total: int) -> None:
        self.on_progress(self._round, self._at, done, total)

    @contextmanager
    def _phase(self, round: int, name: str) -> Iterator[None]:
        """Adds a block's wall seconds to a phase's total."""
        self._round, self._at, start = round, name, time.perf_counter()
        try:
            yield
        finally:
            self._seconds[name] = self._seconds.get(name, 0.0) + time.perf_counter() - start


def _lucky(library: Library) -> float | None:
    """Share of successes with wrong steps, by frequency; None where steps cannot be checked."""
    known = [t.reward.lucky for t in library.successes() if t.reward is not None and t.reward.lucky is not None]
    return sum(known) / len(known) if known else None


