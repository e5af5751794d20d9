"""Name servers that hang, flood, lie and break off: every look-up ends in bounded time, in words."""

import asyncio
import os
import struct
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from ipaddress import ip_address

import pytest
from dnslib import CNAME, QTYPE, RR, A, DNSRecord  # type: ignore[import-untyped]  # it has no types

from netsonde.adapters.dns import AT_A_TIME, DnsResolver
from netsonde.domain.terms import Resolved, Unresolved

NAME = "x.lab.internal"
TOTAL_S = 0.4
SLACK_S = 1.5  # of a busy machine, and for parsing
MOST_IN_A_MESSAGE = 4000  # of 65,535 bytes

Udp = Callable[[DNSRecord], Iterable[bytes]]
Tcp = Callable[[DNSRecord], Sequence[bytes]]


def addressed(query: DNSRecord, *texts: str, name: str = NAME) -> DNSRecord:
    """The answer, to the question for A; nothing to that for AAAA."""
    reply = query.reply()
    if QTYPE[query.q.qtype] == "A":
        for text in texts:
            reply.add_answer(RR(name, QTYPE.A, ttl=1, rdata=A(text)))
    return reply


def honest(query: DNSRecord) -> bytes:
    return bytes(addressed(query, "10.0.0.1").pack())


def with_another_id(packed: bytes, by: int) -> bytes:
    number = (int.from_bytes(packed[:2], "big") + by) & 0xFFFF
    return number.to_bytes(2, "big") + packed[2:]


def cut(query: DNSRecord) -> list[bytes]:
    """Ask again over TCP."""
    reply = query.reply()
    reply.header.tc = 1
    return [reply.pack()]


class _Udp(asyncio.DatagramProtocol):
    def __init__(self, answer: Udp) -> None:
        self._answer = answer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        for packed in self._answer(DNSRecord.parse(data)):
            self._transport.sendto(packed, addr)  # type: ignore[attr-defined]  # no subclass in 3.11


