"""How many calls may be in flight at one endpoint: found by asking, taken back where it answers "too many".

A `Pacer` begins with `START` calls and, as long as nothing is refused, lets one more go every `STEP` seconds: a refusal
takes some milliseconds, a reply seconds, so the server's limit is found at the cost of a few refusals and long before
the first replies. On a refusal the limit falls to what the server has accepted, that is, to the calls still in flight.
While the server asks to wait, a new call goes only where a reply came (a server with few slots loses nothing by that),
and a refused one when its own time has come. Then the limit rises again by one for every ``2 * limit`` replies. Where
everything was refused nothing new goes at all until the time is over, and then half as many as before (a quarter after
two such times in a row, and so on, down to `FEW`).
"""

from __future__ import annotations

import asyncio
from collections import deque

from .errors import ModelError

START = 32
STEP = 0.001  # seconds
PATIENCE = 0.5  # seconds of quiet after a refusal that names no time; doubled while nothing is accepted
LONGEST_QUIET = 60.0
FEW = 8
GONE = 200  # calls lost in a row: nobody answers any more


class Pacer:
    """Slots of one endpoint, at most ``most``, given in the order in which they were asked for, refused calls first.

    ``await pacer.enter()``, then exactly one of `accepted`, `refused` and `left`.
    """

    def __init__(self, most: int) -> None:
        self.most, self.in_flight = most, 0
        self._limit = float(min(most, START))
        self._rising = self._limit < most  # nothing has been refused yet
        self._before = self._limit  # the limit when the first of the last refusals came
        self._new: deque[asyncio.Future[None]] = deque()
        self._again: deque[asyncio.Future[None]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._quiet_until = 0.0
        self._in_a_row = 0  # quiet times since the last reply
        self._lost, self._why = 0, ""

    def begin(self) -> None:
        """Nothing is in flight and nobody waits, as in a new event loop; what was found out stays."""
        self.in_flight, self._timer = 0, None
        self._new.clear()
        self._again.clear()

    @property
    def limit(self) -> int:
        return int(self._limit)

    async def enter(self, again: bool = False) -> None:
        """Wait for a slot. ``again``: after a refusal, when its time has come. ModelError if the last `GONE` calls were
        lost."""
        self._check()
        queue = self._again if again else self._new
        if queue or not self._room(again):
            turn = asyncio.get_running_loop().create_future()
            queue.append(turn)
            self._watch()
            try:
                await turn
            except asyncio.CancelledError:
                if turn.done() and not turn.cancelled():  # it was given the slot in the same moment
                    self.left()
                raise
            if self._lost >= GONE:
                self.left()
                self._check()
        else:
            self.in_flight += 1

    def accepted(self) -> None:
        """A reply came."""
        self._lost = self._in_a_row = 0
        if not self._rising and self._limit < self.most and self.in_flight >= self.limit and not self._quiet():
            self._limit = min(self.most, self._limit + 0.5 / max(FEW, self._limit))
        self.left()

    def refused(self, wait: float | None) -> float:
        """Too many requests; ``wait`` seconds are to pass, where the server says so. Returns when to ask again."""
        self.in_flight -= 1
        self._rising = False
        if not self._quiet():
            self._before = self._before if self._in_a_row else self._limit
            self._in_a_row = min(self._in_a_row + 1, 8)
        pause = PATIENCE * 2.0 ** max(0, self._in_a_row - 1) if wait is None else wait
        self._limit = float(min(self._limit, self.in_flight))
        self._quiet_until = max(self._quiet_until, self._now() + min(pause, LONGEST_QUIET))
        self._grant()
        return pause

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

    def _room(self, again: bool) -> bool:
        most = self.limit
        if again and not most:
            most = self._fewer()
        return self.in_flight < most

    def _fewer(self) -> int:
        """How many may go after a time in which everything was refused."""
        return min(self.most, max(FEW, int(self._before / 2**self._in_a_row)))

    def _grant(self) -> None:
        for queue, again in ((self._again, True), (self._new, False)):
            while queue and self._room(again):
                turn = queue.popleft()
                if not turn.done():
                    self.in_flight += 1
                    turn.set_result(None)
        self._watch()

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    def _quiet(self) -> bool:
        return self._now() < self._quiet_until

    def _watch(self) -> None:
        """Have `_tick` called when time alone may open a slot."""
        if self._timer is not None or not (self._new or self._again):
            return
        loop = asyncio.get_running_loop()
        if self._rising:
            self._timer = loop.call_later(STEP, self._tick, loop.time())
        elif not self.limit:
            self._timer = loop.call_at(self._quiet_until, self._tick, 0.0)

    def _tick(self, since: float) -> None:
        self._timer = None
        if self._rising:  # a late loop makes up for some steps; not for all, as it has not read the refusals yet
            self._limit = min(self.most, self._limit + min(4, max(1, int((self._now() - since) / STEP))))
            self._rising = self._limit < self.most
        elif not self.limit and not self._quiet():
            self._limit = float(self._fewer())
        self._grant()
