"""Processes that begin at once: a helper imports a module of this folder and forks one for every call of its ``main``.

    code, said = forks.run("crash_driver", "lab.db", "tiny-0-1")

A process of its own for each call, with nothing of an earlier one in it, as if Python had been started afresh; what it
saves is the second in which Python imports the lab. The helper does nothing but import and fork (no thread, no open
database), and ends with the process that asked for it.
"""

from __future__ import annotations

import atexit
import importlib
import json
import os
import select
import subprocess
import sys
import tempfile
import traceback
from functools import cache
from pathlib import Path


def run(module: str, *arguments: object, timeout: float = 300) -> tuple[int, str]:
    """(exit code, what it wrote to stdout and stderr) of ``module.main(*arguments)`` in a process of its own.

    Arguments arrive as texts. A code below 0 is the signal that ended it. TimeoutError after so many seconds.
    """
    server = _server(module)
    with tempfile.TemporaryDirectory() as folder:
        said = Path(folder) / "said"
        assert server.stdin and server.stdout
        server.stdin.write(json.dumps([str(said), *map(str, arguments)]) + "\n")
        server.stdin.flush()
        if not select.select([server.stdout], [], [], timeout)[0]:
            raise TimeoutError(f"{module}.main did not end within {timeout:g} s")
        return int(server.stdout.readline()), said.read_text("utf-8", "replace")


@cache
def _server(module: str) -> subprocess.Popen[str]:
    root = str(Path(__file__).resolve().parents[1])
    server = subprocess.Popen([sys.executable, __file__, module], text=True, stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": root})
    atexit.register(_end, server)
    return server


def _end(server: subprocess.Popen[str]) -> None:
    assert server.stdin and server.stdout
    server.stdin.close()
    server.wait(20)
    server.stdout.close()


def serve(module: str) -> None:
    main = importlib.import_module(module).main
    for line in sys.stdin:
        said, *arguments = json.loads(line)
        child = os.fork()
        if child == 0:
            _become(said)
            code = 1
            try:
                main(*arguments)
                code = 0
            except BaseException:
                traceback.print_exc()
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(code)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


def _become(said: str) -> None:
    """Streams of its own, so that the helper's are the helper's alone."""
    out, nothing = os.open(said, os.O_WRONLY | os.O_CREAT), os.open(os.devnull, os.O_RDONLY)
    for file, stream in ((nothing, 0), (out, 1), (out, 2)):
        os.dup2(file, stream)
    os.close(out)
    os.close(nothing)


if __name__ == "__main__":
    serve(sys.argv[1])
