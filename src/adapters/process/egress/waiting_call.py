"""Connecting and sending that may have to wait, without waiting: for the watch's poll(2) to go on with."""

import errno
import time
from collections.abc import Callable

import msgspec

from .socket_address import failed
from .socket_copy import DONTWAIT, Message, SocketCopy


class Wait(msgspec.Struct, frozen=True, kw_only=True):
    """For the socket to become writable, then `again`, which gives None to wait on.

    `expired` is the result once `deadline_s` (of the monotonic clock) has passed.
    """

    socket: SocketCopy
    again: Callable[[], int | None]
    deadline_s: float | None
    expired: int


def connected(socket: SocketCopy, to: bytes) -> int | Wait:
    """0, or what to wait for. Raises OSError: EINPROGRESS where the program doesn't wait."""

    def attempt() -> int | None:
        try:
            socket.connect(to)
        except OSError as error:
            if error.errno in (errno.EINPROGRESS, errno.EALREADY):
                return None
            raise
        return 0

    if (done := attempt()) is not None:
        return done
    if not socket.waits:
        raise failed(errno.EINPROGRESS)
    return _wait(socket, attempt, -errno.EINPROGRESS)


def sent(socket: SocketCopy, message: Message) -> int | Wait:
    """The number of bytes, or what to wait for. Raises OSError as send(2) does."""

    def attempt() -> int | None:
        try:
            return socket.send(message)
        except BlockingIOError:
            return None

    if (done := attempt()) is not None:
        return done
    if message.flags & DONTWAIT or not socket.waits:
        raise failed(errno.EAGAIN)
    return _wait(socket, attempt, -errno.EAGAIN)


def _wait(socket: SocketCopy, again: Callable[[], int | None], expired: int) -> Wait:
    timeout_s = socket.send_timeout_s
    deadline_s = None if timeout_s is None else time.monotonic() + timeout_s
    return Wait(socket=socket, again=again, deadline_s=deadline_s, expired=expired)
