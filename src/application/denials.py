"""Denials on their way to the event log: who knocks a thousand times a second must not fill it."""

import asyncio
from collections.abc import Hashable

import msgspec

from ..domain.access import client_of
from ..domain.audit import Denied
from ..domain.execution import Event
from .ports import Clock, EventLog

WINDOW_S = 60.0
MOST_KEPT = 1000
MANY = "many addresses"


class _Window:
    """A time in which denials that are alike are counted; the one that opened it is on record."""

    def __init__(self, ends_s: float) -> None:
        self.ends_s = ends_s
        self.last: Event | None = None
        self.count = 0


class Denials:
    """Meets the port `EventLog`: hands on whatever comes, but of equal denials in a minute only two.

    The first at once; when the minute is over one more, which has the `count` of those that followed
    and is like the last of them. Equal are those of one caller, client network, tool and rule. The
    counts on record add up, always, but for what a crash cuts off within its last minute.
    When `most_kept` kinds are counted at a time, further addresses are counted together.
    """

    def __init__(self, inner: EventLog, clock: Clock, *, most_kept: int = MOST_KEPT) -> None:
        self._inner = inner
        self._clock = clock
        self._most_kept = most_kept
        self._windows: dict[Hashable, _Window] = {}  # the one that ends first comes first

    def __len__(self) -> int:
        return len(self._windows)

    def append(self, event: Event) -> None:
        """See the port."""
        if self._windows:
            self.tell()
        if not isinstance(event.what, Denied):
            self._inner.append(event)
            return
        key, what = self._key(event.what)
        window = self._windows.get(key)
        if window is None:
            self._windows[key] = _Window(self._clock.monotonic_s() + WINDOW_S)
            self._inner.append(event)
            return
        window.count += what.count
        window.last = msgspec.structs.replace(event, what=what)

    def events(self, execution_id: str) -> tuple[Event, ...]:
        """See the port."""
        return self._inner.events(execution_id)

    async def settle(self) -> None:
        """See the port."""
        await self._inner.settle()

    def tell(self) -> None:
        """Put what was counted in the windows that are over on record."""
        now_s = self._clock.monotonic_s()
        while self._windows:
            key, window = next(iter(self._windows.items()))
            if window.ends_s > now_s:
                return
            self._end(key, window)

    def flush(self) -> None:
        """Put all that was counted on record: nothing more is expected."""
        for key, window in tuple(self._windows.items()):
            self._end(key, window)

    async def run(self, every_s: float = WINDOW_S / 4) -> None:
        """Do `tell` again and again until cancelled, for a service that nobody calls."""
        while True:
            await asyncio.sleep(every_s)
            self.tell()

    def _end(self, key: Hashable, window: _Window) -> None:
        del self._windows[key]
        if (last := window.last) is not None and isinstance(last.what, Denied):
            what = msgspec.structs.replace(last.what, count=window.count)
            self._inner.append(msgspec.structs.replace(last, what=what))

    def _key(self, denied: Denied) -> tuple[Hashable, Denied]:
        """Under what a denial is counted, and what is told of it there."""
        about = denied.caller, denied.tool, denied.rule
        key = (*about, client_of(denied.address))
        if key in self._windows or len(self._windows) < self._most_kept:
            return key, denied
        # Callers with a name, tools and rules are few: these are bounded as well.
        return (*about, MANY), msgspec.structs.replace(denied, address=MANY)
