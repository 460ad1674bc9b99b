"""Files and fine-tuning jobs, as OpenAI's protocol has them, carried out on the pocket model.

A job's hyperparameters are ``n_epochs``, ``batch_size`` and ``learning_rate_multiplier``, which times 0.001 is the
peak of Adam's learning rate. ``metadata`` may state what the protocol cannot carry to the last bit: ``sirius_rate`` is
the rate itself, ``sirius_seed`` a seed beyond 31 bits, ``sirius_model`` the name that the checkpoint's manifest gives
to the model. With these the same examples in the same order make the same checkpoint, byte for byte, as a run without
a server. Jobs train beside the sampling, in processes of their own, as many at once as the server has workers.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import Cancelled, CheckpointError, ModelError
from ..models.pocket import Engine
from ..pocket.learning import Example, Schedule
from .examples import parse
from .keeping import Kept, Record
from .protocol import Refused, real, text, unknown_fields, whole
from .shelf import Shelf, Shelved

PEAK_RATE = 1e-3  # Adam's rate at a multiplier of 1
LARGEST_FILE = 100_000_000  # bytes
DEFAULTS: Mapping[str, Any] = {"n_epochs": 2, "batch_size": 64, "learning_rate_multiplier": 1.0}
READ = ("model", "training_file", "hyperparameters", "method", "seed", "suffix", "metadata")
ENDED = ("succeeded", "failed", "cancelled")
_SUFFIX = re.compile(r"[A-Za-z0-9._-]*")


@dataclass
class _Live:
    """What a job that has not ended yet needs beyond its record."""

    parent: Shelved
    schedule: Schedule
    seed: int
    manifest: dict[str, Any]
    cancelled: bool = False
    steps: list[tuple[int, int, float]] = field(default_factory=list)  # filled by the training thread


class Tuning:
    """The files, the jobs and their training. ``folder`` keeps all three; ``workers`` 0 trains in this process."""

    def __init__(self, shelf: Shelf, workers: int = 0, folder: Path | None = None) -> None:
        self._shelf, self._workers = shelf, workers
        self._files = Kept(folder and folder / "files")
        self._jobs = Kept(folder and folder / "jobs")
        self._live: dict[str, _Live] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._threads = ThreadPoolExecutor(max(1, workers), "tuning")
        for job in self._jobs:
            if job["status"] not in ENDED:
                self._end(job, "failed", error=_error("server_error", "The server ended while the job ran."))

    # -- files -------------------------------------------------------------------------------------------------------
    def upload(self, name: str, content: bytes, purpose: str) -> Record:
        if purpose != "fine-tune":
            raise Refused("'purpose' must be 'fine-tune'.", param="purpose")
        if not content:
            raise Refused("The file is empty.", param="file")
        file: Record = {
            "id": f"file-{secrets.token_hex(12)}",
            "object": "file",
            "bytes": len(content),
            "created_at": int(time.time()),
            "filename": name[:256] or "file",
            "purpose": purpose,
            "status": "processed",
        }
        self._files.put(file["id"], file, content)
        return file

    def files(self) -> list[Record]:
        return list(self._files)

    def file(self, id: str, status: int = 404, param: str | None = "id") -> Record:
        found = self._files.get(id)
        if found is None:
            raise Refused(f"No such File object: {id[:100]}", status=status, param=param)
        return found

    def content(self, id: str) -> bytes:
        return self._files.content(self.file(id)["id"])

    def delete(self, id: str) -> Record:
        self._files.drop(self.file(id)["id"])
        return {"id": id, "object": "file", "deleted": True}

    # -- jobs --------------------------------------------------------------------------------------------------------
    def jobs(self) -> list[Record]:
        return list(self._jobs)

    def job(self, id: str) -> Record:
        found = self._jobs.get(id)
        if found is None:
            raise Refused(f"Could not find fine tune: {id[:100]}", status=404, param="id", code="fine_tune_not_found")
        return found

    def create(self, body: Mapping[str, Any]) -> Record:
        """Check a request and begin its job; call it inside the server's loop."""
        unknown_fields(body, READ)
        parent = self._shelf.find(text(body, "model"))
        file = self.file(text(body, "training_file"), 400, "training_file")
        metadata = _metadata(body.get("metadata"))
        how, where = _hyperparameters(body)
        given = {
            "n_epochs": whole(how, "n_epochs", 1, 50, where),
            "batch_size": whole(how, "batch_size", 1, 1024, where),
            "learning_rate_multiplier": real(how, "learning_rate_multiplier", 0, 100, where),
        }
        chosen: Record = {name: DEFAULTS[name] if value is None else value for name, value in given.items()}
        seed = whole(body, "seed", 0, 2**63 - 1)
        seed = secrets.randbits(31) if seed is None else seed
        suffix = text(body, "suffix", "", 64)
        if not _SUFFIX.fullmatch(suffix):
            raise Refused("'suffix' may hold letters, digits, '.', '-' and '_'.", param="suffix")
        job: Record = {
            "id": f"ftjob-{secrets.token_hex(12)}",
            "object": "fine_tuning.job",
            "created_at": int(time.time()),
            "finished_at": None,
            "model": parent.id,
            "fine_tuned_model": None,
            "organization_id": "sirius-lab",
            "status": "validating_files",
            "hyperparameters": chosen,
            "method": {"type": "supervised", "supervised": {"hyperparameters": chosen}},
            "training_file": file["id"],
            "validation_file": None,
            "result_files": [],
            "trained_tokens": None,
            "error": None,
            "estimated_finish": None,
            "integrations": [],
            "seed": seed,
            "user_provided_suffix": suffix,
            "metadata": metadata,
            "events": [],
        }
        rate = _number(metadata, "sirius_rate", float, 0.0, 0.1)
        exact = _number(metadata, "sirius_seed", int, 0, 2**63 - 1)
        schedule = Schedule(
            epochs=chosen["n_epochs"],
            batch=chosen["batch_size"],
            rate=chosen["learning_rate_multiplier"] * PEAK_RATE if rate is None else rate,
        )
        manifest = {"parent": parent.hash, "model": metadata.get("sirius_model", suffix)}
        live = self._live[job["id"]] = _Live(parent, schedule, seed if exact is None else exact, manifest)
        _say(job, f"Created fine-tuning job: {job['id']}")
        self._jobs.put(job["id"], job)
        task = asyncio.get_running_loop().create_task(self._carry(job, live, self._files.content(file["id"])))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return job

    def cancel(self, id: str) -> Record:
        job = self.job(id)
        if job["status"] in ENDED:
            raise Refused(f"Job {id} has already ended: {job['status']}.", code="invalid_job_state")
        self._live[id].cancelled = True
        self._end(job, "cancelled")
        return job

    def events(self, id: str) -> list[Record]:
        """What a job has told, oldest first."""
        job = self.job(id)
        self._hear(job)
        return list(job["events"])

    async def _carry(self, job: Record, live: _Live, content: bytes) -> None:
        loop = asyncio.get_running_loop()
        try:
            examples = await asyncio.to_thread(parse, content, live.parent.shape.context,
                                               live.parent.shape.vocab)
            self._turn(job, "queued", f"Files validated: {len(examples)} examples")

            def begin() -> None:
                loop.call_soon_threadsafe(self._turn, job, "running", "Fine-tuning job started")

            trained = await loop.run_in_executor(self._threads, self._train, live, examples, begin)
        except Cancelled:
            return
        except Refused as error:
            self._end(job, "failed", error=error.body["error"])
        except (FloatingPointError, CheckpointError) as error:
            self._end(job, "failed", error=_error("training_diverged", f"Training diverged ({error}): lower the rate."))
        except ModelError as error:
            self._end(job, "failed", error=_error("server_error", str(error)))
        except Exception:
            self._end(job, "failed", error=_error("server_error", "The server had an error while it trained."))
            raise
        else:
            if job["status"] not in ENDED:
                made = self._shelf.add(trained.blob, live.parent, job["user_provided_suffix"])
                self._end(job, "succeeded", fine_tuned_model=made.id, trained_tokens=trained.tokens)

    def _train(self, live: _Live, examples: Sequence[Example], begin: Callable[[], None]) -> Any:
        """In a thread of its own, with a worker of its own: sampling goes on."""

        def on_step(index: int, step: int, steps: int, loss: float) -> None:
            if live.cancelled:
                raise Cancelled("the job was cancelled")
            live.steps.append((step, steps, loss))

        if live.cancelled:
            raise Cancelled("the job was cancelled")
        begin()
        engine = Engine(1 if self._workers else 0)
        try:
            engine.model(live.parent.hash, live.parent.blob)
            manifest = {**live.manifest, "examples": len(examples)}
            work = (live.parent.hash, examples, live.schedule, live.seed, manifest)
            return engine.train([work], on_step)[0]
        finally:
            engine.close()

    def _hear(self, job: Record) -> None:
        """Steps that the training thread has made become events."""
        live = self._live.get(job["id"])
        while live is not None and live.steps:
            step, steps, loss = live.steps.pop(0)
            data = {"step": step, "total_steps": steps, "train_loss": loss}
            _say(job, f"Step {step}/{steps}: training loss={loss:.3f}", data)

    def _turn(self, job: Record, status: str, message: str) -> None:
        if job["status"] not in ENDED:
            job["status"] = status
            _say(job, message)
            self._jobs.put(job["id"], job)

    def _end(self, job: Record, status: str, **more: Any) -> None:
        if job["status"] in ENDED:  # cancelled while its thread was still at work
            return
        self._hear(job)
        self._live.pop(job["id"], None)
        job.update(more, status=status, finished_at=int(time.time()))
        why = f": {more['error']['message']}" if more.get("error") else ""
        _say(job, f"The job has {status}{why}" if status != "cancelled" else "The job was cancelled")
        self._jobs.put(job["id"], job)

    def close(self) -> None:
        """Stop every training; jobs in a folder are told as failed when the next server opens it."""
        for live in self._live.values():
            live.cancelled = True
        self._threads.shutdown(wait=True, cancel_futures=True)


