"""What an experiment would cost, known before it is launched: a pilot of a few training problems, then arithmetic.

The pilot's calls are stored and journalled like any others, so nothing of it is lost; what it measured (calls, tokens
and money of an episode, how often it fails) is multiplied by the plan that the settings make. ``low`` takes the pilot's
failure rate at the lower end of its interval and critics that find nothing to mend, ``high`` the upper end and every
call that a phase may spend. A call is priced as the pilot's average was; a critic that reads a whole transcript costs
more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .evaluate import MODES, asked
from .finetune.prompts import TRIES
from .improve import Run
from .models.chat_completions import Price
from .recipes import failed
from .spending import most_calls
from .statistics import wilson
from .trajectories import Turn

PILOT = 8  # episodes


@dataclass(frozen=True)
class Pilot:
    """What the pilot measured, per episode: calls, tokens, dollars (None: price unknown), seconds; and its failures.

    ``mendable``: the episodes that repair would look at, where these are others than those that failed.
    """

    episodes: int
    failed: int
    calls: float
    tokens_in: float
    tokens_out: float
    cost: float | None
    seconds: float
    stops: Mapping[str, int]
    models: int = 1  # that learn, each by itself
    mendable: int | None = None


def pilot(run: Run, episodes: int = PILOT) -> Pilot:
    """Play the first ``episodes`` training problems with the untrained team (phase ``pilot`` of round 0)."""
    voices = run.voices(run.base_models(), "pilot")
    tasks = run.bench.tasks["train"][:episodes]
    run.bench.play_all(0, "pilot", [("pilot", task, 0, voices) for task in tasks])
    played = run.store.episodes.find(run.experiment.id, round=0, phase="pilot")
    turns, only = [turn for t in played for turn in t.turns], run.settings.roles_to_train()
    n = max(1, len(played))
    costs = [_cost(run, turn) for turn in turns]
    stops: dict[str, int] = {}
    for t in played:
        if t.outcome.stop is not None:
            stops[str(t.outcome.stop)] = stops.get(str(t.outcome.stop), 0) + 1
    return Pilot(
        len(played),
        sum(not run.success(t) for t in played),
        len(turns) / n,
        sum(turn.tokens_in for turn in turns) / n,
        sum(turn.tokens_out for turn in turns) / n,
        None if any(c is None for c in costs) else sum(c for c in costs if c is not None) / n,
        sum(turn.ms for turn in turns) / 1000 / n,
        stops,
        len({run.recipe.model_of(turn) for turn in turns if not only or turn.role in only}),
        None if run.recipe.mends is failed else sum(run.failed(t) for t in played),
    )


def _cost(run: Run, turn: Turn) -> float | None:
    """What a call cost; where no price was known then, what it would cost now."""
    row = run.store.prices.get(run.settings.model)
    if turn.cost is not None or row is None or not turn.tokens_in + turn.tokens_out:
        return turn.cost
    return Price(row.input, row.output, row.cached).cost(turn.tokens_in, turn.tokens_out)


def estimate(run: Run, measured: Pilot) -> dict[str, Any]:
    """{"pilot", "low", "high", "unknown": why a figure is missing}; low and high are {calls, tokens, cost, minutes}.

    ``minutes`` assumes ``concurrency`` calls in flight at the pilot's latency; a server that allows fewer takes longer.
    """
    interval = wilson(measured.failed, max(1, measured.episodes))
    found: dict[str, Any] = {
        "pilot": {
            "episodes": measured.episodes,
            "failed": measured.failed,
            "tokens_per_call": (measured.tokens_in + measured.tokens_out) / max(1.0, measured.calls),
            "seconds_per_call": measured.seconds / max(1.0, measured.calls),
            "cost_per_episode": measured.cost,
            "stops": dict(measured.stops),
        }
    }
    per_call = max(1.0, measured.calls)
    for name, share, most in (("low", interval.low, False), ("high", interval.high, True)):
        calls = calls_of(run, measured, share, most)
        each = (measured.tokens_in + measured.tokens_out) / per_call
        shown = min(run.settings.demo_tokens, run.settings.demos * each) if most and _demos(run) else 0.0
        tokens = calls * (measured.tokens_in + measured.tokens_out) / per_call + shown * calls
        # shown examples are input: they cost as much more as they lengthen the request
        longer = 1.0 + shown * per_call / max(1.0, measured.tokens_in)
        found[name] = {
            "calls": round(calls),
            "tokens": round(tokens),
            "cost": None if measured.cost is None else calls / per_call * measured.cost * longer,
            "minutes": calls * measured.seconds / per_call / run.settings.concurrency / 60,
        }
    return found


def _demos(run: Run) -> bool:
    return run.settings.update == "demos" or (run.settings.update == "auto" and bool(run.settings.model))


def calls_of(run: Run, measured: Pilot, failing: float, most: bool) -> float:
    """The calls of a whole experiment whose plays fail with probability ``failing``."""
    s, tasks, team, per_episode = run.settings, run.bench.tasks, run.recipe.team, measured.calls
    tests = sum(len(part) for round in range(s.rounds + 1) for part in asked(run.bench, round).values()) * len(MODES)
    plays = len(tasks["train"]) * s.max_solutions
    failures = plays * failing
    if measured.mendable is not None:
        found = wilson(measured.mendable, max(1, measured.episodes))
        failures = plays * (found.high if most else found.low)
    mends = shown = 0.0
    if calls := most_calls(run.recipe):
        mends = min(s.max_repairs, failures) * (calls if most else 1)  # at the least a critique that blames nobody
        if most and s.review:  # for the reviewer: from the rewrite, from the turn as it was, with that turn said afresh
            shown = min(s.max_repairs, failures) * s.replays * (3 * len(team.chain) - 2)
    learnt = [plays * per_episode + mends] * s.rounds
    if s.round_calls:  # what repairs leave is spent on more tries
        learnt = [float(s.held("round_calls", round) or 0) for round in range(1, s.rounds + 1)]
    compared = min(s.controls, len(tasks["train"]) * min(1.0, failing * s.max_solutions))
    controls = compared * (3 * s.control_calls if most else per_episode + 2)
    if team.view is None or s.critic == "none":
        controls = 0.0
    # new checkpoints that are worse together are tried one by one
    tries = 1 + measured.models if most and measured.models > 1 else 1
    gate = len(tasks["validation"]) * tries if s.gate and s.update != "none" else 0
    writing = measured.models * TRIES if most and s.update == "prompts" else 0
    each_round = gate * per_episode + shown + controls + writing
    base = tests * per_episode + (len(tasks["validation"]) * per_episode if gate else 0)
    return base + sum(learnt) + s.rounds * each_round


def lines(found: Mapping[str, Any]) -> list[str]:
    """A pilot's estimate for a person."""
    pilot, low, high = found["pilot"], found["low"], found["high"]
    cost = "cost unknown" if high["cost"] is None else f"${low['cost']:.2f} to ${high['cost']:.2f}"
    return [
        f"pilot: {pilot['episodes']} problems, {pilot['failed']} failed, {pilot['tokens_per_call']:.0f} tokens and "
        f"{pilot['seconds_per_call']:.2f} s a call",
        f"{low['calls']:,} to {high['calls']:,} calls, {low['tokens']:,} to {high['tokens']:,} tokens, {cost}, "
        f"{low['minutes']:.1f} to {high['minutes']:.1f} minutes",
    ]
