"""The line of events that wait to be written, and the executions that are still open."""

import threading
from collections import deque

import msgspec

from ...domain.execution import Event, Finished, Progressed, Requested
from .codec import Encoded, cut, encode, pack

MAX_EVENTS = 20_000
MAX_BYTES = 64 * 1024 * 1024
PROGRESS_EVERY_S = 1.0
_OVERHEAD_BYTES = 200  # what Python needs for an event, about


class Entry(msgspec.Struct):
    """An event in line. `packed` is filled in by the writer."""

    sequence: int
    event: Event
    body: bytes
    texts: bytes | None
    size: int
    packed: bytes | None = None

    def pack(self, largest: int) -> bool:
        """Get ready to be stored; False if the texts were too large, and were cut off."""
        if self.texts is None or self.packed is not None:
            return True
        self.packed = pack(self.texts)
        self.texts = None
        if len(self.packed) <= largest:
            return True
        self.event = cut(self.event)
        self.body, self.packed = encode(self.event).body, None
        return False


class _Open(msgspec.Struct):
    events: list[Event] = msgspec.field(default_factory=list)
    progress_at_s: float = float("-inf")


class Line:
    """Shared by the event loop, which puts events in and never waits, and the writing thread.

    When it is full, nothing of the service is taken, and an execution that begins is held back: it
    is taken when there is room, and forgotten if it ends before. What has been taken from the
    beginning always is, though without its texts if these are far too many. `lost` counts what was
    not taken.
    """

    def __init__(self, *, max_events: int = MAX_EVENTS, max_bytes: int = MAX_BYTES) -> None:
        self._max_events = max_events
        self._max_bytes = max_bytes
        self._changed = threading.Condition()
        self._entries: deque[Entry] = deque()
        self._bytes = 0
        self._sequence = 0
        self._open: dict[str, _Open] = {}
        self._held: dict[str, list[Event]] = {}
        self._closed = False
        self.lost = 0

    def put(self, event: Event) -> None:
        """Take an event, if there is room for it."""
        encoded = encode(event)
        with self._changed:
            self._show(event)
            if self._closed or (not event.execution_id and self._full()):
                self.lost += 1
            elif event.execution_id in self._held or (
                isinstance(event.what, Requested) and self._full()
            ):
                self._hold(event)
            elif not self._superfluous(event):
                self._enqueue(event, encoded)

    def events(self, execution_id: str) -> tuple[Event, ...]:
        """The events of an execution that is open or not yet written; empty if it is neither."""
        with self._changed:
            known = self._open.get(execution_id)
            return tuple(known.events) if known is not None else ()

    def settling_point(self) -> int | None:
        """The sequence number of what was put in last, to wait for; None if something is held back."""
        with self._changed:
            if not self._full():
                for execution_id in tuple(self._held):
                    self._release(execution_id)
            return self._sequence if not self._held and not self._closed else None

    @property
    def closed(self) -> bool:
        """Whether nothing is taken any more."""
        return self._closed

    def wait(self, timeout_s: float) -> None:
        """Wait until there is something to write, or it is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._entries or self._closed, timeout_s)

    def rest(self, timeout_s: float) -> None:
        """Wait, whatever comes, until it is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed, timeout_s)

    def batch(self, max_events: int, max_bytes: int) -> list[Entry]:
        """The first in line, which stay there; at least one, if there is one."""
        taken: list[Entry] = []
        with self._changed:
            size = 0
            for entry in self._entries:
                size += entry.size
                if taken and (size > max_bytes or len(taken) == max_events):
                    break
                taken.append(entry)
        return taken

    def written(self, entries: list[Entry]) -> None:
        """The first in line are kept for good, and leave it."""
        with self._changed:
            for entry in entries:
                self._entries.popleft()
                self._bytes -= entry.size
                if isinstance(entry.event.what, Finished):
                    self._open.pop(entry.event.execution_id, None)

    def close(self) -> None:
        """Take nothing more."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _full(self) -> bool:
        return len(self._entries) >= self._max_events or self._bytes >= self._max_bytes

    def _show(self, event: Event) -> None:
        """Put an event among those of its execution; of progress, only the last word stays."""
        if not event.execution_id:
            return
        events = self._open.setdefault(event.execution_id, _Open()).events
        if (
            events
            and isinstance(event.what, Progressed)
            and isinstance(events[-1].what, Progressed)
        ):
            events.pop()
        events.append(event)

    def _hold(self, event: Event) -> None:
        held = self._held.setdefault(event.execution_id, [])
        held.append(event)
        if not self._full():
            self._release(event.execution_id)
        elif isinstance(event.what, Finished):
            self.lost += len(self._held.pop(event.execution_id))
            del self._open[event.execution_id]

    def _release(self, execution_id: str) -> None:
        for event in self._held.pop(execution_id):
            if not self._superfluous(event):
                self._enqueue(event, encode(event))

    def _superfluous(self, event: Event) -> bool:
        """Not every word of progress is worth a record."""
        if not isinstance(event.what, Progressed):
            return False
        known = self._open.setdefault(event.execution_id, _Open())
        # Below 0: the clock went back, and may take years to get there again.
        if 0 <= event.at_s - known.progress_at_s < PROGRESS_EVERY_S or self._full():
            return True
        known.progress_at_s = event.at_s
        return False

    def _enqueue(self, event: Event, encoded: Encoded) -> None:
        if encoded.texts is not None and self._bytes + encoded.size > 3 * self._max_bytes:
            event = cut(event)
            encoded = encode(event)
        self._sequence += 1
        size = encoded.size + _OVERHEAD_BYTES
        self._entries.append(Entry(self._sequence, event, encoded.body, encoded.texts, size))
        self._bytes += size
        if len(self._entries) == 1:
            self._changed.notify_all()
