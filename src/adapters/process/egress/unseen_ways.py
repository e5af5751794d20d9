"""The seccomp filter beside the packet filters: closes the ways to send that they can't judge.

Packet filters judge what is in a packet at the moment. Whole frames can be made that change after
that moment: what packet sockets send from a ring in memory shared with the program (it is not copied),
and those in which the kernel still has to fill in a checksum, where the program says (packet(7),
struct virtio_net_hdr). Other sockets send by none of the hooks (AF_XDP), or by sockets of the kernel's
own, which have nobody's group (SMC, RxRPC, RDS). No diagnosis needs any of them.
"""

import errno
from collections.abc import Iterator
from typing import Final

from ..bpf import (
    ALLOW,
    ERRNO,
    IF_AT_LEAST,
    IF_EQUAL,
    Code,
    argument,
    denied,
    load,
    one_of,
    own_calls_only,
    packed,
    returned,
    when,
)
from ..syscalls import Processor

_SOL_PACKET: Final = 263
_FRAMES_THAT_CHANGE: Final = (13, 15, 24)  # PACKET_TX_RING, PACKET_VNET_HDR, PACKET_VNET_HDR_SZ
_AF_UNIX, _AF_INET, _AF_INET6, _AF_NETLINK, _AF_PACKET = 1, 2, 10, 16, 17
# From here on they are not of packets but other kinds of socket: IPPROTO_SMC, IPPROTO_MPTCP.
_PAST_IP_PROTOCOLS: Final = 256
# They set options and make sockets without the calls that are looked at here.
_DENIED: Final = ("io_uring_setup", "io_uring_enter", "io_uring_register")


def compiled(processor: Processor) -> bytes:
    """The filter, for whatever layers there are besides."""
    return packed(_lines(processor))


def _lines(processor: Processor) -> Iterator[Code]:
    """Every block but the first begins with the call's number loaded, and ends in a return."""
    numbers = processor.numbers
    yield from own_calls_only(processor.audit_arch)
    for name in _DENIED:
        yield from when(IF_EQUAL, numbers[name], denied(errno.EPERM))
    yield from when(IF_EQUAL, numbers["setsockopt"], _setsockopt())
    yield from when(IF_EQUAL, numbers["socket"], _socket())
    yield returned(ALLOW)


def _setsockopt() -> list[Code]:
    options = one_of(_FRAMES_THAT_CHANGE, returned(ERRNO | errno.EPERM), returned(ALLOW))
    return [
        load(argument(1)),
        *when(IF_EQUAL, _SOL_PACKET, [load(argument(2)), *options]),
        returned(ALLOW),
    ]


def _socket() -> list[Code]:
    internet = [
        load(argument(2)),
        *when(IF_AT_LEAST, _PAST_IP_PROTOCOLS, denied(errno.EPROTONOSUPPORT)),
        returned(ALLOW),
    ]
    lines = [load(argument(0))]
    for family in (_AF_INET, _AF_INET6):
        lines += when(IF_EQUAL, family, internet)
    for family in (_AF_UNIX, _AF_NETLINK, _AF_PACKET):
        lines += when(IF_EQUAL, family, [returned(ALLOW)])
    return [*lines, *denied(errno.EAFNOSUPPORT)]