@asynccontextmanager
async def serving(udp: Udp, tcp: Tcp | None = None, pause_s: float = 0.0) -> AsyncIterator[int]:
    """On loopback; gives the port. `tcp` gives pieces, between which it pauses; the last is the end."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            (size,) = struct.unpack("!H", await reader.readexactly(2))
            query = DNSRecord.parse(await reader.readexactly(size))
            for piece in tcp(query) if tcp else ():
                writer.write(piece)
                await writer.drain()
                if pause_s:
                    await asyncio.sleep(pause_s)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # it has had enough
        finally:
            writer.close()

    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(
        lambda: _Udp(udp), local_addr=("127.0.0.1", 0)
    )
    port = transport.get_extra_info("sockname")[1]
    listener = await asyncio.start_server(talk, "127.0.0.1", port) if tcp else None
    try:
        yield port
    finally:
        transport.close()
        if listener is not None:
            listener.close()
            await listener.wait_closed()
        await asyncio.sleep(0)


def look_up(
    udp: Udp, tcp: Tcp | None = None, *, pause_s: float = 0.0, total_s: float = TOTAL_S
) -> Resolved | Unresolved:
    """The answer, which must come in time and leave no descriptor."""

    async def scene() -> Resolved | Unresolved:
        async with serving(udp, tcp, pause_s) as port:
            resolver = DnsResolver(nameservers=["127.0.0.1"], port=port, total_s=total_s)
            begun_s = time.monotonic()
            answer = await resolver.resolve(NAME)
            assert time.monotonic() - begun_s < total_s + SLACK_S
            return answer

    before = len(os.listdir("/proc/self/fd"))
    answer = asyncio.run(scene())
    assert len(os.listdir("/proc/self/fd")) == before
    return answer


def assert_temporary(answer: Resolved | Unresolved) -> None:
    assert isinstance(answer, Unresolved), answer
    assert answer.temporary
    assert answer.reason and len(answer.reason) < 250


WRONG: dict[str, Udp] = {
    "nothing but wrong ids": lambda q: (with_another_id(honest(q), n + 1) for n in range(2000)),
    "garbage": lambda q: (os.urandom(100) for _ in range(500)),
    "empty datagrams": lambda q: (b"" for _ in range(500)),
    "half an answer": lambda q: [honest(q)[:-3]],
    "the question back": lambda q: [bytes(q.pack())],
    "the largest datagram of zeros": lambda q: [bytes(65_000)],
    "another question's answer": lambda q: [
        bytes(DNSRecord.question("other.example").reply().pack())
    ],
}


@pytest.mark.parametrize("name", WRONG)
def test_answers_that_are_none_end_as_if_none_had_come(name: str) -> None:
    assert_temporary(look_up(WRONG[name]))


def test_the_right_answer_is_found_in_a_flood_of_wrong_ids() -> None:
    def udp(query: DNSRecord) -> Iterable[bytes]:
        yield from (with_another_id(honest(query), number + 1) for number in range(50))
        yield honest(query)

    assert look_up(udp, total_s=5.0) == Resolved((ip_address("10.0.0.1"),))


def test_an_address_under_another_name_is_not_taken() -> None:
    answer = look_up(lambda q: [bytes(addressed(q, "10.0.0.66", name="other.example").pack())])
    assert isinstance(answer, Unresolved)


def test_as_many_addresses_as_fit_into_an_answer_are_too_many() -> None:
    texts = [f"10.{n >> 8 & 255}.{n & 255}.1" for n in range(MOST_IN_A_MESSAGE)]

    def tcp(query: DNSRecord) -> Sequence[bytes]:
        packed = addressed(query, *texts).pack()
        return [struct.pack("!H", len(packed)) + packed]

    answer = look_up(cut, tcp, total_s=5.0)
    assert isinstance(answer, Unresolved)
    assert "4000 addresses" in answer.reason


def _slowly(query: DNSRecord) -> Sequence[bytes]:
    packed = honest(query)
    return [bytes([byte]) for byte in struct.pack("!H", len(packed)) + packed]


TCP: dict[str, tuple[Tcp, float]] = {
    "a byte now and then": (_slowly, 0.05),
    "more promised than sent": (lambda q: [struct.pack("!H", 60_000) + honest(q)], 0.0),
    "only the length": (lambda q: [struct.pack("!H", 60_000), b""], 2.0),
    "an answer of no length": (lambda q: [b"\0\0"], 0.0),
    "garbage": (lambda q: [struct.pack("!H", 100) + os.urandom(100)], 0.0),
    "another id": (lambda q: [struct.pack("!H", 60) + with_another_id(honest(q), 1)], 0.0),
    "nothing": (lambda q: [], 0.0),
    "cut again": (lambda q: [struct.pack("!H", len(cut(q)[0])) + cut(q)[0]], 0.0),
}


@pytest.mark.parametrize("name", TCP)
def test_an_answer_that_is_cut_off_over_tcp_too_is_none(name: str) -> None:
    tcp, pause_s = TCP[name]
    answer = look_up(cut, tcp, pause_s=pause_s)
    assert isinstance(answer, Unresolved), answer


def test_an_answer_that_is_cut_off_and_no_tcp_there_is_none() -> None:
    assert_temporary(look_up(cut))


@pytest.mark.parametrize("length", [2, 40])
def test_aliases_in_a_circle_within_one_answer_end(length: int) -> None:
    def udp(query: DNSRecord) -> Iterable[bytes]:
        reply = query.reply()
        names = [NAME, *(f"{n}.lab.internal" for n in range(length - 1))]
        for here, there in zip(names, [*names[1:], NAME], strict=True):
            reply.add_answer(RR(here, QTYPE.CNAME, ttl=1, rdata=CNAME(there)))
        return [bytes(reply.pack())]

    assert isinstance(look_up(udp), Unresolved)


def test_a_crowd_that_asks_a_silent_server_is_answered_as_soon_as_one_alone() -> None:
    async def scene() -> None:
        before = len(os.listdir("/proc/self/fd"))
        async with serving(lambda query: []) as port:
            resolver = DnsResolver(nameservers=["127.0.0.1"], port=port, total_s=TOTAL_S)
            begun_s = time.monotonic()
            asking = [
                asyncio.ensure_future(resolver.resolve(f"{n}.lab.internal")) for n in range(200)
            ]
            await asyncio.sleep(TOTAL_S / 2)  # a moment at which all of them wait
            assert len(os.listdir("/proc/self/fd")) - before <= 2 * AT_A_TIME + 8
            for answer in await asyncio.gather(*asking):
                assert_temporary(answer)
            assert time.monotonic() - begun_s < TOTAL_S + SLACK_S
        assert len(os.listdir("/proc/self/fd")) <= before

    asyncio.run(scene())
