"""The filter, read back as the kernel reads it."""

import errno

import pytest

from netsonde.adapters.process.seccomp import DENIED, compiled
from netsonde.adapters.process.syscalls import AUDIT_ARCH, NUMBERS, Processor, processor
from tests.unit.adapters.process.bpf_interpreter import outcome

AF_UNIX, AF_INET, AF_INET6, AF_NETLINK, AF_PACKET, AF_VSOCK = 1, 2, 10, 16, 17, 40
STREAM, RAW, OLD_PACKET = 1, 3, 10


@pytest.fixture(params=AUDIT_ARCH)
def here(request: pytest.FixtureRequest) -> Processor:
    found = processor(request.param)
    assert found is not None
    return found


@pytest.mark.parametrize("raw_sockets", [False, True])
def test_what_programs_need_passes_and_what_is_denied_is(
    here: Processor, raw_sockets: bool
) -> None:
    code = compiled(here, raw_sockets=raw_sockets)
    for name, number in here.numbers.items():
        if name not in (*DENIED, "clone3", "socket"):
            assert outcome(code, here.audit_arch, number) == 0, name
    for name in DENIED:
        if name in here.numbers:
            assert outcome(code, here.audit_arch, here.numbers[name]) == errno.EPERM, name
    assert outcome(code, here.audit_arch, here.numbers["clone3"]) == errno.ENOSYS


def test_a_call_of_another_processor_kills(here: Processor) -> None:
    code = compiled(here, raw_sockets=False)
    assert outcome(code, 0x40000003, 1) == "killed"


def test_calls_by_the_x32_numbers_do_not_exist() -> None:
    here = processor("x86_64")
    assert here
    code = compiled(here, raw_sockets=False)
    for number in (here.numbers["ptrace"], 1):
        assert outcome(code, here.audit_arch, 0x40000000 | number) == errno.ENOSYS


def test_no_new_namespace_by_clone(here: Processor) -> None:
    code = compiled(here, raw_sockets=False)
    clone = here.numbers["clone"]
    for flag in (
        0x80,
        0x20000,
        0x2000000,
        0x4000000,
        0x8000000,
        0x10000000,
        0x20000000,
        0x40000000,
    ):
        assert outcome(code, here.audit_arch, clone, flag | 17) == errno.EPERM
    assert outcome(code, here.audit_arch, clone, 0x3D0F00) == 0  # a thread


@pytest.mark.parametrize(
    ("call", "plain", "with_raw"),
    [
        ((AF_INET, STREAM, 6), 0, 0),
        ((AF_INET6, STREAM | 0o2000000, 0), 0, 0),  # SOCK_CLOEXEC
        ((AF_INET, 2, 1), 0, 0),  # ping's socket
        ((AF_INET, STREAM, 132), 0, 0),  # SCTP
        ((AF_INET6, 6, 33), 0, 0),  # DCCP
        ((AF_INET, 2, 115), errno.EPROTONOSUPPORT, errno.EPROTONOSUPPORT),  # L2TP
        ((AF_INET, STREAM, 262), errno.EPROTONOSUPPORT, errno.EPROTONOSUPPORT),  # MPTCP
        ((AF_INET6, RAW, 132), errno.EPERM, 0),
        ((AF_NETLINK, RAW, 0), 0, 0),
        ((AF_NETLINK, RAW, 12), errno.EPROTONOSUPPORT, errno.EPROTONOSUPPORT),
        ((AF_INET, RAW, 255), errno.EPERM, 0),
        ((AF_INET6, RAW | 0o2000000, 58), errno.EPERM, 0),
        ((AF_INET, OLD_PACKET, 0), errno.EPERM, errno.EPERM),
        ((AF_PACKET, RAW, 0), errno.EAFNOSUPPORT, 0),
        ((AF_UNIX, STREAM, 0), errno.EAFNOSUPPORT, errno.EAFNOSUPPORT),
        ((AF_VSOCK, STREAM, 0), errno.EAFNOSUPPORT, errno.EAFNOSUPPORT),
    ],
)
def test_sockets_are_those_of_the_internet(
    here: Processor, call: tuple[int, int, int], plain: int, with_raw: int
) -> None:
    number = here.numbers["socket"]
    for raw, expected in ((False, plain), (True, with_raw)):
        code = compiled(here, raw_sockets=raw)
        assert outcome(code, here.audit_arch, number, *call) == expected


@pytest.mark.parametrize(("level", "name"), [(0, 35), (0, 42), (41, 20), (41, 46)])
def test_no_multicast_group_is_joined(here: Processor, level: int, name: int) -> None:
    code = compiled(here, raw_sockets=True)
    number = here.numbers["setsockopt"]
    assert outcome(code, here.audit_arch, number, 3, level, name) == errno.EPERM
    assert outcome(code, here.audit_arch, number, 3, level + 1, name) == 0
    assert outcome(code, here.audit_arch, number, 3, level, 2) == 0  # IP_TTL


def test_typing_into_a_terminal_is_denied(here: Processor) -> None:
    code = compiled(here, raw_sockets=True)
    assert outcome(code, here.audit_arch, here.numbers["ioctl"], 0, 0x5412) == errno.EPERM
    assert outcome(code, here.audit_arch, here.numbers["ioctl"], 0, 0x8912) == 0


def test_an_unknown_processor_has_no_table() -> None:
    assert processor("sparc") is None
    assert set(DENIED) <= set(NUMBERS)
