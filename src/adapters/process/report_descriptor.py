"""The descriptor number at which a program finds its report pipe, kept free in this process."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from ...domain.plan import REPORT_FD


class _Reservation:
    """Whether this process holds the number: descriptors belong to the process, not to a runner."""

    held = False


def reserve_report_descriptor() -> str | None:
    """Take the number once, for as long as the process lives; a sentence when that is impossible."""
    if _Reservation.held:
        return None
    try:
        null = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
        try:
            number = fcntl.fcntl(null, fcntl.F_DUPFD_CLOEXEC, REPORT_FD)
        finally:
            os.close(null)
    except OSError as error:
        return f"descriptor {REPORT_FD} can't be reserved: {error.strerror}"
    if number != REPORT_FD:
        os.close(number)
        return f"descriptor {REPORT_FD} is in use by another part of this process"
    _Reservation.held = True
    return None


@contextmanager
def lent_to(write_end: int) -> Iterator[None]:
    """Put a pipe at the reserved number for the time of one spawn.

    Popen's pass_fds can't renumber, and a plan's argv (`-oX /dev/fd/63`) is written before any pipe
    exists. So the number is fixed and what is behind it changes: there must be no await inside, and
    another thread's spawn can't inherit the pipe, as the descriptor stays close-on-exec here.
    """
    null = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.dup2(write_end, REPORT_FD, inheritable=False)
        try:
            yield
        finally:
            os.dup2(null, REPORT_FD, inheritable=False)
    finally:
        os.close(null)
