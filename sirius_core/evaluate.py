"""A team on tasks that it never trained on: accuracies with n and interval, controls, pass@k; the round's report.

Every accuracy counts failures of the model in its denominator. Intervals are clustered by the tasks' groups (operand
pairs); a round is compared with the one before over the same problems by McNemar's exact test.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from . import statistics
from .episodes import Call, play
from .errors import UnknownName
from .games import GAMES
from .models import Sampling, Voices
from .recipes import Recipe
from .repair import CriticRepair, Failure, play_again
from .rollout import Plan, Records, Rollout, Work
from .settings import Settings
from .store import Experiment, Store
from .store.browse import Browse
from .store.episodes import Result
from .tasks.negotiation import ROLES
from .teams import Team
from .trajectories import SeedPath, Task, Trajectory

TESTS = ("heldout", "new_wordings", "withheld_forms")
MODES = ("sampled", "greedy")
LEARNT_FROM = ("propose", "pilot")  # phases


@dataclass(frozen=True)
class Bench:
    """What every phase of an experiment needs: the store, the rollout, the recipe, the tasks of each split."""

    store: Store
    experiment: Experiment
    rollout: Rollout
    recipe: Recipe
    tasks: Mapping[str, tuple[Task, ...]]

    @property
    def settings(self) -> Settings:
        return self.experiment.settings

    def path(self, round: int, phase: str, task: Task, attempt: int = 0) -> SeedPath:
        return SeedPath(self.experiment.id, self.experiment.seed, round, phase, task.id, attempt)

    def play_all(
        self,
        round: int,
        phase: str,
        plays: Iterable[tuple[str, Task, int, Voices]],
        *,
        under: Callable[[str], str] = lambda name: name,
    ) -> None:
        """Play each (name, task, try, voices) once; the trajectory's phase is ``under(name)``.

        What a team learns from is judged as its recipe says, everything else by the recipe's examiner.
        """
        judge = self.recipe.judge if phase in LEARNT_FROM else self.recipe.examiner or self.recipe.judge

        def work(item: tuple[str, Task, int, Voices]) -> Work:
            name, task, attempt, voices = item
            path = self.path(round, under(name), task, attempt)

            async def go(call: Call) -> Records:
                played = await play(self.recipe.team, task, voices, path, call)
                return Records((replace(played, reward=judge(task, played)),))

            return Work(f"{name}/{task.id}/{attempt}", go)

        plan = list(plays)
        lockstep = any(voices.lockstep for _, _, _, voices in plan)
        self.rollout.run(round, phase, Plan(plan, work), lockstep=lockstep)


def greedy(voices: Voices) -> Voices:
    """The same voices at temperature 0."""
    by_role = {role: replace(s, temperature=0.0) for role, s in voices.by_role.items()}
    return replace(voices, sampling=replace(voices.sampling, temperature=0.0), by_role=by_role)


def asked(bench: Bench, round: int) -> dict[str, tuple[Task, ...]]:
    """{test split: what a round is asked}: all of it, but before the last round only ``interim`` held-out problems. The
    base stands before the last round, unless it is the only one.

    A closed round stays as it is: when an experiment gets more rounds, the one that was the last keeps all its
    problems, and those that are now before the last have ``interim``. A round that was stopped while it was asked more
    than that goes on with all.
    """
    split, most = TESTS[0], bench.settings.interim
    tasks = {name: tuple(bench.tasks[name]) for name in TESTS if bench.tasks[name]}
    if not 0 < most < len(tasks[split]) or round >= bench.settings.rounds:
        return tasks
    begun = {task for mode in MODES for task in right_by_task(bench, round, f"evaluate:{split}:{mode}")}
    few = some(tasks[split], most)
    return tasks if begun - {t.id for t in few} else {**tasks, split: few}


def some(tasks: Sequence[Task], most: int) -> tuple[Task, ...]:
    """``most`` of a test's problems: the first of those made here, which were drawn in random order (of games each from
    both seats); of a dataset, whose file may go by subject or by level, as many at even distances."""
    if tasks[0].source in ("formulas", *GAMES):
        return tuple(tasks[:most])
    return tuple(tasks[(2 * i + 1) * len(tasks) // (2 * most)] for i in range(most))


def test(bench: Bench, round: int, voices: Voices) -> dict[str, Any]:
    """Every test split, sampled once and greedy: {split: {mode: accuracy record}} and what the steps say."""
    chosen = asked(bench, round)
    names = [(split, mode) for split in chosen for mode in MODES]
    by_mode = {"sampled": voices, "greedy": greedy(voices)}
    bench.play_all(
        round,
        "evaluate",
        [(f"{split}:{mode}", task, 0, by_mode[mode]) for split, mode in names for task in chosen[split]],
        under=lambda name: f"evaluate:{name}",
    )
    tests: dict[str, Any] = {split: {} for split, _ in names}
    for split, mode in names:
        found = right_by_task(bench, round, f"evaluate:{split}:{mode}")
        tests[split][mode] = accuracy([found[t.id] for t in chosen[split]], chosen[split])
        kinds = {
            name: [t for t in chosen[split] if t.data.get("form_decides") is flag]
            for name, flag in (("family_decides", False), ("form_decides", True))
        }
        for name, tasks in kinds.items():
            if tasks:
                tests[split].setdefault(name, {})[mode] = accuracy([found[t.id] for t in tasks], tasks)
    return tests


def right_by_task(bench: Bench, round: int, phase: str) -> dict[str, int]:
    """{task id: 1 if right, else 0} of one test."""
    return Browse(bench.store.db).right(bench.experiment.id, round, phase, threshold=bench.settings.threshold)


def accuracy(right: Sequence[int], tasks: Sequence[Task]) -> dict[str, Any]:
    """{n, correct, accuracy, low, high}: Wilson's interval where every group occurs once, else clustered by group."""
    groups = [t.group or t.id for t in tasks]
    record = share(sum(right), len(right))
    if len(set(groups)) == len(groups):
        return record
    interval = statistics.clustered(right, groups)
    return {**record, "low": interval.low, "high": interval.high}


