"""Capabilities of a thread (capabilities(7)), taken away before it starts a program."""

import ctypes
import os
from typing import Final

CAP_SETPCAP, CAP_NET_ADMIN, CAP_NET_RAW, CAP_SYS_ADMIN = 8, 12, 13, 21  # linux/capability.h
_PR_CAPBSET_READ, _PR_CAPBSET_DROP = 23, 24
_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_LOWER, _PR_CAP_AMBIENT_CLEAR_ALL = 47, 3, 4
_MOST: Final = 64

_libc = ctypes.CDLL(None, use_errno=True)


def bound_to(*kept: int) -> None:
    """Take all others from the calling thread's bounding set; needs CAP_SETPCAP. Raises OSError."""
    for number in range(_MOST):
        if number not in kept and _libc.prctl(_PR_CAPBSET_READ, number, 0, 0, 0) == 1:
            _checked(_libc.prctl(_PR_CAPBSET_DROP, number, 0, 0, 0))


def clear_ambient() -> None:
    """So that a program of a user that isn't root starts with none. Raises OSError."""
    _checked(_libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0))


def give_up(number: int) -> None:
    """Keep what the calling thread starts from getting this one, as far as that may be asked for.

    Without CAP_SETPCAP a program of root's may still get it.
    """
    _libc.prctl(_PR_CAPBSET_DROP, number, 0, 0, 0)
    _checked(_libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_LOWER, number, 0, 0))


def effective_in(status: str) -> int:
    """The effective set, a bit for each, in the text of /proc/PID/status."""
    for line in status.splitlines():
        if line.startswith("CapEff:"):
            return int(line.split()[1], 16)
    return 0


def _checked(result: int) -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
