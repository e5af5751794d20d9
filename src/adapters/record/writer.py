"""The thread that writes: whatever waits goes into one transaction; what fails is tried again.

A thread that dies all the same is followed by another, which goes on where it was.
"""

import logging
import threading
from collections.abc import Iterable
from contextlib import suppress

import apsw

from ...application.ports import Clock
from ...domain.execution import Recorded
from .chain import Row
from .codec import row, strip
from .deliveries import Deliveries
from .ledger import Altered, Ledger
from .line import Entry, Line
from .reckoning import Reckoning

MAX_BATCH_EVENTS = 1000
LOOK_EVERY_S = 1.0  # how late the events of another process can be
RETAIN_EVERY_S = 60.0
HEAD_EVERY_S = 3600.0
TELL_LOST_EVERY_S = 10.0
FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 1.0


class Writer:
    """`failing` says why the last attempt to write came to nothing; None: it did not."""

    def __init__(
        self,
        ledger: Ledger,
        line: Line,
        deliveries: Deliveries,
        *,
        clock: Clock,
        reckoning: Reckoning,
        max_age_s: float,
        logger: logging.Logger,
    ) -> None:
        self.failing: str | None = None
        self._ledger = ledger
        self._line = line
        self._deliveries = deliveries
        self._clock = clock
        self._reckoning = reckoning
        self._max_age_s = max_age_s
        self._logger = logger
        self._pause_s = FIRST_PAUSE_S
        self._retained_s = self._headed_s = self._told_lost_s = float("-inf")
        self._lost = 0
        self._over = threading.Event()
        self._beginning = threading.Lock()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to write. Raises OSError if there is no thread to be had."""
        self._begin()

    def attend(self) -> None:
        """See that somebody writes. Raises OSError if the thread died and no other is to be had."""
        with self._beginning:
            if not self._over.is_set() and (self._thread is None or not self._thread.is_alive()):
                self._begin()

    def close(self, timeout_s: float) -> bool:
        """Write what waits, and end; False if that takes longer than `timeout_s`."""
        self._line.close()
        with suppress(OSError):
            self.attend()
        ended = self._over.wait(timeout_s)
        if ended and self._thread is not None:
            self._thread.join(timeout_s)
        return ended

    def _begin(self) -> None:
        thread = threading.Thread(target=self._work, name="netsonde-record", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:
            raise OSError(f"no thread for the record: {error}") from error
        self._thread = thread

    def _work(self) -> None:
        try:
            if (
                self.failing is not None
            ):  # it follows one that died, perhaps of what it will meet too
                self._rest()
            while self._step():
                self._line.wait(LOOK_EVERY_S)
        except BaseException as death:  # any: whatever it was, there must be a writer
            self._leave_to_another(death)
            return
        try:
            self._tell_head()
            self._ledger.close()
            self._tell_lost(len(self._line.batch(1 << 62, 1 << 62)))
        finally:
            self._over.set()

    def _leave_to_another(self, death: BaseException) -> None:
        try:
            self._fail(death)
        finally:
            with suppress(OSError):  # the next one who settles tries again
                self._begin()

    def _step(self) -> bool:
        """Write the first in line; False at the end."""
        entries = self._line.batch(MAX_BATCH_EVENTS, self._ledger.batch_bytes)
        ending = self._line.closed
        try:
            self._make_room()
            self._append(entries) if entries else self._look()
            self._remind()
        except Exception as error:  # the thread must outlive whatever it was
            self._fail(error)
            self._rest()
            return not ending
        return bool(entries) or not ending

    def _rest(self) -> None:
        self._line.rest(self._pause_s)
        self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)

    def _append(self, entries: list[Entry]) -> None:
        done = self._ledger.append([self._row(entry) for entry in entries])
        self._line.written(entries)  # nothing comes between: what is written twice makes no sense
        self._recover()  # before anybody is told that it is kept
        own = [
            Recorded(number, strip(entry.event))
            for number, entry in enumerate(entries, done.before.number + 1)
        ]
        self._deliveries.kept(done.after, entries[-1].sequence, own, self._others)

    def _look(self) -> None:
        head = self._ledger.head()
        self._recover()
        if head.number > self._deliveries.head.number:
            self._deliveries.kept(head, 0, (), self._others)

    def _others(self, after: int, to: int) -> Iterable[Recorded]:
        try:
            return list(self._ledger.recorded(after, to))
        except apsw.Error as error:  # what was written is kept all the same
            self._say(logging.WARNING, "record.unread", after=after, to=to, reason=str(error))
            return ()

    def _row(self, entry: Entry) -> Row:
        if not entry.pack(self._ledger.largest_texts):
            execution_id = entry.event.execution_id
            self._say(logging.WARNING, "record.cut", execution_id=execution_id)
        return row(entry.event, entry.body, entry.packed)

    def _make_room(self) -> None:
        now_s = self._clock.monotonic_s()
        due = now_s - self._retained_s >= RETAIN_EVERY_S
        before_s = self._now_s() - self._max_age_s
        if due and not self._ledger.prune(before_s):
            self._retained_s = now_s
            self._ledger.vacuum()
        while self._ledger.over() and self._ledger.prune(before_s):
            pass

    def _now_s(self) -> float:
        doubted, now_s = self._reckoning.doubted, self._reckoning.now_s()
        if self._reckoning.doubted and not doubted:
            ahead_s = round(self._clock.wall_s() - now_s)
            self._say(logging.WARNING, "record.clock_leapt", ahead_sec=ahead_s)
        return now_s

    def _fail(self, error: BaseException) -> None:
        reason = str(error) or type(error).__name__
        known, self.failing = self.failing, reason
        if known is None:
            expected = isinstance(error, apsw.Error | OSError | Altered)
            self._say(logging.ERROR, "record.failing", None if expected else error, reason=reason)
        self._deliveries.failed(reason)

    def _recover(self) -> None:
        if self.failing is not None:
            self.failing, self._pause_s = None, FIRST_PAUSE_S
            self._say(logging.WARNING, "record.recovered")

    def _remind(self) -> None:
        now_s = self._clock.monotonic_s()
        if now_s - self._headed_s >= HEAD_EVERY_S:
            self._headed_s = now_s
            self._tell_head()
        if now_s - self._told_lost_s >= TELL_LOST_EVERY_S:
            self._told_lost_s = now_s
            self._tell_lost(0)

    def _tell_head(self) -> None:
        head = self._deliveries.head
        self._say(logging.INFO, "audit.head", number=head.number, mac=head.mac.hex())

    def _tell_lost(self, more: int) -> None:
        lost = self._line.lost + more
        if lost > self._lost:
            self._say(logging.ERROR, "record.lost", count=lost - self._lost)
            self._lost = lost

    def _say(
        self, level: int, name: str, error: BaseException | None = None, **fields: object
    ) -> None:
        with suppress(BaseException):  # a log that fails must not take the record along
            self._logger.log(level, name, extra={"fields": fields}, exc_info=error)
