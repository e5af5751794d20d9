"""Foreign addresses: what the kernel gets is what was judged."""

import errno
import socket
import struct
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from operator import and_

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from netsonde.adapters.process.egress.guard import Destinations
from netsonde.adapters.process.egress.judged_calls import allows
from netsonde.adapters.process.egress.socket_address import Destination, is_unspecified, parse
from netsonde.domain.target import Network

V4, V6 = struct.pack("=H", socket.AF_INET), struct.pack("=H", socket.AF_INET6)


def ipv4(address: str, port: int, family: int = socket.AF_INET) -> bytes:
    return struct.pack("=H", family) + struct.pack("!H4s8x", port, IPv4Address(address).packed)


def ipv6(address: str, port: int, scope: int = 0, flow: int = 0) -> bytes:
    packed = IPv6Address(address).packed
    return V6 + struct.pack("!HI16s", port, flow, packed) + struct.pack("=I", scope)


def read(raw: bytes) -> Destination | int:
    try:
        return parse(raw)
    except OSError as error:
        return error.errno or 0


@pytest.mark.parametrize(
    ("raw", "address", "port"),
    [
        (ipv4("10.0.0.9", 80), "10.0.0.9", 80),
        (ipv4("0.0.0.0", 80), "127.0.0.1", 80),
        (ipv6("2001:db8::1", 53), "2001:db8::1", 53),
        (ipv6("::", 53), "::1", 53),
        (ipv6("::ffff:10.0.0.9", 80), "10.0.0.9", 80),
        (ipv6("::ffff:0.0.0.0", 80), "127.0.0.1", 80),
        (ipv6("::10.0.0.9", 80), "::10.0.0.9", 80),
        (ipv6("fe80::9", 80)[:24], "fe80::9", 80),
    ],
)
def test_addresses_mean_what_they_mean_to_the_kernel(raw: bytes, address: str, port: int) -> None:
    found = parse(raw)
    assert (found.address, found.port) == (ip_address(address), port)


def test_the_unspecified_family_is_another_only_where_it_is_said_to_be() -> None:
    raw = ipv4("10.0.0.9", 80, family=0)
    assert read(raw) == errno.EAFNOSUPPORT
    assert is_unspecified(raw)
    found = parse(raw, unspecified=socket.AF_INET)
    assert (found.address, found.raw) == (IPv4Address("10.0.0.9"), ipv4("10.0.0.9", 80))


@pytest.mark.parametrize("raw", [b"", b"\2", ipv4("10.0.0.9", 80)[:15], ipv6("::1", 80)[:23]])
def test_what_is_too_short_is_no_address(raw: bytes) -> None:
    assert read(raw) == errno.EINVAL


def test_destinations_are_told_as_people_write_them() -> None:
    assert parse(ipv4("10.0.0.9", 80)).told("tcp") == "10.0.0.9 tcp 80"
    assert parse(ipv4("10.0.0.9", 80)).told("icmp") == "10.0.0.9 icmp"
    assert parse(ipv6("fe80::9", 53, scope=2)).told("udp") == "fe80::9%2 udp 53"
    assert parse(ipv6("2001:db8::9", 53, scope=2)).told("udp") == "2001:db8::9 udp 53"


NETWORKS = ("10.0.0.0/30", "127.0.0.1/32", "2001:db8::/64", "::1/128")


def networks() -> tuple[Network, ...]:
    return tuple(map(ip_network, NETWORKS))


@pytest.mark.parametrize(
    ("raw", "protocol", "allowed"),
    [
        (ipv4("10.0.0.3", 80), "tcp", True),
        (ipv4("10.0.0.4", 80), "tcp", False),
        (ipv6("::ffff:10.0.0.3", 80), "udp", True),
        (ipv6("::10.0.0.3", 80), "udp", False),
        (ipv4("0.0.0.0", 80), "tcp", True),
        (ipv6("::", 80), "tcp", True),
        (ipv4("9.9.9.9", 53), "udp", True),
        (ipv4("9.9.9.9", 53), "tcp", True),
        (ipv6("::ffff:9.9.9.9", 53), "udp", True),
        (ipv4("9.9.9.9", 54), "udp", False),
        (ipv4("9.9.9.9", 53), "icmp", False),
    ],
)
def test_networks_are_open_to_all_and_resolvers_to_questions(
    raw: bytes, protocol: str, allowed: bool
) -> None:
    held = Destinations(networks=networks(), resolvers=(IPv4Address("9.9.9.9"),))
    assert allows(held, parse(raw), protocol) is allowed


@pytest.mark.fuzz
@given(
    st.one_of(
        st.binary(max_size=140),
        st.binary(max_size=40).map(V4.__add__),
        st.binary(max_size=40).map(V6.__add__),
    )
)
@example(ipv6("::ffff:0.0.0.0", 1, scope=7, flow=9))
@example(ipv6("fd77::1", 1, flow=0xFFFFFFFF))
def test_any_bytes_are_refused_or_written_anew_as_they_were_judged(raw: bytes) -> None:
    found = read(raw)
    if isinstance(found, int):
        assert found in (errno.EINVAL, errno.EAFNOSUPPORT)
        return
    again = parse(found.raw)
    assert again == found
    assert found.told("tcp").isprintable()
    family = struct.unpack_from("=H", found.raw)[0]
    assert family == struct.unpack_from("=H", raw)[0]
    assert len(found.raw) == {socket.AF_INET: 16, socket.AF_INET6: 28}[family]
    assert found.raw[2:4] == raw[2:4]
    if family == socket.AF_INET6:
        class_alone = bytes((0x0F, 0xF0, 0, 0))
        assert found.raw[4:8] == bytes(map(and_, raw[4:8], class_alone))  # no flow label
    assert any(found.address.packed)
