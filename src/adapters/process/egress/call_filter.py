"""The seccomp filter that hands every call which could name a destination to the server.

What names one in registers is decided here; what names one in memory, which no filter can read, is
notified (seccomp_unotify(2)). All other ways to a peer are closed: sockets that no diagnosis needs,
waiting for peers, options that send packets by another way than to their destination.
"""

import errno
from collections.abc import Iterator
from typing import Final

from ..bpf import (
    ALLOW,
    ERRNO,
    IF_ANY_BIT,
    IF_AT_LEAST,
    IF_EQUAL,
    NOTIFY,
    Code,
    argument,
    denied,
    load,
    masked,
    one_of,
    own_calls_only,
    packed,
    returned,
    when,
)
from ..syscalls import Processor

NOTIFIED: Final = ("connect", "sendmsg", "sendmmsg")  # and sendto, if it has an address

# bubblewrap starts behind this filter, so namespaces and mounts are not in the list.
DENIED: Final = (
    # A peer that connects to us gets packets, and was never judged.
    *("listen", "accept", "accept4"),
    # Requests of sockets without system calls.
    *("io_uring_setup", "io_uring_enter", "io_uring_register"),
    # Another process's sockets or words; another network; and what makes reading memory wait.
    *("ptrace", "process_vm_readv", "process_vm_writev", "pidfd_getfd"),
    *("setns", "bpf", "userfaultfd"),
    # A key of the type dns_resolver is a question to a name server, by a helper of the kernel's.
    *("request_key", "add_key", "keyctl"),
)

_AF_INET, _AF_INET6, _AF_NETLINK = 2, 10, 16
_STREAM, _DGRAM, _RAW = 1, 2, 3
# Family, types, protocols. Not MPTCP (a peer may name further addresses), SCTP and DCCP
# (destinations in options, sctp_connectx(3)), UDP-Lite, SMC, nor anything raw.
_SOCKETS: Final = (
    (_AF_INET, ((_STREAM, (0, 6)), (_DGRAM, (0, 17, 1)))),
    (_AF_INET6, ((_STREAM, (0, 6)), (_DGRAM, (0, 17, 58)))),
    # Routes and addresses of the machine; only asking, see netlink_requests.py.
    (_AF_NETLINK, ((_RAW, (0,)), (_DGRAM, (0,)))),
)

# Level, and the options that change nothing about where packets go. Not among them: IP_OPTIONS and
# IPV6_RTHDR (source routes), IP_HDRINCL, IPV6_FLOWLABEL_MGR (a label may bring a route), membership
# in groups (sends reports), SO_BINDTODEVICE, IP_UNICAST_IF, IP_MULTICAST_IF and IP_PKTINFO's like
# (another network with the same addresses), TCP_FASTOPEN_CONNECT, TCP_REPAIR, TCP_ULP, UDP_ENCAP.
_OPTIONS: Final = (
    # SO_REUSEADDR BROADCAST SNDBUF RCVBUF KEEPALIVE OOBINLINE PRIORITY LINGER REUSEPORT RCVLOWAT
    # RCVTIMEO SNDTIMEO ATTACH_FILTER DETACH_FILTER TIMESTAMP TIMESTAMPNS TIMESTAMPING RXQ_OVFL
    # LOCK_FILTER INCOMING_CPU, and times as 64 bits
    (1, (2, *range(6, 11), 12, 13, 15, 18, 20, 21, 26, 27, 29, 35, 37, 40, 44, 49, *range(63, 68))),
    # IP_TOS TTL RECVOPTS RETOPTS PKTINFO MTU_DISCOVER RECVERR RECVTTL RECVTOS
    # BIND_ADDRESS_NO_PORT RECVERR_RFC4884 MULTICAST_TTL MULTICAST_LOOP; setting IP_PKTINFO is but a wish to be told
    (0, (1, 2, 6, 7, 8, *range(10, 14), 24, 26, 33, 34)),
    # TCP_NODELAY MAXSEG CORK KEEPIDLE KEEPINTVL KEEPCNT SYNCNT LINGER2 WINDOW_CLAMP QUICKACK
    # CONGESTION USER_TIMEOUT
    (6, (*range(1, 9), 10, 12, 13, 18)),
    # UDP_CORK
    (17, (1,)),
    # IPV6_UNICAST_HOPS MULTICAST_HOPS MULTICAST_LOOP MTU_DISCOVER MTU RECVERR V6ONLY
    # RECVERR_RFC4884 FLOWINFO_SEND (of which socket_address.py leaves the class) RECVPKTINFO RECVHOPLIMIT RECVHOPOPTS RECVRTHDR RECVDSTOPTS RECVPATHMTU
    # DONTFRAG RECVTCLASS TCLASS AUTOFLOWLABEL
    (41, (16, 18, 19, *range(23, 27), 31, 33, 49, 51, 53, 56, 58, 60, 62, 66, 67, 70)),
    # Of netlink: what is told back
    (270, tuple(range(1, 13))),
)
_MSG_FASTOPEN: Final = 0x20000000
_TYPE_BITS: Final = 0xF  # the rest is SOCK_NONBLOCK and SOCK_CLOEXEC


def compiled(processor: Processor) -> bytes:
    """The filter; to be installed with a listener."""
    return packed(_lines(processor))


def _lines(processor: Processor) -> Iterator[Code]:
    """Every block but the first begins with the call's number loaded, and ends in a return."""
    numbers = processor.numbers
    yield from own_calls_only(processor.audit_arch)
    for name in NOTIFIED:
        yield from when(IF_EQUAL, numbers[name], [returned(NOTIFY)])
    yield from when(IF_EQUAL, numbers["sendto"], _sendto())
    yield from when(IF_EQUAL, numbers["setsockopt"], _setsockopt())
    yield from when(IF_EQUAL, numbers["socket"], _socket())
    # By it descriptors are handed on, and what is sent through it would be notified for nothing.
    yield from when(IF_EQUAL, numbers["socketpair"], denied(errno.EAFNOSUPPORT))
    for name in DENIED:
        yield from when(IF_EQUAL, numbers[name], denied(errno.EPERM))
    yield returned(ALLOW)


def _sendto() -> list[Code]:
    """Without an address it goes where connect(2) was allowed to; as send(3) does."""
    notified = [returned(NOTIFY)]
    return [
        load(argument(4)),
        *when(IF_AT_LEAST, 1, notified),
        load(argument(4, upper=True)),
        *when(IF_AT_LEAST, 1, notified),
        load(argument(3)),
        *when(IF_ANY_BIT, _MSG_FASTOPEN, denied(errno.EOPNOTSUPP)),
        returned(ALLOW),
    ]


def _setsockopt() -> list[Code]:
    lines = [load(argument(1))]
    for level, names in _OPTIONS:
        allowed = one_of(names, returned(ALLOW), returned(ERRNO | errno.EPERM))
        lines += when(IF_EQUAL, level, [load(argument(2)), *allowed])
    return [*lines, *denied(errno.EPERM)]


def _socket() -> list[Code]:
    lines = [load(argument(0))]
    for family, types in _SOCKETS:
        block = [load(argument(1)), masked(_TYPE_BITS)]
        for kind, protocols in types:
            refused = returned(ERRNO | errno.EPROTONOSUPPORT)
            allowed = one_of(protocols, returned(ALLOW), refused)
            block += when(IF_EQUAL, kind, [load(argument(2)), *allowed])
        lines += when(IF_EQUAL, family, [*block, *denied(errno.EPERM)])
    return [*lines, *denied(errno.EAFNOSUPPORT)]
