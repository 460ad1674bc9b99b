"""A few processes that sample and fine-tune, so that two cores do the work of two.

Each worker runs one BLAS thread and gets one job at a time; a job's result depends on the job alone, equal to the
byte to the same call in a process with one BLAS thread. Plain subprocesses that speak pickle over their own pipes are
used instead of multiprocessing, which would import the caller's main module again. A worker ends when its standard
input does, so that a killed parent leaves none behind.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import platform
import queue
import signal
import struct
import subprocess
import sys
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np

from sirius_core.errors import ModelError
from sirius_core.pocket import checkpoint
from sirius_core.pocket.learning import Example, OnStep, Schedule, train
from sirius_core.pocket.sampling import Generated, Request, sample
from sirius_core.pocket.transformer import Weights
from sirius_core.pocket.vocabulary import STOP

ONE_THREAD = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
CACHED = 12  # checkpoints that a worker keeps loaded: 1.4 MB each

OnJobStep = Callable[[int, int, int, float], None]
Loaded = tuple[Weights, dict[str, Any]]


class SampleJob(NamedTuple):
    """Requests to one registered checkpoint, answered as one batch."""

    checkpoint: str
    requests: Sequence[Request]
    stop_token: int = STOP


class TrainJob(NamedTuple):
    """Fine-tune a registered checkpoint; the new one gets this manifest."""

    checkpoint: str
    examples: Sequence[Example]
    schedule: Schedule
    seed: int
    manifest: Mapping[str, Any]


class TrainResult(NamedTuple):
    """The new checkpoint, one loss per step, and the tokens that went through the network."""

    blob: bytes
    losses: tuple[float, ...]
    steps: int
    tokens: int


def run_sample(loaded: Loaded, job: SampleJob) -> list[Generated]:
    """A sampling job in this process; `loaded` is what `checkpoint.load` gives."""
    weights, manifest = loaded
    return sample(weights, checkpoint.shape_of(manifest), job.requests, job.stop_token)


def run_train(loaded: Loaded, job: TrainJob, on_step: OnStep | None = None) -> TrainResult:
    """A training job in this process; `loaded` is what `checkpoint.load` gives."""
    weights, manifest = loaded
    trained = train(weights, checkpoint.shape_of(manifest), job.examples, job.schedule, job.seed, on_step)
    return TrainResult(checkpoint.dump(trained.weights, job.manifest), trained.losses, trained.steps, trained.tokens)


def blas() -> dict[str, Any]:
    """NumPy, its BLAS and the threads of this process, for the record. Workers always run one thread each."""
    build: Any = np.show_config(mode="dicts")
    found = build.get("Build Dependencies", {}).get("blas", {})
    threads = next((os.environ[name] for name in ONE_THREAD if name in os.environ), "all cores")
    return {
        "numpy": np.__version__,
        "blas": found.get("name"),
        "version": found.get("version"),
        "configuration": found.get("openblas configuration"),
        "machine": platform.machine(),
        "threads": threads,
        "worker_threads": "1",
    }


@dataclass(eq=False)
class _Worker:
    """One process as its parent sees it. `cached` mirrors what the process has loaded."""

    process: subprocess.Popen[bytes]
    thread: threading.Thread
    cached: OrderedDict[str, None] = field(default_factory=OrderedDict)


def _touch(cache: OrderedDict[str, Any], name: str, value: Any) -> bool:
    """Make `name` the newest entry, drop the oldest beyond CACHED; True if it was there. Both sides do the same."""
    known = name in cache
    if not known:
        cache[name] = value
    cache.move_to_end(name)
    while len(cache) > CACHED:
        cache.popitem(last=False)
    return known


class Workers:
    """`n` worker processes, started when first needed. For one thread at a time; a context manager."""

    def __init__(self, n: int | None = None) -> None:
        self.n = min(2, os.cpu_count() or 1) if n is None else n
        if self.n < 1:
            raise ValueError(f"at least one worker is needed, not {n}")
        self._blobs: dict[str, bytes] = {}
        self._workers: list[_Worker] = []
        self._inbox: queue.SimpleQueue[tuple[_Worker, Any]] = queue.SimpleQueue()

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def register(self, digest: str, blob: bytes) -> None:
        """Make a checkpoint known under its name. ValueError when the name already means something else."""
        if self._blobs.setdefault(digest, blob) != blob:
            raise ValueError(f"checkpoint {digest[:12]} is already registered with another content")

    def forget(self) -> None:
        """Let go of what was registered. What a process has loaded by now it still knows: a name is a content."""
        self._blobs.clear()

    def sample(self, jobs: Iterable[SampleJob | tuple[str, Sequence[Request]]]) -> list[list[Generated]]:
        """The replies of every job, in order.

        Errors are those of the same call in this process, and ModelError when a worker dies; the pool is closed then.
        """
        return self._run([SampleJob(*job) for job in jobs], None)

    def train(self, jobs: Iterable[TrainJob], on_step: OnJobStep | None = None) -> list[TrainResult]:
        """The new checkpoints, in order; `on_step(job index, step, steps, loss)` as they go. Errors as in `sample`."""
        return self._run([TrainJob(*job) for job in jobs], on_step)

    def close(self) -> None:
        """End the processes. The next job would start new ones."""
        workers, self._workers = self._workers, []
        self._inbox = queue.SimpleQueue()
        for worker in workers:
            worker.process.kill()
        for worker in workers:
            worker.process.wait()
            worker.thread.join()
            for pipe in (worker.process.stdin, worker.process.stdout):
                with contextlib.suppress(OSError):  # what was still to be written has no reader any more
                    if pipe:
                        pipe.close()

    def _start(self) -> _Worker:
        folder = str(Path(__file__).resolve().parents[2])
        path = os.pathsep.join([folder, *filter(None, [os.environ.get("PYTHONPATH")])])
        process = subprocess.Popen(
            # -P: the working folder may hold files that are named like modules.
            [sys.executable, "-P", "-m", "sirius_core.pocket.workers"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **ONE_THREAD, "PYTHONPATH": path},
            # Ctrl-C goes to the parent alone, from the first moment on.
            start_new_session=True,
        )
        inbox = self._inbox

        def listen() -> None:
            assert process.stdout is not None
            while (message := _get(process.stdout)) is not None:
                inbox.put((worker, message))
            inbox.put((worker, None))

        worker = _Worker(process, threading.Thread(target=listen, daemon=True))
        worker.thread.start()
        return worker

    def _run(self, jobs: Sequence[Any], on_step: OnJobStep | None) -> list[Any]:
        for job in jobs:
            if job.checkpoint not in self._blobs:
                raise ValueError(f"checkpoint {job.checkpoint[:12]} is not registered")
        # The most work first, so that no long job is left for the end. A job's result knows nothing of its place.
        waiting = sorted(range(len(jobs)), key=lambda i: _size(jobs[i]))
        results: dict[int, Any] = {}
        try:
            while len(self._workers) < min(self.n, len(jobs)):
                self._workers.append(self._start())
            for worker in self._workers:
                if waiting:
                    self._send(worker, waiting.pop(), jobs)
            while len(results) < len(jobs):
                worker, message = self._inbox.get()
                if message is None:
                    raise _death(worker)
                kind, index, content = message
                if kind == "step":
                    if on_step:
                        on_step(index, *content)
                    continue
                if kind == "error":
                    raise content
                results[index] = content
                if waiting:
                    self._send(worker, waiting.pop(), jobs)
        except BaseException:
            # Workers that still compute would answer into the next call.
            self.close()
            raise
        return [results[i] for i in range(len(jobs))]

    def _send(self, worker: _Worker, index: int, jobs: Sequence[Any]) -> None:
        name = jobs[index].checkpoint
        known = _touch(worker.cached, name, None)
        assert worker.process.stdin is not None
        try:
            _put(worker.process.stdin, (index, jobs[index], None if known else self._blobs[name]))
        except OSError:
            raise _death(worker) from None


def _size(job: Any) -> int:
    """A rough measure of a job's work; only the order in which jobs start depends on it."""
    if isinstance(job, TrainJob):
        epochs = (job.schedule.steps or 0) * job.schedule.batch // max(1, len(job.examples)) or job.schedule.epochs
        return epochs * sum(len(example.tokens) for example in job.examples)
    return sum(len(request.prompt) + request.max_new for request in job.requests)


