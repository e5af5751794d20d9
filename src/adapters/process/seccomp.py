"""The seccomp filter of a plan, as the bytes of a classic BPF program (seccomp(2), linux/filter.h).

Nothing that the five programs do is denied; what is denied is the way to the kernel's own flaws and
to what other layers rely on. A filter is made in some 50 microseconds, without a library.
"""

import errno
from collections.abc import Iterator
from typing import Final

from .bpf import (
    ALLOW,
    IF_ANY_BIT,
    IF_EQUAL,
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
# The family's own, ICMP, TCP, UDP, DCCP (traceroute -D), ICMPv6, SCTP (mtr -S), UDP-Lite (traceroute
# -UL). Not MPTCP, whose peer names addresses to which the kernel then connects in nobody's name.
_PROTOCOLS: Final = (0, 1, 6, 17, 33, 58, 132, 136)
_NETLINK_ROUTE: Final = 0


def compiled(processor: Processor, *, raw_sockets: bool) -> bytes:
    """The filter; with `raw_sockets` for a plan that sends raw packets or whole frames."""
    return packed(_lines(processor, raw_sockets))


def _lines(processor: Processor, raw_sockets: bool) -> Iterator[Code]:
    """Every block but the first begins with the call's number loaded, and ends in a return."""
    numbers = processor.numbers
    yield from own_calls_only(processor.audit_arch)
    for name in DENIED:
        if name in numbers:
            yield from when(IF_EQUAL, numbers[name], denied(errno.EPERM))
    # Its flags are in memory, which no filter can read; C libraries then call clone(2).
    yield from when(IF_EQUAL, numbers["clone3"], denied(errno.ENOSYS))
    yield from when(IF_EQUAL, numbers["clone"], _clone())
    yield from when(IF_EQUAL, numbers["ioctl"], _ioctl())
    yield from when(IF_EQUAL, numbers["setsockopt"], _setsockopt())
    yield from when(IF_EQUAL, numbers["socket"], _socket(raw_sockets))
    yield returned(ALLOW)


def _clone() -> list[Code]:
    return [
        load(argument(0)),
        *when(IF_ANY_BIT, _NEW_NAMESPACES, denied(errno.EPERM)),
        returned(ALLOW),
    ]


def _ioctl() -> list[Code]:
    lines = [load(argument(1))]
    for request in _TERMINAL_REQUESTS:
        lines += when(IF_EQUAL, request, denied(errno.EPERM))
    return [*lines, returned(ALLOW)]


def _setsockopt() -> list[Code]:
    lines = [load(argument(1))]
    for level, names in _MEMBERSHIPS:
        of_level = [load(argument(2)), *one_of(names, denied(errno.EPERM)[0], returned(ALLOW))]
        lines += when(IF_EQUAL, level, of_level)
    return [*lines, returned(ALLOW)]


def _socket(raw_sockets: bool) -> list[Code]:
    """The Internet, and routing netlink to ask the kernel for routes and addresses.

    Not AF_UNIX: sockets of other services take orders from root, and abstract ones are seen through
    every file view (CVE-2020-15257, containerd-shim). Not AF_VSOCK, which passes by every address
    rule, nor AF_ALG and the many families in which the kernel's flaws are.
    """
    raw = [returned(ALLOW)] if raw_sockets else denied(errno.EPERM)
    internet = [
        *(load(argument(1)), masked(0xF)),
        *when(IF_EQUAL, _SOCK_PACKET, denied(errno.EPERM)),
        *when(IF_EQUAL, _SOCK_RAW, raw),
        load(argument(2)),
        *one_of(_PROTOCOLS, returned(ALLOW), denied(errno.EPROTONOSUPPORT)[0]),
    ]
    netlink = [
        load(argument(2)),
        *when(IF_EQUAL, _NETLINK_ROUTE, [returned(ALLOW)]),
        *denied(errno.EPROTONOSUPPORT),
    ]
    lines = [load(argument(0))]
    lines += when(IF_EQUAL, _AF_INET, internet)
    lines += when(IF_EQUAL, _AF_INET6, internet)
    lines += when(IF_EQUAL, _AF_NETLINK, netlink)
    if raw_sockets:
        lines += when(IF_EQUAL, _AF_PACKET, [returned(ALLOW)])
    return [*lines, *denied(errno.EAFNOSUPPORT)]
