"""Executions counted, event by event, on their way to the event log."""

from opentelemetry.metrics import Histogram

from ...application.ports import EventLog
from ...domain.execution import Event
from .tally import Tally


class MeteredEvents:
    """Meets the port `EventLog`: hands each event on and counts it."""

    def __init__(self, inner: EventLog, tally: Tally, durations: Histogram) -> None:
        self._inner = inner
        self._tally = tally
        self._durations = durations

    def append(self, event: Event) -> None:
        """See the port."""
        self._inner.append(event)
        if (ran := self._tally.note(event)) is not None:
            self._durations.record(ran.seconds, {"tool": ran.tool})

    def events(self, execution_id: str) -> tuple[Event, ...]:
        """See the port."""
        return self._inner.events(execution_id)

    async def settle(self) -> None:
        """See the port."""
        await self._inner.settle()
