"""Who earned it: each role's part in what the team learned, by swapping one role's checkpoint at a time.

    credit(run)["roles"]["analyst"]["shapley"]      {"value": 0.41, "low": 0.36, "high": 0.46, ...}

Teams of trained and untrained roles answer the same held-out problems with the same randomness. A role is credited with

    left out    the final team minus the team in which this role alone is the untrained base
    added       the team in which this role alone is trained, minus the untrained team
    shapley     its mean gain over all orders in which the roles could be trained (Shapley 1953): over the teams S
                without the role, |S|! (R - |S| - 1)! / R! of what it adds to S. The parts add up to the whole gain.

The last needs all 2^R teams, so it is reckoned for at most three roles, exactly. Where seats have weights of their own,
all seats of a role are swapped together.

Nothing of this touches the experiment: its episodes stand in the phases ``credit:TEAM:sampled`` with the checkpoints'
hash as branch, neither of which is a part of their calls' seeds; the outcome is the measurement ``credit``. What is
played is found again, so a stopped measurement goes on where it was.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import chain, combinations
from math import factorial
from typing import Any

from . import statistics
from .episodes import Call, play
from .errors import UsageError
from .evaluate import accuracy
from .improve import MENDER, Run
from .models import Voices
from .rollout import Plan, Records, Work
from .store import Store
from .trajectories import Task, digest

MEASUREMENT, MODE, PHASE = "credit", "sampled", "credit"
MOST_EXACT = 3  # roles
PROBLEMS = 400
NOBODY = "base"
Team = tuple[str, ...]  # the trained roles, in the team's order
Right = Mapping[Team, Sequence[int]]  # {team: 1 or 0 for each problem}


def credit(run: Run, problems: int = PROBLEMS) -> dict[str, Any]:
    """The record of the last closed round (see `record`), stored with the experiment. UsageError if nobody learned."""
    e, store = run.experiment.id, run.store
    round = run.round - 1
    if round < 1:
        raise UsageError(f"no round of {e} has been trained yet: there is nothing to credit anybody with")
    if problems < 2:
        raise UsageError(f"credit needs at least two problems, not {problems}")
    now, base = run.models_after(round), run.base_models()
    tasks = run.bench.tasks["heldout"][:problems]
    roles = learners(list(run.recipe.team.roles), run.recipe.team.menders, now, base["*"])
    if not roles:
        raise UsageError(f"every role of {e} still is the untrained base: there is nothing to credit anybody with")
    right = _play(run, round, {team: _models(team, roles, now, base) for team in teams(roles)}, tasks)
    found = {"round": round, **record(roles, right, tasks)}
    store.experiments.set_measurement(e, MEASUREMENT, found)
    return found


def measured(store: Store, experiment: str) -> dict[str, Any] | None:
    """The record that was stored last."""
    found: dict[str, Any] | None = store.experiments.measurement(experiment, MEASUREMENT)
    return found


def rows(store: Store, experiment: str) -> list[dict[str, Any]]:
    """The record as a table: {round, role, way, value, low, high, n}, and what the paired tests say."""
    found = measured(store, experiment) or {"roles": {}}
    return [{"round": found["round"], "role": role, "way": way, **part}
            for role, ways in found["roles"].items() for way, part in ways.items() if part is not None]


# -- the teams -------------------------------------------------------------------------------------------------------
def learners(names: Sequence[str], menders: Sequence[str], now: Mapping[str, str], base: str) -> list[str]:
    """The roles that speak by another checkpoint than the base, in the team's order."""
    def checkpoints(role: str) -> set[str]:
        own = {name for key, name in now.items() if key == role or key.startswith(f"{role}/")}
        return own or {now.get("*", base)}

    return [role for role in names if role not in menders and checkpoints(role) != {base}]


def teams(roles: Sequence[str]) -> list[Team]:
    """Every team that is played: all of them for few roles, else nobody, each alone, all but each, everybody."""
    n = len(roles)
    sizes = range(n + 1) if n <= MOST_EXACT else sorted({0, 1, n - 1, n})
    return list(chain.from_iterable(combinations(roles, size) for size in sizes))


def name_of(team: Team) -> str:
    """``analyst+calculator``: who is trained in it; ``base``: nobody."""
    return "+".join(team) or NOBODY


