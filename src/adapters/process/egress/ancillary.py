"""Foreign control messages of sendmsg(2) and foreign requests to the kernel by netlink(7): which may pass.

The server sends them in the program's stead, and the kernel asks for the sender's capabilities: so
nothing passes for which it would ask.
"""

import struct
from typing import Final

MAX_BYTES: Final = 1024
_HEADER: Final = struct.Struct("=Qii")  # struct cmsghdr: length with the header, level, type
# IP_TOS and IP_TTL, IPV6_HOPLIMIT and IPV6_TCLASS. IP_RETOPTS and IPV6_RTHDR are source routes.
_PASSING: Final = frozenset(((0, 1), (0, 2), (41, 52), (41, 67)))

_REQUEST: Final = struct.Struct("=IHHII")  # struct nlmsghdr: length, type, flags, number, sender
_FIRST_ROUTE_TYPE, _LAST_ROUTE_TYPE = 16, 0xFF  # RTM_BASE; 4 to a kind: new, delete, get, set
_GET: Final = 2


def are_harmless(control: bytes) -> bool:
    """Whether all are known and say nothing about where a packet goes."""
    at = 0
    while at < len(control):
        if len(control) - at < _HEADER.size:
            return False
        length, level, kind = _HEADER.unpack_from(control, at)
        if (level, kind) not in _PASSING or not _HEADER.size <= length <= len(control) - at:
            return False
        at += -(-length // 8) * 8  # CMSG_ALIGN
    return True


def only_asks(requests: bytes) -> bool:
    """Whether every message in it asks for routes, addresses, devices or neighbours."""
    at = 0
    while at < len(requests):
        if len(requests) - at < _REQUEST.size:
            return False
        length, kind, *_ = _REQUEST.unpack_from(requests, at)
        if not _REQUEST.size <= length <= len(requests) - at:
            return False
        if not _FIRST_ROUTE_TYPE <= kind <= _LAST_ROUTE_TYPE or kind % 4 != _GET:
            return False
        at += -(-length // 4) * 4  # NLMSG_ALIGN
    return at > 0
