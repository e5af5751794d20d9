"""The record as the application sees it: the ports `EventLog` and `History` on one SQLite file."""

import asyncio
import logging
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import apsw

from ...application.ports import Clock, Listed, LogFailed
from ...domain.execution import Event, Recorded
from . import folder as files
from .chain import Link
from .codec import encode, row
from .database import Damaged, open_writer
from .deliveries import Deliveries
from .ledger import Altered, Ledger
from .line import MAX_BYTES, MAX_EVENTS, Line
from .orphans import ends
from .reader import Reader
from .reckoning import Reckoning
from .writer import Writer

CLOSE_S = 5.0
MAX_LISTED = 1000
MAX_SINCE = 10_000
_READERS = 2
_Answer = TypeVar("_Answer")


class SqliteRecord:
    """Meets `EventLog` and `History`; made by `open_record`.

    Several processes may have the same folder open; each tells its watchers what the others wrote
    within a second or so. `failing` says why nothing can be written at the moment, or None.
    """

    def __init__(
        self,
        *,
        line: Line,
        deliveries: Deliveries,
        writer: Writer,
        reader: Reader,
        lock: files.UseLock,
        logger: logging.Logger,
    ) -> None:
        self._line = line
        self._deliveries = deliveries
        self._writer = writer
        self._reader = reader
        self._lock = lock
        self._logger = logger
        self._threads = ThreadPoolExecutor(_READERS, thread_name_prefix="netsonde-history")

    @property
    def failing(self) -> str | None:
        """Why the last attempt to write came to nothing; None if it did not."""
        return self._writer.failing

    def head(self) -> tuple[int, str]:
        """Number and MAC (hexadecimal) of the newest record known to be kept: a note to verify by."""
        head = self._deliveries.head
        return head.number, head.mac.hex()

    def append(self, event: Event) -> None:
        """See the port."""
        self._line.put(event)

    def events(self, execution_id: str) -> tuple[Event, ...]:
        """See the port. What is over is read from the file: about 0.1 ms, more for a large answer."""
        if open_events := self._line.events(execution_id):
            return open_events
        try:
            return self._reader.events(execution_id)
        except (apsw.Error, OSError) as error:
            fields = {"execution_id": execution_id, "reason": str(error)}
            self._logger.warning("record.unread", extra={"fields": fields})
            return ()

    async def settle(self) -> None:
        """See the port."""
        point = self._line.settling_point()
        if point is None:
            reason = "it is closed" if self._line.closed else "too many events wait to be written"
            raise LogFailed(f"{reason}: {self.failing}" if self.failing else reason)
        try:
            self._writer.attend()
        except OSError as error:
            raise LogFailed(str(error)) from error
        await self._deliveries.settled(point)

    async def executions(
        self, *, before: int | None = None, limit: int = 50, caller: str | None = None
    ) -> tuple[Listed, ...]:
        """See the port; at most MAX_LISTED. Raises LogFailed when the file can't be read."""
        few = max(0, min(limit, MAX_LISTED))
        found = await self._read(lambda: self._reader.executions(before, few, caller))
        return tuple(Listed(number, execution) for number, execution in found)

    async def since(self, number: int, limit: int = 1000) -> tuple[Recorded, ...]:
        """See the port; at most MAX_SINCE. Raises LogFailed when the file can't be read."""
        few = max(0, min(limit, MAX_SINCE))
        return await self._read(lambda: self._reader.since(number, few))

    def last_number(self) -> int:
        """See the port."""
        return self._deliveries.head.number

    def watch(self, tell: Callable[[Recorded], None]) -> Callable[[], None]:
        """See the port. Answers come without their texts, as from `since`."""
        return self._deliveries.watch(tell)

    def close(self, timeout_s: float = CLOSE_S) -> None:
        """Write what waits, and let go of the folder; takes `timeout_s` at most. Once is enough."""
        # The readers first: the last connection to go should be one that can tidy up.
        self._threads.shutdown()
        self._reader.close()
        ended = self._writer.close(timeout_s)
        if ended:
            self._lock.close()
        else:
            self._logger.error("record.stuck", extra={"fields": {"reason": str(self.failing)}})

    async def __aenter__(self) -> "SqliteRecord":
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.to_thread(self.close)

    async def _read(self, query: Callable[[], _Answer]) -> _Answer:
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._threads, query)
        except (apsw.Error, OSError) as error:
            raise LogFailed(f"the record can't be read: {error}") from error
        except RuntimeError as error:  # the threads are gone, or there is none to be had
            raise LogFailed(f"the record can't be read: {error}") from error


