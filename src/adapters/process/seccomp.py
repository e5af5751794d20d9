"""The seccomp filter of a plan, as the bytes of a classic BPF program (seccomp(2), linux/filter.h).

Nothing that the five programs do is denied; what is denied is the way to the kernel's own flaws and
to what other layers rely on. A filter is made in some 50 microseconds, without a library.
"""

import errno
import struct
from collections.abc import Iterator
from typing import Final

from .syscalls import Processor

# Each with EPERM, as a program without privileges expects it anyway.
DENIED: Final = (
    # Other processes' memory, descriptors and secrets.
    *("ptrace", "process_vm_readv", "process_vm_writev", "pidfd_getfd", "kcmp"),
    *("keyctl", "add_key", "request_key"),  # CVE-2016-0728; keyrings are not namespaced
    # The kernel as a place to run code in, and the entries that its exploits begin with.
    *("bpf", "perf_event_open", "userfaultfd", "modify_ldt", "personality"),
    *("io_uring_setup", "io_uring_enter", "io_uring_register"),  # also a way around this filter
    *("init_module", "finit_module", "delete_module", "kexec_load", "kexec_file_load"),
    # Another view of the file system: undoing ours, or reaching a file by its handle
    # (open_by_handle_at: the "shocker" escape from Docker, 2014).
    *("mount", "umount2", "pivot_root", "chroot", "setns", "unshare"),
    *("fsopen", "fsconfig", "fsmount", "fspick", "move_mount", "open_tree", "mount_setattr"),
    *("open_by_handle_at", "name_to_handle_at", "fanotify_init", "quotactl", "acct"),
    # The machine as a whole.
    *("reboot", "swapon", "swapoff", "syslog", "vhangup", "ioperm", "iopl"),
    *("settimeofday", "clock_settime", "clock_adjtime", "adjtimex"),
)

# CLONE_NEWTIME, NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET of linux/sched.h. A new
# user namespace gives all capabilities in it, and with them the way to half of the kernel's flaws.
_NEW_NAMESPACES: Final = 0x7E020080
# Putting words into a terminal's input (CVE-2017-5226, and CVE-2023-28100 for the console's).
_TERMINAL_REQUESTS: Final = (0x5412, 0x541C)  # TIOCSTI, TIOCLINUX

_AF_INET, _AF_INET6, _AF_NETLINK, _AF_PACKET = 2, 10, 16, 17
_SOCK_RAW, _SOCK_PACKET = 3, 10  # the latter makes an AF_PACKET of an AF_INET
# Joining a multicast group has the kernel itself tell the network, in nobody's name: (level, names)
# of ip(7) and ipv6(7), IP_ADD_MEMBERSHIP, IPV6_JOIN_ANYCAST, MCAST_JOIN_SOURCE_GROUP and so on.
_MEMBERSHIPS: Final = ((0, (35, 39, 42, 46)), (41, (20, 27, 42, 46)))
# The family's own, ICMP, TCP, UDP, ICMPv6, SCTP (mtr -S), UDP-Lite (traceroute -UL). Not DCCP, in which
# the kernel's flaws are (CVE-2017-6074; nmap and traceroute make such packets themselves), and not
# MPTCP, whose peer names addresses to which the kernel then connects in nobody's name.
_PROTOCOLS: Final = (0, 1, 6, 17, 58, 132, 136)
_NETLINK_ROUTE: Final = 0

_LOAD, _AND = 0x20, 0x54  # BPF_LD|W|ABS, BPF_ALU|AND|K
_IF_EQUAL, _IF_AT_LEAST, _IF_ANY_BIT = 0x15, 0x35, 0x45  # BPF_JMP|K with JEQ, JGE, JSET
_RETURN: Final = 0x06
_KILL, _ERRNO, _ALLOW = 0x80000000, 0x00050000, 0x7FFF0000  # SECCOMP_RET_*
_X32_BIT: Final = 0x40000000

_NUMBER_AT, _ARCH_AT = 0, 4  # struct seccomp_data

_Code = tuple[int, int, int, int]


def compiled(processor: Processor, *, raw_sockets: bool) -> bytes:
    """The filter; with `raw_sockets` for a plan that sends raw packets or whole frames."""
    return b"".join(struct.pack("=HBBI", *line) for line in _lines(processor, raw_sockets))


