"""The life of the HTTP server: where it listens, how it starts, and that it ends in time."""

import asyncio
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from netsonde.adapters.http import sockets
from netsonde.adapters.http.asgi import Receive, Scope, Send
from netsonde.adapters.http.serving import StartFailed
from netsonde.adapters.http.sockets import CannotListen, listen, urls
from tests.contract.http_server import Jobs, Wire, echo, respond, served

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
AFTER_GRACE_S = 3.0


class Process:
    """The stubborn server as a process of its own."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.port = 0
        self.wires: list[Wire] = []

    async def line(self) -> str:
        assert self.process.stdout is not None
        async with asyncio.timeout(10):
            return (await self.process.stdout.readline()).decode().strip()

    async def connect(self, request: bytes) -> Wire:
        wire = Wire(*await asyncio.open_connection("127.0.0.1", self.port, limit=4096))
        wire.send(request)
        self.wires.append(wire)
        return wire

    async def exit_status(self) -> int:
        async with asyncio.timeout(15):
            return await self.process.wait()


@asynccontextmanager
async def stubborn_server(grace_s: float, kind: str) -> AsyncIterator[Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "tests.contract.http_stubborn_server", str(grace_s), kind),
        stdout=asyncio.subprocess.PIPE,
    )
    server = Process(process)
    try:
        word, url = (await server.line()).split()
        assert word == "ready"
        server.port = int(url.rpartition(":")[2])
        yield server
    finally:
        for wire in server.wires:
            wire.close()
        if process.returncode is None:
            process.kill()
        await process.communicate()


HUNG = (
    b"GET / HTTP/1.1\r\nHos",
    b"GET /stream HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /endless HTTP/1.1\r\nHost: a\r\n\r\n",
    b"POST /stream HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\na",
    b"",
)


@pytest.mark.parametrize("kind", ["willing", "stubborn"])
def test_the_server_ends_within_3_s_of_the_grace_whatever_clients_and_work_do(kind: str) -> None:
    grace_s = 0.5

    async def test() -> None:
        async with stubborn_server(grace_s, kind) as server:
            for request in HUNG * 4:
                await server.connect(request)
            answer = await (await server.connect(GET)).answer()
            assert answer.status == 200
            begun_s = time.monotonic()
            server.process.send_signal(signal.SIGTERM)
            assert await server.line() == "not ready"
            late = await server.connect(GET)
            assert (await late.answer()).status == 200  # so that a refusal can be told
            assert await server.line() == "ended SIGTERM"
            assert await server.exit_status() == 0
            took_s = time.monotonic() - begun_s
            assert grace_s <= took_s < grace_s + AFTER_GRACE_S

    asyncio.run(test())


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_cuts_the_grace_short(second: signal.Signals) -> None:
    async def test() -> None:
        async with stubborn_server(600, "willing") as server:
            begun_s = time.monotonic()
            server.process.send_signal(signal.SIGINT)
            assert await server.line() == "not ready"
            server.process.send_signal(second)
            assert await server.line() == "ended SIGINT"
            assert await server.exit_status() == 0
            assert time.monotonic() - begun_s < AFTER_GRACE_S

    asyncio.run(test())


def test_sighup_reloads_and_the_server_serves_on() -> None:
    async def test() -> None:
        async with stubborn_server(0, "willing") as server:
            server.process.send_signal(signal.SIGHUP)
            assert await server.line() == "reload"
            wire = await server.connect(GET)
            assert (await wire.answer()).status == 200

    asyncio.run(test())


def test_work_that_ends_within_the_grace_is_not_cancelled() -> None:
    async def test() -> None:
        jobs = Jobs()
        jobs.under_way = 1
        order: list[str] = []

        async def end_streams() -> None:
            order.append("streams")

        async with served(echo, jobs=jobs, grace_s=600, end_streams=[end_streams]) as server:
            assert server.lifecycle.ready
            server.lifecycle.stop("test")
            assert (server.lifecycle.ready, jobs.closed) == (False, True)
            wire = await server.connect()
            wire.send(GET)
            assert (await wire.answer()).status == 200
            assert order == []
            order.append("work")
            jobs.finish()
            assert await wire.ended()
        assert order == ["work", "streams"]

    asyncio.run(test())


def test_an_answer_under_way_at_the_end_is_seen_out() -> None:
    async def test() -> None:
        asked, answer = asyncio.Event(), asyncio.Event()

        async def slow(scope: Scope, receive: Receive, send: Send) -> None:
            asked.set()
            await answer.wait()
            await respond(send, b"done")

        async def end_streams() -> None:
            answer.set()

        async with served(slow, end_streams=[end_streams]) as server:
            wire = await server.connect()
            wire.send(GET)
            await asked.wait()
            server.lifecycle.stop("test")
            reply = await wire.answer()
            assert (reply.body, reply.headers.get("connection")) == (b"done", None)

    asyncio.run(test())


def test_a_stream_that_can_not_be_ended_is_told_to_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def broken() -> None:
        raise RuntimeError("a bug")

    async def test() -> None:
        async with served(echo, end_streams=[broken]):
            pass

    asyncio.run(test())
    assert [record.message for record in caplog.records] == ["server.stop_failed"]


def test_a_reload_that_fails_changes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    async def test() -> None:
        async with served(echo) as server:
            signal.raise_signal(signal.SIGHUP)
            assert (await server.ask(GET)).status == 200

    asyncio.run(test())


def test_an_application_that_refuses_to_start_is_an_error_of_ours() -> None:
    async def unwilling(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "lifespan.startup.failed"})

    async def test() -> None:
        (listener,) = listen("127.0.0.1", 0)
        with pytest.raises(StartFailed):
            async with served(unwilling, sockets=[listener], lifespan=False):
                pass
        assert listener.fileno() == -1

    asyncio.run(test())


def test_a_port_in_use_is_told_by_the_name_of_the_setting() -> None:
    (taken,) = listen("127.0.0.1", 0)
    with taken, pytest.raises(CannotListen, match=r"server\.port"):
        listen("127.0.0.1", taken.getsockname()[1])


@pytest.mark.parametrize("host", ["192.0.2.1", "no such host", "a..b"])
def test_an_address_that_is_not_here_is_told_by_the_name_of_the_setting(host: str) -> None:
    with pytest.raises(CannotListen, match=r"server\.host"):
        listen(host, 0)


def test_a_port_can_be_had_again_at_once() -> None:
    (first,) = listen("127.0.0.1", 0)
    port = first.getsockname()[1]
    with socket.create_connection(("127.0.0.1", port)):
        accepted, _ = first.accept()
        accepted.close()  # we close first, so the kernel keeps the pair for a while
        first.close()
    (second,) = listen("127.0.0.1", port)
    second.close()


def test_everywhere_means_both_families_on_one_port() -> None:
    opened = listen("::", 0)
    try:
        assert len({one.getsockname()[1] for one in opened}) == 1
        port = opened[0].getsockname()[1]
        assert urls(opened) == (f"http://[::]:{port}", f"http://0.0.0.0:{port}")
        for address in ("::1", "127.0.0.1"):
            socket.create_connection((address, port)).close()
    finally:
        for one in opened:
            one.close()


def test_the_limit_on_open_files_is_raised_when_it_has_to_be() -> None:
    in_force = sockets.make_room(10)
    assert sockets.make_room(10) == in_force
