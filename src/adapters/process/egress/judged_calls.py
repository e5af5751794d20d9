"""Calls by which a program sends, made in its stead on copies of what it asked for.

Never let through: between judging what is in its memory and the kernel's own reading of it, another
of its threads could write another address there.
"""

import ctypes
import errno
import os
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import msgspec

from ..syscalls import Processor
from . import ancillary, foreign_process, socket_address
from .guard import DNS_PORTS, Destinations
from .notifications import Call
from .socket_address import AF_INET, AF_NETLINK, AF_UNSPEC, Destination, failed
from .socket_copy import PASSING_FLAGS, Message, SocketCopy
from .waiting_call import Wait, connected, sent

MAX_DATA_BYTES: Final = 1 << 16  # more than a datagram can have; a stream is sent in parts
_MAX_PIECES: Final = 1024  # UIO_MAXIOV
_MAX_MESSAGES: Final = (
    16  # in one sendmmsg(2): the program is told how many, and goes on from there
)

_HEADER: Final = struct.Struct("=Qi4xQQQQ8x")  # struct msghdr
_MESSAGE_BYTES: Final = 64  # struct mmsghdr: the same, and the number of bytes sent
_SENT_AT: Final = 56
_NETLINK_KERNEL: Final = struct.pack("=HHII", AF_NETLINK, 0, 0, 0)  # struct sockaddr_nl


def allows(destinations: Destinations, to: Destination, protocol: str) -> bool:
    """Whether the execution may send there."""
    if any(to.address in network for network in destinations.networks):
        return True
    asks = protocol in ("tcp", "udp") and to.port in DNS_PORTS
    return asks and to.address in destinations.resolvers


