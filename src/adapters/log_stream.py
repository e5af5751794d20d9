"""Where log lines leave the process: a stream whose reader may be slow, stuck, or gone."""

import io
import logging
import os
import select
import threading
import time
from collections import deque
from typing import TextIO

MAX_WAITING_BYTES = 1024 * 1024
FLUSH_S = 0.2  # a part of the 2 s in which a server must be over
_PAUSE_S = 0.01
_DROPPED = "log.dropped"


class LogStream(logging.Handler):
    """Writes each record as a line, and never waits for whoever reads them.

    What the stream does not take at once is kept and written by a thread that is there for as long as
    something waits. Lines beyond `max_waiting_bytes` are dropped, and so are those that fail; a line
    of its own tells how many, as soon as there is room for it.
    """

    def __init__(
        self, stream: TextIO | None, *, max_waiting_bytes: int = MAX_WAITING_BYTES
    ) -> None:
        super().__init__()
        self.stream = stream
        self._descriptor = _descriptor(stream)
        self._max_waiting_bytes = max_waiting_bytes
        self._changed = threading.Condition()
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._dropped = 0
        self._thread: threading.Thread | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """See logging. Raises nothing, and prints nothing in its despair: that would wait."""
        try:
            line = self._line(record)
        except Exception:  # a library's message that does not fit its arguments, say
            line = None
        with self._changed:
            if line is None:
                self._dropped += 1
            elif not self._waiting:
                self._tell_dropped()
                self._put(line)
            elif self._waiting_bytes + len(line) > self._max_waiting_bytes:
                self._dropped += 1
            else:
                self._tell_dropped()
                self._keep(line)

    def flush(self) -> None:
        """See logging. Waits for FLUSH_S at most."""
        with self._changed:
            self._changed.wait_for(lambda: not self._waiting, FLUSH_S)

    def _line(self, record: logging.LogRecord) -> bytes:
        return f"{self.format(record)}\n".encode("utf-8", "backslashreplace")

    def _put(self, line: bytes) -> None:
        """Write what can be written without waiting, and keep the rest."""
        if self._waiting:
            self._keep(line)
        elif self._descriptor is None:
            self._print(line)
        elif rest := self._written(self._descriptor, line, wait=False):
            self._keep(rest)

    def _keep(self, line: bytes) -> None:
        self._waiting.append(line)
        self._waiting_bytes += len(line)
        if self._thread is not None:
            return
        thread = threading.Thread(target=self._work, name="netsonde-log", daemon=True)
        try:
            thread.start()
        except (RuntimeError, MemoryError):  # no thread to be had: the next line tries again
            return
        self._thread = thread

    def _tell_dropped(self) -> None:
        if not self._dropped:
            return
        count, self._dropped = self._dropped, 0
        level = {"levelno": logging.WARNING, "levelname": "WARNING"}
        told = {"name": "netsonde", "msg": _DROPPED, "fields": {"count": count}, **level}
        self._put(self._line(logging.makeLogRecord(told)))
        if self._dropped:  # this very line
            self._dropped = count

    def _print(self, line: bytes) -> None:
        """For a stream without a descriptor, which has no reader to wait for."""
        try:
            if self.stream is not None:
                self.stream.write(line.decode())
        except (OSError, ValueError):
            self._dropped += 1

    def _work(self) -> None:
        descriptor = self._descriptor
        while descriptor is not None:
            with self._changed:
                if not self._waiting:
                    self._thread = None
                    return
                line = self._waiting[0]  # which stays there, so that nobody writes between
            self._written(descriptor, line, wait=True)
            with self._changed:
                self._waiting_bytes -= len(self._waiting.popleft())
                if not self._waiting:
                    self._tell_dropped()
                self._changed.notify_all()

    def _written(self, descriptor: int, line: bytes, *, wait: bool) -> bytes:
        """Write; what is left of the line. A pipe that is ready takes PIPE_BUF bytes (pipe(7)).

        O_NONBLOCK is left alone: it belongs to everybody who has the stream open.
        """
        poll = select.poll()
        poll.register(descriptor, select.POLLOUT)
        try:
            while line and poll.poll(None if wait else 0):
                try:
                    line = line[os.write(descriptor, line[: select.PIPE_BUF]) :]
                except BlockingIOError:  # somebody set O_NONBLOCK
                    if not wait:
                        break
                    time.sleep(_PAUSE_S)  # poll may see room that write does not
        except OSError:  # nobody reads it any more, or a full disk
            with self._changed:
                self._dropped += 1
            return b""
        return line


def _descriptor(stream: TextIO | None) -> int | None:
    try:
        return None if stream is None else stream.fileno()
    except (io.UnsupportedOperation, ValueError):
        return None
