"""This host's routers: the neighbours whom a program that makes frames itself must ask for."""

from collections.abc import Iterator
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

from ....domain.target import Address


def routers(proc: Path = Path("/proc/net")) -> frozenset[Address]:
    """The gateways of all routes now, as the kernel lists them (proc_pid_net(5))."""
    return frozenset((*_ipv4(_text(proc / "route")), *_ipv6(_text(proc / "ipv6_route"))))


def _ipv4(text: str) -> Iterator[IPv4Address]:
    for line in text.splitlines()[1:]:
        with suppress(ValueError, IndexError):
            # In the order of the bytes in memory, as a number of this processor.
            gateway = bytes.fromhex(line.split()[2])[::-1]
            if any(gateway):
                yield IPv4Address(gateway)


def _ipv6(text: str) -> Iterator[IPv6Address]:
    for line in text.splitlines():
        with suppress(ValueError, IndexError):
            gateway = bytes.fromhex(line.split()[4])
            if any(gateway):
                yield IPv6Address(gateway)


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:  # a kernel without that protocol
        return ""
