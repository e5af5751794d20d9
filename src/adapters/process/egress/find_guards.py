"""Which egress guard this host allows: each is tried once, at start."""

import msgspec

from ....domain.layer import Layer, LayerMode, switched_off
from ..probe import told
from .guard import EgressGuard
from .nft_guard import NftablesEgress
from .notified_guard import NotifiedEgress, find_notified_egress

NAME = "egress"
_FIX = (
    "Install nftables, and give the server CAP_NET_ADMIN and CAP_SETGID (root has them), on Linux "
    "5.16 or later."
)


class Guards(msgspec.Struct, frozen=True, kw_only=True):
    """For plans with raw sockets, and for all others; None where there is none."""

    for_raw: EgressGuard | None = None
    for_others: EgressGuard | None = None


def find_guards(
    mode: LayerMode, *, nft: str | None, without_capabilities: bool, raw_sockets: bool
) -> tuple[Guards, Layer]:
    """Packet filters, which hold everything; else notified calls, which hold all but raw sockets.

    `nft` is that program's path, None where it isn't there. `without_capabilities`: programs have none that would let them change packet filters.
    `raw_sockets`: the server has plans that need them. Some 5 to 10 ms.
    """
    if mode is LayerMode.OFF:
        return Guards(), switched_off(NAME)
    filters = _find_filters(nft) if without_capabilities else "programs keep their capabilities"
    if not isinstance(filters, str):
        by = "packet filters (nftables), by a group number for each execution"
        return Guards(for_raw=filters, for_others=filters), Layer(NAME, True, by, mode)
    notified = find_notified_egress()
    if not isinstance(notified, NotifiedEgress):
        reason = f"nftables: {filters}; seccomp: {notified}"
        return Guards(), Layer(NAME, False, reason, mode, _FIX)
    by = "calls that name a destination are made by the server (seccomp)"
    if raw_sockets:
        by += f", but not for plans that send raw packets (nftables: {filters})"
    active = not raw_sockets or mode is not LayerMode.REQUIRE
    return Guards(for_others=notified), Layer(NAME, active, by, mode, _FIX if raw_sockets else "")


def _find_filters(nft: str | None) -> NftablesEgress | str:
    if nft is None:
        return "nft is not installed"
    try:
        guard = NftablesEgress(nft)
        failure = guard.trial()
    except OSError as error:
        return told(error)
    if failure:
        guard.close()
        return failure
    return guard
