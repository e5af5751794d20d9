"""What packet filters held back, as the kernel reports it (linux/netfilter/nfnetlink_log.h)."""

import struct
from collections.abc import Iterator
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address
from typing import Final

import msgspec

from . import netfilter

_PACKET, _CONFIG = 0x0400, 0x0401  # NFNL_SUBSYS_ULOG with NFULNL_MSG_PACKET, NFULNL_MSG_CONFIG
_CFG_CMD, _CFG_MODE, _CFG_THRESHOLD = 1, 2, 5  # NFULA_CFG_*
_BIND: Final = 1
_COPY_PACKET: Final = 2
_HEADER, _PAYLOAD, _GROUP_ID = 1, 9, 14  # NFULA_PACKET_HDR, NFULA_PAYLOAD, NFULA_GID

SNAPLEN: Final = 128

_ETH_P_IP, _ETH_P_ARP, _ETH_P_IPV6 = 0x0800, 0x0806, 0x86DD
_ETHERNET_BYTES: Final = 14
_PROTOCOLS: Final = {1: "icmp", 6: "tcp", 17: "udp", 58: "icmpv6", 132: "sctp"}
_WITH_PORTS: Final = (6, 17, 132)


class Held(msgspec.Struct, frozen=True):
    """A packet that was held back: the group of its sender, and where it was to go."""

    group: int
    destination: str


class HeldPackets:
    """A netlink socket to which one log group's packets come, each before its sender goes on."""

    def __init__(self, log_group: int) -> None:
        """Raises OSError: EPERM without CAP_NET_ADMIN, EBUSY if somebody has that group."""
        self._netlink = netfilter.opened()
        try:
            # A threshold of one: the kernel would gather packets for a second.
            for attribute, value in (
                (_CFG_CMD, struct.pack("=B", _BIND)),
                (_CFG_MODE, struct.pack("!IBB", SNAPLEN, _COPY_PACKET, 0)),
                (_CFG_THRESHOLD, struct.pack("!I", 1)),
            ):
                request = netfilter.configuration(_CONFIG, log_group, attribute, value)
                netfilter.asked(self._netlink, request)
        except OSError:
            self._netlink.close()
            raise

    def fileno(self) -> int:
        """For a selector."""
        return self._netlink.fileno()

    def close(self) -> None:
        """Hear no more."""
        self._netlink.close()

    def read(self) -> Iterator[Held]:
        """All that has come, without waiting. What found no room in the socket is passed over."""
        for data in netfilter.received(self._netlink):
            yield from read_messages(data)


def read_messages(data: bytes) -> Iterator[Held]:
    """The packets in netlink messages; whatever isn't one, or has no sender's group, is passed over."""
    for kind, body in netfilter.messages(data):
        if kind != _PACKET:
            continue
        attributes = dict(netfilter.attributes(body))
        group, header = attributes.get(_GROUP_ID, b""), attributes.get(_HEADER, b"")
        if len(group) == 4 and len(header) >= 2:
            protocol = int.from_bytes(header[:2], "big")
            packet = attributes.get(_PAYLOAD, b"")
            yield Held(int.from_bytes(group, "big"), destination(protocol, packet))


def destination(protocol: int, packet: bytes) -> str:
    """Where a packet was to go: `10.0.0.9 tcp 80`, `arp 10.0.0.9`, or its kind if it has no address.

    `protocol` is its EtherType; `packet` begins with its network header, or with an Ethernet header.
    """
    if packet[12:14] == protocol.to_bytes(2, "big") and not _begins(protocol, packet):
        packet = packet[_ETHERNET_BYTES:]
    with suppress(struct.error, ValueError):
        if protocol == _ETH_P_IP and _begins(protocol, packet):
            address, number = IPv4Address(packet[16:20]), packet[9]
            return f"{address} {_of_transport(number, packet[(packet[0] & 15) * 4 :])}"
        if protocol == _ETH_P_IPV6 and _begins(protocol, packet):
            return f"{IPv6Address(packet[24:40])} {_of_transport(packet[6], packet[40:])}"
        if protocol == _ETH_P_ARP and len(packet) >= 28:
            return f"arp {IPv4Address(packet[24:28])}"
    return f"frame 0x{protocol:04x}"


def _begins(protocol: int, packet: bytes) -> bool:
    version, length = (4, 20) if protocol == _ETH_P_IP else (6, 40)
    return (
        protocol in (_ETH_P_IP, _ETH_P_IPV6) and len(packet) >= length and packet[0] >> 4 == version
    )


def _of_transport(number: int, segment: bytes) -> str:
    name = _PROTOCOLS.get(number, f"protocol {number}")
    if number in _WITH_PORTS and len(segment) >= 4:
        return f"{name} {int.from_bytes(segment[2:4], 'big')}"
    return name
