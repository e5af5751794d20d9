"""The lab's DNS server: the zone lab.internal with its traps, every question written down.

python -m tests.contract.lab.dns ADDRESS...
"""

import asyncio
import ipaddress
import json
import os
import socket
import sys
from typing import Final, cast

from dnslib import (  # type: ignore[import-untyped]  # dnslib ships no types
    EDNS0,
    PTR,
    QTYPE,
    RCODE,
    RR,
    A,
    DNSError,
    DNSRecord,
)

from tests.contract.lab.access import QUERY_LOG

ZONE: Final = "lab.internal"
TRUTH: Final = """
$ORIGIN lab.internal.
$TTL 60
@           IN SOA   dns hostmaster 1 3600 600 86400 60
@           IN NS    dns
@           IN MX    10 mail
@           IN TXT   "v=spf1 -all"
@           IN CAA   0 issue "ca.lab.internal"
_ldap._tcp  IN SRV   0 5 389 web.lab.internal.
web         IN A     10.77.2.10
mail        IN A     10.77.2.10
lossy       IN A     10.77.2.20
dark        IN A     10.77.2.66
silent      IN A     10.77.2.67
client      IN A     10.77.0.2
r1          IN A     10.77.0.1
r2          IN A     10.77.1.2
dns         IN A     10.77.3.53
foo         IN A     10.0.0.1
v6          IN AAAA  fd77:2::10
multi       IN A     10.77.2.10
multi       IN A     10.77.2.20
pub         IN A     8.8.8.8
meta        IN A     169.254.169.254
mixed       IN A     10.77.2.10
mixed       IN A     8.8.8.8
cname       IN CNAME web
cname-out   IN CNAME public.example.
empty       IN TXT   "this name has no address"
public.example. IN A 8.8.8.8
"""
# What has a name backwards: the first name of an address in the list above, and these.
REBIND: Final = ("10.77.2.10", "8.8.8.8")
MANY: Final = tuple(str(ipaddress.IPv4Address("10.77.100.1") + n) for n in range(300))
BACKWARDS: Final = ("77.10.in-addr.arpa", "0.0.10.in-addr.arpa")

# What we offer over UDP, the value of DNS flag day 2020.
_UDP_SIZE: Final = 1232


def records() -> dict[str, list[RR]]:
    """Name, lower-case and without the last dot -> its records, in order."""
    found: dict[str, list[RR]] = {}
    for record in RR.fromZone(TRUTH):
        found.setdefault(_plain(record.rname), []).append(record)
    for name in tuple(found):
        for record in found[name]:
            if record.rtype == QTYPE.A and name.endswith(ZONE):
                backwards = ipaddress.ip_address(str(record.rdata)).reverse_pointer
                if backwards.endswith(BACKWARDS):
                    found.setdefault(backwards, [_pointer(backwards, name)])
    found[f"many.{ZONE}"] = [_address(f"many.{ZONE}", address) for address in MANY]
    return found


class Answers:
    """From a question to an answer; keeps the turn of the name that changes."""

    def __init__(self) -> None:
        self._records = records()
        self._turn = 0

    def __call__(self, question: DNSRecord) -> DNSRecord | None:
        """None means silence."""
        name, kind = _plain(question.q.qname), question.q.qtype
        reply = question.reply()
        if name == f"slow.{ZONE}":
            return None
        if name == f"servfail.{ZONE}":
            reply.header.rcode = RCODE.SERVFAIL
        elif name == f"rebind.{ZONE}":
            if kind == QTYPE.A:
                reply.add_answer(_address(name, REBIND[self._turn % 2], ttl=0))
                self._turn += 1
        elif name in self._records:
            self._add(reply, name, kind)
        elif _within(name, ZONE) or any(_within(name, zone) for zone in BACKWARDS):
            # RFC 8020: a name above an existing one exists, and only has no records.
            if not any(known.endswith("." + name) for known in self._records):
                reply.header.rcode = RCODE.NXDOMAIN
        else:
            reply.header.aa = 0
            reply.header.rcode = RCODE.REFUSED
        if reply.header.rcode in (RCODE.NOERROR, RCODE.NXDOMAIN) and not reply.rr:
            reply.add_auth(next(r for r in self._records[ZONE] if r.rtype == QTYPE.SOA))
        return reply

    def _add(self, reply: DNSRecord, name: str, kind: int) -> None:
        for record in self._records.get(name, ()):
            if record.rtype == QTYPE.CNAME and kind not in (QTYPE.CNAME, QTYPE.ANY):
                reply.add_answer(record)
                self._add(reply, _plain(record.rdata.label), kind)
            elif kind in (record.rtype, QTYPE.ANY):
                reply.add_answer(record)


def _plain(label: object) -> str:
    return str(label).rstrip(".").lower()


def _within(name: str, zone: str) -> bool:
    return name == zone or name.endswith("." + zone)


def _address(name: str, address: str, ttl: int = 60) -> RR:
    return RR(name, QTYPE.A, rdata=A(address), ttl=ttl)


def _pointer(name: str, target: str) -> RR:
    return RR(name, QTYPE.PTR, rdata=PTR(target), ttl=60)


class Service(asyncio.DatagramProtocol):
    """The two transports over one set of answers."""

    def __init__(self, answers: Answers, log: int) -> None:
        self._answers = answers
        self._log = log
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # asyncio's own one is not a subclass in Python 3.11.
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        packed = self._reply(data, addr[0], "udp")
        if packed is not None and self._transport is not None:
            self._transport.sendto(packed, addr)

    async def serve_tcp(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        source = writer.get_extra_info("peername")[0]
        try:
            while True:
                size = int.from_bytes(await reader.readexactly(2))
                packed = self._reply(await reader.readexactly(size), source, "tcp")
                if packed is not None:
                    writer.write(len(packed).to_bytes(2) + packed)
                    await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # The client has left.
        finally:
            writer.close()

    def _reply(self, data: bytes, source: str, transport: str) -> bytes | None:
        try:
            question = DNSRecord.parse(data)
            name, kind = _plain(question.q.qname), QTYPE.get(question.q.qtype)
        except DNSError:
            return None
        entry = {"name": name, "type": str(kind), "source": source, "transport": transport}
        os.write(self._log, json.dumps(entry).encode() + b"\n")
        reply = self._answers(question)
        if reply is None:
            return None
        limit = 512
        for extra in question.ar:
            if extra.rtype == QTYPE.OPT:
                limit = max(512, min(extra.rclass, _UDP_SIZE))
                reply.add_ar(EDNS0(udp_len=_UDP_SIZE))
        packed: bytes = reply.pack()
        if transport == "udp" and len(packed) > limit:
            reply.rr, reply.auth, reply.header.tc = [], [], 1
            packed = reply.pack()
        return packed


def _socket(kind: socket.SocketKind, address: str) -> socket.socket:
    listening = socket.socket(socket.AF_INET, kind)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # IP_FREEBIND, ip(7): the address comes while the lab is being built.
    listening.setsockopt(socket.IPPROTO_IP, 15, 1)
    listening.bind((address, 53))
    listening.setblocking(False)
    return listening


async def serve(addresses: list[str]) -> None:
    """Answer on port 53 of each address by itself, so that replies come from the one asked."""
    log = os.open(QUERY_LOG, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    answers = Answers()
    loop = asyncio.get_running_loop()
    for address in addresses:
        _, service = await loop.create_datagram_endpoint(
            lambda: Service(answers, log), sock=_socket(socket.SOCK_DGRAM, address)
        )
        await asyncio.start_server(service.serve_tcp, sock=_socket(socket.SOCK_STREAM, address))
    print("ready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1:]))
