"""The egress filter, read back as the kernel reads it."""

import errno

import pytest

from netsonde.adapters.process.egress.call_filter import DENIED, NOTIFIED, compiled
from netsonde.adapters.process.syscalls import AUDIT_ARCH, Processor, processor
from tests.unit.adapters.process.bpf_interpreter import outcome

AF_UNIX, AF_INET, AF_INET6, AF_NETLINK, AF_PACKET, AF_VSOCK, AF_SMC = 1, 2, 10, 16, 17, 40, 43
STREAM, DGRAM, RAW, SEQPACKET, DCCP, OLD_PACKET = 1, 2, 3, 5, 6, 10
NONBLOCK_CLOEXEC = 0o4000 | 0o2000000
SOL_SOCKET, TCP, UDP, IPV6, SCTP = 1, 6, 17, 41, 132


class Filter:
    def __init__(self, here: Processor) -> None:
        self._here = here
        self._code = compiled(here)

    def __call__(self, name: str, *arguments: int) -> int | str:
        numbers = self._here.numbers
        return outcome(self._code, self._here.audit_arch, numbers[name], *arguments)

    def by_number(self, arch: int, number: int) -> int | str:
        return outcome(self._code, arch, number)


@pytest.fixture(params=AUDIT_ARCH)
def call(request: pytest.FixtureRequest) -> Filter:
    here = processor(request.param)
    assert here is not None
    return Filter(here)


def test_what_names_a_destination_in_memory_is_notified(call: Filter) -> None:
    for name in NOTIFIED:
        assert call(name) == "notified"


@pytest.mark.parametrize("address", [1, 0x7FFF00000000, 1 << 32, 0xFFFFFFFF])
def test_sendto_with_an_address_is_notified(call: Filter, address: int) -> None:
    assert call("sendto", 3, 1, 1, 0, address, 16) == "notified"


def test_sendto_without_one_passes_unless_it_connects(call: Filter) -> None:
    assert call("sendto", 3, 1, 1, 0, 0, 0) == 0
    assert call("sendto", 3, 1, 1, 0x20000000, 0, 0) == errno.EOPNOTSUPP


def test_what_would_go_around_the_filter_is_denied(call: Filter) -> None:
    for name in DENIED:
        assert call(name) == errno.EPERM, name
    assert call("socketpair", AF_UNIX, STREAM, 0) == errno.EAFNOSUPPORT
    assert call.by_number(0x40000003, 1) == "killed"


def test_calls_by_the_x32_numbers_do_not_exist() -> None:
    here = processor("x86_64")
    assert here
    for name in (*NOTIFIED, "sendto"):
        number = 0x40000000 | here.numbers[name]
        assert Filter(here).by_number(here.audit_arch, number) == errno.ENOSYS


@pytest.mark.parametrize(
    ("family", "kind", "protocol"),
    [
        *((family, STREAM, protocol) for family in (AF_INET, AF_INET6) for protocol in (0, TCP)),
        *((family, DGRAM, protocol) for family in (AF_INET, AF_INET6) for protocol in (0, UDP)),
        *((AF_INET, DGRAM, 1), (AF_INET6, DGRAM, 58)),
        *((AF_NETLINK, RAW, 0), (AF_NETLINK, DGRAM, 0)),
    ],
)
def test_sockets_that_diagnosis_needs_can_be_made(
    call: Filter, family: int, kind: int, protocol: int
) -> None:
    assert call("socket", family, kind, protocol) == 0
    assert call("socket", family, kind | NONBLOCK_CLOEXEC, protocol) == 0


@pytest.mark.parametrize(
    ("family", "kind", "protocol"),
    [
        *((AF_INET, RAW, protocol) for protocol in (0, 1, 6, 17, 255)),
        *((AF_INET6, RAW, 58), (AF_INET, OLD_PACKET, 0x0300), (AF_PACKET, RAW, 0x0300)),
        *((AF_INET, STREAM, SCTP), (AF_INET, SEQPACKET, SCTP), (AF_INET, DCCP, 33)),
        *((AF_INET, STREAM, 262), (AF_INET, STREAM, 256), (AF_SMC, STREAM, 0)),
        *((AF_INET, DGRAM, 136), (AF_INET6, DGRAM, 1), (AF_INET, DGRAM, 58)),
        *((AF_NETLINK, RAW, 6), (AF_NETLINK, RAW, 12), (AF_UNIX, STREAM, 0), (AF_VSOCK, STREAM, 0)),
    ],
)
def test_no_others_can(call: Filter, family: int, kind: int, protocol: int) -> None:
    assert call("socket", family, kind, protocol) not in (0, "notified")


@pytest.mark.parametrize(
    ("level", "option"),
    [
        *((0, 4), (0, 3), (0, 15), (0, 19), (0, 32), (0, 35), (0, 36), (0, 39), (0, 50)),
        *((IPV6, 20), (IPV6, 29), (IPV6, 32), (IPV6, 36), (IPV6, 50), (IPV6, 54)),
        *((IPV6, 6), (IPV6, 55), (IPV6, 57), (IPV6, 59), (IPV6, 1), (IPV6, 17), (IPV6, 5)),
        *((SOL_SOCKET, 25), (SOL_SOCKET, 36), (SOL_SOCKET, 5), (SOL_SOCKET, 62), (SOL_SOCKET, 50)),
        *((TCP, 30), (TCP, 19), (TCP, 31), (TCP, 23), (UDP, 100), (UDP, 103), (SCTP, 110)),
    ],
)
def test_options_that_change_where_packets_go_are_denied(
    call: Filter, level: int, option: int
) -> None:
    assert call("setsockopt", 3, level, option) == errno.EPERM


@pytest.mark.parametrize(
    ("level", "option"),
    [
        *(
            (0, 2),
            (0, 10),
            (0, 11),
            (0, 12),
            (0, 34),
            (IPV6, 16),
            (IPV6, 25),
            (IPV6, 33),
            (IPV6, 51),
        ),
        *((SOL_SOCKET, 2), (SOL_SOCKET, 13), (SOL_SOCKET, 15), (SOL_SOCKET, 20), (SOL_SOCKET, 29)),
        *((TCP, 1), (TCP, 2), (TCP, 18), (UDP, 1)),
    ],
)
def test_options_that_the_programs_set_pass(call: Filter, level: int, option: int) -> None:
    assert call("setsockopt", 3, level, option) == 0


def test_all_else_passes(call: Filter) -> None:
    for name in ("clone", "mount", "unshare", "ioctl"):
        assert call(name) == 0