def _models(team: Team, roles: Sequence[str], now: Mapping[str, str], base: Mapping[str, str]) -> dict[str, str]:
    """{role or role/seat: checkpoint}: as now for the roles of the team, the base for the other learners."""
    found = {key: name for key, name in now.items() if key.partition("/")[0] not in roles and key not in ("*", MENDER)}
    for role in roles:
        own = {key: name for key, name in now.items() if key.partition("/")[0] == role}
        own = own or {role: now.get("*", base["*"])}
        found |= own if role in team else {role: base["*"]}
    return {"*": base["*"], **found}


def _play(run: Run, round: int, speak: Mapping[Team, Mapping[str, str]], tasks: Sequence[Task]) -> Right:
    bench, judge = run.bench, run.recipe.examiner or run.recipe.judge
    voices = {team: run.voices(models, "evaluate") for team, models in speak.items()}
    branch = {team: digest(sorted(models.items())) for team, models in speak.items()}

    def work(item: tuple[Task, Team, Voices]) -> Work:
        task, team, voice = item
        path = replace(bench.path(round, f"{PHASE}:{name_of(team)}:{MODE}", task), branch=branch[team])

        async def go(call: Call) -> Records:
            played = await play(run.recipe.team, task, voice, path, call)
            return Records((replace(played, reward=judge(task, played)),))

        return Work(f"{name_of(team)}/{branch[team]}/{task.id}", go)

    plan = [(task, team, voices[team]) for task in tasks for team in speak]  # more problems later go on after these
    heard = bench.rollout.on_progress
    bench.rollout.on_progress = lambda done, total: run.on_progress(round, PHASE, done, total)
    try:
        bench.rollout.run(round, PHASE, Plan(plan, work), lockstep=any(v.lockstep for v in voices.values()))
    finally:
        bench.rollout.on_progress = heard
    right: dict[Team, Sequence[int]] = {}
    for team in speak:
        phase = f"{PHASE}:{name_of(team)}:{MODE}"
        played = run.store.episodes.find(run.experiment.id, round=round, phase=phase, whole=False)
        found = {t.task: int(run.success(t)) for t in played if t.path.branch == branch[team]}
        right[team] = [found[task.id] for task in tasks]
    return right


# -- the record ------------------------------------------------------------------------------------------------------
def record(roles: Sequence[str], right: Right, tasks: Sequence[Task]) -> dict[str, Any]:
    """{n, teams: {name: accuracy}, gain: difference, roles: {role: {left_out, added: difference, shapley or None}}}.

    A difference is {value, low, high, gained, lost, p, holm, n}: McNemar's exact test, Holm-corrected over all roles
    and both ways; ``gain`` is the final team's over the base. ``shapley`` is {value, low, high, n}: its interval draws
    the problems again.
    """
    groups = [t.group or t.id for t in tasks]
    everybody = tuple(roles)
    ways = {(role, way): pair for role in roles for way, pair in (
        ("left_out", (tuple(r for r in roles if r != role), everybody)), ("added", ((), (role,))))}
    tests = {key: _difference(right[before], right[after], groups) for key, (before, after) in ways.items()}
    corrected = statistics.holm([found["p"] for found in tests.values()])
    tests = {key: {**found, "holm": p} for (key, found), p in zip(tests.items(), corrected, strict=True)}
    return {
        "n": len(tasks),
        "teams": {name_of(team): accuracy(values, tasks) for team, values in right.items()},
        "gain": _difference(right[()], right[everybody], groups),
        "roles": {role: {"left_out": tests[role, "left_out"], "added": tests[role, "added"],
                         "shapley": shapley(role, roles, right, groups)} for role in roles},
    }


def shapley(role: str, roles: Sequence[str], right: Right, groups: Sequence[str]) -> dict[str, Any] | None:
    """The role's Shapley value with its bootstrap interval; None for too many roles."""
    n = len(roles)
    if n > MOST_EXACT:
        return None
    parts = [0.0] * len(groups)
    for size in range(n):
        weight = factorial(size) * factorial(n - size - 1) / factorial(n)
        for without in combinations([r for r in roles if r != role], size):
            joined = tuple(r for r in roles if r in without or r == role)
            for i, (after, before) in enumerate(zip(right[joined], right[without], strict=True)):
                parts[i] += weight * (after - before)
    found = statistics.paired_delta([0.0] * len(parts), parts, groups)
    return {"value": found.estimate, "low": found.low, "high": found.high, "n": len(groups)}


def _difference(before: Sequence[int], after: Sequence[int], groups: Sequence[str]) -> dict[str, Any]:
    test, delta = statistics.mcnemar(before, after), statistics.paired_delta(before, after, groups)
    return {"value": test.delta, "low": delta.low, "high": delta.high, "gained": test.gained, "lost": test.lost,
            "p": test.p, "n": test.n}
