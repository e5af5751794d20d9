"""Where the server stands between its start and its end, and what brings it from one to the other."""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from logging import Logger
from typing import Protocol

_DRAIN_S = 1.9  # a little more than a program that ignores SIGTERM takes to end
_STREAMS_S = 0.2


class Work(Protocol):
    """What the server is there for; RunTool is such."""

    def close(self) -> None:
        """Begin nothing more."""
        ...

    async def idle(self) -> None:
        """Wait until nothing is under way."""
        ...

    async def drain(self) -> None:
        """End what is under way."""
        ...


class Lifecycle:
    """Ready, winding down, over. `reason` says what the end was for, "" until then.

    `end_streams` are called, all at a time, once the work is done; they get 0.2 s.
    `reload` is called at SIGHUP; what it raises goes to the log.
    """

    def __init__(
        self,
        work: Work,
        *,
        grace_s: float,
        logger: Logger,
        end_streams: Sequence[Callable[[], Awaitable[None]]] = (),
        reload: Callable[[], object] | None = None,
    ) -> None:
        self.grace_s = grace_s
        self.reason = ""
        self._work = work
        self._logger = logger
        self._end_streams = tuple(end_streams)
        self._reload = reload
        self._started = False
        self._stopping = asyncio.Event()
        self._hurried = asyncio.Event()

    @property
    def ready(self) -> bool:
        """Whether callers should be sent here."""
        return self._started and not self._stopping.is_set()

    def started(self) -> None:
        """The server listens."""
        self._started = True

    def stop(self, reason: str) -> None:
        """Begin the end; a second call cuts the grace short."""
        if self._stopping.is_set():
            self._hurried.set()
            return
        self.reason = reason
        self._work.close()
        self._stopping.set()

    async def stopping(self) -> None:
        """Wait for the beginning of the end."""
        await self._stopping.wait()

    async def wind_down(self) -> None:
        """Let the work end, or end it, then the streams. Takes grace_s and 2.1 s at the most."""
        idle = asyncio.ensure_future(self._work.idle())
        hurried = asyncio.ensure_future(self._hurried.wait())
        try:
            await asyncio.wait(
                (idle, hurried), timeout=self.grace_s, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            idle.cancel()
            hurried.cancel()
        await self._within(_DRAIN_S, "work", (self._work.drain(),))
        await self._within(_STREAMS_S, "streams", (end() for end in self._end_streams))

    @contextmanager
    def signals(self) -> Iterator[None]:
        """SIGTERM and SIGINT begin the end, SIGHUP reloads. In the main thread only."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop, number.name)
        loop.add_signal_handler(signal.SIGHUP, self._on_reload)
        try:
            yield
        finally:
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                loop.remove_signal_handler(number)

    def _on_reload(self) -> None:
        if self._reload is None:
            return
        try:
            self._reload()
        except Exception:  # whatever is wrong with the new settings, the old ones serve on
            self._logger.exception("config.reload_failed")

    async def _within(self, seconds: float, what: str, endings: Iterable[Awaitable[None]]) -> None:
        tasks = [asyncio.ensure_future(one) for one in endings]
        if not tasks:
            return
        await asyncio.wait(tasks, timeout=seconds)
        for task in tasks:
            if not task.done():
                task.cancel()
                self._logger.warning("server.left_behind", extra={"fields": {"what": what}})
            elif not task.cancelled() and (error := task.exception()) is not None:
                self._logger.error("server.stop_failed", exc_info=error)
