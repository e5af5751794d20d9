"""What this server may really do: its capabilities, and the sockets that the kernel opens for it."""

import os
import socket
from collections.abc import Callable
from pathlib import Path

from ..domain.privileges import Privileges

CAP_NET_RAW = 1 << 13  # linux/capability.h


def look_up_privileges() -> Privileges:
    """Ask the kernel; no packet is sent."""
    return judge_privileges(Path("/proc/self/status").read_text(), os.geteuid(), _can_open)


def judge_privileges(
    status: str, uid: int, can_open: Callable[[socket.SocketKind], bool]
) -> Privileges:
    """`status` is the text of /proc/self/status; `can_open` tries an ICMP socket of that kind.

    The capability sets alone don't tell: in a user namespace they may be full and still not count
    for the network namespace. The socket alone doesn't tell either: what the server holds may be
    lost at execve(2) of a program. ping_group_range is asked by opening a socket, since
    supplementary groups count too.
    """
    return Privileges(
        raw_sockets=_survives_exec(status, uid) and can_open(socket.SOCK_RAW),
        icmp_sockets=can_open(socket.SOCK_DGRAM),
        uid=uid,
    )


def _survives_exec(status: str, uid: int) -> bool:
    """Capabilities(7): uid 0 keeps what is permitted and bounded, others only what is ambient."""
    sets = {
        name: int(value, 16)
        for name, _, value in (line.partition(":") for line in status.splitlines())
        if name.startswith("Cap")
    }
    needed = ("CapEff", "CapBnd") if uid == 0 else ("CapAmb",)
    return all(sets.get(name, 0) & CAP_NET_RAW for name in needed)


def _can_open(kind: socket.SocketKind) -> bool:
    try:
        socket.socket(socket.AF_INET, kind, socket.IPPROTO_ICMP).close()
    except OSError:
        return False
    return True