def shown(job: Record) -> Record:
    """A job as the protocol has it: events are asked for by themselves."""
    return {name: value for name, value in job.items() if name != "events"}


def _say(job: Record, message: str, data: Record | None = None) -> None:
    job["events"].append(
        {
            "id": f"ftevent-{job['id'].removeprefix('ftjob-')}-{len(job['events'])}",
            "object": "fine_tuning.job.event",
            "created_at": int(time.time()),
            "level": "info",
            "type": "message" if data is None else "metrics",
            "message": message,
            "data": data or {},
        }
    )


def _error(code: str, message: str) -> Record:
    return {"code": code, "message": message, "param": None}


def _hyperparameters(body: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    """Where a request states them: in ``method``, as OpenAI has it now, or by themselves; ``auto`` counts as absent."""
    method, where = body.get("method"), "hyperparameters."
    found: Any = body.get("hyperparameters") or {}
    if method is not None:
        if not isinstance(method, dict) or method.get("type") != "supervised":
            raise Refused("'method' must be an object of the type 'supervised'.", param="method")
        supervised = method.get("supervised") or {}
        found, where = (supervised.get("hyperparameters") or {}) if isinstance(supervised, dict) else None, (
            "method.supervised.hyperparameters."
        )
    if not isinstance(found, dict):
        raise Refused(f"{where[:-1]!r} must be an object.", param=where[:-1])
    unknown_fields(found, DEFAULTS, where)
    return {name: None if value == "auto" else value for name, value in found.items()}, where


def _metadata(value: Any) -> dict[str, str]:
    if value is None:
        return {}
    fits = isinstance(value, dict) and len(value) <= 16
    if not fits or not all(len(k) <= 64 and isinstance(v, str) and len(v) <= 512 for k, v in value.items()):
        raise Refused(
            "'metadata' must be an object of at most 16 texts, names up to 64 and values up to 512 characters long.",
            param="metadata",
        )
    return dict(value)


def _number(metadata: Mapping[str, str], name: str, kind: type, low: float, high: float) -> Any:
    if name not in metadata:
        return None
    try:
        value = kind(metadata[name])
        if low <= value <= high:
            return value
    except ValueError:
        pass
    raise Refused(f"metadata {name!r} must be a number from {low:g} to {high:g}.", param="metadata")