def _lines(processor: Processor, raw_sockets: bool) -> Iterator[_Code]:
    """Every block but the first begins with the call's number loaded, and ends in a return."""
    numbers = processor.numbers
    yield _load(_ARCH_AT)
    yield _jump(_IF_EQUAL, processor.audit_arch, 1, 0)
    yield _return(_KILL)  # 32-bit calls have other numbers: none of ours makes them
    yield _load(_NUMBER_AT)
    if processor.audit_arch == 0xC000003E:
        yield from _when(_IF_AT_LEAST, _X32_BIT, _denied(errno.ENOSYS))
    for name in DENIED:
        if name in numbers:
            yield from _when(_IF_EQUAL, numbers[name], _denied(errno.EPERM))
    # Its flags are in memory, which no filter can read; C libraries then call clone(2).
    yield from _when(_IF_EQUAL, numbers["clone3"], _denied(errno.ENOSYS))
    yield from _when(_IF_EQUAL, numbers["clone"], _clone())
    yield from _when(_IF_EQUAL, numbers["ioctl"], _ioctl())
    yield from _when(_IF_EQUAL, numbers["setsockopt"], _setsockopt())
    yield from _when(_IF_EQUAL, numbers["socket"], _socket(raw_sockets))
    yield _return(_ALLOW)


def _clone() -> list[_Code]:
    return [
        _load(_argument(0)),
        *_when(_IF_ANY_BIT, _NEW_NAMESPACES, _denied(errno.EPERM)),
        _return(_ALLOW),
    ]


def _ioctl() -> list[_Code]:
    lines = [_load(_argument(1))]
    for request in _TERMINAL_REQUESTS:
        lines += _when(_IF_EQUAL, request, _denied(errno.EPERM))
    return [*lines, _return(_ALLOW)]


def _setsockopt() -> list[_Code]:
    lines = [_load(_argument(1))]
    for level, names in _MEMBERSHIPS:
        of_level = [_load(_argument(2))]
        for name in names:
            of_level += _when(_IF_EQUAL, name, _denied(errno.EPERM))
        lines += _when(_IF_EQUAL, level, [*of_level, _return(_ALLOW)])
    return [*lines, _return(_ALLOW)]


def _socket(raw_sockets: bool) -> list[_Code]:
    """The Internet, and routing netlink to ask the kernel for routes and addresses.

    Not AF_UNIX: sockets of other services take orders from root, and abstract ones are seen through
    every file view (CVE-2020-15257, containerd-shim). Not AF_VSOCK, which passes by every address
    rule, nor AF_ALG and the many families in which the kernel's flaws are.
    """
    internet = [_load(_argument(1)), (_AND, 0, 0, 0xF)]
    internet += _when(_IF_EQUAL, _SOCK_PACKET, _denied(errno.EPERM))
    raw = [_return(_ALLOW)] if raw_sockets else _denied(errno.EPERM)
    internet += [*_when(_IF_EQUAL, _SOCK_RAW, raw), _load(_argument(2))]
    for protocol in _PROTOCOLS:
        internet += _when(_IF_EQUAL, protocol, [_return(_ALLOW)])
    internet += _denied(errno.EPROTONOSUPPORT)
    netlink = [
        _load(_argument(2)),
        *_when(_IF_EQUAL, _NETLINK_ROUTE, [_return(_ALLOW)]),
        *_denied(errno.EPROTONOSUPPORT),
    ]
    lines = [_load(_argument(0))]
    lines += _when(_IF_EQUAL, _AF_INET, internet)
    lines += _when(_IF_EQUAL, _AF_INET6, internet)
    lines += _when(_IF_EQUAL, _AF_NETLINK, netlink)
    if raw_sockets:
        lines += _when(_IF_EQUAL, _AF_PACKET, [_return(_ALLOW)])
    return [*lines, *_denied(errno.EAFNOSUPPORT)]


def _when(test: int, value: int, then: list[_Code]) -> list[_Code]:
    """`then` must return, since what it loads is not what the next block expects."""
    return [_jump(test, value, 0, len(then)), *then]


def _argument(index: int) -> int:
    """Where its lower half stands on a little-endian processor."""
    return 16 + 8 * index


def _load(offset: int) -> _Code:
    return (_LOAD, 0, 0, offset)


def _jump(test: int, value: int, if_true: int, if_false: int) -> _Code:
    return (test, if_true, if_false, value)


def _return(action: int) -> _Code:
    return (_RETURN, 0, 0, action)


def _denied(number: int) -> list[_Code]:
    return [_return(_ERRNO | number)]
