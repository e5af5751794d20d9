"""What the kernel tells of held packets: netlink messages, and the packets in them."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netsonde.adapters.process.egress.held_packets import Held, destination, read_messages

IP, ARP, IPV6 = 0x0800, 0x0806, 0x86DD
HEADER, PAYLOAD, GROUP = 1, 9, 14
TO_WEB = bytes.fromhex(
    "45000024000040004011 0000 0a4d0002 0a4d020a 0fa0 0009 0010 0000".replace(" ", "")
)
WITH_OPTIONS = bytes([0x46]) + TO_WEB[1:20] + b"\x01" * 4 + TO_WEB[20:]
TO_WEB6 = bytes.fromhex(
    "60000000 0008 06 40" + "fd77" + "00" * 13 + "02" + "fd77" + "00" * 13 + "10" + "0fa0 01bb"
)
ASKS = bytes.fromhex("0001 0800 06 04 0001 020000000001 0a4d0002 000000000000 0a4d0009")
ETHERNET = b"\xff" * 6 + b"\x02" * 6


def attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)


def message(*attributes: bytes, kind: int = 0x0400) -> bytes:
    body = bytes(4) + b"".join(attributes)
    return struct.pack("=IHHII", 16 + len(body), kind, 0, 0, 0) + body


def held(group: int, protocol: int, packet: bytes) -> bytes:
    header = struct.pack("!HBB", protocol, 3, 0)
    parts = ((HEADER, header), (PAYLOAD, packet), (GROUP, group.to_bytes(4, "big")))
    return message(*(attribute(*part) for part in parts))


@pytest.mark.parametrize(
    ("protocol", "packet", "expected"),
    [
        (IP, TO_WEB, "10.77.2.10 udp 9"),
        (IP, ETHERNET + b"\x08\x00" + TO_WEB, "10.77.2.10 udp 9"),
        (IP, WITH_OPTIONS, "10.77.2.10 udp 9"),
        (IP, TO_WEB[:22], "10.77.2.10 udp"),
        (IP, TO_WEB[:9] + b"\x01" + TO_WEB[10:], "10.77.2.10 icmp"),
        (IP, TO_WEB[:9] + b"\x2f" + TO_WEB[10:], "10.77.2.10 protocol 47"),
        (IP, b"", "frame 0x0800"),
        (IP, TO_WEB6, "frame 0x0800"),
        (IPV6, TO_WEB6, "fd77::10 tcp 443"),
        (IPV6, ETHERNET + b"\x86\xdd" + TO_WEB6, "fd77::10 tcp 443"),
        (ARP, ASKS, "arp 10.77.0.9"),
        (ARP, ETHERNET + b"\x08\x06" + ASKS, "arp 10.77.0.9"),
        (ARP, ASKS[:20], "frame 0x0806"),
        (0x88CC, b"x" * 40, "frame 0x88cc"),
    ],
)
def test_a_packet_says_where_it_was_to_go(protocol: int, packet: bytes, expected: str) -> None:
    assert destination(protocol, packet) == expected


def test_messages_come_several_at_a_time_and_others_are_passed_over() -> None:
    data = held(7, IP, TO_WEB) + message(kind=2) + held(8, ARP, ASKS) + message()
    assert list(read_messages(data)) == [Held(7, "10.77.2.10 udp 9"), Held(8, "arp 10.77.0.9")]


@given(st.binary(max_size=200), st.integers(0, 0xFFFF))
def test_any_packet_has_a_short_printable_destination(packet: bytes, protocol: int) -> None:
    told = destination(protocol, packet)
    assert told.isascii() and told.isprintable() and len(told) < 80


@given(st.binary(max_size=200))
def test_any_bytes_are_read_to_their_end(data: bytes) -> None:
    list(read_messages(data))
    whole = held(7, IP, TO_WEB)
    assert next(read_messages(whole + data)) == Held(7, "10.77.2.10 udp 9")


@given(st.data())
def test_a_message_cut_or_bent_anywhere_is_read_without_complaint(data: st.DataObject) -> None:
    whole = bytearray(held(7, IP, TO_WEB))
    whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    list(read_messages(bytes(whole[: data.draw(st.integers(0, len(whole)))])))
