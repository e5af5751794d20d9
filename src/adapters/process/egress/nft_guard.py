"""Holds executions to their destinations by packet filters (nftables): needs CAP_NET_ADMIN, CAP_SETGID."""

import asyncio
import errno
import logging
import os
import socket
import weakref
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from ipaddress import ip_network
from typing import Final

from ..landlock import refuse_new_privileges
from ..launch_thread import filter_calls, started_from_thread
from ..syscalls import processor
from . import unseen_ways
from .filter_tables import FilterTables
from .guard import Confinement, Destinations
from .held_packets import HeldPackets
from .own_group import OwnGroups, change_thread_to
from .routers import routers
from .rules import Admitted

_log = logging.getLogger(__name__)
_FIRST_LOG_GROUP: Final = 20_480
_NOT_WATCHED: Final = "nobody knows where: its packets could not be watched"


class NftablesEgress:
    """Meets `EgressGuard`, for every kind of packet, whole frames included."""

    def __init__(self, nft: str) -> None:
        """`nft` is the path of that program. Raises OSError, with nothing left behind."""
        here = processor()
        if here is None:
            raise OSError(f"no filter is written for {os.uname().machine}")
        self._filter = unseen_ways.compiled(here)
        self._tells: dict[int, Callable[[str], None]] = {}
        with ExitStack() as stack:
            self._groups = OwnGroups()
            stack.callback(self._groups.close)
            first = self._groups.numbers[0]
            log_group = _FIRST_LOG_GROUP + first // 1000 % 10_000
            self._packets = HeldPackets(log_group)
            stack.callback(self._packets.close)
            self._tables = FilterTables(nft, f"netsonde_{first}", self._groups.numbers, log_group)
            stack.callback(self._tables.close)
            self._finalizer = weakref.finalize(self, stack.pop_all().close)

    def close(self) -> None:
        """Take the rules away. It also happens when the object or the process ends."""
        self._finalizer()

    @contextmanager
    def held(
        self, destinations: Destinations, tell: Callable[[str], None]
    ) -> Iterator[Confinement]:
        """See the port. About a millisecond to enter, another to leave."""
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
        try:
            self._tables.admit(group, Admitted(destinations=destinations, routers=routers()))
        except OSError:
            self._groups.give_back(group)  # nothing was allowed to it
            raise
        try:
            yield group
        finally:
            try:
                self._tables.withdraw(group)
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
            for news in self._tables.news:
                loop.add_reader(news.fileno(), self._keep_up)
        self._tells[group] = tell
        try:
            yield
        finally:
            del self._tells[group]
            if not self._tells and not loop.is_closed():
                for heard in (self._packets, *self._tables.news):
                    loop.remove_reader(heard.fileno())

    def _tell(self) -> None:
        for held in self._packets.read():
            if held.group in self._tells:
                self._tells[held.group](held.destination)

    def _keep_up(self) -> None:
        """While something runs, which could send by what isn't watched at once: else it is ended."""
        try:
            self._tables.keep_up()
        except OSError as error:
            _log.error("egress.not_watched", extra={"fields": {"reason": str(error)}})
            for tell in tuple(self._tells.values()):
                tell(_NOT_WATCHED)

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
