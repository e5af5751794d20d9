"""Holds executions to their destinations by packet filters (nftables): needs CAP_NET_ADMIN, CAP_SETGID."""

import asyncio
import errno
import fcntl
import logging
import os
import socket
import struct
import weakref
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from ipaddress import ip_network
from typing import Final

from ..landlock import refuse_new_privileges
from ..launch_thread import filter_calls, started_from_thread
from ..syscalls import processor
from . import netfilter, nftables, rules, unseen_ways
from .guard import Confinement, Destinations
from .held_packets import HeldPackets
from .netfilter import Family
from .own_group import OwnGroups, change_thread_to
from .routers import routers

_log = logging.getLogger(__name__)
_FIRST_LOG_GROUP: Final = 20_480
_SIOCGIFHWADDR: Final = 0x8927
# linux/if_arp.h: ARPHRD_ETHER, and ARPHRD_LOOPBACK, whose frames have Ethernet's header too.
_ETHERNET_KINDS: Final = (1, 772)


class NftablesEgress:
    """Meets `EgressGuard`, for every kind of packet, whole frames included."""

    def __init__(self, nft: str) -> None:
        """`nft` is the path of that program. Raises OSError, with nothing left behind."""
        here = processor()
        if here is None:
            raise OSError(f"no filter is written for {os.uname().machine}")
        self._filter = unseen_ways.compiled(here)
        self._nft = nft
        with ExitStack() as stack:
            self._netlink = netfilter.opened()
            stack.callback(self._netlink.close)
            self._groups = OwnGroups()
            stack.callback(self._groups.close)
            first = self._groups.numbers[0]
            self._table = f"netsonde_{first}"
            log_group = _FIRST_LOG_GROUP + first // 1000 % 10_000
            self._packets = HeldPackets(log_group)
            stack.callback(self._packets.close)
            gone = (netfilter.without_table(family, self._table) for family in Family)
            stack.callback(_remove, self._netlink, *gone)
            self._devices: dict[str, int] = {}
            self._judge_new_devices(rules.tables(self._table, self._groups.numbers, log_group))
            self._tells: dict[int, Callable[[str], None]] = {}
            self._finalizer = weakref.finalize(self, stack.pop_all().close)

    def close(self) -> None:
        """Take the rules away. It also happens when the object or the process ends."""
        self._finalizer()

    @contextmanager
    def held(
        self, destinations: Destinations, tell: Callable[[str], None]
    ) -> Iterator[Confinement]:
        """See the port. About a millisecond to enter, another to leave."""
        self._judge_new_devices()
        with self._admitted(destinations) as group, self._told(group, tell):
            yield Confinement(confine=self._confining(group), settle=self._tell)

    def _confining(self, group: int) -> Callable[[], None]:
        change = change_thread_to(group)

        def confine() -> None:
            change()
            refuse_new_privileges()
            filter_calls(self._filter)

        return confine

    @contextmanager
    def _admitted(self, destinations: Destinations) -> Iterator[int]:
        """A group number that isn't given back if its rights can't be withdrawn."""
        group = self._groups.take()
        terms = self._table, group, destinations, routers()
        try:
            netfilter.change_filters(self._netlink, rules.admission(*terms))
        except OSError:
            self._groups.give_back(group)  # all or none: nothing was allowed
            raise
        try:
            yield group
        finally:
            try:
                netfilter.change_filters(self._netlink, rules.admission(*terms, there=True))
            except OSError as error:
                fields = {"group": group, "reason": str(error)}
                _log.error("egress.not_withdrawn", extra={"fields": fields})
            else:
                self._groups.give_back(group)

    @contextmanager
    def _told(self, group: int, tell: Callable[[str], None]) -> Iterator[None]:
        """The loop listens from its first execution to its last."""
        loop = asyncio.get_running_loop()
        if not self._tells:
            loop.add_reader(self._packets.fileno(), self._tell)
        self._tells[group] = tell
        try:
            yield
        finally:
            del self._tells[group]
            if not self._tells and not loop.is_closed():
                loop.remove_reader(self._packets.fileno())

    def _tell(self) -> None:
        for held in self._packets.read():
            if held.group in self._tells:
                self._tells[held.group](held.destination)

    def _judge_new_devices(self, first: str = "") -> None:
        """Or raise OSError: what could go out unseen must not be started. `first` is said before."""
        present = {device: index for index, device in socket.if_nameindex()}
        if present == self._devices:
            return
        for _, index in self._devices.items() - present.items():
            # Linux up to 6.15 has taken the chain away with its device.
            chain = netfilter.without_chain(Family.NETDEV, self._table, rules.chain(index))
            _remove(self._netlink, chain)
        words = [
            rules.device(
                self._table,
                self._groups.numbers,
                index=index,
                device=device,
                has_header=_hardware_kind(device) in _ETHERNET_KINDS,
            )
            for device, index in present.items() - self._devices.items()
        ]
        if first or words:
            nftables.apply(self._nft, "\n".join((first, *words)))
        self._devices = present

    def trial(self) -> str | None:
        """Whether it really holds back what it should, and nothing else; None if it does."""
        here = ip_network("127.0.0.1"), ip_network("127.0.0.2")
        with self._admitted(Destinations(networks=here[:1])) as group:
            tries = started_from_thread(
                self._confining(group), lambda: [_refusal(str(net[0])) for net in here]
            )
        if tries != [None, errno.EPERM]:
            return f"packets pass or are held back at random: {tries}"
        told = list(self._packets.read())
        if [held.group for held in told] != [group]:
            return f"what is held back is not told (nfnetlink_log): {told}"
        return None


def _refusal(address: str) -> int | None:
    """The errno with which the kernel refuses to send there; nobody listens on that port."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        try:
            client.sendto(b"", (address, 9))
        except OSError as error:
            return error.errno
    return None


def _hardware_kind(device: str) -> int:
    """ARPHRD_ETHER and so on (netdevice(7)); 0 for one that is gone meanwhile."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking, suppress(OSError):
        answer = fcntl.ioctl(asking, _SIOCGIFHWADDR, struct.pack("16s24x", device.encode()))
        return int.from_bytes(answer[16:18], "little")
    return 0


def _remove(netlink: socket.socket, *what: bytes) -> None:
    """Each by itself: if one is gone already, the others must go all the same."""
    for one in what:
        with suppress(OSError):
            netfilter.change_filters(netlink, [one])
