"""The event log of a process that keeps no record: the last executions, in memory."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator

import msgspec

from ..application.ports import Listed
from ..domain.execution import (
    Event,
    Finished,
    IllegalTransition,
    Progressed,
    Recorded,
    Requested,
    fold,
)

MAX_EXECUTIONS = 256
MAX_BYTES = 32 * 1024 * 1024
MAX_SERVICE_EVENTS = 1000
_UNKNOWN_BYTES = 16 * 1024


class _Kept(msgspec.Struct):
    recorded: Recorded
    size: int


class _Watcher(msgspec.Struct, eq=False):
    tell: Callable[[Recorded], None]
    loop: asyncio.AbstractEventLoop
    active: bool = True


class RecentEvents:
    """Meets the ports `EventLog` and `History`. Bounded in executions and in bytes of all events.

    The oldest execution goes first, but never the newest. Of progress, only the last word is kept,
    of the service itself the last MAX_SERVICE_EVENTS.
    """

    def __init__(self, *, max_executions: int = MAX_EXECUTIONS, max_bytes: int = MAX_BYTES) -> None:
        self._max_executions = max_executions
        self._max_bytes = max_bytes
        self._executions: dict[str, list[_Kept]] = {}
        self._service: deque[_Kept] = deque()
        self._bytes = 0
        self._number = 0
        self._watchers: list[_Watcher] = []

    def append(self, event: Event) -> None:
        """See the port."""
        self._number += 1
        kept = _Kept(Recorded(self._number, event), _size(event))
        self._bytes += kept.size
        if event.execution_id:
            events = self._executions.setdefault(event.execution_id, [])
            if isinstance(event.what, Progressed) and events and _is_progress(events[-1]):
                self._bytes -= events.pop().size
            events.append(kept)
        else:
            self._service.append(kept)
        self._forget()
        told = Recorded(self._number, _stripped(event))
        for watcher in self._watchers:
            watcher.loop.call_soon(_tell, watcher, told)

    def events(self, execution_id: str) -> tuple[Event, ...]:
        """See the port."""
        return tuple(kept.recorded.event for kept in self._executions.get(execution_id, ()))

    async def settle(self) -> None:
        """There is nothing to wait for: it is kept as well as it will ever be."""
        await asyncio.sleep(0)

    async def executions(
        self, *, before: int | None = None, limit: int = 50, caller: str | None = None
    ) -> tuple[Listed, ...]:
        """See the port."""
        await asyncio.sleep(0)
        found: list[Listed] = []
        for listed in self._newest_first():
            if len(found) >= limit:
                break
            if (before is None or listed.number < before) and (
                caller is None or listed.execution.caller == caller
            ):
                found.append(listed)
        return tuple(found)

    async def since(self, number: int, limit: int = 1000) -> tuple[Recorded, ...]:
        """See the port."""
        await asyncio.sleep(0)
        newer = sorted(
            (
                kept.recorded
                for events in self._executions.values()
                for kept in events
                if kept.recorded.number > number
            ),
            key=lambda recorded: recorded.number,
        )
        return tuple(Recorded(one.number, _stripped(one.event)) for one in newer[: max(0, limit)])

    def last_number(self) -> int:
        """See the port."""
        return self._number

    def watch(self, tell: Callable[[Recorded], None]) -> Callable[[], None]:
        """See the port. Answers come without their texts, as from `since`."""
        watcher = _Watcher(tell, asyncio.get_running_loop())
        self._watchers.append(watcher)

        def end() -> None:
            watcher.active = False
            if watcher in self._watchers:
                self._watchers.remove(watcher)

        return end

    def _newest_first(self) -> Iterator[Listed]:
        for events in reversed(tuple(self._executions.values())):
            # One that went on after it was forgotten has lost its beginning.
            if isinstance(events[0].recorded.event.what, Requested):
                try:
                    execution = fold(_stripped(kept.recorded.event) for kept in events)
                except IllegalTransition:
                    continue
                yield Listed(events[0].recorded.number, execution)

    def _forget(self) -> None:
        while len(self._service) > MAX_SERVICE_EVENTS or (
            self._bytes > self._max_bytes and len(self._service) > 1
        ):
            self._bytes -= self._service.popleft().size
        while len(self._executions) > self._max_executions or (
            self._bytes > self._max_bytes and len(self._executions) > 1
        ):
            for kept in self._executions.pop(next(iter(self._executions))):
                self._bytes -= kept.size


def _tell(watcher: _Watcher, told: Recorded) -> None:
    if watcher.active:
        watcher.tell(told)


def _is_progress(kept: _Kept) -> bool:
    return isinstance(kept.recorded.event.what, Progressed)


def _stripped(event: Event) -> Event:
    if not isinstance(event.what, Finished):
        return event
    output = msgspec.structs.replace(event.what.output, stdout="", stderr="", result=None)
    return msgspec.structs.replace(event, what=Finished(output))


def _size(event: Event) -> int:
    """About what it takes. JSON has no form for surrogates and for foreign objects of plug-ins."""
    try:
        return len(msgspec.json.encode(event))
    except (msgspec.MsgspecError, UnicodeEncodeError, TypeError, ValueError, RecursionError):
        texts = 0
        if isinstance(event.what, Finished):
            texts = len(event.what.output.stdout) + len(event.what.output.stderr)
        return texts + _UNKNOWN_BYTES
