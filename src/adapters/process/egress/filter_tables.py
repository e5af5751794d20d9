"""The packet filter as it stands in the kernel: written, kept up with devices, and restored when lost."""

import errno
import re
import socket
from collections.abc import Iterable
from contextlib import ExitStack, suppress

from . import netfilter, nftables, rules
from .devices import DeviceNews, has_ethernet_header
from .netfilter import Family
from .rules import Admitted
from .table_news import TableNews

_MOST_TRIES = 5
_SPEAKABLE = re.compile(r"[!#-\[\]-~]+")  # printable, and what may stand between quotation marks


class FilterTables:
    """Two tables of one name. To be kept up while anything runs behind them."""

    def __init__(self, nft: str, name: str, groups: range, log_group: int) -> None:
        """`nft` is the path of that program. Raises OSError, and then the tables aren't there."""
        self._nft = nft
        self._name = name
        self._groups = groups
        self._log_group = log_group
        self._devices: dict[str, int] = {}
        self._admitted: dict[int, Admitted] = {}
        self._whole = False
        with ExitStack() as stack:
            self._netlink = netfilter.opened()
            stack.callback(self._netlink.close)
            self.news = TableNews(), DeviceNews()
            for news in self.news:
                stack.callback(news.close)
            gone = (netfilter.without_table(family, name) for family in Family)
            stack.callback(_remove, self._netlink, *gone)
            self._write()
            self.close = stack.pop_all().close

    def admit(self, group: int, admitted: Admitted) -> None:
        """Let a group send there; raises OSError, and then it may not."""
        self.keep_up()
        netfilter.change_filters(self._netlink, rules.admission(self._name, group, admitted))
        self._admitted[group] = admitted

    def withdraw(self, group: int) -> None:
        """Let it send nowhere any more; raises OSError."""
        admitted = self._admitted.pop(group)
        changes = rules.admission(self._name, group, admitted, there=True)
        netfilter.change_filters(self._netlink, changes)

    def keep_up(self) -> None:
        """After news, and before something starts; raises OSError.

        `nft flush ruleset`, as firewalls do it that are loaded anew, takes our tables along. And what
        a device sends that isn't judged goes out unseen.
        """
        tables, devices = self.news
        gone = devices.gone()
        self._whole &= not tables.any()
        if not self._whole and not netfilter.has_tables(self._netlink, self._name):
            self._devices = {}
            self._write()
            return
        self._whole = True
        self._forget(gone or ())
        kept = self._devices.items() if gone is not None else ()
        self._devices = {name: index for name, index in kept if index not in (gone or ())}
        self._judge_devices()

    def _write(self) -> None:
        """In one change, so that nobody who was admitted is held back in between."""
        first = rules.tables(self._name, self._groups, self._log_group, self._admitted)
        self._judge_devices(first)
        self._whole = True

    def _forget(self, gone: Iterable[int]) -> None:
        """Linux up to 6.15 has taken the chains away with their devices."""
        chains = (
            netfilter.without_chain(Family.NETDEV, self._name, rules.chain(index))
            for index in gone
            if index in self._devices.values()
        )
        _remove(self._netlink, *chains)

    def _judge_devices(self, first: str = "") -> None:
        """`first` is said before. Tries again if a device went meanwhile."""
        for last_try in (*[False] * (_MOST_TRIES - 1), True):
            present = {device: index for index, device in socket.if_nameindex()}
            self._forget(index for _, index in self._devices.items() - present.items())
            words = [self._device(*device) for device in present.items() - self._devices.items()]
            try:
                if first or words:
                    nftables.apply(self._nft, "\n".join((first, *words)))
            except OSError:
                if last_try or present == {name: index for index, name in socket.if_nameindex()}:
                    raise
            else:
                self._devices = present
                return

    def _device(self, device: str, index: int) -> str:
        if not _SPEAKABLE.fullmatch(device):
            raise OSError(errno.EINVAL, f"nft has no word for a device named {device!r}")
        has_header = has_ethernet_header(device)
        return rules.device(
            self._name, self._groups, index=index, device=device, has_header=has_header
        )


def _remove(netlink: socket.socket, *what: bytes) -> None:
    """Each by itself: if one is gone already, the others must go all the same."""
    for one in what:
        with suppress(OSError):
            netfilter.change_filters(netlink, [one])
