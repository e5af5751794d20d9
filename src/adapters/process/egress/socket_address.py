"""Where a foreign program wants to send, read from the bytes it gave (struct sockaddr of sys/socket.h).

What is read is written anew for the kernel: so it sees what was judged, and nothing beside it.
"""

import errno
import os
import struct
from ipaddress import IPv4Address, IPv6Address
from typing import Final

import msgspec

from ....domain.target import Address

AF_UNSPEC, AF_INET, AF_INET6, AF_NETLINK = 0, 2, 10, 16
MAX_BYTES: Final = 128  # sizeof(struct sockaddr_storage): more is EINVAL
DISCONNECT: Final = bytes(16)  # AF_UNSPEC: connect(2) takes a datagram socket's peer away
_IPV6_LEAST: Final = 24  # SIN6_LEN_RFC2133: without a scope
_IPV6_WHOLE: Final = 28
_TRAFFIC_CLASS: Final = 0x0FF00000  # in sin6_flowinfo
_LOOPBACK: Final = IPv4Address("127.0.0.1")
_LOOPBACK_6: Final = IPv6Address("::1")


class Destination(msgspec.Struct, frozen=True, kw_only=True):
    """An address to be judged, the port (0 where there is none), and both as the kernel reads them."""

    address: Address
    port: int
    scope: int = 0
    raw: bytes

    def told(self, protocol: str) -> str:
        """As `10.0.0.9 tcp 80`, `fe80::9%2 udp 53` or `10.0.0.9 icmp`."""
        scope = f"%{self.scope}" if self.scope else ""
        port = f" {self.port}" if protocol in ("tcp", "udp") else ""
        return f"{self.address}{scope} {protocol}{port}"


def parse(raw: bytes, *, unspecified: int = AF_UNSPEC) -> Destination:
    """Raises OSError with the errno that the kernel has for it.

    `unspecified` is the family that AF_UNSPEC means: sendto(2) on IPv4 takes it for AF_INET.
    """
    if len(raw) < 2 or len(raw) > MAX_BYTES:
        raise failed(errno.EINVAL)
    family: int = struct.unpack_from("=H", raw)[0] or unspecified
    if family == AF_INET:
        return _ipv4(raw)
    if family == AF_INET6:
        return _ipv6(raw)
    raise failed(errno.EAFNOSUPPORT)


def is_unspecified(raw: bytes) -> bool:
    """Whether it says AF_UNSPEC."""
    return 2 <= len(raw) <= MAX_BYTES and raw[:2] == b"\0\0"


def failed(number: int) -> OSError:
    """For the program to get as its errno."""
    return OSError(number, os.strerror(number))


def _ipv4(raw: bytes) -> Destination:
    if len(raw) < 16:
        raise failed(errno.EINVAL)
    port, packed = struct.unpack_from("!2xH4s", raw)
    # To the kernel 0.0.0.0 is this host, by an address that depends on the socket: made definite.
    address = IPv4Address(packed) if any(packed) else _LOOPBACK
    return Destination(
        address=address,
        port=port,
        raw=struct.pack("=H", AF_INET) + struct.pack("!H4s8x", port, address.packed),
    )


def _ipv6(raw: bytes) -> Destination:
    if len(raw) < _IPV6_LEAST:
        raise failed(errno.EINVAL)
    port, flow, packed = struct.unpack_from("!2xHI16s", raw)
    address = IPv6Address(packed) if any(packed) else _LOOPBACK_6
    mapped = address.ipv4_mapped
    if mapped is not None and not int(mapped):
        mapped, address = _LOOPBACK, IPv6Address(b"\0" * 10 + b"\xff\xff" + _LOOPBACK.packed)
    scope = 0
    # Elsewhere the kernel doesn't look at it.
    if len(raw) >= _IPV6_WHOLE and (address.is_link_local or address.is_multicast):
        scope = struct.unpack_from("=I", raw, 24)[0]
    return Destination(
        address=address if mapped is None else mapped,
        port=port,
        scope=scope,
        # The class, and no flow label: one that was registered may bring a source route along
        # (ip6_flowlabel.c).
        raw=struct.pack("=H", AF_INET6)
        + struct.pack("!HI16s", port, flow & _TRAFFIC_CLASS, address.packed)
        + struct.pack("=I", scope),
    )
