"""Reading and writing descriptors of any kind from the event loop, leaving their flags alone.

O_NONBLOCK belongs to the open file, which the client, a terminal or our own stderr may share: it is
never set here. A read after readiness doesn't block, nor does a write of PIPE_BUF bytes (pipe(7)).
"""

import asyncio
import os
import select
from collections.abc import AsyncIterator, Callable

from .frames import LineSplitter, TooLong

PIECE_BYTES = 65536


class LineReader:
    """Lines of a pipe, socket, terminal or file. Reads no further than its caller has come."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._poll = select.poll()
        self._poll.register(fd, select.POLLRDHUP)

    async def lines(self) -> AsyncIterator[bytes | TooLong]:
        """Every line until the end of the stream."""
        splitter = LineSplitter()
        while piece := await self._read():
            for line in splitter.feed(piece):
                yield line
        for line in splitter.rest():
            yield line

    def hung_up(self) -> bool:
        """Whether the other end was closed, even if there is something left to read."""
        return bool(self._poll.poll(0))

    async def _read(self) -> bytes:
        loop = asyncio.get_running_loop()
        while True:
            await _ready(self._fd, loop.add_reader, loop.remove_reader)
            try:
                return os.read(self._fd, PIECE_BYTES)
            except BlockingIOError:
                continue  # somebody else set O_NONBLOCK, and was faster
            except OSError:
                return b""  # EIO: the terminal is gone; ECONNRESET


class Writer:
    """Writes to a pipe, socket, terminal or file, no faster than the other end reads."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._poll = select.poll()
        self._poll.register(fd, select.POLLOUT)

    async def write(self, data: bytes) -> None:
        """Write all of `data`. Raises OSError when nobody will read it any more."""
        loop = asyncio.get_running_loop()
        rest = memoryview(data)
        while rest:
            if not self._poll.poll(0):
                await _ready(self._fd, loop.add_writer, loop.remove_writer)
            try:
                rest = rest[os.write(self._fd, rest[: select.PIPE_BUF]) :]
            except BlockingIOError:
                await asyncio.sleep(
                    0.01
                )  # a foreign O_NONBLOCK, and poll sees room that write doesn't


async def _ready(fd: int, watch: Callable[..., None], unwatch: Callable[[int], bool]) -> None:
    """Wait until `fd` is ready; files and /dev/null, which epoll refuses, always are."""
    ready = asyncio.get_running_loop().create_future()
    try:
        watch(fd, _resolve, ready)
    except PermissionError:
        await asyncio.sleep(0)
        return
    try:
        await ready
    finally:
        unwatch(fd)


def _resolve(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)