def roles(bench: Bench, round: int, phase: str) -> dict[str, dict[str, Any]]:
    """{role: accuracy record} of each role given right inputs: only episodes whose earlier turns all did their part.

    Who judges the others' work (`Team.judges`) has right inputs whatever that work is. Of players: each one's share of
    the games in which it is tested.
    """
    chain, judges = bench.recipe.team.chain, bench.recipe.team.judges
    seen: dict[str, list[int]] = {role: [] for role in chain}
    results = bench.store.episodes.results(bench.experiment.id, round, phase)
    if bench.recipe.team.opposed:
        return _players(bench, results)
    if not any(result.turns for result in results):
        return {}  # tasks whose steps cannot be checked
    for result in results:
        for i, role in enumerate(chain):
            stopped = result.stop is not None and i > max(result.turns, default=-1)
            given = () if role in judges else range(i)
            if (i in result.turns or stopped) and all(result.turns.get(j, 0.0) > 0.5 for j in given):
                seen[role].append(int(result.turns.get(i, 0.0) > 0.5))
    found = {}
    for role, marks in seen.items():
        if marks:
            found[role] = share(sum(marks), len(marks))
    return found


def _players(bench: Bench, results: Sequence[Result]) -> dict[str, dict[str, Any]]:
    tested = {task.id: ROLES[task.source][task.data["learner"]] for task in bench.tasks[TESTS[0]]}
    marks = {role: [r.reward > bench.settings.threshold for r in results if tested.get(r.task) == role]
             for role in dict.fromkeys(tested.values())}
    return {role: share(sum(won), len(won)) for role, won in marks.items() if won}


def share(right: int, n: int) -> dict[str, Any]:
    """{n, correct, accuracy, low, high} with Wilson's interval."""
    interval = statistics.wilson(right, n)
    return {"n": n, "correct": right, "accuracy": right / n, "low": interval.low, "high": interval.high}


def compare(bench: Bench, before: tuple[int, str], after: tuple[int, str]) -> statistics.Paired:
    """McNemar's exact test over the tasks of two stored tests, each (round, phase)."""
    one, two = right_by_task(bench, *before), right_by_task(bench, *after)
    ids = [t for t in one if t in two]
    return statistics.mcnemar([one[t] for t in ids], [two[t] for t in ids])


# -- controls: what does the critic buy? -----------------------------------------------------------------------------
ARMS = ("again", "blind", "critic")


def controls(bench: Bench, round: int, voices: Voices, failures: Sequence[Trajectory]) -> dict[str, Any]:
    """Critic, blind critic and playing again, each within the same calls on the same failed problems, one try of each.

    {arm: {n, correct, accuracy, low, high, calls, spent}}: the share of failed problems with at least one success;
    ``calls`` is what an arm may spend on one problem, ``spent`` what it did on average: a success ends its work.
    """
    s = bench.settings
    one_each = list({t.task: t for t in reversed(failures)}.values())[::-1]
    Random(f"controls/{bench.experiment.seed}/{round}").shuffle(one_each)
    chosen, tasks = one_each[: s.controls], {t.id: t for t in bench.tasks["train"]}
    if not chosen or bench.recipe.team.view is None or s.critic == "none":
        return {}

    def work(arm: str, failed: Trajectory) -> Work:
        task = tasks[failed.task]
        path = bench.path(round, f"control:{arm}", task, failed.path.attempt)
        failure = Failure(task, failed, bench.recipe.team, voices, bench.recipe.judge, path, s.threshold)
        repairer = CriticRepair(gold=arm == "critic", max_critiques=s.control_calls, max_calls=s.control_calls)

        async def go(call: Call) -> Records:
            if arm == "again":
                return await play_again(failure, call, s.control_calls)
            return await repairer(failure, call)

        return Work(f"{arm}/{failed.task}", go)

    bench.rollout.run(round, "control", [work(arm, t) for arm in ARMS for t in chosen], lockstep=voices.lockstep)
    found = {}
    for arm in ARMS:
        if arm == "again":
            played = bench.store.episodes.find(bench.experiment.id, round=round, phase="control:again")
            mended = {t.task for t in played if t.earned(s.threshold)}
            spent = sum(len(t.turns) for t in played)
        else:  # a repair that leaks does not count as a success
            seen = "gold" if arm == "critic" else "blind"
            made = [r for r in bench.store.repairs.find(bench.experiment.id, round, "control") if r.critic == seen]
            mended, spent = {r.task for r in made if r.mended}, sum(r.calls for r in made)
        found[arm] = {**share(len(mended), len(chosen)), "calls": s.control_calls, "spent": spent / len(chosen)}
    return found


