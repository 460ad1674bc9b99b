"""Workers: the same bytes as in this process, whatever their number; progress; clear errors; no orphans."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from sirius_core.errors import CheckpointError, ModelError
from sirius_core.pocket import checkpoint, workers
from sirius_core.pocket.learning import Example, Schedule
from sirius_core.pocket.sampling import Request
from sirius_core.pocket.transformer import Shape, initialise
from sirius_core.pocket.workers import SampleJob, TrainJob, Workers, blas, run_sample, run_train

SMALL = Shape(19, width=24, layers=2, heads=3, hidden=32, context=24)
BLOBS = {checkpoint.digest(blob): blob for blob in (checkpoint.dump(initialise(SMALL, s), {"n": s}) for s in range(3))}
NAMES = list(BLOBS)
LOADED = {name: checkpoint.load(blob) for name, blob in BLOBS.items()}


@pytest.fixture(scope="module", params=[1, 2])
def pool(request: pytest.FixtureRequest) -> Iterator[Workers]:
    with Workers(request.param) as pool:
        for name, blob in BLOBS.items():
            pool.register(name, blob)
        yield pool


def sample_jobs() -> list[SampleJob]:
    return [
        SampleJob(NAMES[i % 3], [Request((1 + i, 2, 3 + k % 9), 100 * i + k, 1.0, 15) for k in range(20 + 7 * i)])
        for i in range(5)
    ]


def train_jobs() -> list[TrainJob]:
    rng = np.random.default_rng(0)
    examples = [Example((*(rng.integers(1, 19, rng.integers(3, 20)).tolist()), 0), 2) for _ in range(60)]
    return [
        TrainJob(NAMES[i], examples[: 20 * (i + 1)], Schedule(batch=8, epochs=1), seed, {"role": i})
        for i, seed in ((0, 5), (1, 6), (2, 7))
    ]


def test_replies_equal_those_of_this_process(pool: Workers) -> None:
    expected = [run_sample(LOADED[job.checkpoint], job) for job in sample_jobs()]
    assert pool.sample(sample_jobs()) == expected
    assert pool.sample([(job.checkpoint, job.requests) for job in sample_jobs()[::-1]]) == expected[::-1]


def test_training_equals_that_of_this_process_and_tells_its_progress(pool: Workers) -> None:
    told: dict[int, list[tuple[int, int, float]]] = {}
    results = pool.train(train_jobs(), lambda job, *step: told.setdefault(job, []).append(step))
    assert results == [run_train(LOADED[job.checkpoint], job) for job in train_jobs()]
    for i, result in enumerate(results):
        assert told[i] == [(k + 1, result.steps, loss) for k, loss in enumerate(result.losses)]
        assert checkpoint.load(result.blob)[1]["role"] == i


def test_what_was_forgotten_speaks_again_once_it_is_named(pool: Workers) -> None:
    expected = pool.sample(sample_jobs())
    pool.forget()
    with pytest.raises(ValueError, match="not registered"):
        pool.sample(sample_jobs())
    for name, blob in BLOBS.items():
        pool.register(name, blob)
    assert pool.sample(sample_jobs()) == expected


def test_an_error_in_a_worker_is_the_error_here_and_the_pool_goes_on(pool: Workers) -> None:
    with pytest.raises(ValueError, match="a prompt of 24 tokens"):
        pool.sample([SampleJob(NAMES[0], [Request((1,) * 24, 0, 1.0, 5)])])
    pool.register("broken", b"PK nothing")
    with pytest.raises(CheckpointError, match="damaged"):
        pool.sample([SampleJob("broken", sample_jobs()[0].requests)])
    assert pool.sample(sample_jobs()[:2]) == [run_sample(LOADED[job.checkpoint], job) for job in sample_jobs()[:2]]


def test_a_dead_worker_is_one_clear_error_and_is_replaced(pool: Workers) -> None:
    def kill(*_: object) -> None:
        for worker in pool._workers:
            os.kill(worker.process.pid, signal.SIGKILL)

    with pytest.raises(ModelError, match="SIGKILL"):
        pool.train(train_jobs(), kill)
    expected = run_sample(LOADED[NAMES[0]], sample_jobs()[0])
    assert pool.sample(sample_jobs()[:1]) == [expected]
    kill()  # between two calls
    with pytest.raises(ModelError, match="SIGKILL"):
        pool.sample(sample_jobs()[:1])
    assert pool.sample(sample_jobs()[:1]) == [expected]


def test_an_interruption_here_leaves_no_stale_answers(pool: Workers) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pool.train(train_jobs(), interrupt)
    assert pool.sample(sample_jobs()[:2]) == [run_sample(LOADED[job.checkpoint], job) for job in sample_jobs()[:2]]


def test_more_checkpoints_than_the_cache_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = sample_jobs()[:3] * 2
    blobs = {name: checkpoint.dump(initialise(SMALL, i), {}) for i, name in enumerate("abcdefghijklmnop")}
    asked = [SampleJob(name, jobs[0].requests[:2]) for name in [*blobs, *blobs, "a", "p", "b"]]
    with Workers(2) as pool:
        for name, blob in blobs.items():
            pool.register(name, blob)
        assert pool.sample(asked) == [run_sample(checkpoint.load(blobs[job.checkpoint]), job) for job in asked]
        assert all(len(worker.cached) <= workers.CACHED for worker in pool._workers)


def test_nothing_starts_before_it_is_needed_and_ctrl_c_is_the_parents() -> None:
    with Workers(1) as pool:
        assert pool.sample([]) == [] and pool.train([]) == [] and pool._workers == []
        pool.register(NAMES[0], BLOBS[NAMES[0]])
        expected = pool.sample(sample_jobs()[:1])
        os.kill(pool._workers[0].process.pid, signal.SIGINT)
        time.sleep(0.05)
        assert pool.sample(sample_jobs()[:1]) == expected


def test_names_must_be_known_and_mean_one_thing() -> None:
    with Workers(1) as pool:
        with pytest.raises(ValueError, match="not registered"):
            pool.sample(sample_jobs())
        pool.register("a", b"1")
        pool.register("a", b"1")
        with pytest.raises(ValueError, match="another content"):
            pool.register("a", b"2")
    with pytest.raises(ValueError, match="at least one"):
        Workers(0)


@pytest.mark.skipif(not hasattr(os, "kill") or sys.platform == "win32", reason="needs POSIX signals")
def test_a_killed_parent_leaves_no_orphan() -> None:
    script = (
        "import time\n"
        "from tests.test_pocket_workers import *\n"
        "pool = Workers(2)\n"
        "[pool.register(*item) for item in BLOBS.items()]\n"
        "pool.sample(sample_jobs())\n"
        "print(*[worker.process.pid for worker in pool._workers], flush=True)\n"
        "time.sleep(60)\n"
    )
    root = Path(__file__).resolve().parents[1]
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, cwd=root)
    assert parent.stdout is not None
    with parent, parent.stdout:
        children = [int(word) for word in parent.stdout.readline().split()]
        assert len(children) == 2 and all(map(alive, children))
        parent.kill()
    deadline = time.monotonic() + 5
    while any(map(alive, children)) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not any(map(alive, children))


def alive(pid: int) -> bool:
    """A process that ended but was not collected yet counts as gone."""
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
    return bool(state.strip()) and not state.startswith("Z")


def test_the_record_names_blas_and_threads() -> None:
    record = blas()
    assert record["numpy"] == np.__version__ and record["threads"] == "1" and record["blas"]
