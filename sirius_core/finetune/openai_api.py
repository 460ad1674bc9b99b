"""Fine-tuning by a host that speaks OpenAI's fine-tuning protocol: upload a file, create a job, wait for its model.

Tested against ``sirius serve``, which trains the very checkpoints of a run without a server. OpenAI itself takes no
new fine-tuning jobs after 2027-01-06.

What a host called our work (file, job) is noted, committed, before it is used: after a crash no file whose reply had
arrived is uploaded again, and no job created twice (one whose reply was lost is found on the host's list by its
metadata; a host that lists none may begin it anew). A job is never cancelled by us: it was paid for, and goes on while
the experiment is stopped; its model is there on resume.
"""

from __future__ import annotations

import asyncio
import random
import re
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

from ..errors import CheckpointError, ModelError, SiriusError, UsageError
from ..models import TryAgain
from ..training import to_jsonl
from ..trajectories import digest
from . import OnStep, Tuned, TuneJob
from .host import Host, HostedJob, Refused
from .spoken import Spoken

if TYPE_CHECKING:
    from ..models.openai_api import Endpoint

ENDING = "OpenAI takes no new fine-tuning jobs after 2027-01-06."
FEWEST = 10  # examples of a training file, as OpenAI has it
PEAK_RATE = 1e-3  # the learning rate that a multiplier of 1 stands for; a host of another kind reads it its own way
ATTEMPTS = 4  # at one upload, one creation
UNHEARD = 600.0  # seconds for which a host may be out of reach while its jobs are waited for
LOOK = 0.5  # seconds between two looks whether somebody has asked us to stop


class Notes(Protocol):
    """What is remembered across crashes: ``put`` has committed when it returns, and replaces."""

    def get(self, key: str) -> dict[str, Any] | None: ...
    def put(self, key: str, body: Mapping[str, Any]) -> None: ...


@dataclass
class _Plan:
    """One job, checked; ``note`` is the key of what is remembered of it, ``at`` is (step, steps, loss)."""

    job: TuneJob
    spoken: Spoken
    file: bytes
    note: str
    at: tuple[int, int, float]
    id: str = ""
    tuned: Tuned | None = field(default=None, repr=False)


