"""How calls over HTTP end: whatever way a client leaves, nothing of what it asked for stays behind."""

import asyncio
import signal
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from mcp import Client

from .mcp_http_client import (
    Server,
    client,
    mark_of,
    reset,
    server,
    until,
    until_gone,
    until_started,
)
from .mcp_raw_client import HANDSHAKE, MODERN, programs_with

SLEEPERS = ("10.55.66.71", "10.55.66.72", "10.55.66.73", "10.55.66.74")
SLEEPER = SLEEPERS[0]
both_eras = pytest.mark.parametrize("era", [HANDSHAKE, MODERN])


@pytest.fixture(scope="module", params=[False, True], ids=["streams", "json"])
def mode(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A server that answers in one of both ways."""
    with server(json_response=request.param, uvloop=True) as one:
        yield one


@pytest.fixture(scope="module")
def plain() -> Iterator[Server]:
    """A server as it is by default."""
    with server() as one:
        yield one


def half_close(connection: socket.socket) -> None:
    """Send no more, but read on."""
    connection.shutdown(socket.SHUT_WR)


LEAVING: dict[str, Callable[[socket.socket], None]] = {
    "close": socket.socket.close,
    "reset": reset,
    "half-close": half_close,
}


@both_eras
def test_whatever_way_a_client_leaves_its_call_is_over_within_two_seconds(
    era: str, mode: Server
) -> None:
    with client(mode.port, era) as one:
        calls = [
            (leave, one.start(one.tool_frame("SleepTool", target)))
            for leave, target in zip(LEAVING.values(), SLEEPERS, strict=False)
        ]
        stays = one.start(one.tool_frame("SleepTool", SLEEPERS[3]))
        for target in SLEEPERS:
            until_started(target)
        for leave, connection in calls:
            leave(connection)
        for target in SLEEPERS[:3]:
            until_gone(target)
        assert programs_with(mark_of(SLEEPERS[3])), "a call of another connection has ended too"
        stays.close()
        until_gone(SLEEPERS[3])
        assert one.call_tool("EchoTool")["status"] == "success"


@both_eras
def test_a_client_that_leaves_while_its_call_waits_for_a_place_is_not_waited_for(
    era: str, plain: Server
) -> None:
    with client(plain.port, era) as one:
        running = [one.start(one.tool_frame("DozeTool", target)) for target in SLEEPERS]
        for target in SLEEPERS:
            until_started(target)
        waiting = one.start(one.tool_frame("DozeTool", "10.55.66.75"))
        one.result("tools/list")  # it has been heard by now
        waiting.close()
        running[0].close()
        until_gone(SLEEPER)
        again = one.start(one.tool_frame("DozeTool", SLEEPER))
        until_started(SLEEPER)
        assert not programs_with(mark_of("10.55.66.75"))
        for connection in (*running, again):
            connection.close()
        for target in SLEEPERS:
            until_gone(target)


@both_eras
def test_a_client_that_reads_nothing_more_holds_up_nobody_and_ends_when_it_leaves(
    era: str, plain: Server
) -> None:
    with client(plain.port, era) as stalled, client(plain.port, era) as other:
        connection = stalled.connect()
        # Small enough that the answer doesn't fit into the buffers on its way.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf = stalled.start(stalled.tool_frame("LoudTool"))
        asleep = stalled.start(stalled.tool_frame("DozeTool", SLEEPER))
        until_started(SLEEPER)
        assert other.call_tool("EchoTool")["status"] == "success"
        assert other.call_tool("LoudTool")["stdout_bytes"] == 400000
        reset(asleep)
        until_gone(SLEEPER)
        deaf.close()


def test_a_session_that_is_ended_takes_its_calls_along(mode: Server) -> None:
    with client(mode.port) as one, client(mode.port) as other:
        call = one.start(one.tool_frame("DozeTool", SLEEPER))
        others = other.start(other.tool_frame("DozeTool", SLEEPERS[1]))
        until_started(SLEEPER)
        until_started(SLEEPERS[1])
        assert one.send("DELETE").status == 200
        until_gone(SLEEPER)
        assert programs_with(mark_of(SLEEPERS[1]))
        assert one.ask("tools/list").status == 404
        others.close()
        until_gone(SLEEPERS[1])
        call.close()


def test_a_cancelled_call_of_a_session_ends(mode: Server) -> None:
    with client(mode.port) as one:
        frame = one.tool_frame("DozeTool", SLEEPER)
        call = one.start(frame)
        until_started(SLEEPER)
        other = one.start(one.tool_frame("DozeTool", SLEEPERS[1]))
        until_started(SLEEPERS[1])
        cancelled = one.notify("notifications/cancelled", {"requestId": frame["id"]})
        assert cancelled.status == 202
        until_gone(SLEEPER)
        assert "error" in one.read(call).last()
        assert programs_with(mark_of(SLEEPERS[1]))
        other.close()
        until_gone(SLEEPERS[1])


def test_without_sessions_a_notification_cancels_nothing_but_leaving_does(mode: Server) -> None:
    with client(mode.port, MODERN) as one:
        frame = one.tool_frame("DozeTool", SLEEPER)
        call = one.start(frame)
        until_started(SLEEPER)
        cancelled = one.notify("notifications/cancelled", {"requestId": frame["id"]})
        assert cancelled.status == 202
        one.call_tool("EchoTool")
        assert programs_with(mark_of(SLEEPER))
        call.close()
        until_gone(SLEEPER)


def test_a_vanished_stream_of_a_session_ends_no_call(plain: Server) -> None:
    with client(plain.port) as one:
        stream = one.send("GET")
        assert stream.status == 200 and stream.streams
        call = one.start(one.tool_frame("DozeTool", SLEEPER))
        until_started(SLEEPER)
        reset(one.connections[-2])
        # Only when the server has noticed can there be another stream.
        until(lambda: one.send("GET").status == 200)
        assert len(programs_with(mark_of(SLEEPER))) >= 3
        call.close()
        until_gone(SLEEPER)


@both_eras
def test_a_request_that_never_comes_whole_is_forgotten_with_its_client(
    era: str, plain: Server
) -> None:
    with client(plain.port, era) as one:
        connection = one.connect()
        body = b'{"jsonrpc": "2.0", "id": 9, '
        head = one.bytes_of("POST", b"x" * 500, one.headers({"method": "ping"}))
        connection.sendall(head.removesuffix(b"x" * 500) + body)
        reset(connection)
        assert one.call_tool("EchoTool")["status"] == "success"


@pytest.mark.parametrize("client_mode", ["legacy", "auto"])
def test_a_call_that_the_official_client_abandons_is_over_within_two_seconds(
    client_mode: Any, plain: Server
) -> None:
    async def drive() -> None:
        async with Client(f"http://127.0.0.1:{plain.port}/mcp", mode=client_mode) as one:
            call = asyncio.create_task(one.call_tool("DozeTool", {"target": SLEEPER}))
            await asyncio.to_thread(until_started, SLEEPER)
            call.cancel()
            await asyncio.to_thread(until_gone, SLEEPER)

    asyncio.run(drive())


@both_eras
def test_at_the_end_of_the_server_its_calls_are_answered_and_its_streams_ended(era: str) -> None:
    one = Server()
    with client(one.port, era) as caller:
        if era == HANDSHAKE:
            stream = caller.send("GET")
        else:
            wanted = {"notifications": {"toolsListChanged": True}}
            stream = caller.ask("subscriptions/listen", wanted)
            assert next(stream.messages())["method"] == "notifications/subscriptions/acknowledged"
        call = caller.start(caller.tool_frame("DozeTool", SLEEPER))
        until_started(SLEEPER)
        one.process.send_signal(signal.SIGTERM)
        content = caller.read(call).last()["result"]["structuredContent"]
        assert content["status"] == "cancelled"
        assert not programs_with(mark_of(SLEEPER))
        rest = list(stream.messages())
        assert len(rest) == (0 if era == HANDSHAKE else 1)
        assert one.end() == (0, "")
