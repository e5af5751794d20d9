"""Clients that misbehave over stdio: lines that are no messages, ends that are not read or are gone."""

import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from .mcp_raw_client import HANDSHAKE, MODERN, Json, RawClient, raw_client

PARSE_ERROR, INVALID_REQUEST, BUSY = -32700, -32600, -32010


@pytest.fixture
def client() -> Iterator[RawClient]:
    """An open connection."""
    with raw_client() as opened:
        yield opened


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"hello", PARSE_ERROR),
        (b"{", PARSE_ERROR),
        (b'{"a": "\xff\xfe"}', PARSE_ERROR),
        (b"\x00\x01\x02", PARSE_ERROR),
        (b"[" * 100_000, PARSE_ERROR),
        (b'{"a":' * 100_000, PARSE_ERROR),
        (b'"\\ud800"', PARSE_ERROR),
        (b"x" * (4 * 1024 * 1024 + 1), PARSE_ERROR),
        (b"[]", INVALID_REQUEST),
        (b'[{"jsonrpc": "2.0", "id": 1, "method": "ping"}]', INVALID_REQUEST),
        (b"17", INVALID_REQUEST),
        (b"{}", INVALID_REQUEST),
        (b'{"jsonrpc": "2.0", "id": null, "method": "ping"}', INVALID_REQUEST),
        (b'{"jsonrpc": "2.0", "id": true, "method": "ping"}', INVALID_REQUEST),
        (b'{"jsonrpc": "2.0", "id": 1.5, "method": "ping"}', INVALID_REQUEST),
        (b'{"jsonrpc": "2.0", "method": 7}', INVALID_REQUEST),
    ],
)
def test_a_line_that_is_no_message_gets_an_error_and_the_next_an_answer(
    client: RawClient, line: bytes, code: int
) -> None:
    client.send_bytes(line + b"\n")
    error = client.answer(None)
    assert error["error"]["code"] == code
    assert len(json.dumps(error)) < 500
    assert client.call_tool("EchoTool")["status"] == "success"


def test_a_bad_request_with_an_id_is_answered_under_it(client: RawClient) -> None:
    client.send_bytes(b'{"id": "x1", "method": "ping"}\n')
    assert client.answer("x1")["error"]["code"] == INVALID_REQUEST


def test_lines_that_must_not_be_answered_are_not(client: RawClient) -> None:
    for line in (
        b"",
        b"  \r",
        b'{"result": 1}',
        b'{"error": "x"}',
        b'{"jsonrpc":"2.0","result":{}}',
    ):
        client.send_bytes(line + b"\n")
    client.send_bytes(b'{"jsonrpc": "2.0", "method": "notifications/surprise"}\r\n')
    client.call_method("tools/list")
    client.end()
    assert client.read_to_end() == {}


@pytest.mark.parametrize("depth", [50, 200, 500, 900, 950, 990])
def test_deep_arguments_are_refused_not_fatal(client: RawClient, depth: int) -> None:
    nested = '{"a":' * depth + "1" + "}" * depth
    client.send_bytes(
        b'{"jsonrpc":"2.0","id":"deep","method":"tools/call","params":{"name":"EchoTool",'
        b'"arguments":{"target":"10.0.0.1","options":' + nested.encode() + b"}}}\n"
    )
    client.until(lambda: bool(client.answers))
    answer = client.answers.popitem()[1]
    assert "error" in answer or answer["result"]["isError"]
    assert client.call_tool("EchoTool")["status"] == "success"


@pytest.mark.parametrize(
    "arguments",
    [
        {"target": "10.0.0.1", "timeout_sec": 10**400},
        {"target": "10.0.0.1", "options": {"count": 10**4000}},
        {"target": 10**30},
        {"target": "a" * 1_000_000},
        {"target": "10.0.0.1", "extra_args": "-" * 1_000_000},
    ],
)
def test_absurd_values_are_refused(client: RawClient, arguments: Json) -> None:
    answer = client.call_method("tools/call", {"name": "EchoTool", "arguments": arguments})
    assert answer["result"]["structuredContent"]["status"] == "refused"


def test_an_id_in_use_is_refused(client: RawClient) -> None:
    first = client.ask_tool("SleepTool", "10.9.9.9")
    client.wait_for_start(first)
    client.send({"jsonrpc": "2.0", "id": first, "method": "tools/list"})
    assert client.answer(first)["error"]["code"] == INVALID_REQUEST


