"""The standard streams as a protocol's two ends: taken for it alone, while prints go to stderr."""

import fcntl
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import msgspec

STDIN, STDOUT, STDERR = 0, 1, 2


class StandardStreams(msgspec.Struct, frozen=True, kw_only=True):
    """Private descriptors of the streams; None for one that was closed when the process began."""

    stdin: int | None
    stdout: int | None


@contextmanager
def claim() -> Iterator[StandardStreams]:
    """Take the streams: until the end, fd 0 is empty and what is written to fd 1 goes to stderr.

    The earlier this is entered, the fewer prints (of a plug-in's import, say) can reach the client.
    """
    taken = {number: _private(number) for number in (STDIN, STDOUT)}
    _divert(taken)
    try:
        yield StandardStreams(stdin=taken[STDIN], stdout=taken[STDOUT])
    finally:
        # What a stray print left in the buffer must go out before fd 1 is the client's again.
        with suppress(OSError, ValueError, AttributeError):
            sys.stdout.flush()
        for number, private in taken.items():
            if private is not None:
                os.dup2(private, number)
                os.close(private)


def _private(number: int) -> int | None:
    """A duplicate above the standard range, or None: a closed number may be anything by now."""
    with suppress(OSError):
        mode = os.fstat(number).st_mode
        if any(kind(mode) for kind in (stat.S_ISFIFO, stat.S_ISSOCK, stat.S_ISCHR, stat.S_ISREG)):
            return fcntl.fcntl(number, fcntl.F_DUPFD_CLOEXEC, STDERR + 1)
    return None


def _divert(taken: dict[int, int | None]) -> None:
    null = os.open(os.devnull, os.O_RDWR)
    try:
        if taken[STDIN] is not None:
            os.dup2(null, STDIN)
        if taken[STDOUT] is not None:
            try:
                os.dup2(STDERR, STDOUT)
            except OSError:
                os.dup2(null, STDOUT)
    finally:
        os.close(null)
