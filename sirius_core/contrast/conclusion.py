"""What a contrast came to: the verdict with everything that stands beside it, and its curves, as they are stored."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ..store import Experiment, Store
from ..store.arms import Arms
from ..store.check_reports import differs
from .curves import learning
from .plan import Plan, from_dict
from .results import fairness, final, refusal, results, spent
from .sentences import seen_before
from .verdict import Verdict, by_round, compare_predictions, judge

SAID = ("level", "sentence", "order", "pairs", "by_round", "counted")
"""What `differing` looks at; the other words may be put in another way by a later version."""


def conclude(store: Store, contrast: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """(body, figure) of a contrast whose runs are done or have failed.

    The body is the verdict (`Verdict.as_dict`) with {"by_round": rows, "fairness": sentences, "predictions": rows,
    "left_out": sentences, "counted": the seeds that the verdict is about}. An arm that failed with every seed is left
    out; of the others a seed counts only if every one of them got through with it.
    """
    plan = from_dict(store.contrasts.get(contrast).plan)
    arms, seeds, left_out = counted(store, contrast, plan)
    every = results(store, contrast)
    found = {arm: {seed: every[arm][seed] for seed in seeds} for arm in arms}
    rows: list[dict[str, Any]] = []
    if len(arms) < 2 or not seeds:
        verdict = Verdict("none", "Nothing can be compared: fewer than two arms got through with the same seed.", (),
                          tuple(arms), "")
    elif why := refusal(found):
        verdict = Verdict("none", f"{why[0].upper()}{why[1:]}.", (), tuple(arms), "")
    else:
        verdict, rows = judge(final(found)), by_round(found)
    costs = [row for row in spent(store, contrast) if row["arm"] in arms and row["seed"] in seeds]
    before = [n for n in store.contrasts.judged(contrast) if n < len(plan.seeds)]
    why = verdict.why if verdict.level == "none" else " ".join(filter(None, (verdict.why, seen_before(before))))
    fair = [*played_otherwise(store, contrast, arms, seeds), *fairness(plan, costs)]
    body = {**verdict.as_dict(), "why": why, "by_round": rows, "fairness": fair, "left_out": left_out,
            "predictions": compare_predictions(verdict, store.contrasts.predictions(contrast)), "counted": seeds}
    names = [arm.name for arm in plan.arms]
    rounds = max(plan.settings_of(arm).rounds for arm in plan.arms)
    return body, learning(Arms(store.db).closed(contrast), names, rounds, finished=True)


def played_otherwise(store: Store, contrast: str, arms: Sequence[str], seeds: Sequence[int]) -> list[str]:
    """What changed while the runs that count were played, in plain sentences: an arm's recipe file, the lab itself."""
    runs = [e for e in store.experiments.of_contrast(contrast) if e.arm in arms and e.seed in seeds]

    def several(found: Iterable[Experiment], name: str) -> bool:
        return len({(e.machine or {}).get(name) for e in found}) > 1

    lines = [f"The recipe file of {arm!r} was changed between its seeds: they did not all play the same recipe."
             for arm in arms if several((e for e in runs if e.arm == arm), "recipe")]
    if several(runs, "lab"):
        lines.append("The runs were played by more than one version of the lab: a difference may come from that.")
    return lines


def differing(store: Store) -> Iterator[str]:
    """For `sirius check`: a line for each part of a stored verdict that its runs and predictions do not say now. Looked
    at are contrasts that are done, with the verdict of all their seeds."""
    for c in store.contrasts.all():
        said = store.contrasts.verdict(c.id)
        if said is None or store.contrasts.job(c.id).status != "done" or said["seeds"] != len(c.plan["seeds"]):
            continue
        derived, figure = map(_plain, conclude(store, c.id))
        stored = _plain({name: said.get(name) for name in SAID})
        for name in SAID:
            yield from differs("verdict", f"of {c.id}", name, stored[name], derived[name])
        yield from differs("verdict", f"of {c.id}", "figure", _plain(json.loads(said["figure"])), figure)


def _plain(made: Mapping[str, Any]) -> dict[str, Any]:
    """As JSON keeps it; of a number with a fraction the last digits may be another processor's."""
    found: dict[str, Any] = json.loads(json.dumps(made), parse_float=lambda text: round(float(text), 9))
    return found


def counted(store: Store, contrast: str, plan: Plan) -> tuple[list[str], list[int], list[str]]:
    """(arms, seeds that count, what was left out in plain sentences)."""
    jobs = {(e.arm, e.seed): store.experiments.job(e.id) for e in store.experiments.of_contrast(contrast)}

    def why(arm: str, seed: int) -> str:
        if (job := jobs.get((arm, seed))) is None:
            return "was not begun, for the first arm had set no measure" if plan.equal else "was not begun"
        return f"failed ({job.message})" if job.message else f"is {job.status}"

    def through(arm: str, seed: int) -> bool:
        return (arm, seed) in jobs and jobs[arm, seed].status == "done"

    names, left_out = [arm.name for arm in plan.arms], []
    arms = [arm for arm in names if any(through(arm, seed) for seed in plan.seeds)]
    for arm in names:
        if arm not in arms:
            left_out.append(f"{arm!r} is left out: with every seed it {why(arm, plan.seeds[0])}.")
    seeds = []
    for seed in plan.seeds:
        if lost := [arm for arm in arms if not through(arm, seed)]:
            left_out.append(f"Seed {seed} is left out: {lost[0]!r} {why(lost[0], seed)}.")
        else:
            seeds.append(seed)
    return arms, seeds, left_out