class JudgedCalls:
    """Those of one execution. `tell` gets what was held back, `is_current` says if a call waits."""

    def __init__(
        self,
        processor: Processor,
        destinations: Destinations,
        tell: Callable[[str], None],
        is_current: Callable[[Call], bool],
    ) -> None:
        self._processor = processor
        self._destinations = destinations
        self._tell = tell
        self._is_current = is_current
        numbers = processor.numbers
        self._made = {
            numbers["connect"]: self._connect,
            numbers["sendto"]: self._sendto,
            numbers["sendmsg"]: self._sendmsg,
            numbers["sendmmsg"]: self._sendmmsg,
        }
        self._lock = threading.Lock()
        self._in_hand: SocketCopy | None = None

    @contextmanager
    def in_hand(self, socket: SocketCopy) -> Iterator[None]:
        """While the socket is used, `interrupt` can shut it."""
        self._in_hand = socket
        try:
            yield
        finally:
            with self._lock:
                self._in_hand = None

    def interrupt(self) -> None:
        """From another thread: let a call return that a hostile program has made wait."""
        with self._lock:
            if self._in_hand is not None:
                self._in_hand.shut()

    def make(self, call: Call) -> int | Wait:
        """The call's result, or what to wait for. Raises OSError with the errno for the program."""
        make = self._made.get(call.number)
        if not call.thread or make is None:
            raise failed(errno.EPERM)
        descriptor = foreign_process.descriptor_of(
            self._processor, call.thread, _signed(call.arguments[0])
        )
        outcome: int | Wait | None = None
        try:
            socket = SocketCopy(descriptor)
            with self.in_hand(socket):
                outcome = make(call, socket)
            return outcome
        finally:
            if not isinstance(outcome, Wait):
                os.close(descriptor)

    def _connect(self, call: Call, socket: SocketCopy) -> int | Wait:
        raw = self._address(call, call.arguments[1], _signed(call.arguments[2]))
        if socket.family == AF_NETLINK:
            raise failed(errno.EPERM)
        if socket_address.is_unspecified(raw):
            self._make_sure(call)
            socket.connect(socket_address.DISCONNECT)
            return 0
        to = self._judged(socket_address.parse(raw), socket)
        self._make_sure(call)
        return connected(socket, to)

    def _sendto(self, call: Call, socket: SocketCopy) -> int | Wait:
        _, start, length, flags, to_start, to_length = call.arguments
        if length > MAX_DATA_BYTES:
            raise failed(errno.EMSGSIZE)
        raw = self._address(call, to_start, _signed(to_length))
        data = foreign_process.read_memory(call.thread, (start, length))
        message = self._message(socket, raw, data, b"", flags)
        self._make_sure(call)
        return sent(socket, message)

    def _sendmsg(self, call: Call, socket: SocketCopy) -> int | Wait:
        _, start, flags, *_ = call.arguments
        message = self._read_message(call, socket, start, flags)
        self._make_sure(call)
        return sent(socket, message)

    def _sendmmsg(self, call: Call, socket: SocketCopy) -> int | Wait:
        _, start, count, flags, *_ = call.arguments
        for index in range(min(count & 0xFFFFFFFF, _MAX_MESSAGES)):
            place = start + index * _MESSAGE_BYTES
            try:
                message = self._read_message(call, socket, place, flags)
                self._make_sure(call)
                done = sent(socket, message)
            except OSError:
                if index == 0:
                    raise
                return index  # the error comes again, with the next call
            if isinstance(done, Wait):
                return index or _first_of_many(done, call.thread, place)
            _note_sent(call.thread, place, done)
        return min(count & 0xFFFFFFFF, _MAX_MESSAGES)

    def _read_message(self, call: Call, socket: SocketCopy, start: int, flags: int) -> Message:
        thread = call.thread
        raw_header = foreign_process.read_memory(thread, (start, _HEADER.size))
        to_start, to_length, pieces, count, control, control_bytes = _HEADER.unpack(raw_header)
        if count > _MAX_PIECES:
            raise failed(errno.EMSGSIZE)
        if control_bytes > ancillary.MAX_BYTES:
            raise failed(errno.ENOBUFS)
        raw = self._address(call, to_start, min(to_length, socket_address.MAX_BYTES))
        ancillary_data = foreign_process.read_memory(thread, (control, control_bytes))
        listed = foreign_process.read_memory(thread, (pieces, 16 * count))
        data = foreign_process.read_memory(thread, *_bounded(listed, socket.is_stream))
        return self._message(socket, raw, data, ancillary_data, flags)

    def _message(
        self, socket: SocketCopy, raw: bytes, data: bytes, control: bytes, flags: int
    ) -> Message:
        to = b""
        if socket.family == AF_NETLINK:
            # To the kernel, and with its address: without one it would ask for our capabilities only.
            if control or (raw and not _is_kernel(raw)) or not ancillary.only_asks(data):
                raise failed(errno.EPERM)
            to = _NETLINK_KERNEL
        elif raw:
            unspecified = AF_INET if socket.family == AF_INET else AF_UNSPEC
            to = self._judged(socket_address.parse(raw, unspecified=unspecified), socket)
        if socket.is_stream:
            to = b""  # a connected one doesn't look at it, and by MSG_FASTOPEN no other may send
        if flags & 0xFFFFFFFF & ~PASSING_FLAGS:
            raise failed(errno.EOPNOTSUPP)
        if not ancillary.are_harmless(control):
            raise failed(errno.EPERM)
        return Message(data=data, to=to, control=control, flags=flags & PASSING_FLAGS)

    def _judged(self, to: Destination, socket: SocketCopy) -> bytes:
        if not allows(self._destinations, to, socket.protocol):
            self._tell(to.told(socket.protocol))
            raise failed(errno.EPERM)
        return to.raw

    def _address(self, call: Call, start: int, length: int) -> bytes:
        if not start:
            return b""
        if not 0 <= length <= socket_address.MAX_BYTES:
            raise failed(errno.EINVAL)
        return foreign_process.read_memory(call.thread, (start, length))

    def _make_sure(self, call: Call) -> None:
        """What was read is only its caller's if that one still waits; a number may be given anew."""
        if not self._is_current(call):
            raise failed(errno.ESRCH)


def _is_kernel(raw: bytes) -> bool:
    """Whether a struct sockaddr_nl, whose second field is padding, names the kernel alone."""
    family, _, *others = struct.unpack_from("=HHII", raw.ljust(12, b"\xff"))
    return family == AF_NETLINK and not any(others)


def _first_of_many(wait: Wait, thread: int, place: int) -> Wait:
    def again() -> int | None:
        done = wait.again()
        if done is None:
            return None
        _note_sent(thread, place, done)
        return 1

    return msgspec.structs.replace(wait, again=again)


def _note_sent(thread: int, place: int, sent: int) -> None:
    foreign_process.write_memory(thread, place + _SENT_AT, struct.pack("=I", sent))


def _bounded(listed: bytes, is_stream: bool) -> list[tuple[int, int]]:
    """The pieces of struct iovec; of a stream's, as many bytes as we copy at once."""
    room, pieces = MAX_DATA_BYTES, []
    for start, length in struct.iter_unpack("=QQ", listed):
        if length > room and not is_stream:
            raise failed(errno.EMSGSIZE)
        if length:
            pieces.append((start, min(length, room)))
            room -= pieces[-1][1]
        if not room and is_stream:
            break
    return pieces


def _signed(value: int) -> int:
    return ctypes.c_int(value & 0xFFFFFFFF).value
