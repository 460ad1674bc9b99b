"""The pocket model behind OpenAI's protocol, on this machine's loopback: ``sirius serve``.

With it every client of that protocol can be tried, tested and taught offline: chat completions (``n``, ``seed``,
``temperature``, ``max_tokens``, ``stop``, ``logprobs``, streaming), models, files, fine-tuning jobs, errors in
OpenAI's form. Without a ``seed`` every request draws afresh; with one, reply i of ``n`` has a seed of its own, the
first the request's. What differs from OpenAI: prompts hold the pocket model's own words, and one with others is
answered with 400 ``unreadable_text``, naming them and the nearest known ones. `batches` tells how a client gets the
very replies of a run without a server, `tuning` how it gets the very checkpoints.

>>> with Served(bases=["misled"]) as served:  # doctest: +SKIP
...     client = openai.OpenAI(base_url=served.base_url, api_key="none")

The server has no keys: it listens on 127.0.0.1 alone, and refuses names of other machines and web pages.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ..errors import UsageError
from ..models.pocket import run_in_step

HOST = "127.0.0.1"


def _listen(port: int) -> Any:
    """A socket on the port, 0 for any free one; one clear error when it cannot be had."""
    import errno
    import socket

    if not 0 <= port <= 65535:
        raise UsageError(f"port {port}: must lie between 0 and 65535 (0: any free one)")
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
        listener.listen()
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise UsageError(f"port {port} is in use: choose another, or --port 0 for any free one") from None
        raise UsageError(f"port {port} cannot be used ({error.strerror}): choose another") from None
    return listener


class Served:
    """A server in a thread of this process, for tests and notebooks; a context manager.

    Inside the block ``base_url`` ends in ``/v1``. ``workers`` is the number of processes that sample (0: the thread
    itself); other arguments as in `serve`. Leaving the block ends it and everything that it started.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        bases: Iterable[str] | None = None,
        workers: int = 0,
        folder: Path | None = None,
        patience: float | None = None,
    ) -> None:
        self._how = (port, bases, workers, folder, patience)
        self._failure: BaseException | None = None
        self.base_url = ""

    def __enter__(self) -> Served:
        self._server, self.base_url = _server(*self._how)
        self._thread = threading.Thread(target=self._run, name="server", daemon=True)
        self._thread.start()
        self._server.ready.wait()
        if self._failure is not None:
            self._thread.join()
            raise self._failure
        return self

    def __exit__(self, *error: object) -> None:
        self._server.stop()
        self._thread.join()
        if self._failure is not None and error == (None, None, None):
            raise self._failure

    def _run(self) -> None:
        try:
            run_in_step(self._server.serve())
        except BaseException as error:
            self._failure = error
        finally:
            self._server.ready.set()


def serve(
    port: int = 0,
    *,
    folder: Path | None = None,
    workers: int = 2,
    bases: Iterable[str] | None = None,
    hear: Callable[[str], None] = lambda line: print(line, flush=True),
) -> None:
    """Serve until SIGINT or SIGTERM, then return. ``hear`` gets one line, the base URL, when requests are answered.

    ``bases`` are the names of shipped checkpoints to offer (None: all), ``folder`` keeps trained models, files and
    jobs for the next time. UsageError when the port or the folder cannot be used.
    """
    server, base_url = _server(port, bases, workers, folder, None)
    server.on_ready = lambda: hear(base_url)
    run_in_step(server.serve())


def _server(
    port: int, bases: Iterable[str] | None, workers: int, folder: Path | None, patience: float | None
) -> tuple[Any, str]:
    """(the server, its base URL), with its socket open: connections wait until it runs."""
    if not 0 <= workers <= 64:
        raise UsageError(f"workers {workers}: must lie between 0 (sample in this process) and 64")
    try:
        if find_spec("python_multipart") is None:  # Starlette would say so only when the first file comes
            raise ModuleNotFoundError("no python-multipart", name="python-multipart")
        from .app import Lab, application
        from .batches import PATIENCE
        from .listening import Server
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] not in ("starlette", "uvicorn", "python-multipart"):
            raise
        raise UsageError(f"the server needs {error.name}: pip install 'sirius-lab[serve]'") from None
    listener = _listen(port)
    try:
        lab = Lab(bases, workers, folder, PATIENCE if patience is None else patience)
        return Server(application(lab), listener), f"http://{HOST}:{listener.getsockname()[1]}/v1"
    except BaseException:
        listener.close()
        raise
