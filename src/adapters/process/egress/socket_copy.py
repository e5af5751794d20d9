"""A program's socket in the server's hands: what it is, and sending by it without ever waiting."""

import ctypes
import errno
import fcntl
import os
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import msgspec

from .foreign_process import Piece
from .socket_address import AF_INET, AF_INET6, AF_NETLINK, failed

STREAM: Final = 1  # SOCK_STREAM
DONTWAIT, _NOSIGNAL = 0x40, 0x4000
# MSG_DONTROUTE DONTWAIT EOR CONFIRM NOSIGNAL MORE. Not MSG_FASTOPEN, which connects, nor
# MSG_ZEROCOPY, which would send from memory of ours.
PASSING_FLAGS: Final = 0x04 | DONTWAIT | 0x80 | 0x800 | _NOSIGNAL | 0x8000
_SO_DOMAIN: Final = 39
_PROTOCOLS: Final = {
    (AF_INET, 6): "tcp",
    (AF_INET, 17): "udp",
    (AF_INET, 1): "icmp",
    (AF_INET6, 6): "tcp",
    (AF_INET6, 17): "udp",
    (AF_INET6, 58): "icmp",
    (AF_NETLINK, 0): "netlink",
}
_TIMEVAL: Final = struct.Struct("=qq")

# Its state is shared with the program, which may take O_NONBLOCK away at any moment: so even these
# may wait, and must not hold the interpreter's lock.
_libc = ctypes.CDLL(None, use_errno=True)
_libc.sendmsg.restype = ctypes.c_ssize_t


class _Header(ctypes.Structure):
    """struct msghdr."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("name_length", ctypes.c_uint),
        ("pieces", ctypes.c_void_p),
        ("piece_count", ctypes.c_size_t),
        ("control", ctypes.c_char_p),
        ("control_length", ctypes.c_size_t),
        ("flags", ctypes.c_int),
    )


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be sent, copied and judged. Without `to`, to whom the socket is connected."""

    data: bytes
    to: bytes = b""
    control: bytes = b""
    flags: int = 0


class SocketCopy:
    """Owns the descriptor, which has its open file in common with the program's."""

    def __init__(self, descriptor: int) -> None:
        """Raises OSError if it is none of those that the filter lets a program make."""
        self.descriptor = descriptor
        self.family = self._option(_SO_DOMAIN)
        self.is_stream = self._option(socket.SO_TYPE) == STREAM
        protocol = _PROTOCOLS.get((self.family, self._option(socket.SO_PROTOCOL)))
        if protocol is None:
            raise failed(errno.EPERM)
        self.protocol = protocol

    @property
    def waits(self) -> bool:
        """Whether the program's calls on it wait."""
        return not fcntl.fcntl(self.descriptor, fcntl.F_GETFL) & os.O_NONBLOCK

    @property
    def send_timeout_s(self) -> float | None:
        """SO_SNDTIMEO, which bounds connecting too; None for no bound."""
        raw = self._bytes_option(socket.SO_SNDTIMEO, _TIMEVAL.size)
        seconds, microseconds = _TIMEVAL.unpack(raw)
        return float(seconds + microseconds / 1e6) or None

    def connect(self, to: bytes) -> None:
        """Raises OSError: EINPROGRESS or EALREADY while it isn't done."""
        if not self.is_stream:
            self._connect(to)
            return
        with self._not_waiting():
            self._connect(to)

    def send(self, message: Message) -> int:
        """The number of bytes sent; raises OSError: EAGAIN where it would have to wait."""
        data = message.data
        piece = Piece(ctypes.cast(ctypes.c_char_p(data), ctypes.c_void_p), len(data))
        header = _Header(
            message.to or None,
            len(message.to),
            ctypes.addressof(piece),
            1,
            message.control or None,
            len(message.control),
            0,
        )
        flags = message.flags | DONTWAIT | _NOSIGNAL
        sent: int = _libc.sendmsg(self.descriptor, ctypes.byref(header), flags)
        if sent < 0:
            raise failed(ctypes.get_errno())
        return sent

    def shut(self) -> None:
        """Whatever waits for it returns."""
        _libc.shutdown(self.descriptor, socket.SHUT_RDWR)

    def close(self) -> None:
        os.close(self.descriptor)

    def _connect(self, to: bytes) -> None:
        if _libc.connect(self.descriptor, to, len(to)) < 0:
            raise failed(ctypes.get_errno())

    @contextmanager
    def _not_waiting(self) -> Iterator[None]:
        flags = fcntl.fcntl(self.descriptor, fcntl.F_GETFL)
        if flags & os.O_NONBLOCK:
            yield
            return
        # connect(2) has no flag for it. The program's thread waits for our answer meanwhile; another
        # of its threads may see this for some microseconds.
        fcntl.fcntl(self.descriptor, fcntl.F_SETFL, flags | os.O_NONBLOCK)
        try:
            yield
        finally:
            fcntl.fcntl(self.descriptor, fcntl.F_SETFL, flags)

    def _option(self, name: int) -> int:
        return int.from_bytes(self._bytes_option(name, 4), "little")

    def _bytes_option(self, name: int, size: int) -> bytes:
        value = ctypes.create_string_buffer(size)
        length = ctypes.c_uint(size)
        if _libc.getsockopt(self.descriptor, socket.SOL_SOCKET, name, value, ctypes.byref(length)):
            raise failed(ctypes.get_errno())
        return value.raw
