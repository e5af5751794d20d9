"""The bounds of one HTTP connection and of all together, shown on raw sockets."""

import asyncio
import json
import socket
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from netsonde.adapters.http.asgi import Receive, Scope, Send
from netsonde.adapters.http.limits import ServingLimits
from netsonde.adapters.http.serving import new_event_loop
from netsonde.adapters.http.sockets import listen
from tests.contract.http_server import Serving, echo, respond, served

GET = b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: a\r\n"
QUICK = ServingLimits(
    header_timeout_s=0.2, write_stall_s=0.4, linger_s=0.2, keep_alive_s=1, max_connections=8
)


@pytest.fixture(params=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Callable[[Coroutine[Any, Any, None]], None]:
    """Runs a test in either event loop."""
    factory = asyncio.new_event_loop if request.param == "asyncio" else new_event_loop

    def in_loop(test: Coroutine[Any, Any, None]) -> None:
        with asyncio.Runner(loop_factory=factory) as runner:
            runner.run(test)

    return in_loop


Run = Callable[[Coroutine[Any, Any, None]], None]


async def still_serves(server: Serving) -> None:
    assert (await server.ask(GET)).status == 200


def test_a_request_in_small_pieces_is_served(run: Run) -> None:
    async def test() -> None:
        async with served(echo) as server:
            wire = await server.connect()
            for byte in POST + b"Content-Length: 3\r\n\r\nabc":
                wire.send(bytes([byte]))
                await asyncio.sleep(0)
            assert json.loads((await wire.answer()).body)["body"] == "abc"
            wire.send(GET + GET)
            assert [(await wire.answer()).status for _ in "ab"] == [200, 200]
            wire.close()

    run(test())


MALFORMED = {
    "both lengths": POST + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "both, turned": POST + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
    "two lengths": POST + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
    "list of lengths": POST + b"Content-Length: 3, 3\r\n\r\nabc",
    "signed length": POST + b"Content-Length: +3\r\n\r\nabc",
    "folded header": POST + b"X: a\r\n b\r\n\r\n",
    "space before colon": POST + b"X : a\r\n\r\n",
    "bare LF": b"GET / HTTP/1.1\nHost: a\n\n",
    "bare CR": POST + b"X: a\rY: b\r\n\r\n",
    "NUL": POST + b"X: a\x00\r\n\r\n",
    "unknown coding": POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "two codings": POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "coding in 1.0": b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunk size": POST + b"Transfer-Encoding: chunked\r\n\r\n0x1\r\na\r\n0\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "CONNECT": b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n",
    "path": b"GET /\xff HTTP/1.1\r\nHost: a\r\n\r\n",
    "nonsense": b"nonsense\r\n\r\n",
}


def test_what_can_be_read_in_two_ways_or_in_none_is_refused(run: Run) -> None:
    async def test() -> None:
        async with served(echo) as server:
            for name, request in MALFORMED.items():
                wire = await server.connect()
                wire.send(request)
                answer = await wire.answer()
                assert (name, answer.status, answer.rule) == (name, 400, "http.malformed")
                assert answer.headers["connection"] == "close"
                assert await wire.ended()
                wire.close()
            await still_serves(server)

    run(test())


UPGRADE = POST + b"Connection: upgrade\r\nUpgrade: h2c\r\n"
TOO_MUCH = [
    (b"GET /\r\n\r\n", 505, "http.version"),
    (b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505, "http.version"),
    (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n\r\n", 414, "http.path"),
    (POST + b"X: " + b"a" * 9000 + b"\r\n\r\n", 431, "http.headers"),
    (POST + b"X: a\r\n" * 101 + b"\r\n", 431, "http.headers"),
    (POST + (b"X: " + b"a" * 8000 + b"\r\n") * 5 + b"\r\n", 431, "http.headers"),
    (POST + b"X: " + b"a" * 40_000, 431, "http.headers"),
    (UPGRADE + b"Content-Length: 3\r\n\r\nabc", 400, "http.upgrade"),
]


def test_what_is_too_much_is_refused_with_a_reason(run: Run) -> None:
    async def test() -> None:
        async with served(echo) as server:
            for request, status, rule in TOO_MUCH:
                answer = await server.ask(request)
                assert (answer.status, answer.rule) == (status, rule)
            await still_serves(server)

    run(test())


def test_an_upgrade_is_answered_as_if_it_was_not_asked_for() -> None:
    async def test() -> None:
        async with served(echo) as server:
            wire = await server.connect()
            wire.send(POST + b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n" + GET)
            answer = await wire.answer()
            assert (answer.status, answer.headers["connection"]) == (200, "close")
            assert await wire.ended()

    asyncio.run(test())


def test_trailers_do_not_become_headers() -> None:
    async def test() -> None:
        async with served(echo) as server:
            body = b"3\r\nabc\r\n0\r\nX-Admin: 1\r\n\r\n"
            answer = await server.ask(POST + b"Transfer-Encoding: chunked\r\n\r\n" + body)
            said = json.loads(answer.body)
            assert (said["body"], said["headers"]) == ("abc", ["host", "transfer-encoding"])

    asyncio.run(test())


@pytest.mark.parametrize(
    "beginning",
    [
        pytest.param(b"GET / HTTP/1.1\r\nHo", id="in the head"),
        pytest.param(POST + b"Content-Length: 9\r\n\r\nabc", id="in the body"),
        pytest.param(GET + b"GET / HT", id="in the second request"),
        pytest.param(GET + b"\r\n", id="with empty lines"),
    ],
)
def test_a_request_that_does_not_come_whole_is_given_up(run: Run, beginning: bytes) -> None:
    async def test() -> None:
        async with served(echo, limits=QUICK) as server:
            wire = await server.connect()
            wire.send(beginning)
            if beginning.startswith(GET):
                assert (await wire.answer()).status == 200
            if not beginning.endswith(b"\n"):
                answer = await wire.answer()
                assert (answer.status, answer.rule) == (408, "http.slow")
            assert await wire.ended()
            wire.close()
            await still_serves(server)

    run(test())


def test_bytes_now_and_then_do_not_put_the_deadline_off(run: Run) -> None:
    async def test() -> None:
        async with served(echo, limits=QUICK) as server:
            wire = await server.connect()
            answer = asyncio.ensure_future(wire.answer())
            while not answer.done():
                wire.send(b"a")
                await asyncio.wait((answer,), timeout=0.02)
            assert answer.result().status in (400, 408)
            assert await wire.ended()
            wire.close()

    run(test())


def test_who_says_nothing_is_hung_up_on(run: Run) -> None:
    async def test() -> None:
        async with served(echo, limits=QUICK) as server:
            wire = await server.connect()
            assert await wire.reader.read() == b""
            wire.close()
            idle = await server.connect()
            idle.send(GET)
            await idle.answer()
            assert await idle.ended()

    run(test())


def test_a_refused_peer_that_goes_on_sending_is_cut_off(run: Run) -> None:
    async def test() -> None:
        async with served(echo, limits=QUICK) as server:
            wire = await server.connect()
            wire.send(b"nonsense\r\n\r\n")
            assert (await wire.answer()).status == 400
            with pytest.raises(ConnectionError):
                await wire.send_until_cut_off(b"more" * 1000)

    run(test())


def test_a_body_without_end_is_not_read_to_its_end(run: Run) -> None:
    async def refuse(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 413, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def test() -> None:
        limits = ServingLimits(max_request_bytes=300_000, linger_s=0.2)
        async with served(refuse, limits=limits) as server:
            wire = await server.connect()
            wire.send(POST + b"Transfer-Encoding: chunked\r\n\r\n")
            with pytest.raises(ConnectionError):
                await wire.send_until_cut_off(b"1000\r\n" + b"a" * 4096 + b"\r\n")

    run(test())


def test_a_peer_that_does_not_read_is_cut_off_and_one_that_reads_slowly_is_not(run: Run) -> None:
    size = 8 * 1024 * 1024
    gone = asyncio.Event()

    async def large(scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(b"content-length", str(size).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        for _ in range(size // 65536):
            body = bytes(65536)
            await send({"type": "http.response.body", "body": body, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
        if scope["path"] == "/stalled":
            gone.set()

    async def slowly(server: Serving) -> int:
        wire = await server.connect()
        wire.send(GET)
        got = 0
        async with asyncio.timeout(10):
            while data := await wire.reader.read(size // 32):
                got += len(data)
                if got >= size:
                    break
                await asyncio.sleep(0.02)  # takes far longer in all than a stall may
        wire.close()
        return got

    async def test() -> None:
        async with served(large, limits=QUICK) as server:
            stalled = await server.connect()
            stalled.send(GET.replace(b"/a", b"/stalled"))
            reading = asyncio.ensure_future(slowly(server))
            async with asyncio.timeout(5):
                await gone.wait()
            assert await reading > size
            assert await stalled.ended()

    run(test())


def test_connections_over_the_cap_are_told_to_come_back(run: Run) -> None:
    async def test() -> None:
        async with served(echo, limits=ServingLimits(max_connections=3)) as server:
            wires = [await server.connect() for _ in range(3)]
            for wire in wires:
                wire.send(GET)
                assert (await wire.answer()).status == 200
            answer = await server.ask(GET)
            assert (answer.status, answer.rule) == (503, "http.connections")
            assert int(answer.headers["retry-after"]) > 0
            wires.pop().close()
            async with asyncio.timeout(5):
                # The kernel tells the server when it likes that one is gone.
                while (await server.ask(GET)).status == 503:  # noqa: ASYNC110
                    await asyncio.sleep(0)
            for wire in wires:
                wire.send(GET)
                assert (await wire.answer()).status == 200
                wire.close()

    run(test())


def test_a_flood_over_the_cap_is_cut_off_and_the_server_serves_on(run: Run) -> None:
    async def test() -> None:
        async with served(echo, limits=QUICK) as server:
            flood = await asyncio.gather(*(server.connect() for _ in range(100)))
            for wire in flood:
                wire.send(b"GET / HTTP/1.1\r\n")
            assert all(await asyncio.gather(*(wire.ended() for wire in flood)))
            await still_serves(server)

    run(test())


def test_accepted_sockets_have_what_notices_a_vanished_peer() -> None:
    (listener,) = listen("127.0.0.1", 0)
    with listener, socket.create_connection(listener.getsockname()):
        accepted, _ = listener.accept()
        with accepted:
            assert accepted.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 15
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 30_000
            assert accepted.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) <= 512 * 1024


def test_requests_are_not_queued_without_end() -> None:
    held = asyncio.Event()

    async def hold(scope: Scope, receive: Receive, send: Send) -> None:
        await held.wait()
        await echo(scope, receive, send)

    async def test() -> None:
        async with served(hold, limits=ServingLimits(max_pipelined=4)) as server:
            within, over = await server.connect(), await server.connect()
            within.send(GET * 5)
            over.send(GET * 6)
            assert await over.ended()
            held.set()
            assert [(await within.answer()).status for _ in range(5)] == [200] * 5

    asyncio.run(test())


def test_an_early_answer_is_the_only_one() -> None:
    async def refuse(scope: Scope, receive: Receive, send: Send) -> None:
        await respond(send, b"no", status=413)

    async def test() -> None:
        async with served(refuse, limits=QUICK) as server:
            wire = await server.connect()
            wire.send(POST + b"Content-Length: 900\r\n\r\nabc")
            assert (await wire.answer()).body == b"no"
            assert await wire.reader.read() == b""

    asyncio.run(test())
