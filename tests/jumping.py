"""An event loop with a time of its own, which jumps to the next timer: what waits for seconds is tested in none."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any


class Jumping(asyncio.SelectorEventLoop):
    """Time stands still while there is work, and jumps to the next timer when the loop would wait for it."""

    def __init__(self) -> None:
        super().__init__()
        self._at, waits = 0.0, self._selector.select

        def select(timeout: float | None = None) -> Any:
            self._at += timeout or 0.0
            return waits(0)

        self._selector.select = select

    def time(self) -> float:
        return self._at


def seconds(work: Coroutine[Any, Any, Any]) -> float:
    """How long the work took, in its own time."""
    loop = Jumping()
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(work)
        return loop.time()
