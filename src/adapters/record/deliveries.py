"""Who waits for the writing thread: those who settle, and those who watch. Told in their own loops."""

import asyncio
import logging
import threading
from collections.abc import Callable, Iterable, Sequence

import msgspec

from ...application.ports import LogFailed
from ...domain.execution import Recorded
from .chain import Link

SETTLE_S = 3.0
Tell = Callable[[Recorded], None]


class _Waiting(msgspec.Struct, eq=False):
    sequence: int
    future: asyncio.Future[None]


class _Watcher(msgspec.Struct, eq=False):
    tell: Tell
    after: int
    loop: asyncio.AbstractEventLoop
    active: bool = True


class Deliveries:
    """`head` is the newest record that is known to be kept."""

    def __init__(self, head: Link, logger: logging.Logger) -> None:
        self.head = head
        self._logger = logger
        self._lock = threading.Lock()
        self._kept = 0
        self._waiting: list[_Waiting] = []
        self._watchers: list[_Watcher] = []

    async def settled(self, sequence: int) -> None:
        """Return once everything up to `sequence` is kept; raises LogFailed after SETTLE_S at most."""
        with self._lock:
            if self._kept >= sequence:
                return
            waiting = _Waiting(sequence, asyncio.get_running_loop().create_future())
            self._waiting.append(waiting)
        try:
            async with asyncio.timeout(SETTLE_S):
                await waiting.future
        except TimeoutError:
            raise LogFailed(f"nothing could be written for {SETTLE_S:g} s") from None
        finally:
            with self._lock:
                if waiting in self._waiting:
                    self._waiting.remove(waiting)

    def watch(self, tell: Tell) -> Callable[[], None]:
        """See the port `History`."""
        with self._lock:
            watcher = _Watcher(tell, self.head.number, asyncio.get_running_loop())
            self._watchers.append(watcher)

        def end() -> None:
            watcher.active = False
            with self._lock:
                if watcher in self._watchers:
                    self._watchers.remove(watcher)

        return end

    def kept(
        self,
        head: Link,
        sequence: int,
        own: Sequence[Recorded],
        others: Callable[[int, int], Iterable[Recorded]],
    ) -> None:
        """Everything up to `sequence` is kept; `others` gives what other processes wrote between."""
        with self._lock:
            known, self.head = self.head.number, head
            self._kept = max(self._kept, sequence)
            if self._watchers:
                first = own[0].number if own else head.number + 1
                told = (*(others(known, first - 1) if first - 1 > known else ()), *own)
                for loop in {watcher.loop for watcher in self._watchers}:
                    _post(loop, self._tell, loop, told)
            done = [one for one in self._waiting if one.sequence <= self._kept]
            self._waiting = [one for one in self._waiting if one.sequence > self._kept]
        _resolve(done, None)

    def failed(self, reason: str) -> None:
        """What waits now is not kept, for the time being."""
        with self._lock:
            waiting, self._waiting = self._waiting, []
        _resolve(waiting, reason)

    def _tell(self, loop: asyncio.AbstractEventLoop, told: Sequence[Recorded]) -> None:
        with self._lock:
            watchers = [watcher for watcher in self._watchers if watcher.loop is loop]
        for recorded in told:
            for watcher in watchers:
                if watcher.active and recorded.number > watcher.after:
                    self._tell_one(watcher, recorded)

    def _tell_one(self, watcher: _Watcher, recorded: Recorded) -> None:
        try:
            watcher.tell(recorded)
        except Exception:  # one who can't listen must not keep the news from the others
            self._logger.exception("record.watcher")


def _resolve(waiting: Sequence[_Waiting], reason: str | None) -> None:
    by_loop: dict[asyncio.AbstractEventLoop, list[_Waiting]] = {}
    for one in waiting:
        by_loop.setdefault(one.future.get_loop(), []).append(one)
    for loop, ones in by_loop.items():
        _post(loop, _set, ones, reason)


def _set(waiting: Sequence[_Waiting], reason: str | None) -> None:
    for one in waiting:
        if one.future.done():
            continue
        if reason is None:
            one.future.set_result(None)
        else:
            one.future.set_exception(LogFailed(reason))


def _post(loop: asyncio.AbstractEventLoop, call: Callable[..., None], *arguments: object) -> None:
    try:
        loop.call_soon_threadsafe(call, *arguments)
    except RuntimeError:  # the loop is closed: nobody waits there any more
        return
