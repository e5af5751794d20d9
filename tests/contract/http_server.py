"""A server on loopback for tests: `serve` around any ASGI application, and raw connections to it."""

import asyncio
import json
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from netsonde.adapters.http.asgi import ASGIApp, Receive, Scope, Send
from netsonde.adapters.http.lifecycle import Lifecycle
from netsonde.adapters.http.limits import ServingLimits
from netsonde.adapters.http.serving import serve
from netsonde.adapters.http.sockets import listen

LOGGER = logging.getLogger("netsonde.test")


class Jobs:
    """Work that is under way until it is finished or drained; `stubborn` work does neither."""

    def __init__(self, *, stubborn: bool = False) -> None:
        self.closed = False
        self.drained = False
        self.under_way = 0
        self._stubborn = stubborn
        self._done = asyncio.Event()

    def finish(self) -> None:
        self.under_way = 0
        self._done.set()

    def close(self) -> None:
        self.closed = True

    async def idle(self) -> None:
        if self.under_way:
            await self._done.wait()

    async def drain(self) -> None:
        self.drained = True
        if self._stubborn:
            await asyncio.Event().wait()
        self.finish()


class Serving:
    """A server that runs: where it is, and what tests do to it."""

    def __init__(self, lifecycle: Lifecycle, jobs: Jobs) -> None:
        self.lifecycle = lifecycle
        self.jobs = jobs
        self.port = 0
        self.urls: tuple[str, ...] = ()
        self._wires: list[Wire] = []

    async def connect(self, *, receive_bytes: int | None = None) -> "Wire":
        """A connection; `receive_bytes` is about what the kernel takes for a client that is busy."""
        sock = socket.socket()
        if receive_bytes is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", self.port))
        self._wires.append(Wire(*await asyncio.open_connection(sock=sock)))
        return self._wires[-1]

    def hang_up(self) -> None:
        for wire in self._wires:
            wire.close()

    async def ask(self, request: bytes) -> "Answer":
        wire = await self.connect()
        wire.send(request)
        try:
            return await wire.answer()
        finally:
            wire.close()


class Answer(msgspec.Struct, frozen=True):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def rule(self) -> str:
        return str(json.loads(self.body)["error"]["metadata"]["rule"])


class Wire:
    """One raw connection; whatever is waited for comes within 5 s."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def answer(self) -> Answer:
        async with asyncio.timeout(5):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
            status, *lines = head.strip().split("\r\n")
            headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in lines)}
            body = await self.reader.readexactly(int(headers.get("content-length", "0")))
            return Answer(int(status.split()[1]), headers, body)

    async def ended(self) -> bool:
        """Whether the server ends the connection, whatever it says before."""
        try:
            async with asyncio.timeout(5):
                while await self.reader.read(65536):
                    pass
        except ConnectionError:
            return True
        except TimeoutError:
            return False
        return True

    async def send_until_cut_off(self, data: bytes) -> None:
        """Raises ConnectionError, within 5 s."""
        async with asyncio.timeout(5):
            while True:
                self.send(data)
                await self.writer.drain()
                await asyncio.sleep(0.001)

    def close(self) -> None:
        self.writer.transport.abort()


@asynccontextmanager
async def served(
    app: ASGIApp,
    *,
    limits: ServingLimits | None = None,
    grace_s: float = 0.0,
    jobs: Jobs | None = None,
    end_streams: Sequence[Callable[[], Awaitable[None]]] = (),
    sockets: Sequence[socket.socket] | None = None,
    lifespan: bool = True,
) -> AsyncIterator[Serving]:
    """Serve `app` until the end of the block."""
    jobs = Jobs() if jobs is None else jobs
    lifecycle = Lifecycle(jobs, grace_s=grace_s, logger=LOGGER, end_streams=end_streams)
    serving = Serving(lifecycle, jobs)
    ready = asyncio.Event()

    def on_ready(urls: tuple[str, ...]) -> None:
        serving.urls = urls
        serving.port = int(urls[0].rpartition(":")[2])
        ready.set()

    task = asyncio.ensure_future(
        serve(
            with_lifespan(app) if lifespan else app,
            sockets=listen("127.0.0.1", 0) if sockets is None else sockets,
            limits=ServingLimits() if limits is None else limits,
            lifecycle=lifecycle,
            on_ready=on_ready,
            logger=LOGGER,
        )
    )
    async with asyncio.timeout(5):
        waiting = asyncio.ensure_future(ready.wait())
        await asyncio.wait((task, waiting), return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
    if task.done():
        await task
    try:
        yield serving
    finally:
        serving.hang_up()
        lifecycle.stop("test")
        lifecycle.stop("test")
        async with asyncio.timeout(grace_s + 4):
            await task


def with_lifespan(app: ASGIApp) -> ASGIApp:
    """The application, with a life span in which nothing is done."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            await app(scope, receive, send)
            return
        for word in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{word}.complete"})

    return wrapped


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with what it was asked, once the whole body has come."""
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        body += message["body"]
        if not message["more_body"]:
            break
    said: dict[str, Any] = {
        "path": scope["path"],
        "body": body.decode(),
        "headers": [name.decode() for name, _ in scope["headers"]],
    }
    await respond(send, json.dumps(said).encode())


async def respond(send: Send, body: bytes, status: int = 200) -> None:
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
