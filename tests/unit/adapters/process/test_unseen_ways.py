"""The filter beside the packet filters, read back as the kernel reads it."""

import errno

import pytest

from netsonde.adapters.process.egress.unseen_ways import compiled
from netsonde.adapters.process.syscalls import AUDIT_ARCH, Processor, processor
from tests.unit.adapters.process.bpf_interpreter import outcome

SOL_SOCKET, SOL_PACKET = 1, 263
ALLOWED = 0


@pytest.fixture(params=AUDIT_ARCH)
def here(request: pytest.FixtureRequest) -> Processor:
    here = processor(request.param)
    assert here is not None
    return here


def test_frames_that_change_after_they_were_judged_cannot_be_made(here: Processor) -> None:
    def option(level: int, name: int) -> int | str:
        number = here.numbers["setsockopt"]
        return outcome(compiled(here), here.audit_arch, number, 3, level, name)

    for name in (13, 15, 24):  # PACKET_TX_RING, PACKET_VNET_HDR, PACKET_VNET_HDR_SZ
        assert option(SOL_PACKET, name) == errno.EPERM
        assert option(SOL_SOCKET, name) == ALLOWED
    for name in (5, 8, 10, 12):  # what libpcap asks for: PACKET_RX_RING and so on
        assert option(SOL_PACKET, name) == ALLOWED


def test_sockets_whose_packets_have_nobodys_group_cannot_be_made(here: Processor) -> None:
    def made(family: int, kind: int, protocol: int) -> int | str:
        number = here.numbers["socket"]
        return outcome(compiled(here), here.audit_arch, number, family, kind, protocol)

    for family in (21, 30, 33, 43, 44):  # RDS, TIPC, RxRPC, SMC, XDP
        assert made(family, 2, 0) == errno.EAFNOSUPPORT
    for family in (2, 10):
        for protocol in (256, 262):  # IPPROTO_SMC, IPPROTO_MPTCP
            assert made(family, 1, protocol) == errno.EPROTONOSUPPORT
        assert made(family, 1, 0) == made(family, 3, 255) == ALLOWED
    for family, protocol in ((1, 0), (16, 0), (17, 0x0300)):
        assert made(family, 3, protocol) == ALLOWED


def test_ways_around_the_filter_are_closed(here: Processor) -> None:
    number = here.numbers["io_uring_setup"]
    assert outcome(compiled(here), here.audit_arch, number) == errno.EPERM
    assert outcome(compiled(here), 0x40000003, number) == "killed"
