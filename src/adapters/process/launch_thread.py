"""A thread that gives up rights and then starts one program, which inherits what is left.

Landlock domains, seccomp filters and "no new privileges" belong to a thread, not to a process, so no
helper program is needed between the server and the program, and no code runs between fork and exec.
"""

import ctypes
import os
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 22, 2

T = TypeVar("T")


class LaunchThread(Generic[T]):
    """Runs `start` in a thread of its own, after `confine`, and keeps that thread until `end`.

    The parent-death signal of a program comes at the end of the thread that started it (prctl(2)):
    so the thread must stay for as long as the program does.
    """

    def __init__(self, confine: Callable[[], None], start: Callable[[], T]) -> None:
        """Blocks until the program is started; raises what `confine` or `start` raised."""
        self._released = threading.Event()
        done = threading.Event()
        result: list[T] = []
        failure: list[BaseException] = []

        def work() -> None:
            try:
                confine()
                result.append(start())
            except BaseException as error:  # any: raised below, in the caller
                failure.append(error)
            done.set()
            self._released.wait()

        # A daemon: a server that ends must not wait for it.
        threading.Thread(target=work, name="netsonde-launch", daemon=True).start()
        done.wait()
        if failure:
            self._released.set()
            raise failure[0]
        self.result = result[0]

    def end(self) -> None:
        """Let the thread end, once the program has."""
        self._released.set()


def started_from_thread(confine: Callable[[], None], start: Callable[[], T]) -> T:
    """The same for something that has ended when `start` returns, as a probe has."""
    thread = LaunchThread(confine, start)
    thread.end()
    return thread.result


class Program(ctypes.Structure):
    """struct sock_fprog of linux/filter.h."""

    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def filter_calls(filter_bytes: bytes) -> None:
    """Put a seccomp filter on the calling thread; "no new privileges" must be set. Raises OSError."""
    program = Program(len(filter_bytes) // 8, filter_bytes)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