# -- pass@k ----------------------------------------------------------------------------------------------------------
def pass_at_k(bench: Bench, round: int, voices: Voices, samples: int, problems: int) -> dict[str, Any]:
    """pass@k on held-out problems, k = 1, 2, 4 ... ``samples``: {samples, problems, "k": {k: [mean, low, high]}}."""
    tasks = bench.tasks["heldout"][:problems]
    bench.play_all(round, "pass", [("pass", task, i, voices) for task in tasks for i in range(samples)])
    tried, right = Counter[str](), Counter[str]()
    for r in bench.store.episodes.results(bench.experiment.id, round, "pass"):
        if r.attempt < samples:  # an earlier measurement may have made more
            tried[r.task] += 1
            right[r.task] += r.reward > bench.settings.threshold
    ks = [k for k in (1, 2, 4, 8, 16, 32, 64) if k <= samples]
    means = {k: statistics.pass_at_k_mean([(tried[t.id], right[t.id]) for t in tasks], k) for k in ks}
    return {
        "samples": samples,
        "problems": len(tasks),
        "k": {str(k): [m.estimate, m.low, m.high] for k, m in means.items()},
    }


# -- the report of a round -------------------------------------------------------------------------------------------
def report(bench: Bench, round: int, tests: Mapping[str, Any], learned: Mapping[str, Any]) -> dict[str, Any]:
    """One round of ``sirius run --json`` (see __main__): the published numbers, and under ``tests`` all of them."""
    held = tests["heldout"]
    new, withheld = tests.get("new_wordings"), tests.get("withheld_forms")
    phase = "evaluate:heldout:sampled"
    plays = bench.store.episodes.results(bench.experiment.id, round, phase)
    right = [r for r in plays if r.reward > bench.settings.threshold]
    checked = [r.lucky for r in right if r.lucky is not None]
    previous = compare(bench, (round - 1, phase), (round, phase)) if round else None
    return {
        "round": round,
        **held["sampled"],
        "greedy_accuracy": held["greedy"]["accuracy"],
        "new_wordings_accuracy": new["sampled"]["accuracy"] if new else None,
        "withheld_forms_accuracy": withheld["sampled"]["accuracy"] if withheld else None,
        "p_vs_previous": None if previous is None else previous.p,
        "gained": None if previous is None else previous.gained,
        "lost": None if previous is None else previous.lost,
        "lucky": sum(checked) / len(checked) if checked else None if right or bench.recipe.team.opposed else 0.0,
        "stops": dict(sorted(Counter(r.stop for r in plays if r.stop).items())),
        "roles": roles(bench, round, phase),
        "usage": Browse(bench.store.db).usage(bench.experiment.id, round),
        "faults": Browse(bench.store.db).faults(bench.experiment.id, round),
        "tests": tests,
        "library": {},
        "repaired": 0,
        "controls": {},
        "updates": {"accepted": 0, "rejected": 0},
        **learned,
    }


def voices_for(models: Mapping[str, Any], settings: Settings, team: Team, phase: str = "") -> Voices:
    """Voices with the experiment's sampling in ``phase``: a critic that mends or judges has its own temperature, one
    that only debates has not; ``settings.sampling`` has the last word. UsageError for a role or prompt that the team
    lacks."""
    start = Sampling(settings.temperature, settings.reply_tokens)
    by_role = {role: replace(start, temperature=settings.critic_temperature)
               for role in ("critic",) if role in (*team.menders, *team.judges)}
    for rule in settings.sampling_rules():
        known = {prompt for name in team.roles for prompt, _ in team.roles[name].prompts}
        if (rule.role != "*" and rule.role not in team.roles) or (rule.prompt and rule.prompt not in known):
            raise UnknownName("role or prompt", ".".join(filter(None, rule[:2])), [*team.roles, *known])
        if rule.phase and rule.phase != phase:
            continue
        value = {rule.field: int(rule.value) if rule.field == "max_tokens" else rule.value}
        if rule.role == "*" and not rule.prompt:
            start = replace(start, **value)  # type: ignore[arg-type]
            by_role = {key: replace(had, **value) for key, had in by_role.items()}  # type: ignore[arg-type]
        for role in team.roles if rule.role == "*" and rule.prompt else () if rule.role == "*" else (rule.role,):
            for key in [k for k in by_role if not rule.prompt and k.startswith(f"{role}.")]:
                by_role[key] = replace(by_role[key], **value)  # type: ignore[arg-type]
            key = ".".join(filter(None, (role, rule.prompt)))
            by_role[key] = replace(by_role.get(key) or by_role.get(role) or start, **value)  # type: ignore[arg-type]
    return Voices(models, start, by_role)