def _death(worker: _Worker) -> ModelError:
    code = worker.process.wait()
    how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
    return ModelError(f"a worker process of the pocket model ended ({how}); the usual reason is too little memory")


def _put(pipe: IO[bytes], message: Any) -> None:
    body = pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL)
    pipe.write(struct.pack("<Q", len(body)) + body)
    pipe.flush()


def _get(pipe: IO[bytes]) -> Any:
    """The next message; None when the other side is gone."""
    head = pipe.read(8)
    if len(head) < 8:
        return None
    (length,) = struct.unpack("<Q", head)
    body = pipe.read(length)
    return pickle.loads(body) if len(body) == length else None


def _portable(error: Exception) -> Exception:
    """The error itself where it survives the journey, else its text."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return ModelError(f"{type(error).__name__} in a worker process of the pocket model: {error}")
    return error


def serve() -> None:
    """The life of a worker process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Whatever prints must not land between two messages.
    channel = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    orders: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def listen() -> None:
        while (message := _get(sys.stdin.buffer)) is not None:
            orders.put(message)
        os._exit(0)  # the parent is gone, even if it was killed in the middle of a job

    threading.Thread(target=listen, daemon=True).start()
    cache: OrderedDict[str, Any] = OrderedDict()
    while True:
        index, job, blob = orders.get()
        try:
            _touch(cache, job.checkpoint, checkpoint.load(blob) if blob else None)
            if isinstance(job, SampleJob):
                _put(channel, ("done", index, run_sample(cache[job.checkpoint], job)))
            else:
                done = run_train(cache[job.checkpoint], job, lambda *step, i=index: _put(channel, ("step", i, step)))
                _put(channel, ("done", index, done))
        except BrokenPipeError:
            os._exit(0)
        except Exception as error:
            _put(channel, ("error", index, _portable(error)))


if __name__ == "__main__":
    # By its import name: classes of a module that runs as __main__ could not be unpickled by the parent.
    from sirius_core.pocket import workers

    workers.serve()
