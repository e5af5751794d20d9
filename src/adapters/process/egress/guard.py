"""The port of whatever holds an execution to the addresses of its plan, below the program itself."""

from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Final, Protocol

import msgspec

from ....domain.plan import Plan
from ....domain.target import Address, Network

_LOOPBACK: Final = (ip_address("127.0.0.1"),)  # what resolv.conf(5) says of a file without servers


DNS_PORTS: Final = (53, 853)  # the latter for DNS over TLS (dig +tls)


class Destinations(msgspec.Struct, frozen=True, kw_only=True):
    """Where an execution may send: `networks` by any protocol, `resolvers` to `DNS_PORTS` only."""

    networks: tuple[Network, ...]
    resolvers: tuple[Address, ...] = ()


def nothing_more() -> None:
    """Nothing is left to be told."""


class Confinement(msgspec.Struct, frozen=True, kw_only=True):
    """What puts one start under a guard.

    `confine` is called in the thread that starts the program. `settle` is called when nothing of the
    program is left: whatever it did is told then, if it was not before.
    """

    confine: Callable[[], None]
    settle: Callable[[], None] = nothing_more


class EgressGuard(Protocol):
    """Holds executions to their destinations. One serves one event loop at a time."""

    def held(
        self, destinations: Destinations, tell: Callable[[str], None]
    ) -> AbstractContextManager[Confinement]:
        """Until it is left, what the execution sends to another address is held back.

        `tell` gets, in the event loop, the destination of what was held back, as `10.0.0.9 tcp 80`;
        it may be called again and again. To be left once nothing of the program is there any more.
        Raises OSError if it can't be had: then nothing may be started.
        """
        ...


def destinations_of(plan: Plan, resolv_conf: Path = Path("/etc/resolv.conf")) -> Destinations:
    """What a plan names; the system's resolvers if it asks them."""
    named = dict.fromkeys((*plan.addresses, *plan.named_addresses))
    return Destinations(
        networks=tuple(map(ip_network, named)),
        resolvers=_resolvers(resolv_conf) if plan.asks_resolver else (),
    )


def _resolvers(resolv_conf: Path) -> tuple[Address, ...]:
    """The addresses of name servers as the C library reads them (resolv.conf(5))."""
    text = ""
    with suppress(OSError):
        text = resolv_conf.read_text("utf-8", "replace")
    found: list[Address] = []
    for line in text.splitlines():
        words = line.split()
        if len(words) >= 2 and words[0] == "nameserver":
            with suppress(ValueError):
                found.append(ip_address(words[1].partition("%")[0]))
    return tuple(dict.fromkeys(found)) or _LOOPBACK
