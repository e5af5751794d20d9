"""What only real sockets show: clients that leave, that send too much, that hold on to a connection."""

import asyncio
import json
import socket
import struct
from collections.abc import Awaitable, Callable

import pytest

from netsonde.adapters.memory import Hangs
from tests.contract.served import served
from tests.unit.adapters.http.site import Site
from tests.unit.application.world import World

BODY = json.dumps({"target": "10.0.0.1"}).encode()


def request(method: str, path: str, body: bytes = b"", *headers: str) -> bytes:
    """The bytes of a request."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", *headers]
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + body


async def head_of(reader: asyncio.StreamReader) -> tuple[str, bytes]:
    """The head of the next answer, and its body."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    _, _, after = head.partition("content-length: ")
    return head, await reader.readexactly(int(after.partition("\r\n")[0]))


def served_test(site: Site, test: Callable[[int], Awaitable[None]]) -> None:
    """Run a test against the site on a port."""

    async def main() -> None:
        async with asyncio.timeout(20), served(site.app) as port:
            await test(port)

    asyncio.run(main())


@pytest.mark.parametrize("how", ["close", "reset", "half-close"])
def test_a_client_that_leaves_ends_its_execution_within_two_seconds(how: str) -> None:
    site = Site(World(lambda plan: Hangs()))

    async def leave(port: int) -> None:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request("POST", "/tools/PingTool/execute", BODY))
        await site.world.running(1)
        if how == "reset":
            option = struct.pack("ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, option)
        if how == "half-close":
            writer.write_eof()
        else:
            writer.close()
        async with asyncio.timeout(2):
            await site.world.running(0)
        writer.close()

    served_test(site, leave)
    assert site.world.runner.cancelled == 1
    assert site.world.execution(1).status == "cancelled"


@pytest.mark.parametrize("how", ["close", "reset", "half-close"])
def test_a_client_that_leaves_with_another_request_in_line_ends_its_execution(how: str) -> None:
    site = Site(World(lambda plan: Hangs()))

    async def leave(port: int) -> None:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request("POST", "/tools/PingTool/execute", BODY) + request("GET", "/tools"))
        await site.world.running(1)
        writer.write(request("GET", "/health"))
        await writer.drain()
        if how == "reset":
            option = struct.pack("ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, option)
        if how == "half-close":
            writer.write_eof()
        else:
            writer.close()
        async with asyncio.timeout(2):
            await site.world.running(0)
        writer.close()

    served_test(site, leave)
    assert site.world.runner.cancelled == 1


def test_requests_in_line_are_answered_in_their_order() -> None:
    site = Site(World())

    async def ask(port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        paths = ("/health/live", "/", "/tools", "/health/ready")
        writer.write(b"".join(request("GET", path) for path in paths))
        bodies = [(await head_of(reader))[1] for _ in paths]
        assert [b"alive" in bodies[0], b"endpoints" in bodies[1], b"tools" in bodies[2]] == [
            True
        ] * 3
        writer.close()

    served_test(site, ask)


def test_one_of_two_clients_leaves_and_the_other_gets_its_answer() -> None:
    until = asyncio.Event()
    site = Site(World(lambda plan: Hangs(until=until)))

    async def leave(port: int) -> None:
        first, second = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
        for _, writer in (first, second):
            writer.write(request("POST", "/tools/PingTool/execute", BODY))
        await site.world.running(2)
        first[1].close()
        await site.world.running(1)
        until.set()
        head, body = await head_of(second[0])
        assert " 200 " in head
        assert json.loads(body)["status"] == "success"
        second[1].close()

    served_test(site, leave)


def test_a_client_that_sends_all_of_far_too_much_still_reads_why_not() -> None:
    async def flood(port: int) -> None:
        for size in (70_000, 900_000):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(request("POST", "/tools/PingTool/execute", b" " * size))
            await writer.drain()
            head, body = await head_of(reader)
            assert " 413 " in head
            assert json.loads(body)["error"]["metadata"]["rule"] == "request.size"
            assert await reader.read() == b"", "the connection is over"
            writer.close()

    served_test(Site(), flood)


def test_a_body_that_does_not_end_is_cut_off() -> None:
    async def stream(port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request("POST", "/tools/PingTool/plan", b"", "Transfer-Encoding: chunked"))
        head: asyncio.Task[tuple[str, bytes]] = asyncio.ensure_future(head_of(reader))
        while not head.done():
            writer.write(b"1000\r\n" + b" " * 4096 + b"\r\n")
            await writer.drain()
            await asyncio.sleep(0)
        assert " 413 " in (await head)[0]
        writer.close()

    served_test(Site(), stream)


def test_who_waits_for_leave_to_send_too_much_is_not_given_it() -> None:
    async def wait(port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        headers = ("Expect: 100-continue", "Content-Length: 100000")
        writer.write(request("POST", "/tools/PingTool/plan", b"", *headers))
        head, _ = await head_of(reader)
        assert head.startswith("http/1.1 413")
        assert await reader.read() == b""
        writer.close()

    served_test(Site(), wait)


def test_refused_requests_and_heads_leave_the_connection_in_step() -> None:
    async def pipeline(port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for bad in (
            request("GET", "/nope"),
            request("POST", "/tools/PingTool/plan", b"{"),
            request("POST", "/nope", BODY),
            request("GET", "/tools", b"", "Origin: https://evil.example"),
        ):
            writer.write(bad)
            assert (await head_of(reader))[0].startswith("http/1.1 4")
        writer.write(request("HEAD", "/tools") + request("GET", "/health/live"))
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        assert " 200 " in head
        assert (await head_of(reader))[1] == b'{"status":"alive"}'
        writer.close()

    served_test(Site(), pipeline)
