"""This host's network devices, and the news that one came, went or changed (rtnetlink(7))."""

import errno
import fcntl
import socket
import struct
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

_RTMGRP_LINK: Final = 1
_RTM_DELLINK: Final = 17
_HEADER: Final = struct.Struct("=IH14xi")
_MOST_READ: Final = 1 << 16
_SIOCGIFHWADDR: Final = 0x8927
# linux/if_arp.h: ARPHRD_ETHER, and ARPHRD_LOOPBACK, whose frames have Ethernet's header too.
_ETHERNET_KINDS: Final = (1, 772)


class DeviceNews:
    """A netlink socket that becomes readable when the list of devices may be another."""

    def __init__(self) -> None:
        """Raises OSError."""
        kind = socket.SOCK_RAW | socket.SOCK_NONBLOCK
        self._socket = socket.socket(socket.AF_NETLINK, kind, 0)
        try:
            self._socket.bind((0, _RTMGRP_LINK))
        except OSError:
            self._socket.close()
            raise

    def fileno(self) -> int:
        """For a selector."""
        return self._socket.fileno()

    def close(self) -> None:
        """Hear no more."""
        self._socket.close()

    def gone(self) -> set[int] | None:
        """The numbers of devices that went since the last call; None if that isn't known."""
        found: set[int] | None = set()
        while True:
            try:
                message = self._socket.recv(_MOST_READ)
            except BlockingIOError:
                return found
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise
                found = None  # some news were lost: told once, then what is there can be read
                continue
            if found is not None:
                found.update(_gone_in(message))


def _gone_in(message: bytes) -> Iterator[int]:
    """struct nlmsghdr and, of messages about devices, struct ifinfomsg."""
    while len(message) >= _HEADER.size:
        length, kind, index = _HEADER.unpack_from(message)
        if length < _HEADER.size:
            return
        if kind == _RTM_DELLINK:
            yield index
        message = message[(length + 3) & ~3 :]


def has_ethernet_header(device: str) -> bool:
    """Of its frames (netdevice(7)); not for one that is gone meanwhile."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking, suppress(OSError):
        answer = fcntl.ioctl(asking, _SIOCGIFHWADDR, struct.pack("16s24x", device.encode()))
        return int.from_bytes(answer[16:18], "little") in _ETHERNET_KINDS
    return False
