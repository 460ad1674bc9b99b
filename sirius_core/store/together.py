"""Group commit: what arrives in the same moment lands in one transaction.

A reply may be used only after its row is committed, and a commit costs as much as thirty rows. So every write waits
until the event loop has gone round once: by then all coroutines whose data came together have asked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from .connection import Connection

Write = Callable[[], object]


class Together:
    """Writes of one event loop to one database, on the loop's own thread (a connection belongs to its thread)."""

    def __init__(self, db: Connection) -> None:
        self._db = db
        self._writes: list[tuple[Write, asyncio.Future[None] | None]] = []
        self._due: asyncio.Handle | None = None

    async def land(self, write: Write) -> None:
        """Returns when ``write`` is committed. What it, or the commit, raises is raised in everyone who waits for it.

        A caller that is cancelled loses nothing: its write lands with the others.
        """
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        self._writes.append((write, done))
        if self._due is None:
            self._due = loop.call_soon(self._land)
        await done

    def later(self, write: Write) -> None:
        """Have ``write`` land with the next transaction that comes, at the latest with `flush`."""
        self._writes.append((write, None))

    def flush(self) -> None:
        """Land everything now."""
        if self._due is not None:
            self._due.cancel()
        self._land()

    def _land(self) -> None:
        writes, self._writes, self._due = self._writes, [], None
        if not writes:
            return
        error: BaseException | None = None
        try:
            with self._db.write():
                for write, _ in writes:
                    write()
        except Exception as failed:
            error = failed
        waiting = [done for _, done in writes if done is not None and not done.done()]
        for done in waiting:
            if error is None:
                done.set_result(None)
            else:
                done.set_exception(error)
        if error is not None and not waiting:
            raise error
