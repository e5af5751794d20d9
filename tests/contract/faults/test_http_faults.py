"""Clients of the whole service that send too slowly, too much, nothing sensible, or do not read."""

import os
import random
import select
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from tests.contract.drivers import wait_for
from tests.contract.drivers.server import Server, http_server
from tests.contract.service import QUICK, TARGET, client, port_of

pytestmark = pytest.mark.lab
SLOW = 60
HEADER_S = 1.0
HEAD = b"POST /tools/QuickTool/execute HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
SETTINGS = {
    **QUICK,
    "MCP_SERVER_HEADER_TIMEOUT": f"{HEADER_S:g}",
    "MCP_RATE_LIMIT_RATE": "10000",
    "MCP_RATE_LIMIT_PER": "1",
}


@contextmanager
def connected(server: Server, count: int) -> Iterator[list[socket.socket]]:
    with ExitStack() as stack:
        address = ("127.0.0.1", port_of(server))
        yield [
            stack.enter_context(socket.create_connection(address, timeout=10)) for _ in range(count)
        ]


def descriptors(server: Server) -> int:
    return len(os.listdir(f"/proc/{server.process.pid}/fd"))


def rss_kib(server: Server) -> int:
    status = Path(f"/proc/{server.process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One service for all of these: each must leave it as it was."""
    with http_server(tmp_path_factory.mktemp("state"), **SETTINGS) as one:
        yield one
        assert one.end() == 0
        assert not [line for line in one.log if " ERROR " in line or "left_behind" in line]


@pytest.fixture(autouse=True)
def unharmed(server: Server) -> Iterator[None]:
    """Afterwards it serves, and holds no more descriptors than before."""
    with client(server) as one:
        assert one.post("/tools/QuickTool/execute", json=TARGET).json()["status"] == "success"
        before = descriptors(server)
        yield
        assert one.get("/health/live").status_code == 200
        assert one.post("/tools/QuickTool/execute", json=TARGET).json()["status"] == "success"
        wait_for(lambda: descriptors(server) <= before + 2, 10)


@pytest.mark.parametrize(
    "beginning",
    [
        pytest.param(b"GET /health", id="of a head"),
        pytest.param(HEAD + b"Content-Length: 60000\r\n\r\n", id="of a body"),
        pytest.param(HEAD + b"Transfer-Encoding: chunked\r\n\r\nffff\r\n", id="of a chunk"),
    ],
)
def test_many_who_send_byte_by_byte_are_cut_off_and_hold_up_nobody(
    server: Server, beginning: bytes
) -> None:
    with connected(server, SLOW) as slow, client(server) as one:
        begun_s = time.monotonic()
        open_: dict[int, socket.socket] = {}
        for wire in slow:
            wire.sendall(beginning)
            wire.setblocking(False)
            open_[wire.fileno()] = wire
        served = 0
        while open_:
            for fd, wire in list(open_.items()):
                try:
                    wire.send(b"a")
                    if select.select([wire], [], [], 0)[0] and not wire.recv(4096):
                        del open_[fd]
                except OSError:
                    del open_[fd]
            asked_s = time.monotonic()
            assert one.post("/tools/QuickTool/execute", json=TARGET).status_code == 200
            assert time.monotonic() - asked_s < 5
            served += 1
            assert time.monotonic() - begun_s < HEADER_S + 15
        assert served > 1


def test_garbage_of_any_kind_is_answered_with_400_or_cut_off(server: Server) -> None:
    chance = random.Random(20_261_203)  # what is sent
    good = HEAD + b'Content-Length: 22\r\n\r\n{"target": "10.0.0.1"}'
    with connected(server, 100) as wires:
        for number, wire in enumerate(wires):
            if number % 2:
                data = bytearray(good)
                for _ in range(chance.randrange(1, 6)):
                    data[chance.randrange(len(data))] = chance.randrange(256)
            else:
                data = bytearray(chance.randbytes(chance.randrange(1, 3000)))
            with suppress(OSError):
                wire.sendall(bytes(data))
                wire.shutdown(socket.SHUT_WR)
        for wire in wires:
            answer = b""
            with suppress(ConnectionError):
                while piece := wire.recv(65536):
                    answer += piece
            assert not answer.startswith(b"HTTP/1.1 500"), answer


def test_who_asks_much_and_reads_nothing_costs_no_memory(server: Server) -> None:
    ask = b"GET /schema HTTP/1.1\r\nHost: localhost\r\n\r\n"
    before_kib = rss_kib(server)
    with connected(server, 20) as wires:
        for wire in wires:
            wire.setblocking(False)
            with suppress(OSError):
                while select.select([], [wire], [], 0.02)[1]:
                    wire.send(ask)
        assert rss_kib(server) - before_kib < 64 * 1024
        with client(server) as one:
            assert one.get("/tools").status_code == 200


@pytest.mark.parametrize("how", ["half-closed", "reset"])
def test_clients_that_leave_in_mid_request_leave_nothing(server: Server, how: str) -> None:
    with connected(server, 40) as wires:
        for wire in wires:
            wire.sendall(HEAD + b'Content-Length: 22\r\n\r\n{"target":')
            if how == "half-closed":
                wire.shutdown(socket.SHUT_WR)
            else:
                wire.setsockopt(
                    socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0"
                )  # close(2) resets
                wire.close()
        if how == "half-closed":
            for wire in wires:
                with suppress(ConnectionError):
                    while wire.recv(4096):
                        pass
