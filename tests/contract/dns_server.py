"""A name server on loopback, as badly behaved as a test wants it."""

import asyncio
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import cast

from dnslib import (  # type: ignore[import-untyped]  # it has no types
    AAAA,
    CNAME,
    QTYPE,
    RCODE,
    RR,
    A,
    DNSRecord,
)

Answer = Callable[[DNSRecord], DNSRecord | None]


def zone(records: dict[str, list[str]], *, rcodes: dict[str, int] | None = None) -> Answer:
    """Answers from `{name: [address or "alias of NAME"]}`; `rcodes` by "NAME" or "NAME/TYPE".

    An alias is answered alone, what it leads to must be asked.
    """

    def answer(query: DNSRecord) -> DNSRecord | None:
        reply = query.reply()
        name = str(query.q.qname).rstrip(".")
        kind = QTYPE[query.q.qtype]
        rcode = (rcodes or {}).get(name, (rcodes or {}).get(f"{name}/{kind}"))
        if rcode is not None:
            reply.header.rcode = rcode
        elif name not in records:
            reply.header.rcode = RCODE.NXDOMAIN
        for text in records.get(name, []):
            if text.startswith("alias of "):
                target = text.removeprefix("alias of ")
                reply.add_answer(RR(name, QTYPE.CNAME, ttl=1, rdata=CNAME(target)))
            elif (":" in text) == (kind == "AAAA"):
                rdata = AAAA(text) if ":" in text else A(text)
                reply.add_answer(RR(name, query.q.qtype, ttl=1, rdata=rdata))
        return reply

    return answer


def silent(query: DNSRecord) -> DNSRecord | None:
    """Never answers."""
    return None


class _Udp(asyncio.DatagramProtocol):
    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)  # no subclass of it in 3.11

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        reply = self._answer(DNSRecord.parse(data))
        if reply is None or self._transport is None:
            return
        packed = reply.pack()
        if len(packed) > 512:  # RFC 1035, section 4.2.1
            reply.rr = []
            reply.header.tc = 1
            packed = reply.pack()
        self._transport.sendto(packed, addr)


@asynccontextmanager
async def serving(answer: Answer) -> AsyncIterator[int]:
    """Serve on 127.0.0.1; gives the port."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            (size,) = struct.unpack("!H", await reader.readexactly(2))
            reply = answer(DNSRecord.parse(await reader.readexactly(size)))
            if reply is not None:
                packed = reply.pack()
                writer.write(struct.pack("!H", len(packed)) + packed)
                await writer.drain()
        finally:
            writer.close()
            await writer.wait_closed()

    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(
        lambda: _Udp(answer), local_addr=("127.0.0.1", 0)
    )
    port = transport.get_extra_info("sockname")[1]
    tcp = await asyncio.start_server(talk, "127.0.0.1", port)
    try:
        yield port
    finally:
        transport.close()
        tcp.close()
        await tcp.wait_closed()
        await asyncio.sleep(0)