def open_record(
    folder: str,
    *,
    clock: Clock,
    max_age_s: float,
    max_bytes: int,
    logger: logging.Logger,
    max_waiting_events: int = MAX_EVENTS,
    max_waiting_bytes: int = MAX_BYTES,
) -> SqliteRecord:
    """Open or make the record in `folder`; raises OSError, saying what to do, if that can't be.

    A damaged file is renamed, never deleted, and a new record begun, but only when no other process
    has it open; the loss is logged, and shows when the audit is verified against a noted head.
    When no other process has it open, executions without an end are ended as cancelled.
    A sound file that this version or this key does not fit is refused, and left alone.
    """
    folder = files.prepare(folder)
    path = os.path.join(folder, files.DATABASE)
    lock = files.UseLock(folder)
    try:
        with lock.opening():
            key = files.read_or_make_key(folder)
            ledger = _open_ledger(path, key, lock, clock, max_bytes, logger)
            reader = Reader(path)
            head, newest_s = _begin(ledger, reader, clock, alone=lock.alone())
            lock.share()
    except BaseException:
        lock.close()
        raise
    line = Line(max_events=max_waiting_events, max_bytes=max_waiting_bytes)
    deliveries = Deliveries(head, logger)
    reckoning = Reckoning(clock, newest_s)
    writer = Writer(
        ledger,
        line,
        deliveries,
        clock=clock,
        reckoning=reckoning,
        max_age_s=max_age_s,
        logger=logger,
    )
    record = SqliteRecord(
        line=line,
        deliveries=deliveries,
        writer=writer,
        reader=reader,
        lock=lock,
        logger=logger,
    )
    try:
        writer.start()
    except OSError:
        reader.close()
        ledger.close()
        lock.close()
        raise
    return record


def _begin(
    ledger: Ledger, reader: Reader, clock: Clock, *, alone: bool
) -> tuple[Link, float | None]:
    """The head to go on from, and when the newest record was written.

    With nobody else there, what is still open was left by a killed server.
    """
    try:
        newest_s = ledger.newest_s()
        if alone:
            ended = ends(reader.unfinished(), clock.wall_s())
            if rows := [row(event, encode(event).body, None) for event in ended]:
                ledger.append(rows)
        return ledger.head(), newest_s
    except (Altered, apsw.Error, OSError) as error:
        reader.close()
        ledger.close()
        raise OSError(str(error)) from error


def _open_ledger(
    path: str,
    key: bytes,
    lock: files.UseLock,
    clock: Clock,
    max_bytes: int,
    logger: logging.Logger,
) -> Ledger:
    files.make_private(path)
    try:
        connection = open_writer(path, key, max_bytes=max_bytes, monotonic_s=clock.monotonic_s)
    except Damaged as damage:
        if not lock.alone():
            raise OSError(
                f"{path} is damaged ({damage}), and another netsonde uses it; stop that one first"
            ) from damage
        aside = files.set_aside(path, clock.wall_s())
        fields = {"reason": str(damage), "kept_as": aside}
        logger.error("record.damaged", extra={"fields": fields})
        files.make_private(path)
        connection = open_writer(path, key, max_bytes=max_bytes, monotonic_s=clock.monotonic_s)
    return Ledger(connection, path, key, max_bytes=max_bytes)
