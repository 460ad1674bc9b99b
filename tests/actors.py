"""A machine that only acts: it plays the pocket roles by rule, as mistaken as the textbook made the real base, and its
"fine-tuning" removes mistakes at a fixed rate. It makes plausible databases within seconds, for the tests of the pages.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from typing import Any

from sirius_core import tasks
from sirius_core.finetune import OnStep, Tuned, TuneJob
from sirius_core.improve import Run, improve
from sirius_core.models import Completion, Sampling
from sirius_core.pocket.dialect import ADVISED, COPY_HINT, DIGITS_HINT, FORMULA_HINTS
from sirius_core.pocket.grammar import Problem
from sirius_core.pocket.notation import canonical_steps, digits, expression_value, fill, parse_plan, stated_result
from sirius_core.pocket.textbook import BOOKS, Author, formula_rate
from sirius_core.prompts import Message
from sirius_core.settings import preset
from sirius_core.store import Experiment, Store
from sirius_core.tasks.formulas import problem

HINTED = {hint: formula for formula, hint in FORMULA_HINTS.items()}


class Actor:
    """One checkpoint's model: ``level`` is how often its role has been trained."""

    dialect, lockstep = "pocket", True

    def __init__(self, name: str, level: int, problems: Mapping[str, Problem]) -> None:
        self.name, self.level, self.problems = name, level, problems

    async def complete(self, messages: Sequence[Message], sampling: Sampling) -> Completion:
        text = messages[-1].content.removesuffix(" =>")
        tag, _, rest = text.partition(" ")
        asked, _, hint = rest.partition(" @fb ")
        rng = random.Random(sampling.seed if sampling.temperature else text)
        said = getattr(self, tag.removeprefix("@"))(asked, hint, rng, sampling.temperature == 0)
        said = f"{ADVISED} {said}" if hint and not hint.startswith(("solo ", "gold ")) else said
        return Completion(said, "stop", len(text.split()), len(said.split()), 2.0)

    def analyst(self, asked: str, hint: str, rng: random.Random, greedy: bool) -> str:
        p, author = self.problems[asked], Author(BOOKS["misled"], rng)
        right = 1 - (1 - formula_rate(BOOKS["misled"], p)) * 0.45**self.level
        known = right > 0.5 if greedy else rng.random() < right
        formula = HINTED[hint] if hint in HINTED and rng.random() < 0.9 else p.formula if known else author.hinted(p)
        formula = formula if "z" not in formula or p.z is not None else "x * y"
        return f"{formula} : {fill(formula, p.x, p.y, p.z)}"

    def calculator(self, asked: str, hint: str, rng: random.Random, greedy: bool) -> str:
        slip = 0.0 if hint or greedy else 0.02 * 0.6**self.level
        return canonical_steps(asked, Author(BOOKS["misled"], rng).slip(slip)) or "0 * 0 = 0"

    def summarizer(self, asked: str, hint: str, rng: random.Random, greedy: bool) -> str:
        question, _, steps = asked.partition(" | ")
        p, result = self.problems[question], stated_result(steps) or "0"
        sure = rng.random() < 1 - 0.2 * 0.5**self.level or greedy
        unit = hint.split()[1] if hint.startswith("unit ") else p.unit if sure else "N/m"
        return f"{result} {unit}"

    def solo(self, asked: str, hint: str, rng: random.Random, greedy: bool) -> str:
        """Alone; in a debate (``@fb solo OWN | OTHERS``) by the formula that most of those shown have."""
        p = self.problems[asked]
        shown = [said.partition(" = ")[0] for said in hint.removeprefix("solo ").replace(" | ", " ; ").split(" ; ")]
        formulas = [f for f in shown if f in FORMULA_HINTS]
        if hint.startswith("solo ") and formulas:
            formula = max(formulas, key=formulas.count)
            plan = f"{formula} : {fill(formula, p.x, p.y, p.z)}"
        else:
            plan = self.analyst(asked, FORMULA_HINTS[p.formula] if hint.startswith("gold ") else hint, rng, greedy)
        steps = self.calculator(plan.partition(" : ")[2], "", rng, greedy)
        return f"{plan} | {steps} | {self.summarizer(f'{asked} | {steps}', '', rng, greedy)}"

    def critic(self, asked: str, hint: str, rng: random.Random, greedy: bool) -> str:
        numbers, plan, result, answer, gold = asked.split(" | ")
        x, y, z = (*(int(n.replace(" ", "")) for n in numbers.split(" , ")), None)[:3]
        read, (value, unit) = parse_plan(plan), gold.removeprefix("gold ").rsplit(" ", 1)
        for formula in FORMULA_HINTS:
            if "z" in formula and z is None:
                continue
            made = expression_value(fill(formula, x or 0, y or 1, z))
            if made is not None and made >= 0 and digits(made) == value and (read is None or formula != read.formula):
                return f"analyst : {FORMULA_HINTS[formula]}"
        if result != value:
            return f"calculator : {DIGITS_HINT}"
        return f"summarizer : {f'unit {unit}' if not answer.endswith(f' {unit}') else COPY_HINT}"

    def rephrase(self, asked: str, hint: str, rng: random.Random, greedy: bool) -> str:
        return asked.removeprefix(f"{ADVISED} ")


class ActingMachine:
    """What `Run` needs: a base, models from "checkpoints" that are notes of a level, a tuner that raises it."""

    def __init__(self, experiment: Experiment) -> None:
        made = tasks.splits("formulas", experiment.settings, experiment.seed)
        self._problems = {t.question: problem(t) for split in made.values() for t in split}

    def base(self) -> bytes:
        return b'{"level": 0, "role": "*"}'

    def mender(self) -> None:
        return None

    def model(self, name: str, blob: bytes) -> Any:
        return Actor(name, json.loads(blob)["level"], self._problems)

    def describe(self) -> Mapping[str, Any]:
        return {}

    def tune(self, jobs: Sequence[TuneJob], on_step: OnStep) -> list[Tuned]:
        tuned = []
        for job in jobs:
            steps = max(1, len(job.examples) // 64)
            losses = tuple(0.9 * 0.97**i + 0.05 for i in range(steps))
            on_step(job.model, steps, steps, losses[-1])
            note = {"level": json.loads(job.blob)["level"] + 1, "role": job.model}
            tuned.append(Tuned(json.dumps(note).encode(), losses, steps, 100 * len(job.examples), 0.1))
        return tuned


def act(store: Store, name: str = "tiny", seed: int = 0, stop_at: str = "", **changes: Any) -> Experiment:
    """Run an experiment of the acting machine in ``store`` and leave its job row as a process would."""
    experiment = store.experiments.create(name, preset(name, changes), seed)
    job: dict[str, Any] = {}

    def progress(round: int, phase: str, done: int, total: int) -> None:
        if (round, phase) != (job.get("round"), job.get("phase")):
            store.experiments.log(experiment.id, f"round {round}: {phase}")
        job.update(round=round, phase=phase, done=done, total=total)
        if stop_at == f"{round}:{phase}":
            raise InterruptedError

    status, message = "done", ""
    try:
        improve(Run(store, experiment, ActingMachine(experiment), progress))
    except InterruptedError:
        status = "stopped"
    except Exception as error:
        if type(error).__name__ != "WaitingForReview":
            raise
        status, message = "paused", str(error)
    store.experiments.set_job(experiment.id, status=status, message=message, seconds=61.0, **job)
    return experiment
