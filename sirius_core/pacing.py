"""How many calls may be in flight at one endpoint: found by asking, taken back where it answers "too many".

A `Pacer` begins with `START` calls and, as long as nothing is refused, lets one more go every `STEP` seconds: a refusal
takes some milliseconds, a reply seconds, so the server's limit is found at the cost of a few refusals and long before
the first replies. On a refusal the limit falls to what the server has accepted, that is, to the calls still in flight.
While the server asks to wait, a call goes only where a reply came (a server with few slots loses nothing by that, and
one that refuses everything is soon asked nothing). Afterwards the limit recovers: one more per reply up to half of
where it stood, then one more per `2 * limit` replies.
"""

from __future__ import annotations

import asyncio
from collections import deque

from .errors import ModelError

START = 32
STEP = 0.001  # seconds
PATIENCE = 0.5  # seconds of quiet after a refusal that names no time; doubled while nothing is accepted
LONGEST_QUIET = 60.0
GONE = 200  # calls lost in a row: nobody answers any more


class Pacer:
    """Slots of one endpoint, at most ``most``, given in the order in which they were asked for.

    ``ticket = await pacer.enter()``, then exactly one of `accepted`, `refused` and `left`.
    """

    def __init__(self, most: int) -> None:
        self.most, self.in_flight = most, 0
        self._limit = float(min(most, START))
        self._half = float(most)  # up to here the limit recovers fast
        self._rising = self._limit < most  # nothing has been refused yet
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._quiet_until = 0.0
        self._event = 0  # refusals of calls that began before the last event tell nothing new
        self._in_a_row = 0  # events since the last reply
        self._lost, self._why = 0, ""

    def begin(self) -> None:
        """Nothing is in flight and nobody waits, as in a new event loop; what was found out stays."""
        self.in_flight, self._timer = 0, None
        self._waiting.clear()

    @property
    def limit(self) -> int:
        return int(self._limit)

    async def enter(self) -> int:
        """Wait for a slot; returns the ticket to give back with it. ModelError if the last `GONE` calls were lost."""
        self._check()
        if self._waiting or self.in_flight >= self.limit:
            loop = asyncio.get_running_loop()
            turn = loop.create_future()
            self._waiting.append(turn)
            self._watch()
            try:
                await turn
            except asyncio.CancelledError:
                if turn.done() and not turn.cancelled():  # it was given the slot in the same moment
                    self.left()
                raise
            self._check()
        else:
            self.in_flight += 1
        return self._event

    def accepted(self, ticket: int) -> None:
        """A reply came."""
        self._lost = 0
        if ticket == self._event:
            self._in_a_row = 0
        if not self._rising and self._limit < self.most and self.in_flight >= self.limit and not self._quiet():
            self._limit = min(self.most, self._limit + (1 if self._limit < self._half else 0.5 / self._limit))
        self.left()

    def refused(self, ticket: int, wait: float | None) -> None:
        """Too many requests; ``wait`` seconds are to pass, where the server says so."""
        self.in_flight -= 1
        if ticket == self._event:
            self._event += 1
            if not self._in_a_row:
                self._half = max(1.0, self._limit / 2)
            pause = PATIENCE * 2**self._in_a_row if wait is None else wait
            self._in_a_row = min(self._in_a_row + 1, 8)
        else:
            pause = wait or 0.0
        self._rising = False
        self._limit = float(min(self._limit, self.in_flight))
        self._quiet_until = max(self._quiet_until, self._now() + min(pause, LONGEST_QUIET))
        self._watch()

    def left(self) -> None:
        """The attempt ended in another way: no reply, and no refusal."""
        self.in_flight -= 1
        self._grant()

    def lost(self, why: str) -> None:
        """A call was given up."""
        self._lost, self._why = self._lost + 1, why

    # -- inside ------------------------------------------------------------------------------------------------------
    def _check(self) -> None:
        if self._lost >= GONE:
            raise ModelError(f"the last {self._lost} calls were lost ({self._why}); what is not done stays pending: "
                             "see to the server, then resume")

    def _grant(self) -> None:
        while self._waiting and self.in_flight < self.limit:
            turn = self._waiting.popleft()
            if not turn.done():
                self.in_flight += 1
                turn.set_result(None)

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    def _quiet(self) -> bool:
        return self._now() < self._quiet_until

    def _watch(self) -> None:
        """Have `_tick` called when time alone may open a slot."""
        loop = asyncio.get_running_loop()
        if self._timer is not None or not self._waiting:
            return
        if self._rising:
            self._timer = loop.call_later(STEP, self._tick)
        elif self._limit < 1:
            self._timer = loop.call_at(self._quiet_until, self._tick)

    def _tick(self) -> None:
        self._timer = None
        if self._rising:  # one step, however late it comes: a busy loop has not read the refusals yet
            self._limit += 1
            self._rising = self._limit < self.most
        elif not self._quiet():
            self._limit = max(self._limit, 1.0)
        self._grant()
        self._watch()
