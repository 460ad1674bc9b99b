"""A process that works on something in the database: its lock, its log, how it is started, detached and stopped.

One process at a time works on an experiment, a question or a contrast: it holds a file lock (flock) that the system
releases however the process ends, so a crash needs no cleaning up.
"""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from .errors import Busy, ReadOnlyDatabase


def log_file(path: Path, experiment: str, what: str = "") -> Path:
    """Where a detached process writes what it has to say."""
    return _folder(path) / f"{experiment}{what and f'.{what}'}.log"


def detach(path: Path, command: str, experiment: str, log: Path, *flags: str) -> int:
    """``sirius COMMAND EXPERIMENT`` in a session of its own, for the checkout or package that this process runs."""
    known = [str(Path(__file__).resolve().parents[1]), *filter(None, [os.environ.get("PYTHONPATH")])]
    with beside(path, log.name) as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "sirius_core", command, experiment, *flags, "--db", str(path)],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(known)},
        )
    return process.pid


@contextmanager
def lock(path: Path, experiment: str) -> Iterator[None]:
    """Hold the experiment's lock; Busy if another process has it."""
    with beside(path, f"{experiment}.lock") as file:
        for _ in range(10):  # whoever only asks whether it runs holds the lock for a moment, too
            if _try(file, fcntl.LOCK_EX):
                break
            time.sleep(0.05)
        else:
            raise Busy(f"{experiment} is being run by another process; watch it with: sirius status")
        yield


def running(path: Path, experiment: str) -> bool:
    """Whether some process holds the experiment's lock. Writes nothing."""
    try:
        with (_folder(path) / f"{experiment}.lock").open("rb") as file:
            return not _try(file, fcntl.LOCK_SH)
    except OSError:  # no process has ever run it
        return False


def _try(file: BinaryIO, how: int) -> bool:
    try:
        fcntl.flock(file, how | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _folder(path: Path) -> Path:
    return Path(f"{Path(path).resolve()}.locks")


def beside(path: Path, name: str) -> BinaryIO:
    try:
        _folder(path).mkdir(exist_ok=True)
        return (_folder(path) / name).open("ab")
    except OSError as error:
        raise ReadOnlyDatabase(f"cannot write beside {path} ({error.strerror}): make its folder writable") from None


@contextmanager
def interruptible(cancel: Callable[[], None]) -> Iterator[None]:
    """SIGTERM and the first SIGINT ask for a stop; the second SIGINT interrupts at once. Only in the main thread."""
    asked = [False]

    def heard(number: int, frame: object) -> None:
        if asked[0] and number == signal.SIGINT:
            raise KeyboardInterrupt
        asked[0] = True
        cancel()

    try:
        old = {s: signal.signal(s, heard) for s in (signal.SIGINT, signal.SIGTERM)}
    except ValueError:  # not the main thread: the flag in the job row still works
        yield
        return
    try:
        yield
    finally:
        for s, handler in old.items():
            signal.signal(s, handler)