def test_more_requests_than_can_be_unanswered_are_refused_and_cancelled_ones_make_room() -> None:
    with raw_client(MODERN) as client:
        wanted = {"notifications": {"toolsListChanged": True}}
        asked = [client.ask("subscriptions/listen", wanted) for _ in range(130)]
        for request_id in asked[128:]:
            assert client.answer(request_id)["error"]["code"] == BUSY
        client.until(lambda: len(client.notifications) == 128)
        cancel = {"method": "notifications/cancelled", "params": {"requestId": asked[0]}}
        client.send({"jsonrpc": "2.0", **cancel})
        # The cancelled one settles in its own time; every refusal of this is one round trip.
        tries = (client.call_method("tools/list") for _ in range(100))
        assert any("result" in answer for answer in tries)
        assert client.end(signal.SIGTERM)[1] < 2.0
        assert len(client.read_to_end()) == 127


@pytest.mark.parametrize("era", [HANDSHAKE, MODERN])
def test_a_client_that_does_not_read_makes_the_server_wait_and_not_grow(era: str) -> None:
    with raw_client(era) as client:
        client.call_tool("LoudTool")
        before_kib = _rss_kib(client)
        frame = json.dumps(client.frame("tools/call", {"name": "No" * 4000, "arguments": {}}))
        fd = client.process.stdin.fileno() if client.process.stdin else -1
        os.set_blocking(fd, False)
        sent = 0
        for number in range(1_000_000):
            line = (frame.replace('"id": 2', f'"id": {number + 10}') + "\n").encode()
            if not select.select([], [fd], [], 1.0)[1]:
                break  # the server has stopped reading
            sent += os.write(fd, line)
        assert sent < 64 * 1024 * 1024
        assert _rss_kib(client) - before_kib < 32 * 1024
        # Its end is noticed all the same, though neither stream moves any more.
        status, seconds, _ = client.end()
        assert (status, seconds < 2.0) == (0, True)


def _rss_kib(client: RawClient) -> int:
    with open(f"/proc/{client.process.pid}/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS:"))


def test_a_reader_that_comes_back_gets_everything(client: RawClient) -> None:
    calls = [client.ask_tool("LoudTool") for _ in range(6)]
    client.until(lambda: bool(client.answers))
    for request_id in calls:
        content = client.answer(request_id)["result"]["structuredContent"]
        assert len(content["stdout"]) == 400_000


@pytest.mark.parametrize("era", [HANDSHAKE, MODERN])
def test_a_closed_stdout_ends_the_server(era: str) -> None:
    with raw_client(era) as client:
        assert client.process.stdout is not None
        client.process.stdout.close()
        client.ask("tools/list")
        assert client.process.wait(5) == 0


class SocketClient(RawClient):
    """Gives the server one socket for both streams, as some parents do."""

    def __init__(self) -> None:
        self.socket, theirs = socket.socketpair()
        with theirs:
            super().__init__(stdin=theirs, stdout=theirs)
        self.process.stdout = self.socket.makefile("rb")

    def send_bytes(self, data: bytes) -> None:
        """Write bytes."""
        self.socket.sendall(data)


def test_a_half_closed_socket_is_an_end() -> None:
    client = SocketClient()
    try:
        client.open()
        assert client.call_tool("EchoTool")["status"] == "success"
        client.wait_for_start(client.ask_tool("SleepTool", "10.1.2.3"))
        client.socket.shutdown(socket.SHUT_WR)
        assert client.process.wait(5) == 0
    finally:
        client.close()
        client.socket.close()


@pytest.mark.parametrize("closing", ["<&-", ">&-", "<&- >&-", "<&- >&- 2>&-", "</dev/null"])
def test_streams_that_are_not_there_are_an_end_at_once(closing: str) -> None:
    begun_s = time.monotonic()
    done = subprocess.run(
        ["sh", "-c", f'exec "$0" -m tests.contract.mcp_fixture_server {closing}', sys.executable],
        stdin=subprocess.PIPE if "<" not in closing else None,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout == b""
    assert time.monotonic() - begun_s < 60


def test_requests_from_a_file_are_answered_into_a_file(tmp_path: Path) -> None:
    hello = {"capabilities": {}, "clientInfo": {"name": "raw", "version": "0"}}
    frames = [
        {
            "jsonrpc": "2.0",
            "id": 1,
            "method": "initialize",
            "params": {"protocolVersion": HANDSHAKE, **hello},
        },
        {"jsonrpc": "2.0", "id": 2, "method": "tools/list"},
    ]
    (tmp_path / "in").write_text("\n".join(map(json.dumps, frames)))
    with open(tmp_path / "in") as source, open(tmp_path / "out", "w") as sink:
        subprocess.run(
            [sys.executable, "-m", "tests.contract.mcp_fixture_server"],
            stdin=source,
            stdout=sink,
            stderr=subprocess.PIPE,
            timeout=60,
            check=True,
        )
    answers = [json.loads(line) for line in (tmp_path / "out").read_text().splitlines()]
    assert [answer["id"] for answer in answers] == [1, 2]
