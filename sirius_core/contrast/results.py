"""What the runs of a contrast ended with, problem by problem; whether they may be compared; what each of them spent.

Nothing here reads an episode: one byte stands for one answer, so a hundred runs fit into a few megabytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ..errors import UsageError
from ..evaluate import MODES, TESTS
from ..settings import Settings
from ..store import Experiment, Store
from ..store.spending import LEARNT, Spending
from .plan import Plan

NOT_ASKED = 2
SLACK = 0.02  # of the largest: what differs by no more is called equal
BOUGHT = ("calls", "tokens", "examples", "steps")
DATA = ("source", "data", "subjects", "columns")
"""Settings that say where the problems come from."""


class Answers(Mapping[str, int]):
    """{problem: 1 if it was answered right, else 0} of the problems that were asked, in the order of the test.

    All answers to one test share the list of its problems.
    """

    __slots__ = ("_marks", "_places", "_tasks")

    def __init__(self, tasks: Sequence[str], places: Mapping[str, int], right: Mapping[str, int]) -> None:
        self._tasks, self._places = tasks, places
        self._marks = bytes(right.get(task, NOT_ASKED) for task in tasks)

    def __getitem__(self, task: str) -> int:
        if (mark := self._marks[self._places[task]]) == NOT_ASKED:
            raise KeyError(task)
        return mark

    def __iter__(self) -> Iterator[str]:
        return (task for task, mark in zip(self._tasks, self._marks, strict=True) if mark != NOT_ASKED)

    def __len__(self) -> int:
        return len(self._marks) - self._marks.count(NOT_ASKED)

    def __repr__(self) -> str:
        return f"Answers({sum(self.values())} of {len(self)} right)"


Results = Mapping[str, Mapping[int, Mapping[int, Mapping[str, int]]]]
"""{arm: {seed: {round: {problem: 0 or 1}}}}"""


def results(store: Store, contrast: str, test: str = "heldout", mode: str = "sampled") -> Results:
    """Every closed round of every run: {arm: {seed: {round: `Answers`}}}, arms in the order of the plan.

    An arm that has no closed round yet stands there without seeds. ``test`` and ``mode`` as in `evaluate.TESTS` and
    `evaluate.MODES`.
    """
    if test not in TESTS or mode not in MODES:
        raise UsageError(f"there is no test {test!r} {mode!r}: the tests are {', '.join(TESTS)}, {' or '.join(MODES)}")
    found: dict[str, dict[int, dict[int, Mapping[str, int]]]] = {
        arm: {} for arm in store.contrasts.get(contrast).plan["arms"]}
    tests: dict[tuple[str, ...], tuple[tuple[str, ...], dict[str, int]]] = {}
    rows = Spending(store.db)
    for e in store.experiments.of_contrast(contrast):
        closed = rows.closed(e.id)
        tasks = rows.split(e.id, test) if closed else ()
        for round in closed:
            right = rows.right(e.id, round, f"evaluate:{test}:{mode}", e.settings.threshold)
            if not right:
                continue
            known, places = tests.setdefault(tasks, (tasks, {task: i for i, task in enumerate(tasks)}))
            found.setdefault(e.arm, {}).setdefault(e.seed, {})[round] = Answers(known, places, right)
    return found


def final(found: Results) -> dict[str, dict[int, Mapping[str, int]]]:
    """{arm: {seed: answers of its last closed round}}"""
    return {arm: {seed: closed[max(closed)] for seed, closed in by_seed.items()} for arm, by_seed in found.items()}


# -- may they be compared? -------------------------------------------------------------------------------------------
def refusal(found: Results) -> str:
    """Why the last rounds of these arms cannot be compared, in one sentence; "" if they can.

    They can if, seed by seed, all arms were asked the same problems.
    """
    ends = final(found)
    first = next((arm for arm, by_seed in ends.items() if by_seed), "")
    for arm, by_seed in ends.items():
        for seed in sorted(set(by_seed) & set(ends[first])) if first else ():
            here, there = set(by_seed[seed]), set(ends[first][seed])
            if only := len(here ^ there):
                return (f"{first!r} and {arm!r} cannot be compared: with seed {seed} they were asked {len(there):,} "
                        f"and {len(here):,} held-out problems, and {only:,} of those only one of them was asked; a "
                        "difference could come from the problems. Give all arms the same source, data and heldout")
    return ""


def differing_tests(plan: Plan) -> str:
    """Why these arms would not be asked the same problems, known before anything is played; "" if they would be."""
    made = {arm.name: plan.settings_of(arm) for arm in plan.arms}
    first, *others = made
    for name in (*DATA, "heldout"):
        for arm in others:
            one, two = getattr(made[first], name), getattr(made[arm], name)
            if one != two:
                what = "number of held-out problems" if name == "heldout" else "source of problems"
                return (f"arms {first!r} and {arm!r} have another {what} ({name}={one!r} and {two!r}): what they "
                        "answer could not be compared; give all arms the same")
    return ""


TEAMS = {"sirius": "chain", "placebo": "chain", "keep_all": "chain", "star": "single", "star_rationalised": "single",
         "actor_critic": "actor_critic"}
"""Who tries in a recipe that learns, where the setting ``team`` does not say."""


def starved(plan: Plan) -> str:
    """Which arm would have nothing left for its repairs, known before anything is played; "" for none.

    Tries come before repairs: where calls or tokens are held equal to what an arm without repairs takes, as many tries
    of the same team take all of it.
    """
    made = {arm.name: plan.settings_of(arm) for arm in plan.arms}
    first, *others = made
    one = made[first]
    if plan.equal not in ("calls", "tokens") or _mends(one) or one.recipe not in TEAMS:
        return ""
    for arm in others:
        two = made[arm]
        tries = [s.problems * s.max_solutions for s in (one, two)]
        alike = (two.team, TEAMS.get(two.recipe)) == (one.team, TEAMS[one.recipe])
        if _mends(two) and alike and tries[1] >= tries[0]:
            return (f"equal={plan.equal}: the tries of arm {arm!r} would take all that {first!r} takes, which mends "
                    f"nothing, and leave none for its own repairs; let {arm!r} be the first arm, which sets the "
                    "measure")
    return ""


def _mends(settings: Settings) -> bool:
    """Whether a shipped recipe mends failures."""
    critics = settings.recipe in ("sirius", "actor_critic") and settings.critic != "none"
    return critics or settings.recipe == "star_rationalised"


# -- what it took ----------------------------------------------------------------------------------------------------
def spent(store: Store, contrast: str) -> list[dict[str, Any]]:
    """A row for every run with closed rounds, in the order in which they were made: {arm, seed, experiment, calls,
    tokens, examples, steps, models, seconds, answer_calls, answer_tokens}.

    ``calls`` and ``tokens`` (read and written) are those of the tries and repairs of all rounds; ``examples`` and
    ``steps`` what one model learned from and was trained for in all rounds, on average over a round's models;
    ``models`` how many were trained in a round, the most of all rounds; ``answer_calls`` and ``answer_tokens`` are what
    the team took for one held-out answer after its last round.
    """
    return [run_spent(store, e) for e in store.experiments.of_contrast(contrast) if Spending(store.db).closed(e.id)]


def run_spent(store: Store, experiment: Experiment) -> dict[str, Any]:
    """One row of `spent`."""
    rows = Spending(store.db)
    last = max(rows.closed(experiment.id))
    kept = store.experiments.measurement(experiment.id, "spent")
    if kept is None or kept["rounds"] != last or not all("models" in row for row in kept["by_round"]):
        kept = {"rounds": last, "by_round": per_round(store, experiment.id, last),
                "answer": rows.answers(experiment.id, last)}
        if store.experiments.job(experiment.id).status == "done":  # it does not change any more
            store.experiments.set_measurement(experiment.id, "spent", kept)
    episodes, calls, tokens = kept["answer"]
    return {"arm": experiment.arm, "seed": experiment.seed, "experiment": experiment.id,
            **{name: sum(row[name] for row in kept["by_round"]) for name in BOUGHT},
            "models": max((row["models"] for row in kept["by_round"]), default=0),
            "seconds": store.experiments.job(experiment.id).seconds,
            "answer_calls": calls / max(1, episodes), "answer_tokens": tokens / max(1, episodes)}


def per_round(store: Store, experiment: str, last: int) -> list[dict[str, int]]:
    """What each of the rounds 1 to ``last`` took: {calls, tokens, examples, steps, models}; examples and steps of one
    of its models, on average."""
    rows = Spending(store.db)
    found = []
    for round in range(1, last + 1):
        calls, tokens = rows.calls(experiment, round, LEARNT)
        sets = [row["n"] for row in store.weights.training_sets(experiment, round)]
        steps = [u.steps for u in store.weights.updates(experiment, round)]
        found.append({"calls": calls, "tokens": tokens, "examples": round_mean(sets), "steps": round_mean(steps),
                      "models": len(steps)})
    return found


def round_mean(counts: Sequence[int]) -> int:
    """The mean as a whole number; 0 of nothing."""
    return round(sum(counts) / len(counts)) if counts else 0


def fairness(plan: Plan, rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """What was held equal between the arms and what was not, in plain sentences; averages over the seeds of ``rows``
    (see `spent`). Calls are those for tries and repairs; examples and steps are those of one model. Arms that only play
    are named and take no part in what is compared of learning."""
    made = list(rows)
    means = {arm.name: own for arm in plan.arms if (own := [row for row in made if row["arm"] == arm.name])}
    if len(means) < 2:
        return []
    equal, other = list[str](), list[str]()
    learners = {arm: own for arm, own in means.items() if any(row[name] for row in own for name in BOUGHT)}
    for name in BOUGHT if len(learners) > 1 else ():
        per_arm = {arm: sum(row[name] for row in own) / len(own) for arm, own in learners.items()}
        if _alike(per_arm.values()):
            equal.append(f"{name} ({_count(min(per_arm.values()), max(per_arm.values()))})")
        else:
            other.append(f"{name} ({_each(per_arm)})")
    lines = []
    if idle := [arm for arm in means if arm not in learners]:
        lines.append(f"Only playing, without learning: {', '.join(idle)}." if learners else "No arm learned.")
    if equal:
        lines.append(f"Held equal in learning: {', '.join(equal)}." if plan.equal else
                     f"Equal in learning, though not held so: {', '.join(equal)}.")
    if missed := [part for part in other if plan.equal and part.startswith(f"{plan.equal} (")]:
        lines.append(f"To be held equal, but not so in the end: {missed[0]}.")
        other.remove(missed[0])
    if other:
        lines.append(f"Not equal in learning: {', '.join(other)}.")
    models = {arm: n for arm, own in means.items() if (n := max(row["models"] for row in own))}
    if len(set(models.values())) > 1:
        lines.append(f"Not equal: models that learn, each from so many examples in so many steps ({_each(models)}).")
    answers = {name: {arm: sum(row[f"answer_{name}"] for row in own) / len(own) for arm, own in means.items()}
               for name in ("calls", "tokens")}
    alike = {name: _count(min(each.values()), max(each.values())) for name, each in answers.items()
             if _alike(each.values())}
    if alike:
        lines.append(f"Equal in answering: {', '.join(f'{name} an answer ({n})' for name, n in alike.items())}.")
    if other := [f"{name} an answer ({_each(each)})" for name, each in answers.items() if name not in alike]:
        lines.append(f"Not equal in answering: {', '.join(other)}.")
    return lines


def _alike(values: Iterable[float]) -> bool:
    found = list(values)
    return max(found) - min(found) <= SLACK * max(found)


def _each(per_arm: Mapping[str, float]) -> str:
    return "; ".join(f"{arm} {_number(value)}" for arm, value in per_arm.items())


def _count(low: float, high: float) -> str:
    said = _number(low), _number(high)
    return said[0] if said[0] == said[1] else f"{said[0]} to {said[1]}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.1f}"
