"""From the bytes of an Ethernet frame to who was addressed, by which protocol and port. Pure."""

import ipaddress
import struct
from dataclasses import dataclass
from typing import Final

_PROTOCOLS: Final = {1: "icmp", 2: "igmp", 6: "tcp", 17: "udp", 58: "icmp6", 132: "sctp"}
_WITH_PORTS: Final = frozenset(("tcp", "udp", "sctp"))
# RFC 8200 section 4.1: hop-by-hop, routing, destination options. A fragment header is read apart.
_IPV6_EXTENSIONS: Final = frozenset((0, 43, 60))
_IPV6_FRAGMENT: Final = 44
_NEIGHBOUR_SOLICITATION: Final = 135


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet. In an ARP request or neighbour solicitation, `destination` is who is sought.

    A protocol without a name here is its number. Other frames have MAC addresses and an EtherType.
    """

    destination: str
    source: str
    protocol: str
    dport: int | None
    length: int


def parse(frame: bytes, length: int) -> Packet | None:
    """None for an ARP reply, which is an answer. `length` is that on the wire."""
    if len(frame) < 14:
        return Packet("", "", "short", None, length)
    ether_type = int.from_bytes(frame[12:14])
    rest = frame[14:]
    if ether_type == 0x0800 and len(rest) >= 20:
        return _ipv4(rest, length)
    if ether_type == 0x86DD and len(rest) >= 40:
        return _ipv6(rest, length)
    if ether_type == 0x0806 and len(rest) >= 28:
        asks = int.from_bytes(rest[6:8]) == 1
        return Packet(_ip(rest[24:28]), _ip(rest[14:18]), "arp", None, length) if asks else None
    return Packet(frame[0:6].hex(":"), frame[6:12].hex(":"), f"0x{ether_type:04x}", None, length)


def _ipv4(rest: bytes, length: int) -> Packet:
    header_bytes = (rest[0] & 0x0F) * 4
    protocol = _PROTOCOLS.get(rest[9], str(rest[9]))
    is_first_fragment = int.from_bytes(rest[6:8]) & 0x1FFF == 0
    dport = _dport(protocol, rest[header_bytes:]) if is_first_fragment else None
    return Packet(_ip(rest[16:20]), _ip(rest[12:16]), protocol, dport, length)


def _ipv6(rest: bytes, length: int) -> Packet:
    number, payload, is_first_fragment = rest[6], rest[40:], True
    while (number in _IPV6_EXTENSIONS or number == _IPV6_FRAGMENT) and len(payload) >= 8:
        if number == _IPV6_FRAGMENT:
            is_first_fragment = is_first_fragment and int.from_bytes(payload[2:4]) >> 3 == 0
            number, payload = payload[0], payload[8:]
        else:
            number, payload = payload[0], payload[(payload[1] + 1) * 8 :]
    source, destination = _ip(rest[8:24]), _ip(rest[24:40])
    if number == 58 and len(payload) >= 24 and payload[0] == _NEIGHBOUR_SOLICITATION:
        return Packet(_ip(payload[8:24]), source, "ndp", None, length)
    protocol = _PROTOCOLS.get(number, str(number))
    dport = _dport(protocol, payload) if is_first_fragment else None
    return Packet(destination, source, protocol, dport, length)


def _dport(protocol: str, payload: bytes) -> int | None:
    if protocol not in _WITH_PORTS or len(payload) < 4:
        return None
    port: int = struct.unpack_from("!H", payload, 2)[0]
    return port


def _ip(raw: bytes) -> str:
    return str(ipaddress.ip_address(raw))
