"""Places: how many executions of one tool may run, and how many may wait for it."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Full(Exception):
    """No place, and no place to wait for one; try again in `retry_after_s`."""

    def __init__(self, retry_after_s: float) -> None:
        super().__init__(f"try again in {retry_after_s:g} s")
        self.retry_after_s = retry_after_s


class Places:
    """First come, first served. A place is given on, not freed, while somebody waits for it."""

    def __init__(self, concurrency: int, queue: int) -> None:
        self._free = concurrency
        self._queue = queue
        self._concurrency = concurrency
        self._waiting: deque[asyncio.Future[None]] = deque()

    @property
    def running(self) -> int:
        """Places taken."""
        return self._concurrency - self._free

    @property
    def waiting(self) -> int:
        """Callers in the queue."""
        return len(self._waiting)

    def resize(self, concurrency: int, queue: int) -> None:
        """Other bounds from now on; who runs or waits is not disturbed."""
        self._free += concurrency - self._concurrency
        self._concurrency, self._queue = concurrency, queue
        while self._free > 0 and self._waiting:
            self._free -= 1
            self._leave()

    @asynccontextmanager
    async def take(self, typical_s: float) -> AsyncIterator[None]:
        """Hold a place. Raises Full; `typical_s`, a run's usual length, estimates the wait it tells."""
        await self._enter(typical_s)
        try:
            yield
        finally:
            self._leave()

    async def _enter(self, typical_s: float) -> None:
        # No await between looking and taking: a cap with one lets everybody through.
        if self._free > 0:
            self._free -= 1
            return
        if len(self._waiting) >= self._queue:
            raise Full(max(1.0, typical_s * (len(self._waiting) + 1) / self._concurrency))
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._leave()  # the place came in the same moment: give it on
            elif turn in self._waiting:  # else `_leave` has just passed it over
                self._waiting.remove(turn)
            raise

    def _leave(self) -> None:
        # Below 0 places were taken away while all were in use: this one goes with them.
        while self._waiting and self._free >= 0:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1