class OpenAITuner:
    """A `Tuner` over an `Endpoint`.

    ``restricted`` says of a task's id whether its text must not leave this machine. Jobs are asked about first after
    ``first`` seconds, then ever more rarely, at the most every ``longest``; after ``deadline`` seconds the wait ends.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        notes: Notes,
        *,
        restricted: Callable[[str], bool] = lambda task: False,
        first: float = 0.2,
        longest: float = 30.0,
        deadline: float = 86_400.0,
    ) -> None:
        self._host, self._url = Host(endpoint), endpoint.base_url
        self._notes, self._restricted = notes, restricted
        self._first, self._longest, self._deadline = first, longest, deadline

    def __call__(self, jobs: Sequence[TuneJob], on_step: OnStep) -> list[Tuned]:
        """SiriusError, in one line, for what cannot be trained on, a job that failed, or one that never ends."""
        plans = [self._plan(job) for job in jobs]
        return asyncio.run(self._tune(plans, on_step))

    def _plan(self, job: TuneJob) -> _Plan:
        """Everything that can be known to be wrong is said here, before anything leaves this machine."""
        spoken, s, n = Spoken.parse(job.blob), job.settings, len(job.examples)
        if spoken.over.get("endpoint") != self._url:
            raise CheckpointError(f"the checkpoint of {job.model!r} is no model at {self._url}: another host has it")
        if n < FEWEST:
            raise SiriusError(
                f"role {job.model!r} has {n} examples to learn from, and fine-tuning at a host needs at least "
                f"{FEWEST}: give it more problems or more tries, or use update=demos"
            )
        if any(example.weight != 1 for example in job.examples):
            raise UsageError("this recipe weights its examples, which a fine-tuning API cannot: use another update")
        if bad := next((e for e in job.examples if self._restricted(e.trajectory.task)), None):
            raise SiriusError(
                f"task {bad.trajectory.task} has a licence that keeps its text on this machine, so {self._url} may "
                "not be sent it: use update=demos or trl, or other data"
            )
        note = digest(self._url, spoken.over, [e.content for e in job.examples], s, job.seed, job.model)
        file = "".join(f"{line}\n" for line in to_jsonl(job.examples)).encode("utf-8", "replace")
        return _Plan(job, spoken, file, f"finetune/{note}", (0, s["epochs"] * -(-n // s["batch"]), 0.0))

    async def _tune(self, plans: list[_Plan], on_step: OnStep) -> list[Tuned]:
        try:
            for plan in plans:
                plan.id = await self._begun(plan)
                on_step(plan.job.model, *plan.at)
            await self._wait(plans, on_step)
        finally:
            await self._host.endpoint.close()
        return [plan.tuned for plan in plans if plan.tuned is not None]

    # -- beginning ---------------------------------------------------------------------------------------------------
    async def _begun(self, plan: _Plan) -> str:
        """The id of the plan's job, which is begun unless it was."""
        note = self._notes.get(plan.note) or {}
        if "job" in note:
            return str(note["job"])
        unsure = "file" in note  # whether a job may have been created whose reply never came
        if not unsure:
            name = f"{plan.job.model}.jsonl"
            note = {"file": await self._again(plan, lambda: self._host.upload(name, plan.file))}
            self._notes.put(plan.note, note)
        body = self._request(plan, note["file"])

        async def begin() -> str:
            nonlocal unsure
            found = await self._host.find({"sirius_note": plan.note}) if unsure else None
            unsure = True
            return found or await self._host.create(body)

        id = await self._again(plan, begin)
        self._notes.put(plan.note, {**note, "job": id})
        return id

    def _request(self, plan: _Plan, file: str) -> dict[str, Any]:
        job, s = plan.job, plan.job.settings
        return {
            "model": plan.spoken.over["model"],
            "training_file": file,
            "suffix": re.sub(r"[^a-z0-9-]+", "-", job.model.lower()).strip("-")[:40] or "model",
            "seed": job.seed % 2**31,
            "hyperparameters": {
                "n_epochs": s["epochs"],
                "batch_size": min(s["batch"], len(job.examples)),
                "learning_rate_multiplier": s["rate"] / PEAK_RATE,
            },
            # What the protocol rounds: `sirius serve` reads it, other hosts keep it as they would any note.
            "metadata": {
                "sirius_note": plan.note,
                "sirius_model": job.model[:512],
                "sirius_rate": repr(float(s["rate"])),
                "sirius_seed": str(job.seed),
            },
        }

    async def _again(self, plan: _Plan, call: Callable[[], Awaitable[str]]) -> str:
        """One call, tried a few times; SiriusError when the host will not, or cannot."""
        why = ""
        for attempt in range(ATTEMPTS):
            pause = min(8.0, 0.25 * 2**attempt) * random.uniform(0.5, 1.0)
            try:
                return await call()
            except TryAgain as fault:
                why, pause = str(fault), pause if fault.wait is None else min(fault.wait, 60.0)
            except Refused as refused:
                why = str(refused)
                self._notes.put(plan.note, {})  # a file that was noted may have expired: begin anew next time
                break
            if attempt + 1 < ATTEMPTS:
                await asyncio.sleep(pause)
        hint = f". {ENDING}" if self._host.endpoint.is_openai else ""
        model, role = plan.spoken.over["model"], plan.job.model
        raise SiriusError(f"{self._url} takes no fine-tuning of {model!r} for role {role!r} ({why}){hint}")

    # -- waiting -----------------------------------------------------------------------------------------------------
    async def _wait(self, plans: Sequence[_Plan], on_step: OnStep) -> None:
        start = heard = time.monotonic()
        pause, why = self._first, ""
        while True:
            for plan in (p for p in plans if p.tuned is None):
                try:
                    await self._look(plan)
                    heard = time.monotonic()
                except TryAgain as fault:
                    why = str(fault)
                on_step(plan.job.model, *plan.at)
            running = [plan for plan in plans if plan.tuned is None]
            if not running:
                return
            now, names = time.monotonic(), ", ".join(plan.id for plan in running)
            if now - heard > UNHEARD:
                raise ModelError(f"{self._url} cannot be asked about {names} ({why}): resume to try again")
            if now - start > self._deadline:
                raise SiriusError(
                    f"{names} at {self._url} did not end within {self._deadline:g} s; the work goes on there: "
                    "resume to wait on"
                )
            await _rest(pause, running[0], on_step)
            pause = min(self._longest, pause * 1.3)

    async def _look(self, plan: _Plan) -> None:
        """How a plan's job stands; with its model where it has succeeded."""
        gone = failed = None
        try:
            job = await self._host.job(plan.id)
        except Refused as refused:
            gone = refused
        else:
            failed = job if job.status in ("failed", "cancelled") else None
        if gone is not None and gone.status != 404:
            raise ModelError(f"{self._url} does not tell of {plan.id} ({gone})")
        if failed is not None:  # the next attempt begins another job; the file stays
            self._notes.put(plan.note, {"file": (self._notes.get(plan.note) or {})["file"]})
        if gone is not None:
            self._notes.put(plan.note, {})
            raise SiriusError(
                f"{self._url} knows no job {plan.id} any more (a server without --folder forgets when it ends): "
                "resume to begin it anew"
            )
        if failed is not None:
            raise SiriusError(
                f"fine-tuning of role {plan.job.model!r} at {self._url} has {failed.status}"
                f"{f' ({failed.why})' if failed.why else ''}: {plan.id}; resume to try it again"
            )
        steps = await self._host.steps(plan.id, whole=bool(job.model))
        if steps.losses:
            last = max(steps.losses)
            plan.at = (last, max(last, steps.total or plan.at[1]), steps.losses[last])
        if job.model:
            plan.tuned = _tuned(plan, job, steps.losses)


async def _rest(seconds: float, plan: _Plan, on_step: OnStep) -> None:
    """Wait; ``on_step`` is called all along, because it is what hears that somebody wants to stop."""
    ends = time.monotonic() + seconds
    while (left := ends - time.monotonic()) > 0:
        await asyncio.sleep(min(LOOK, left))
        on_step(plan.job.model, *plan.at)


def _tuned(plan: _Plan, job: HostedJob, losses: Mapping[int, float]) -> Tuned:
    blob = replace(plan.spoken, over={**plan.spoken.over, "model": job.model}).blob()
    by_step = tuple(losses[step] for step in sorted(losses))
    plan.at = (plan.at[1], plan.at[1], plan.at[2])
    return Tuned(blob, by_step, plan.at[1], job.tokens, job.seconds)
