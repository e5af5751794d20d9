"""How executions stood after each of their events."""

from typing import Protocol

from ...application.answers import rfc3339
from ...application.executions import summarize
from ...domain.execution import (
    Event,
    Finished,
    Happening,
    IllegalTransition,
    Planned,
    Progressed,
    Recorded,
    Requested,
    Started,
    fold,
)
from .frames import ExecutionEvent, Frame, Kind, encode

_MOST = 1024
_ORDER: tuple[type[Happening], ...] = (Requested, Planned, Started, Progressed, Finished)


class Events(Protocol):
    """Knows the events of an execution; the port EventLog does."""

    def events(self, execution_id: str) -> tuple[Event, ...]:
        """The kept events of one execution, oldest first."""
        ...


class States:
    """Turns records, given in order, into frames. Bounded: what was let go is read from the log."""

    def __init__(self, log: Events) -> None:
        self._log = log
        self._before: dict[str, tuple[Event, ...]] = {}

    def clear(self) -> None:
        """Records will be left out from now on."""
        self._before.clear()

    def frame(self, recorded: Recorded) -> Frame | None:
        """None if it is not about an execution, or about one whose beginning is forgotten."""
        number, event = recorded.number, recorded.event
        if not event.execution_id or type(event.what) not in _ORDER:
            return None
        before = self._before.pop(event.execution_id, None)
        if before is None:
            before = self._look_up(event)
        try:
            execution = fold((*before, event))
        except IllegalTransition:
            return None
        if not isinstance(event.what, Finished):
            # Progress changes nothing that comes after it.
            kept = before if isinstance(event.what, Progressed) else (*before, event)
            self._before[event.execution_id] = kept
            if len(self._before) > _MOST:
                del self._before[next(iter(self._before))]
        told = ExecutionEvent(
            number=number,
            execution_id=event.execution_id,
            event=type(event.what).__name__.lower(),
            at=rfc3339(event.at_s),
            execution=summarize(execution),
        )
        return Frame(
            number=number,
            kind=Kind.EXECUTION,
            body=encode(Kind.EXECUTION, told),
            asked_by=execution.caller,
        )

    def _look_up(self, event: Event) -> tuple[Event, ...]:
        if isinstance(event.what, Requested):
            return ()
        earlier = _ORDER[: _ORDER.index(type(event.what))]
        return tuple(
            one
            for one in self._log.events(event.execution_id)
            if type(one.what) in earlier and not isinstance(one.what, Progressed)
        )
