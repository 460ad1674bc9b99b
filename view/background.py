"""Commands of ``sirius`` that belong to no experiment, as processes of their own that outlive the page.

The child inherits the locked log file: as long as it lives the lock is held, however it ends, and the log has what it
said.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from pathlib import Path

from sirius_core import jobs
from sirius_core.errors import Busy, ReadOnlyDatabase

from . import lab

MOST = 200_000  # characters of a log that are read
_CHILDREN: dict[Path, subprocess.Popen[bytes]] = {}  # kept only to be reaped: the lock says whether one works


def start(name: str, *words: str) -> None:
    """``sirius WORDS --db ...`` in a session of its own; Busy if the one with this name is still at work."""
    path, log = lab.path(), _log(name)
    try:
        log.parent.mkdir(exist_ok=True)
        out = log.open("ab")
    except OSError as error:
        raise ReadOnlyDatabase(f"cannot write beside {path} ({error.strerror}): make its folder writable") from None
    with out:
        try:
            fcntl.flock(out, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Busy(f"{name} is at work already") from None
        out.truncate(0)
        known = [str(Path(jobs.__file__).resolve().parents[1]), *filter(None, [os.environ.get("PYTHONPATH")])]
        _CHILDREN[log] = subprocess.Popen(
            [sys.executable, "-m", "sirius_core", *words, "--db", str(path)],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(known)},
        )


def running(name: str) -> bool:
    """Whether the command with this name is still at work."""
    if (child := _CHILDREN.get(_log(name))) and child.poll() is not None:
        del _CHILDREN[_log(name)]
    try:
        with _log(name).open("rb") as log:
            fcntl.flock(log, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # it was never started
        return False
    return False


def said(name: str) -> list[str]:
    """The lines that it has written so far; none where it was never started."""
    try:
        return [line for line in _log(name).read_text("utf-8", "replace")[-MOST:].split("\n") if line.strip()]
    except OSError:
        return []


def _log(name: str) -> Path:
    return jobs.log_file(lab.path(), name)
