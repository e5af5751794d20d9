"""Group numbers for executions: one for each, which tells their sockets from all others."""

import ctypes
import os
import socket
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from ..syscalls import processor

# Numbers that nothing gives out: https://systemd.io/UIDS-GIDS leaves the first free, Debian's policy
# (section 9.2.2) reserves those above the second. Each server takes the highest block that is free.
_TOPS: Final = (2_000_000_000, 60_000)
_BLOCK: Final = 1000
_MOST_SERVERS: Final = 16

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


class OwnGroups:
    """A block of group numbers that no other server in this network namespace uses."""

    def __init__(self, gid_map: str | None = None) -> None:
        """Raises OSError if no block is mapped in this user namespace, or none is free."""
        text = Path("/proc/self/gid_map").read_text() if gid_map is None else gid_map
        blocks = list(_mapped_blocks(text))
        if not blocks:
            raise OSError("this user namespace has no group numbers to spare (gid_map)")
        self.numbers, self._lock = _locked(blocks)
        self._free = deque(self.numbers)

    def close(self) -> None:
        """Leave the block to others."""
        self._lock.close()

    def take(self) -> int:
        """One number, the one that has been free for longest; raises OSError if none is."""
        if not self._free:
            raise OSError("every group number of this server is taken")
        return self._free.popleft()

    def give_back(self, number: int) -> None:
        """It may be taken again: nothing is allowed to it any more."""
        self._free.append(number)


def change_thread_to(group: int) -> Callable[[], None]:
    """For the thread that starts a program: what it starts has that group. Needs CAP_SETGID.

    The old ones stay as supplementary groups, which don't show on sockets and can't become the
    group again: for net.ipv4.ping_group_range, and for files that only a group may read. The calls
    are made without the C library, which would change every thread (credentials(7)). Afterwards the
    server is no longer dumpable (prctl(2), PR_SET_DUMPABLE): nobody of its user may trace it.
    """
    kept = sorted({*os.getgroups(), os.getegid()})
    here = processor()

    def change() -> None:
        if here is None:
            raise OSError(f"no system calls are written down for {os.uname().machine}")
        array = (ctypes.c_uint32 * len(kept))(*kept)
        _called(here.numbers["setgroups"], ctypes.c_size_t(len(kept)), array)
        _called(here.numbers["setresgid"], *[ctypes.c_uint32(group)] * 3)

    return change


def _mapped_blocks(gid_map: str) -> Iterator[range]:
    mapped = [
        range(int(first), int(first) + int(count))
        for first, _, count in (line.split() for line in gid_map.splitlines())
    ]
    for top in _TOPS:
        for number in range(_MOST_SERVERS):
            block = range(top - (number + 1) * _BLOCK, top - number * _BLOCK)
            if any(block[0] in some and block[-1] in some for some in mapped):
                yield block


def _locked(blocks: list[range]) -> tuple[range, socket.socket]:
    """An abstract socket's name belongs to a network namespace, as packet filters do."""
    for block in blocks:
        lock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            lock.bind(f"\0netsonde-groups-{block[0]}")
        except OSError:
            lock.close()
            continue
        return block, lock
    raise OSError("too many servers in this network namespace")


def _called(number: int, *arguments: object) -> None:
    if _libc.syscall(ctypes.c_long(number), *arguments) < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
