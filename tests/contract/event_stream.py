"""A feed served on loopback for tests, and readers of its stream."""

import asyncio
import json
import logging
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from ipaddress import ip_network
from typing import Any

import msgspec

from netsonde.adapters.clock import SystemClock
from netsonde.adapters.event_log import RecentEvents
from netsonde.adapters.http.asgi import ASGIApp, Receive, Scope, Send, header
from netsonde.adapters.http.events import events_app
from netsonde.adapters.http.feed import Feed
from netsonde.adapters.http.limits import ServingLimits
from netsonde.adapters.http.sockets import listen
from netsonde.adapters.http.subscriber import FeedLimits
from netsonde.adapters.record.sqlite_record import SqliteRecord
from netsonde.application.health import HealthReport
from netsonde.domain.access import Caller
from netsonde.domain.execution import Event
from netsonde.domain.health import HealthStatus
from tests.contract.http_server import Serving, Wire, served

LOGGER = logging.getLogger("netsonde.test")
NARROWED = Caller(name="narrow", networks=(ip_network("10.1.0.0/16"),))


class Doctor:
    """A source of health that tells when a test says so."""

    def __init__(self) -> None:
        self.status = HealthStatus.HEALTHY
        self._tells: list[Callable[[HealthReport], None]] = []

    def report(self) -> HealthReport:
        return HealthReport(status=self.status, checks=())

    def watch(self, tell: Callable[[HealthReport], None]) -> Callable[[], None]:
        self._tells.append(tell)
        return lambda: self._tells.remove(tell)

    def round(self, status: HealthStatus) -> None:
        self.status = status
        for tell in self._tells:
            tell(self.report())


class Sse(msgspec.Struct, frozen=True):
    """An event as a client reads it."""

    event: str
    data: Any
    id: str

    @property
    def number(self) -> int:
        return int(self.id.partition("-")[0])


class Reader:
    """A client that reads the stream; what it waits for comes within 5 s."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.status = 0
        self.headers: dict[str, str] = {}
        self.last_id = ""
        self._text = b""

    async def open(self) -> None:
        async with asyncio.timeout(5):
            head = (await self.wire.reader.readuntil(b"\r\n\r\n")).decode().strip()
        status, *lines = head.split("\r\n")
        self.status = int(status.split()[1])
        self.headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in lines)}

    async def next(self, *kinds: str) -> Sse | None:
        """The next event (of those kinds, if any are given); None at the end of the stream."""
        async with asyncio.timeout(5):
            while True:
                while (end := self._text.find(b"\n\n")) < 0:
                    if not (chunk := await self._chunk()):
                        return None
                    self._text += chunk
                block, self._text = self._text[:end].decode(), self._text[end + 2 :]
                found = self._parse(block)
                if found is not None and (not kinds or found.event in kinds):
                    return found

    async def heartbeat(self) -> None:
        async with asyncio.timeout(5):
            while b"\n:\n\n" not in self._text:
                self._text += await self._chunk()

    async def executions(self, count: int) -> list[Sse]:
        found = [await self.next("execution") for _ in range(count)]
        return [one for one in found if one is not None]

    async def _chunk(self) -> bytes:
        reader = self.wire.reader
        try:
            size = int(await reader.readuntil(b"\r\n"), 16)
            return (await reader.readexactly(size + 2))[:-2]
        except (asyncio.IncompleteReadError, ConnectionError):
            return b""

    def _parse(self, block: str) -> Sse | None:
        fields = dict(line.partition(": ")[::2] for line in block.splitlines())
        if "event" not in fields:
            return None
        self.last_id = fields["id"]
        return Sse(fields["event"], json.loads(fields["data"]), fields["id"])


class Stage:
    """A feed on a log, and its server."""

    def __init__(self, log: RecentEvents | SqliteRecord, feed: Feed, doctor: Doctor) -> None:
        self.log = log
        self.feed = feed
        self.doctor = doctor
        self.serving: Serving
        self.small_buffers = False

    async def keep(self, *events: Event) -> None:
        for event in events:
            self.log.append(event)
        await self.log.settle()

    async def wire(self, query: str = "", last: str = "", caller: str = "ops") -> Wire:
        wire = await self.serving.connect(receive_bytes=4096 if self.small_buffers else None)
        lines = ["GET /events" + query + " HTTP/1.1", "Host: a", f"X-Caller: {caller}"]
        lines += [f"Last-Event-ID: {last}"] if last else []
        wire.send("\r\n".join((*lines, "", "")).encode())
        return wire

    async def follow(self, query: str = "", last: str = "", caller: str = "ops") -> Reader:
        """A reader that has its first event, and so is followed by every event from now on."""
        reader = Reader(await self.wire(query, last, caller))
        await reader.open()
        return reader

    async def left(self, count: int, within_s: float = 5.0) -> None:
        """Wait until there are so many subscribers."""
        async with asyncio.timeout(within_s):
            while len(self.feed) != count:  # noqa: ASYNC110  # the feed has nobody to tell
                await asyncio.sleep(0.001)


def as_caller(app: ASGIApp) -> ASGIApp:
    """Stands in for the access check: believes the header X-Caller."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        name = header(scope, b"x-caller") or ""
        scope["state"]["caller"] = NARROWED if name == "narrow" else Caller(name=name)
        await app(scope, receive, send)

    return wrapped


@asynccontextmanager
async def stage(
    log: RecentEvents | SqliteRecord | None = None,
    *,
    limits: FeedLimits | None = None,
    serving: ServingLimits | None = None,
    lasting: bool = True,
    run_id: str = "r1",
    small_buffers: bool = False,
) -> AsyncIterator[Stage]:
    """Serve a feed until the end of the block."""
    log = RecentEvents() if log is None else log
    doctor = Doctor()
    feed = Feed(
        history=log,
        log=log,
        health=doctor,
        health_body=lambda report: {"status": report.status},
        metrics=lambda: {"system": {}},
        clock=SystemClock(),
        logger=LOGGER,
        run_id=run_id,
        limits=limits,
        lasting=lasting,
    )
    made = Stage(log, feed, doctor)
    made.small_buffers = small_buffers
    feed.start()
    app = as_caller(events_app(feed))
    sockets = listen("127.0.0.1", 0)
    if small_buffers:
        sockets[0].setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    async with served(
        app, limits=serving, end_streams=[feed.close], sockets=sockets
    ) as made.serving:
        yield made
