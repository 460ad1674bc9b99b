"""The gate: a round's new checkpoints are kept if the team with them is not significantly worse on validation problems.

The test is McNemar's exact one, one-sided at 5 %. Rewritten instructions must be right on more problems than before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from .evaluate import Bench, right_by_task
from .models import Voices
from .statistics import significantly_lower

Place = tuple[int, str]  # (round, phase) under which a validation stands


@dataclass(frozen=True)
class Gate:
    """``voices`` gives those of a map of models; ``during`` times a round's validation."""

    bench: Bench
    voices: Callable[[Mapping[str, str]], Voices]
    during: Callable[[int], AbstractContextManager[Any]]

    def decide(self, round: int, old: dict[str, str], new: dict[str, str]) -> tuple[dict[str, str], dict[str, Any]]:
        """(models from now on, the verdict) of checkpoints {model: hash}: all new ones, else one by one. It is stored,
        and decided once."""
        weights, experiment = self.bench.store.weights, self.bench.experiment.id
        if (kept := weights.models(experiment, round)) is not None:
            return kept
        if not self.bench.settings.gate or not new:
            verdict: dict[str, Any] = {"updates": {"accepted": len(new), "rejected": 0}}
            chosen = {**old, **new}
        else:
            before = self._validated(round - 1, old)
            after = self._validate(round, "validate", {**old, **new})
            accepted = dict(new)
            if self._worse(before, (round, "validate")):
                accepted, after = {}, before
                # One that stands alone has been judged: other draws of the same test would be a second chance.
                for model, name in new.items() if len(new) > 1 else ():
                    place = self._validate(round, f"validate:{model}", {**old, **accepted, model: name})
                    if not self._worse(after, place):
                        accepted[model], after = name, place
            n = len(self.bench.tasks["validation"])
            scores = [sum(right_by_task(self.bench, *place).values()) for place in (before, after)]
            verdict = {"updates": {"accepted": len(accepted), "rejected": len(new) - len(accepted)},
                       "validation": {"n": n, "before": scores[0], "after": scores[1]}, "place": list(after)}
            chosen = {**old, **accepted}
        weights.set_models(experiment, round, chosen, verdict)
        return chosen, verdict

    def _validate(self, round: int, phase: str, models: Mapping[str, str]) -> Place:
        voices = self.voices(models)
        with self.during(round):
            self.bench.play_all(round, phase, [("v", task, 0, voices) for task in self.bench.tasks["validation"]],
                                under=lambda name: phase)
        return round, phase

    def _validated(self, round: int, models: Mapping[str, str]) -> Place:
        """Where the validation of the models in force stands; the base's is played when first asked for."""
        kept = self.bench.store.weights.models(self.bench.experiment.id, round)
        if kept is not None and "place" in kept[1]:
            return kept[1]["place"][0], kept[1]["place"][1]
        return self._validate(round, "validate", models)

    def _worse(self, before: Place, after: Place) -> bool:
        one, two = right_by_task(self.bench, *before), right_by_task(self.bench, *after)
        if self.bench.settings.update == "prompts":  # most rewrites change nothing: one must gain to stay
            return sum(two.values()) <= sum(one.values())
        return significantly_lower([one[t] for t in one], [two[t] for t in one])
