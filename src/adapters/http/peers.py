"""Who is at the other end: the socket's peer, or whom a trusted proxy names."""

from collections.abc import Iterable
from ipaddress import IPv6Address, ip_address, ip_network
from itertools import islice

import msgspec

from ...domain.target import Address, Network
from .asgi import Scope, header_values

_MOST_HOPS = 32


class Peer(msgspec.Struct, frozen=True, kw_only=True):
    """A client. `address` is canonical text, "" if unknown; `secure`: it came by TLS to the first hop."""

    address: str
    secure: bool


class Peers:
    """Tells peers. `trusted` are the networks of reverse proxies; ValueError for what is no network."""

    def __init__(self, trusted: Iterable[str] = ()) -> None:
        self._trusted: tuple[Network, ...] = tuple(ip_network(text, False) for text in trusted)

    def of(self, scope: Scope) -> Peer:
        """The right-most address that no trusted proxy vouches for is the client's.

        What stands left of it is the client's own word, and worth nothing.
        """
        client = scope.get("client")
        secure = scope.get("scheme") == "https"
        socket_peer = _parse(client[0]) if client else None
        if socket_peer is None:
            return Peer(address="", secure=secure)
        if not self._trusts(socket_peer):
            return Peer(address=str(socket_peer), secure=secure)
        protocols = header_values(scope, b"x-forwarded-proto")
        if protocols:
            secure = protocols[-1].rpartition(",")[2].strip().lower() == "https"
        return Peer(address=str(self._behind(socket_peer, scope)), secure=secure)

    def _behind(self, proxy: Address, scope: Scope) -> Address:
        hops = ",".join(header_values(scope, b"x-forwarded-for")).split(",")
        found = proxy
        for hop in islice(reversed(hops), _MOST_HOPS):
            address = _parse(hop)
            if address is None:
                break  # a proxy that is trusted does not write this: it is a client's word
            found = address
            if not self._trusts(address):
                break
        return found

    def _trusts(self, address: Address) -> bool:
        return any(address in network for network in self._trusted)


def _parse(text: str) -> Address | None:
    """An address, with or without a port; IPv4 inside IPv6 is IPv4, a scope id is left out."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address
