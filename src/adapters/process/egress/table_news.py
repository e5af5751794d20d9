"""News that a table of packet filters was removed, by whomever (nfnetlink(7), NFNLGRP_NFTABLES)."""

from typing import Final

from . import netfilter

_SOL_NETLINK, _ADD_MEMBERSHIP = 270, 1
_NFNLGRP_NFTABLES: Final = 7
_TABLE_REMOVED: Final = 10 << 8 | 2  # NFNL_SUBSYS_NFTABLES, NFT_MSG_DELTABLE


class TableNews:
    """A netlink socket that becomes readable when filters changed, ours by ourselves among them."""

    def __init__(self) -> None:
        """Raises OSError: EPERM without CAP_NET_ADMIN."""
        self._netlink = netfilter.opened()
        try:
            self._netlink.setsockopt(_SOL_NETLINK, _ADD_MEMBERSHIP, _NFNLGRP_NFTABLES)
        except OSError:
            self._netlink.close()
            raise

    def fileno(self) -> int:
        """For a selector."""
        return self._netlink.fileno()

    def close(self) -> None:
        """Hear no more."""
        self._netlink.close()

    def any(self) -> bool:
        """Whether a table was removed since the last call, or may have been: news can be lost."""
        return any([_tells_of_removal(data) for data in netfilter.received(self._netlink)])


def _tells_of_removal(data: bytes) -> bool:
    return not data or any(kind == _TABLE_REMOVED for kind, _ in netfilter.messages(data))
