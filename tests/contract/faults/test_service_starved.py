"""The whole service is short of descriptors or memory: typed errors, no leak, and then it goes on."""

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest

from tests.contract.drivers import wait_for
from tests.contract.drivers.server import Server, environment, http_server
from tests.contract.mcp_raw_client import RawClient
from tests.contract.service import QUICK, TARGET, client, recorded

pytestmark = pytest.mark.lab
SETTINGS = {
    **QUICK,
    "MCP_RATE_LIMIT_RATE": "10000",
    "MCP_RATE_LIMIT_PER": "1",
    # What can't be started counts as a failure of the tool: else the breaker would answer instead.
    "MCP_CIRCUIT_BREAKER_FAILURE_THRESHOLD": "1000",
}
TYPED = {200, 500, 503}
MIB = 1 << 20


def descriptors(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


def first_free(pid: int) -> int:
    """The next descriptor that it would get. The one that is reserved for reports is far above."""
    used = set(map(int, os.listdir(f"/proc/{pid}/fd")))
    return next(number for number in range(len(used) + 1) if number not in used)


def address_space(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmSize:"))


@contextmanager
def limited(pid: int, kind: int, limit: int) -> Iterator[None]:
    """The soft limit of a process, for a while."""
    soft, hard = resource.prlimit(pid, kind)
    resource.prlimit(pid, kind, (limit, hard))
    try:
        yield
    finally:
        resource.prlimit(pid, kind, (soft, hard))


def call(one: httpx.Client) -> httpx.Response | None:
    """The answer of a call; None if the connection was cut off."""
    with suppress(httpx.TransportError):
        return one.post("/tools/QuickTool/execute", json=TARGET)
    return None


def works(server: Server) -> bool:
    """On a connection of its own."""
    with client(server) as one:
        answer = call(one)
        return answer is not None and answer.json()["status"] == "success"


@pytest.mark.parametrize("kind", ["files", "memory"])
def test_a_starved_service_answers_with_typed_errors_and_recovers(
    tmp_path: Path, kind: str
) -> None:
    ids: list[str] = []
    with http_server(tmp_path, **SETTINGS) as server, client(server) as one:
        pid = server.process.pid
        assert works(server)
        assert call(one) is not None
        before = descriptors(pid)
        told = []
        for spare in range(20):
            if kind == "files":
                bound = limited(pid, resource.RLIMIT_NOFILE, first_free(pid) + spare)
            else:
                bound = limited(pid, resource.RLIMIT_AS, address_space(pid) + spare * MIB // 2)
            with bound:
                answer = call(one)
            if answer is None:
                continue
            body = answer.json()
            told.append(body["error"]["error_type"] if body["error"] else body["status"])
            assert answer.status_code in TYPED, body
            ids.append(body["execution_id"])
        assert "success" in told and (kind == "memory" or len(set(told)) > 1), told
        wait_for(lambda: works(server), 10)
        assert one.get("/health/live").status_code == 200
        wait_for(lambda: descriptors(pid) <= before + 4, 10)
        assert server.end() == 0
        assert not [line for line in server.log if "left_behind" in line]
    ended = {what["output"]["execution_id"] for what in recorded(tmp_path, "Finished")}
    assert set(ids) <= ended


def test_connections_that_use_up_the_descriptors_do_not_end_the_service(tmp_path: Path) -> None:
    with http_server(tmp_path, **SETTINGS) as server:
        pid = server.process.pid
        assert works(server)
        with limited(pid, resource.RLIMIT_NOFILE, first_free(pid) + 8):
            crowd = [client(server) for _ in range(20)]
            held = []
            for each in crowd:
                held.append(each.__enter__())
                with suppress(httpx.TransportError):
                    held[-1].get("/health/live", timeout=0.2)
            for each in crowd:
                each.__exit__(None, None, None)
        wait_for(lambda: works(server), 10)
        assert server.end() == 0


def test_a_starved_server_over_stdio_answers_every_call_and_recovers(tmp_path: Path) -> None:
    environ = {**environment(tmp_path, MCP_STATE_RECORD="on"), **SETTINGS}
    client_ = RawClient(module="netsonde", env=environ)
    try:
        client_.open()
        assert client_.call_tool("QuickTool")["status"] == "success"
        pid = client_.process.pid
        before = descriptors(pid)
        told = []
        for spare in range(20):
            with limited(pid, resource.RLIMIT_NOFILE, first_free(pid) + spare):
                told.append(client_.call_tool("QuickTool")["status"])
        assert set(told) <= {"success", "refused", "failed"} and len(set(told)) > 1, told
        assert client_.call_tool("QuickTool")["status"] == "success"
        assert descriptors(pid) <= before + 2
        assert client_.end()[0] == 0
    finally:
        client_.close()
