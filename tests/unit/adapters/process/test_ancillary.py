"""Foreign control messages and netlink requests: nothing passes but what is known to be harmless."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netsonde.adapters.process.egress.ancillary import are_harmless, only_asks

IP, IPV6, SOL_SOCKET = 0, 41, 1


def message(level: int, kind: int, data: bytes, length: int | None = None) -> bytes:
    size = 16 + len(data) if length is None else length
    return struct.pack("=Qii", size, level, kind) + data + bytes(-len(data) % 8)


def request(kind: int, body: bytes = bytes(4), length: int | None = None) -> bytes:
    size = 16 + len(body) if length is None else length
    return struct.pack("=IHHII", size, kind, 0x301, 1, 0) + body


def test_ttl_and_class_pass() -> None:
    assert are_harmless(b"")
    assert are_harmless(message(IP, 2, bytes(4)) + message(IP, 1, b"\0"))
    assert are_harmless(message(IPV6, 52, bytes(4)) + message(IPV6, 67, bytes(4)))


@pytest.mark.parametrize(
    ("level", "kind"),
    [
        (IP, 7),
        (IP, 8),
        (IPV6, 50),
        (IPV6, 54),
        (IPV6, 57),
        (IPV6, 5),
        (SOL_SOCKET, 1),
        (SOL_SOCKET, 36),
    ],
)
def test_routes_sources_descriptors_and_marks_do_not(level: int, kind: int) -> None:
    assert not are_harmless(message(level, kind, bytes(16)))
    assert not are_harmless(message(IP, 2, bytes(4)) + message(level, kind, bytes(16)))


@pytest.mark.parametrize("length", [0, 15, 17, 1 << 63])
def test_lengths_that_lie_do_not(length: int) -> None:
    assert not are_harmless(message(IP, 2, b"", length=length))


def test_questions_about_routes_and_devices_pass() -> None:
    for kind in (18, 22, 26, 30):
        assert only_asks(request(kind))
    assert only_asks(request(18) + request(22))


def test_changes_do_not_wherever_they_stand() -> None:
    for kind in (16, 17, 19, 20, 24, 25, 28, 0, 2, 15, 256 + 2):
        assert not only_asks(request(kind))
        assert not only_asks(request(18) + request(kind))
    assert not only_asks(b"")
    assert not only_asks(request(18, length=8))
    assert not only_asks(request(18, length=64))


@pytest.mark.fuzz
@given(
    st.one_of(
        st.binary(max_size=200),
        st.lists(
            st.builds(
                message,
                st.sampled_from((IP, IPV6, SOL_SOCKET)),
                st.integers(0, 80),
                st.binary(max_size=20),
            )
        ).map(b"".join),
    )
)
def test_any_control_bytes_are_judged(control: bytes) -> None:
    if are_harmless(control) and control:
        kinds, at = set(), 0
        while at < len(control):  # as CMSG_NXTHDR goes
            length, level, kind = struct.unpack_from("=Qii", control, at)
            kinds.add((level, kind))
            at += (length + 7) // 8 * 8
        assert kinds <= {(0, 1), (0, 2), (41, 52), (41, 67)}


@pytest.mark.fuzz
@given(
    st.one_of(
        st.binary(max_size=200),
        st.lists(st.builds(request, st.integers(0, 300), st.binary(max_size=20))).map(b"".join),
    )
)
def test_any_request_bytes_are_judged(requests: bytes) -> None:
    if only_asks(requests):
        at = 0
        while len(requests) - at >= 16:  # as NLMSG_NEXT goes
            length, kind = struct.unpack_from("=IH", requests, at)
            assert kind % 4 == 2
            at += (length + 3) // 4 * 4
