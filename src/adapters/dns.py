"""Names looked up in the DNS, by our own questions: no search list, no other name service."""

import asyncio
from collections.abc import Callable, Sequence
from ipaddress import ip_address
from typing import TYPE_CHECKING

from ..domain.target import Address
from ..domain.terms import Resolved, Unresolved

if TYPE_CHECKING:
    from dns.asyncresolver import Resolver
    from dns.name import Name

TOTAL_S = 5.0
ONE_ANSWER_S = 1.5
MAX_ADDRESSES = 256
AT_A_TIME = 32  # each takes two sockets, and a caller may ask for any number of plans
MAX_ALIASES = 8


def _none(name: str) -> tuple[Address, ...]:
    return ()


class DnsResolver:
    """Meets the port `Resolver`.

    A and AAAA are asked at the same time, and both must be answered: an address that could not be
    seen could not be judged. `known` is asked first, and what it knows the DNS is not asked
    (hosts(5)). `nameservers` and `port` take the place of those of resolv.conf(5).
    """

    def __init__(
        self,
        known: Callable[[str], tuple[Address, ...]] = _none,
        *,
        nameservers: Sequence[str] = (),
        port: int = 53,
        total_s: float = TOTAL_S,
        at_a_time: int = AT_A_TIME,
    ) -> None:
        self._known = known
        self._nameservers = tuple(nameservers)
        self._port = port
        self._total_s = total_s
        self._turns = asyncio.Semaphore(at_a_time)

    async def resolve(self, name: str) -> Resolved | Unresolved:
        """See the port."""
        if addresses := self._known(name):
            return _bounded(addresses)
        # dnspython takes 90 ms to import, which the start of a server must not pay.
        from dns.exception import DNSException
        from dns.resolver import NXDOMAIN

        try:
            async with asyncio.timeout(self._total_s), self._turns:
                resolver = self._resolver()
                async with asyncio.TaskGroup() as group:
                    asked = [
                        group.create_task(_ask(resolver, name, kind)) for kind in ("A", "AAAA")
                    ]
        except TimeoutError:
            return Unresolved(f"the name servers did not answer in {self._total_s:g} s", True)
        except (DNSException, OSError, ValueError) as error:
            return Unresolved(_reason(error), True)
        except ExceptionGroup as group_of_failures:
            failure = group_of_failures.exceptions[0]
            if isinstance(failure, NXDOMAIN):
                return Unresolved("the name does not exist")
            if not isinstance(failure, (DNSException, OSError, ValueError)):
                raise
            return Unresolved(_reason(failure), True)
        found = tuple(dict.fromkeys(address for task in asked for address in task.result()))
        return _bounded(found) if found else Unresolved("the name exists, but has no address")

    def _resolver(self) -> "Resolver":
        """Made anew each time: resolv.conf(5) changes under a server that runs for weeks."""
        from dns.asyncresolver import Resolver

        resolver = Resolver(configure=not self._nameservers)
        if self._nameservers:
            resolver.nameservers = list(self._nameservers)
            resolver.port = self._port
        resolver.timeout = ONE_ANSWER_S
        resolver.lifetime = self._total_s
        return resolver


async def _ask(resolver: "Resolver", name: str, kind: str) -> list[Address]:
    from dns.name import from_text

    asked: Name = from_text(name)
    for _ in range(MAX_ALIASES):
        answer = await resolver.resolve(asked, kind, raise_on_no_answer=False, search=False)
        if answer.rrset is not None:
            return [ip_address(record.address) for record in answer.rrset]
        alias = answer.canonical_name
        if alias == asked:
            return []
        asked = alias  # the server told where the alias leads, not what is there
    raise ValueError(f"more than {MAX_ALIASES} aliases follow one another")


def _bounded(addresses: tuple[Address, ...]) -> Resolved | Unresolved:
    """To judge only some of a name's addresses would be no judgement of the name."""
    if len(addresses) > MAX_ADDRESSES:
        return Unresolved(f"the name has {len(addresses)} addresses, more than {MAX_ADDRESSES}")
    return Resolved(addresses)


def _reason(error: Exception) -> str:
    """One plain sentence; dnspython's own name the servers and the whole question."""
    names = {
        "NoNameservers": "the name servers failed or refused to answer",
        "LifetimeTimeout": "the name servers did not answer in time",
        "NoResolverConfiguration": "this host has no name server configured",
    }
    if (known := names.get(type(error).__name__)) is not None:
        return known
    return " ".join(str(error).split())[:200].rstrip(".") or type(error).__name__
