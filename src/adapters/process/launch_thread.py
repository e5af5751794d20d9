"""A thread that gives up rights and then starts one program, which inherits what is left.

Landlock domains, seccomp filters and "no new privileges" belong to a thread, not to a process, so no
helper program is needed between the server and the program, and no code runs between fork and exec.
"""

import _thread
import ctypes
import errno
import os
import weakref
from collections.abc import Callable
from typing import Generic, TypeVar

_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 22, 2

_LOOK_S = 0.01

T = TypeVar("T")


class _Token:
    """Shows by its end that a thread has come to its own."""


class LaunchThread(Generic[T]):
    """Runs `start` in a thread of its own, after `confine`, and keeps that thread until `end`.

    The parent-death signal of a program comes at the end of the thread that started it (prctl(2)):
    so the thread must stay for as long as the program does.
    """

    def __init__(self, confine: Callable[[], None], start: Callable[[], T]) -> None:
        """Blocks until the program is started; raises what `confine` or `start` raised, or OSError
        if there is no thread to be had.

        Not by threading.Thread: its `start` waits for ever for a thread that had no memory to begin.
        """
        done, self._released = _locked(), _locked()
        result: list[T] = []
        failure: list[BaseException | None] = [None]
        work = _work(confine, start, result, failure, done, self._released)
        token = _Token()
        begun = weakref.ref(token)
        try:
            _thread.start_new_thread(work, (token,))
        except RuntimeError as error:
            raise OSError(errno.EAGAIN, "no thread can be started") from error
        del token  # now it is the thread's alone, and gone with it
        while not done.acquire(timeout=_LOOK_S):
            if begun() is None and not done.acquire(blocking=False):
                raise OSError(errno.ENOMEM, "a thread could not begin")
        if failure[0] is not None:
            self.end()
            raise failure[0]
        if not result:
            self.end()
            raise MemoryError
        self.result = result[0]

    def end(self) -> None:
        """Let the thread end, once the program has. Once is enough."""
        if self._released.locked():
            self._released.release()


def _work(
    confine: Callable[[], None],
    start: Callable[[], T],
    result: list[T],
    failure: list[BaseException | None],
    done: _thread.LockType,
    released: _thread.LockType,
) -> Callable[[_Token], None]:
    """What the thread does. Locks are released without a need for memory, which events aren't."""

    def work(token: _Token) -> None:
        try:
            confine()
            result.append(start())
        except BaseException as error:  # any: raised in the caller
            failure[0] = error
        finally:
            done.release()
        released.acquire()

    return work


def _locked() -> _thread.LockType:
    lock = _thread.allocate_lock()
    lock.acquire()
    return lock


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
