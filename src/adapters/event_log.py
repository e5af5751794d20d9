"""The event log of a process that keeps no record: the last executions, in memory."""

import msgspec

from ..domain.execution import Event, Finished, Progressed

MAX_EXECUTIONS = 256
MAX_BYTES = 32 * 1024 * 1024


class RecentEvents:
    """Meets the port `EventLog`. Bounded in executions and in bytes of answers; the oldest go first.

    Of progress, only the last word is kept.
    """

    def __init__(self, *, max_executions: int = MAX_EXECUTIONS, max_bytes: int = MAX_BYTES) -> None:
        self._max_executions = max_executions
        self._max_bytes = max_bytes
        self._events: dict[str, list[Event]] = {}
        self._sizes: dict[str, int] = {}
        self._bytes = 0

    def append(self, event: Event) -> None:
        """See the port."""
        execution_id = event.execution_id
        events = self._events.setdefault(execution_id, [])
        if isinstance(event.what, Progressed) and isinstance(_last(events), Progressed):
            events.pop()
        events.append(event)
        if isinstance(event.what, Finished):
            size = len(msgspec.json.encode(event.what.output))
            self._sizes[execution_id] = self._sizes.get(execution_id, 0) + size
            self._bytes += size
        while len(self._events) > self._max_executions or (
            self._bytes > self._max_bytes and len(self._events) > 1
        ):
            self._forget(next(iter(self._events)))

    def events(self, execution_id: str) -> tuple[Event, ...]:
        """See the port."""
        return tuple(self._events.get(execution_id, ()))

    async def settle(self) -> None:
        """There is nothing to wait for: it is kept as well as it will ever be."""

    def _forget(self, execution_id: str) -> None:
        del self._events[execution_id]
        self._bytes -= self._sizes.pop(execution_id, 0)


def _last(events: list[Event]) -> object:
    return events[-1].what if events else None
