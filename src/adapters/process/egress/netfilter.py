"""Netlink messages to the kernel's netfilter (linux/netfilter/nfnetlink.h, nf_tables.h), as bytes.

What changes with every execution is said to the kernel directly, in a tenth of a millisecond. Not by
libnftables: it ends the process that it is in when it gets no memory or no socket.
"""

import errno
import os
import socket
import struct
from collections.abc import Iterable, Iterator
from enum import IntEnum
from typing import Final

from ....domain.target import Network

_NETLINK_NETFILTER: Final = 12
_MOST_READ: Final = 1 << 16
_BUFFER_BYTES: Final = 1 << 20
_REQUEST, _ACK, _CREATE = 0x001, 0x004, 0x400  # NLM_F_*
_ERROR: Final = 2  # NLMSG_ERROR
_BATCH_BEGIN, _BATCH_END = 0x10, 0x11  # NFNL_MSG_BATCH_*
_NF_TABLES: Final = 10  # NFNL_SUBSYS_NFTABLES, which the batch names, too
_GET_TABLE, _DELETE_TABLE, _DELETE_CHAIN = 1, 2, 5  # NFT_MSG_*
_NEW_ELEMENT, _DELETE_ELEMENT = 12, 14
_NESTED: Final = 0x8000  # NLA_F_NESTED
_TABLE_NAME: Final = 1  # NFTA_TABLE_NAME
_CHAIN_TABLE, _CHAIN_NAME = 1, 3  # NFTA_CHAIN_*
_OF_TABLE, _OF_SET, _ELEMENTS = 1, 2, 3  # NFTA_SET_ELEM_LIST_*
_ELEMENT, _KEY, _KEY_END, _VALUE = 1, 1, 10, 1  # NFTA_LIST_ELEM, NFTA_SET_ELEM_*, NFTA_DATA_VALUE


class Family(IntEnum):
    """Of a table: NFPROTO_INET, NFPROTO_NETDEV."""

    INET = 1
    NETDEV = 5


def opened() -> socket.socket:
    """A netlink socket to netfilter; raises OSError. Reading and writing never wait."""
    netlink = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_NETFILTER)
    try:
        netlink.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
        netlink.bind((0, 0))
        netlink.setblocking(False)
    except OSError:
        netlink.close()
        raise
    return netlink


def asked(netlink: socket.socket, request: bytes) -> None:
    """Send requests that want to be acknowledged; raises OSError with the kernel's first refusal.

    The kernel has answered all of them before send(2) returns.
    """
    netlink.send(request)
    for data in received(netlink):
        for kind, body in messages(data):
            if kind == _ERROR and len(body) >= 4:
                (number,) = struct.unpack_from("=i", body)
                if number:
                    raise OSError(-number, os.strerror(-number))


def received(netlink: socket.socket) -> Iterator[bytes]:
    """Whatever has come, without waiting; nothing (b"") for what found no room. Raises OSError."""
    while True:
        try:
            yield netlink.recv(_MOST_READ)
        except BlockingIOError:
            return
        except OSError as error:
            if error.errno != errno.ENOBUFS:
                raise
            yield b""  # told once, then what is there can be read


def change_filters(netlink: socket.socket, changes: Iterable[bytes]) -> None:
    """All of the changes or none; raises OSError, and then nothing is changed."""
    ends = (_message(kind, _REQUEST, b"", family=0, resource=_NF_TABLES) for kind in _BATCH)
    begin, end = ends
    asked(netlink, begin + b"".join(changes) + end)


def elements(
    family: Family, table: str, name: str, group: int, networks: Iterable[Network], *, there: bool
) -> bytes:
    """Pairs of a group and a network put into a set of intervals, or with `there` taken out of it."""
    listed = b"".join(
        _attribute(
            _ELEMENT | _NESTED,
            _bound(_KEY, group, network[0].packed) + _bound(_KEY_END, group, network[-1].packed),
        )
        for network in networks
    )
    body = (
        _attribute(_OF_TABLE, table.encode() + b"\0")
        + _attribute(_OF_SET, name.encode() + b"\0")
        + _attribute(_ELEMENTS | _NESTED, listed)
    )
    kind = _NF_TABLES << 8 | (_DELETE_ELEMENT if there else _NEW_ELEMENT)
    return _message(kind, _REQUEST | _ACK | (0 if there else _CREATE), body, family=family)


def has_tables(netlink: socket.socket, table: str) -> bool:
    """Whether there is one of that name in each family; raises OSError."""
    body = _attribute(_TABLE_NAME, table.encode() + b"\0")
    for family in Family:
        try:
            kind = _NF_TABLES << 8 | _GET_TABLE
            asked(netlink, _message(kind, _REQUEST | _ACK, body, family=family))
        except FileNotFoundError:
            return False
    return True


def without_table(family: Family, table: str) -> bytes:
    """A table with all that is in it, gone."""
    body = _attribute(_TABLE_NAME, table.encode() + b"\0")
    return _message(_NF_TABLES << 8 | _DELETE_TABLE, _REQUEST | _ACK, body, family=family)


def without_chain(family: Family, table: str, chain: str) -> bytes:
    """A chain with its rules, gone."""
    body = _attribute(_CHAIN_TABLE, table.encode() + b"\0")
    body += _attribute(_CHAIN_NAME, chain.encode() + b"\0")
    return _message(_NF_TABLES << 8 | _DELETE_CHAIN, _REQUEST | _ACK, body, family=family)


def configuration(kind: int, resource: int, attribute: int, value: bytes) -> bytes:
    """A request with one attribute, to a resource of a subsystem by its number."""
    body = _attribute(attribute, value)
    return _message(kind, _REQUEST | _ACK, body, family=socket.AF_UNSPEC, resource=resource)


def messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Kinds and bodies (netlink(7)); ends where it makes no sense any more."""
    while len(data) >= 16:
        length, kind = struct.unpack_from("=IH", data)
        if not 16 <= length <= len(data):
            return
        yield kind, data[16:length]
        data = data[(length + 3) & ~3 :]


def attributes(body: bytes) -> Iterator[tuple[int, bytes]]:
    """Kinds and values of what follows struct nfgenmsg; ends where it makes no sense any more."""
    data = body[4:]
    while len(data) >= 4:
        length, kind = struct.unpack_from("=HH", data)
        if not 4 <= length <= len(data):
            return
        yield kind & 0x3FFF, data[4:length]
        data = data[(length + 3) & ~3 :]


_BATCH: Final = (_BATCH_BEGIN, _BATCH_END)


def _bound(kind: int, group: int, address: bytes) -> bytes:
    """One end of an interval: so that intervals can be compared, all in the order of networks."""
    return _attribute(kind | _NESTED, _attribute(_VALUE, struct.pack("!I", group) + address))


def _attribute(kind: int, value: bytes) -> bytes:
    padding = bytes(-len(value) % 4)
    return struct.pack("=HH", 4 + len(value), kind) + value + padding


def _message(kind: int, flags: int, body: bytes, *, family: int, resource: int = 0) -> bytes:
    body = struct.pack("!BBH", family, 0, resource) + body
    return struct.pack("=IHHII", 16 + len(body), kind, flags, 0, 0) + body
