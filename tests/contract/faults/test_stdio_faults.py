"""Clients over stdio that send without end, read nothing, or leave while much is under way."""

import os
import select
import time
from pathlib import Path

import pytest

from tests.contract.mcp_raw_client import HANDSHAKE, RawClient, programs_with, raw_client

MIB = 1 << 20
PARSE_ERROR = -32700
LASTING = "10.55.66.78"
MARK = f"{((10 * 256 + 55) * 256 + 66) * 256 + 78:d}"[-6:]
END_S = 2.0


def rss_kib(client: RawClient) -> int:
    status = Path(f"/proc/{client.process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))


def push(client: RawClient, data: bytes, *, most: int, quiet_s: float = 1.0) -> int:
    """Send it over and over, reading nothing, until the server takes no more; the bytes that it took."""
    assert client.process.stdin is not None
    fd = client.process.stdin.fileno()
    os.set_blocking(fd, False)
    sent = 0
    while sent < most and select.select([], [fd], [], quiet_s)[1]:
        sent += os.write(fd, data)
    os.set_blocking(fd, True)
    return sent


def wait_until_gone() -> None:
    """Within the 2 s in which nothing may be left; nobody tells when that is."""
    deadline_s = time.monotonic() + END_S
    while programs_with(MARK):
        assert time.monotonic() < deadline_s, programs_with(MARK)
        time.sleep(0.02)


def test_a_line_of_ten_megabytes_is_refused_without_being_kept() -> None:
    with raw_client() as client:
        before_kib = rss_kib(client)
        for _ in range(5):
            client.send_bytes(b'{"a": "' + b"x" * 10 * MIB + b'"}\n')
            assert client.answer(None)["error"]["code"] == PARSE_ERROR
        assert rss_kib(client) - before_kib < 24 * 1024
        assert client.call_tool("EchoTool")["status"] == "success"


def test_a_line_that_does_not_end_is_not_kept_and_its_end_is_one() -> None:
    with raw_client() as client:
        before_kib = rss_kib(client)
        assert push(client, b"x" * 65536, most=64 * MIB) >= 64 * MIB
        assert rss_kib(client) - before_kib < 24 * 1024
        status, seconds, _ = client.end()
        assert (status, seconds < END_S) == (0, True)
        assert [answer["error"]["code"] for answer in client.read_to_end().values()] == [
            PARSE_ERROR
        ]


def test_garbage_without_end_from_who_reads_nothing_makes_the_server_wait_and_not_grow() -> None:
    with raw_client() as client:
        before_kib = rss_kib(client)
        sent = push(client, b"{\xff}\n" * 1000, most=64 * MIB)
        assert sent < 8 * MIB
        assert rss_kib(client) - before_kib < 24 * 1024
        status, seconds, _ = client.end()
        assert (status, seconds < END_S) == (0, True)


def test_a_request_byte_by_byte_is_answered() -> None:
    with raw_client() as client:
        for byte in b'{"jsonrpc": "2.0", "id": "slow", "method": "ping"}\n':
            client.send_bytes(bytes([byte]))
        assert client.answer("slow")["result"] == {}


def test_a_client_that_closes_its_reading_end_ends_what_runs() -> None:
    with raw_client() as client:
        request_id = client.ask_tool("SleepTool", LASTING)
        client.wait_for_start(request_id)
        assert client.process.stdout is not None
        client.process.stdout.close()
        client.ask("tools/list")  # an answer is what shows that nobody reads
        assert client.process.wait(END_S) == 0
        wait_until_gone()


@pytest.mark.parametrize("closing", ["stdin", "both"])
def test_a_client_that_leaves_with_answers_unread_ends_what_runs(closing: str) -> None:
    with raw_client() as client:
        request_id = client.ask_tool("SleepTool", LASTING)
        client.wait_for_start(request_id)
        for _ in range(3):
            client.ask_tool("LoudTool")  # far more than a pipe holds
        assert client.process.stdout is not None
        assert select.select([client.process.stdout], [], [], 20)[0]
        begun_s = time.monotonic()
        assert client.process.stdin is not None
        client.process.stdin.close()
        if closing == "both":
            client.process.stdout.close()
        assert client.process.wait(END_S) == 0
        assert time.monotonic() - begun_s < END_S
        wait_until_gone()


def test_half_a_request_at_the_end_is_told_and_nothing_is_run() -> None:
    client = RawClient(HANDSHAKE)
    try:
        client.open()
        client.send_bytes(b'{"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": {')
        status, seconds, _ = client.end()
        assert (status, seconds < END_S) == (0, True)
        assert [answer["error"]["code"] for answer in client.read_to_end().values()] == [
            PARSE_ERROR
        ]
    finally:
        client.close()
