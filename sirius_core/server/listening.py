"""The HTTP server itself: uvicorn inside the engine's own event loop, ended by a signal or by `Server.stop`."""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import uvicorn
from starlette.applications import Starlette

IDLE = 600  # seconds that an idle connection stays open: a client may train or think in between
QUEUE = 4096  # connections that may wait to be accepted


class Server(uvicorn.Server):
    """``ready`` is set when requests are answered, or when it failed to; ``on_ready`` is called before that."""

    def __init__(self, app: Starlette, listener: socket.socket) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                lifespan="on",
                ws="none",
                backlog=QUEUE,
                timeout_keep_alive=IDLE,
                timeout_graceful_shutdown=5,
                access_log=False,
                log_config=None,
                log_level="warning",
                proxy_headers=False,
                server_header=False,
            )
        )
        self._lab, self._listener = app.state.lab, listener
        self.ready = threading.Event()
        self.on_ready: Callable[[], None] = lambda: None

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """SIGINT and SIGTERM end the server, and that is all: uvicorn would raise them again afterwards."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        old = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in old.items():
                signal.signal(number, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """The first signal ends it when what runs is answered, the second SIGINT at once."""
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.should_exit = True

    async def serve(self, sockets: Any = None) -> None:
        try:
            await super().serve([self._listener])
        finally:
            self._listener.close()

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        self.on_ready()
        self.ready.set()

    async def shutdown(self, sockets: Any = None) -> None:
        self._lab.batches.refuse_all()
        await super().shutdown(sockets)

    def stop(self) -> None:
        """End it, from any thread."""
        self.should_exit = True
