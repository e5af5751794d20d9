"""System calls that a filter hands over, and the answers to them (seccomp_unotify(2))."""

import ctypes
import errno
import fcntl
import os
import struct
from contextlib import suppress
from typing import Final

import msgspec

from ..landlock import refuse_new_privileges
from ..launch_thread import Program
from ..syscalls import Processor
from .socket_address import failed

_SET_MODE_FILTER: Final = 1
_NEW_LISTENER, _WAIT_KILLABLE = 1 << 3, 1 << 5
# SECCOMP_IOCTL_NOTIF_RECV, _SEND, _ID_VALID of linux/seccomp.h
_RECEIVE, _SEND, _IS_VALID = 0xC0502100, 0xC0182101, 0x40082102
_CALL: Final = struct.Struct("=QIIiIQ6Q")  # struct seccomp_notif
_ANSWER: Final = struct.Struct("=QqiI")  # struct seccomp_notif_resp

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


class Call(msgspec.Struct, frozen=True):
    """One that waits. `thread` is its caller's number here, 0 if it can't be seen from here."""

    id: int
    thread: int
    number: int
    arguments: tuple[int, ...]


def install(processor: Processor, filter_bytes: bytes) -> int:
    """Put the filter on the calling thread, for good; the listener, which is closed on exec.

    Raises OSError: EBUSY where a filter above has a listener already, as a container manager's may.
    """
    refuse_new_privileges()
    program = Program(len(filter_bytes) // 8, filter_bytes)
    # Waiting so that only a deadly signal ends it once it was received (Linux 5.19): a call that was
    # made already isn't made again. Without that it might be, to the same address.
    for flags in (_NEW_LISTENER | _WAIT_KILLABLE, _NEW_LISTENER):
        listener: int = _libc.syscall(
            *(ctypes.c_long(processor.numbers["seccomp"]), ctypes.c_long(_SET_MODE_FILTER)),
            *(ctypes.c_long(flags), ctypes.byref(program)),
        )
        if listener >= 0:
            return listener
        if ctypes.get_errno() != errno.EINVAL:
            break
    raise failed(ctypes.get_errno())


def receive(listener: int) -> Call | None:
    """The next; None if its caller has gone. To be called only when the listener is readable."""
    buffer = bytearray(_CALL.size)
    try:
        fcntl.ioctl(listener, _RECEIVE, buffer)
    except FileNotFoundError:
        return None
    identity, thread, _, number, _, _, *arguments = _CALL.unpack(buffer)
    return Call(identity, thread, number, tuple(arguments))


def still_waits(listener: int, call: Call) -> bool:
    """If not, its caller's number may be another's by now."""
    with suppress(OSError):
        fcntl.ioctl(listener, _IS_VALID, struct.pack("=Q", call.id))
        return True
    return False


def answer(listener: int, call: Call, result: int) -> None:
    """The call's result, or the errno below zero; nothing if its caller has gone."""
    value, error = (0, result) if result < 0 else (result, 0)
    with suppress(FileNotFoundError):
        fcntl.ioctl(listener, _SEND, _ANSWER.pack(call.id, value, error, 0))


def close(listener: int) -> None:
    """Whoever waits gets ENOSYS, now and later."""
    os.close(listener)
