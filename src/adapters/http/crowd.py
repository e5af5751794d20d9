"""All connections of one server: how many there may be, and the one timer that looks after them."""

import asyncio
from collections import Counter
from ipaddress import IPv4Address, IPv6Address, ip_address
from logging import Logger
from typing import Protocol

from .broken import FULL, PEER_FULL, Refusal
from .limits import ServingLimits

_LONGEST_SLEEP_S = 1.0
_LINGERING_SHARE = 8
_TELL_EVERY_S = 60.0
_IPV6_CLIENT_BITS = 64  # what one client is usually given (RFC 6177)


class Member(Protocol):
    """One connection, as far as the crowd knows it."""

    @property
    def peer(self) -> str:
        """The address at the other end, "" if it is unknown."""
        ...

    def examine(self, now_s: float) -> None:
        """End it if one of its deadlines has passed; `now_s` is the event loop's time."""
        ...

    def abort(self) -> None:
        """Cut it off; what was not sent is lost."""
        ...


class Crowd:
    """Counts connections, refuses those over the caps, and has each examined several times a second.

    `refused` are the refusals so far, by rule; they reach the log once a minute at the most.
    """

    def __init__(self, limits: ServingLimits, logger: Logger) -> None:
        self.limits = limits
        self.refused: Counter[str] = Counter()
        self._logger = logger
        self._members: dict[Member, str | None] = {}
        self._of_peer: Counter[str] = Counter()
        self._lingering: set[Member] = set()
        self._told: Counter[str] = Counter()
        self._tell_at_s = 0.0

    def __len__(self) -> int:
        return len(self._members)

    def admit(self, member: Member) -> Refusal | None:
        """Count a new connection; it stays counted until it leaves, refused or not."""
        group = self._group(member.peer)
        self._members[member] = group
        if group is not None:
            self._of_peer[group] += 1
            if self._of_peer[group] > self.limits.of_one_peer:
                return PEER_FULL
        return FULL if len(self._members) > self.limits.max_connections else None

    def leave(self, member: Member) -> None:
        """It is gone."""
        group = self._members.pop(member, None)
        if group is not None:
            self._of_peer[group] -= 1
            if not self._of_peer[group]:
                del self._of_peer[group]
        self._lingering.discard(member)

    def may_linger(self, member: Member) -> bool:
        """Whether there is room to tell a refused peer why; without it, it is cut off."""
        if len(self._lingering) >= max(8, self.limits.max_connections // _LINGERING_SHARE):
            return False
        self._lingering.add(member)
        return True

    def count(self, rule: str) -> None:
        """A connection was refused, or cut off."""
        self.refused[rule] += 1

    def abort_all(self) -> None:
        """Cut off whoever is left."""
        for member in tuple(self._members):
            member.abort()

    async def watch(self) -> None:
        """Examine the connections until cancelled. One timer for all is cheaper than one for each."""
        limits, loop = self.limits, asyncio.get_running_loop()
        shortest_s = min(limits.header_timeout_s, limits.write_stall_s, limits.linger_s)
        while True:
            await asyncio.sleep(min(_LONGEST_SLEEP_S, shortest_s / 4))
            now_s = loop.time()
            for member in tuple(self._members):
                self._examine(member, now_s)
            self._tell(now_s)

    def _examine(self, member: Member, now_s: float) -> None:
        try:
            member.examine(now_s)
        except Exception:  # one that can't be examined must not cost the others their deadlines
            self._logger.exception("http.unexamined")
            member.abort()

    def _tell(self, now_s: float) -> None:
        if now_s < self._tell_at_s or self.refused == self._told:
            return
        for rule, count in (self.refused - self._told).items():
            fields = {"rule": rule, "count": count}
            self._logger.warning("http.connections_refused", extra={"fields": fields})
        self._told = self.refused.copy()
        self._tell_at_s = now_s + _TELL_EVERY_S

    def _group(self, peer: str) -> str | None:
        """Under what a peer is counted; None if it is not, as on loopback and behind a proxy."""
        address = _parse(peer)
        if address is None or address.is_loopback:
            return None
        if any(address in network for network in self.limits.trusted_proxies):
            return None
        return _client(address)


def _parse(peer: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(peer.partition("%")[0])
    except ValueError:
        return None


def _client(address: IPv4Address | IPv6Address) -> str:
    """Who an address stands for: an IPv6 client has a whole network to connect from."""
    if isinstance(address, IPv4Address):
        return str(address)
    host_bits = 128 - _IPV6_CLIENT_BITS
    return f"{IPv6Address(int(address) >> host_bits << host_bits)}/{_IPV6_CLIENT_BITS}"
