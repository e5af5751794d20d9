"""Memory and descriptors of another process (process_vm_readv(2), pidfd_getfd(2)), in bounds.

Both need what ptrace(2) needs. What the kernel refuses is raised as OSError, with the name of the
call that it refused as its `filename`.
"""

import ctypes
import errno
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from ..syscalls import Processor
from .socket_address import failed

_PIDFD_THREAD: Final = os.O_EXCL  # linux/pidfd.h, Linux 6.9

# A page that must be fetched first makes the reader wait: others shall run meanwhile.
_libc = ctypes.CDLL(None, use_errno=True)
# These don't wait, and giving the interpreter's lock away costs more than they do.
_quick = ctypes.PyDLL(None, use_errno=True)
_quick.syscall.restype = ctypes.c_long


class Piece(ctypes.Structure):
    """struct iovec."""

    _fields_ = (("start", ctypes.c_void_p), ("length", ctypes.c_size_t))


for _function in (_libc.process_vm_readv, _libc.process_vm_writev):
    _function.restype = ctypes.c_ssize_t
    _function.argtypes = (
        *(ctypes.c_int, ctypes.c_void_p, ctypes.c_ulong),
        *(ctypes.c_void_p, ctypes.c_ulong, ctypes.c_ulong),
    )


def read_memory(thread: int, *pieces: tuple[int, int]) -> bytes:
    """All pieces (start, length), one after the other; the caller has bounded them.

    Raises OSError: EFAULT where a part isn't there, EPERM where it may not be read.
    """
    size = sum(length for _, length in pieces)
    if not size:
        return b""
    buffer = ctypes.create_string_buffer(size)
    if _moved(_libc.process_vm_readv, thread, buffer, size, pieces) != size:
        raise failed(errno.EFAULT)
    return buffer.raw


def write_memory(thread: int, start: int, content: bytes) -> None:
    """Raises OSError as `read_memory` does."""
    buffer = ctypes.create_string_buffer(content, len(content))
    if _moved(_libc.process_vm_writev, thread, buffer, len(content), ((start, len(content)),)) != (
        len(content)
    ):
        raise failed(errno.EFAULT)


def descriptor_of(processor: Processor, thread: int, number: int) -> int:
    """A copy of a thread's descriptor, closed on exec; raises OSError, EBADF if it has none such."""
    pidfd = _pidfd_of(processor, thread)
    try:
        return _call(processor, "pidfd_getfd", pidfd, number, 0)
    finally:
        os.close(pidfd)


def has_caught_signal(thread: int) -> bool:
    """Whether a signal waits for which the thread has a handler; not when that can't be told."""
    sets = {}
    with suppress(OSError, ValueError):
        for line in Path(f"/proc/{thread}/status").read_text("ascii", "replace").splitlines():
            name, _, value = line.partition(":")
            if name in ("SigPnd", "ShdPnd", "SigBlk", "SigCgt"):
                sets[name] = int(value, 16)
        return bool((sets["SigPnd"] | sets["ShdPnd"]) & ~sets["SigBlk"] & sets["SigCgt"])
    return False


def _pidfd_of(processor: Processor, thread: int) -> int:
    """Of the thread itself where there is such a thing: it may have descriptors of its own."""
    try:
        return _call(processor, "pidfd_open", thread, _PIDFD_THREAD)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
    with suppress(OSError):
        return _call(processor, "pidfd_open", thread, 0)
    return _call(processor, "pidfd_open", _process_of(thread), 0)


def _process_of(thread: int) -> int:
    for line in Path(f"/proc/{thread}/status").read_text("ascii", "replace").splitlines():
        if line.startswith("Tgid:"):
            return int(line.split()[1])
    raise failed(errno.ESRCH)


def _moved(
    function: "ctypes._NamedFuncPointer",
    thread: int,
    buffer: "ctypes.Array[ctypes.c_char]",
    size: int,
    pieces: Sequence[tuple[int, int]],
) -> int:
    local = Piece(ctypes.addressof(buffer), size)
    remote = (Piece * len(pieces))(*(Piece(*piece) for piece in pieces))
    moved: int = function(thread, ctypes.byref(local), 1, ctypes.byref(remote), len(pieces), 0)
    if moved < 0:
        raise _refused(function.__name__)
    return moved


def _call(processor: Processor, name: str, *arguments: int) -> int:
    number = ctypes.c_long(processor.numbers[name])
    result: int = _quick.syscall(number, *map(ctypes.c_long, arguments))
    if result < 0:
        raise _refused(name)
    return result


def _refused(name: str) -> OSError:
    number = ctypes.get_errno()
    return OSError(number, os.strerror(number), name)
