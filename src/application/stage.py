"""Admission to one tool: its circuit breaker, its places, and what these learn from each run."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from ..domain import breaker as circuit
from ..domain.errors import ToolError
from . import refusals
from .catalog import Entry
from .places import Full, Places
from .ports import Clock, Tracer

_TYPICAL_S = 5.0  # until there is something to learn from
_WEIGHT = 0.3


class NotAdmitted(Exception):
    """A request must wait, or go; `error` is the answer."""

    def __init__(self, error: ToolError) -> None:
        super().__init__(error.message)
        self.error = error


class Turn:
    """One admitted run. What it tells the breaker is ABANDONED unless it is set before the end."""

    def __init__(self) -> None:
        self.signal = circuit.Signal.ABANDONED
        self.took_s: float | None = None


class Stage:
    """What changes about one tool while the server runs."""

    def __init__(self, entry: Entry, clock: Clock, tracer: Tracer) -> None:
        self._clock = clock
        self._tracer = tracer
        self._places = Places(entry.concurrency, entry.queue)
        self._breaker = circuit.Breaker()
        self._typical_s = _TYPICAL_S

    @property
    def running(self) -> int:
        """Runs at this moment."""
        return self._places.running

    @property
    def state(self) -> circuit.State:
        """The state of the breaker."""
        return self._breaker.state

    def resize(self, entry: Entry) -> None:
        """Take over the bounds of an entry; who runs or waits is not disturbed."""
        self._places.resize(entry.concurrency, entry.queue)

    @asynccontextmanager
    async def admitted(self, entry: Entry) -> AsyncIterator[Turn]:
        """Hold a place with the breaker's leave; raises NotAdmitted.

        The breaker is asked before the wait, which could be in vain, and again after it.
        """
        settings, turn = entry.breaker, Turn()
        rejected = circuit.rejects(self._breaker, settings, self._clock.monotonic_s())
        if rejected is not None:
            raise NotAdmitted(refusals.breaker_open(entry, rejected))
        async with AsyncExitStack() as held:
            with self._tracer.span("wait"):
                try:
                    await held.enter_async_context(self._places.take(self._typical_s))
                except Full as full:
                    raise NotAdmitted(refusals.busy(entry, full)) from full
            admitted = circuit.admit(self._breaker, settings, self._clock.monotonic_s())
            if isinstance(admitted, circuit.Rejected):
                raise NotAdmitted(refusals.breaker_open(entry, admitted))
            self._breaker = admitted.breaker
            try:
                yield turn
            finally:
                now_s = self._clock.monotonic_s()
                self._breaker = circuit.report(
                    self._breaker, settings, turn.signal, admitted.era, now_s
                )
                if turn.took_s is not None:
                    self._typical_s += _WEIGHT * (turn.took_s - self._typical_s)
