"""The port `Resolver`: what holds for the fake, for a table of hosts, and for the DNS."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from ipaddress import ip_address

import pytest
from dnslib import RCODE  # type: ignore[import-untyped]  # it has no types

from netsonde.adapters.dns import DnsResolver
from netsonde.adapters.hosts_file import HostsResolver
from netsonde.adapters.memory import FakeResolver
from netsonde.application.ports import Resolver
from netsonde.domain.terms import Resolved, Unresolved
from tests.contract.dns_server import Answer, serving, silent, zone

NAMES = {
    "both.lab.internal": ["10.0.0.1", "10.0.0.2", "fd00::1"],
    "old.lab.internal": ["10.0.0.3"],
    "new.lab.internal": ["fd00::3"],
}


def resolved(*texts: str) -> Resolved:
    return Resolved(tuple(ip_address(text) for text in texts))


@asynccontextmanager
async def fake() -> AsyncIterator[Resolver]:
    yield FakeResolver({name: resolved(*texts) for name, texts in NAMES.items()})


@asynccontextmanager
async def table() -> AsyncIterator[Resolver]:
    lines = [f"{text} {name}" for name, texts in NAMES.items() for text in texts]
    yield HostsResolver("\n".join(lines))


@asynccontextmanager
async def dns() -> AsyncIterator[Resolver]:
    async with serving(zone(NAMES)) as port:
        yield DnsResolver(nameservers=["127.0.0.1"], port=port)


Making = Callable[[], AbstractAsyncContextManager[Resolver]]
every = pytest.mark.parametrize("making", [fake, table, dns])


def ask(making: Making, name: str) -> Resolved | Unresolved:
    async def asking() -> Resolved | Unresolved:
        async with making() as resolver:
            return await resolver.resolve(name)

    return asyncio.run(asking())


def ask_dns(answer: Answer, name: str, total_s: float = 5.0) -> Resolved | Unresolved:
    async def asking() -> Resolved | Unresolved:
        async with serving(answer) as port:
            resolver = DnsResolver(nameservers=["127.0.0.1"], port=port, total_s=total_s)
            return await resolver.resolve(name)

    return asyncio.run(asking())


@every
@pytest.mark.parametrize("name", NAMES)
def test_it_gives_all_addresses_of_both_families(making: Making, name: str) -> None:
    answer = ask(making, name)
    assert isinstance(answer, Resolved)
    assert sorted(map(str, answer.addresses)) == sorted(NAMES[name])


@every
def test_a_name_that_does_not_exist_is_unresolved_for_good(making: Making) -> None:
    answer = ask(making, "missing.lab.internal")
    assert isinstance(answer, Unresolved)
    assert not answer.temporary
    assert answer.reason


def test_an_alias_is_followed_to_where_it_leads() -> None:
    names = zone(
        {
            "www.lab.internal": ["alias of web.lab.internal"],
            "web.lab.internal": ["alias of outside.example"],
            "outside.example": ["203.0.113.7", "2001:db8::7"],
        }
    )
    assert ask_dns(names, "www.lab.internal") == resolved("203.0.113.7", "2001:db8::7")


def test_aliases_in_a_circle_end() -> None:
    names = zone(
        {
            "a.lab.internal": ["alias of b.lab.internal"],
            "b.lab.internal": ["alias of a.lab.internal"],
        }
    )
    assert isinstance(ask_dns(names, "a.lab.internal"), Unresolved)


def test_an_alias_to_nowhere_is_unresolved() -> None:
    assert isinstance(
        ask_dns(zone({"a.lab.internal": ["alias of b.c"]}), "a.lab.internal"), Unresolved
    )


@pytest.mark.parametrize("rcode", [RCODE.SERVFAIL, RCODE.REFUSED])
def test_a_server_that_fails_is_a_temporary_failure(rcode: int) -> None:
    answer = ask_dns(zone({}, rcodes={"x.lab.internal": rcode}), "x.lab.internal")
    assert isinstance(answer, Unresolved)
    assert answer.temporary


def test_half_an_answer_is_none_since_what_is_not_seen_is_not_judged() -> None:
    names = zone(NAMES, rcodes={"both.lab.internal/AAAA": RCODE.SERVFAIL})
    assert isinstance(ask_dns(names, "both.lab.internal"), Unresolved)


def test_a_server_that_is_silent_costs_no_more_than_the_time_limit() -> None:
    answer = ask_dns(silent, "x.lab.internal", total_s=0.3)
    assert isinstance(answer, Unresolved)
    assert answer.temporary


def test_no_server_there_is_a_failure_not_an_exception() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    resolver = DnsResolver(nameservers=["127.0.0.1"], port=port, total_s=0.5)
    assert isinstance(asyncio.run(resolver.resolve("x.lab.internal")), Unresolved)


def test_a_name_without_addresses_is_unresolved_for_good() -> None:
    answer = ask_dns(zone({"empty.lab.internal": []}), "empty.lab.internal")
    assert isinstance(answer, Unresolved)
    assert not answer.temporary


def test_two_hundred_addresses_are_seen_all() -> None:
    texts = [f"10.0.{i // 250}.{i % 250 + 1}" for i in range(200)]
    answer = ask_dns(zone({"many.lab.internal": texts}), "many.lab.internal")
    assert isinstance(answer, Resolved)
    assert len(answer.addresses) == 200


def test_more_addresses_than_can_be_judged_are_none() -> None:
    texts = [f"10.0.{i // 250}.{i % 250 + 1}" for i in range(257)]
    assert isinstance(ask_dns(zone({"many.lab.internal": texts}), "many.lab.internal"), Unresolved)


def test_what_is_known_already_is_not_asked() -> None:
    resolver = DnsResolver(
        lambda name: (ip_address("10.0.0.9"),) if name == "here.lab.internal" else (),
        nameservers=["127.0.0.1"],
        port=9,
        total_s=0.2,
    )
    assert asyncio.run(resolver.resolve("here.lab.internal")) == resolved("10.0.0.9")


def test_a_waiting_question_can_be_cancelled() -> None:
    async def asking() -> None:
        async with serving(silent) as port:
            resolver = DnsResolver(nameservers=["127.0.0.1"], port=port)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.1):
                    await resolver.resolve("x.lab.internal")

    asyncio.run(asking())
