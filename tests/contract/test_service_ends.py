"""How the product stops, whatever still runs, and how it says that it can't start."""

import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.drivers import wait_for
from tests.contract.drivers.server import http_server
from tests.contract.mcp_raw_client import programs_with
from tests.contract.service import (
    QUICK,
    TARGET,
    Call,
    client,
    lasting,
    port_of,
    recorded,
    refused_start,
    rule_of,
)
from tests.contract.stubborn_tools import SCRIPT

pytestmark = pytest.mark.lab
OVER_S = 3.0


def test_at_sigterm_what_runs_has_its_grace_and_new_calls_are_refused(tmp_path: Path) -> None:
    settings = {**QUICK, "MCP_SERVER_SHUTDOWN_GRACE": "10"}
    with (
        http_server(tmp_path, **settings) as server,
        client(server) as one,
        client(server) as other,
    ):
        assert other.get("/health/ready").status_code == 200
        with lasting(one, 61, timeout_sec=2) as call:
            server.process.send_signal(signal.SIGTERM)
            wait_for(lambda: other.get("/health/ready").status_code == 503)
            assert other.get("/health/live").status_code == 200
            refused = other.post("/tools/QuickTool/execute", json=TARGET)
            assert (refused.status_code, rule_of(refused)) == (503, "service.stopping")
            assert int(refused.headers["retry-after"]) >= 1
        assert call.answer["status"] == "timeout"
        assert server.process.wait(OVER_S) == 0
    assert recorded(tmp_path)[-1]["type"] == "ServiceStopped"


@pytest.fixture
def stubborn() -> Iterator[None]:
    """Put a program that ignores SIGTERM where servers look; the mount is this world's own."""
    place = Path("/usr/local/sbin")
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", place], check=True)
    (place / "stubborn").write_text(SCRIPT)
    (place / "stubborn").chmod(0o755)
    yield
    subprocess.run(["umount", place], check=True)


def test_it_is_over_3_s_after_the_grace_whatever_programs_and_readers_do(
    tmp_path: Path, stubborn: None
) -> None:
    grace_s = 1.0
    settings = {"TOOLS_PACKAGE": "tests.contract.all_tools"}
    settings |= {"MCP_SERVER_SHUTDOWN_GRACE": str(grace_s), "MCP_HEALTH_TIMEOUT": "0.5"}
    with (
        http_server(tmp_path, **settings) as server,
        client(server) as one,
        socket.socket() as deaf,
    ):
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        deaf.connect(("127.0.0.1", port_of(server)))
        deaf.sendall(b"GET /events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        call = Call(one, "StubbornTool", {**TARGET, "extra_args": "-x"})
        wait_for(lambda: len(programs_with("sleep 600")) >= 3)
        begun_s = time.monotonic()
        assert server.end() == 0
        assert time.monotonic() - begun_s < grace_s + OVER_S
        assert call.answer["status"] == "cancelled"
        assert not programs_with("sleep 600")
    types = [what["type"] for what in recorded(tmp_path)]
    assert types[-1] == "ServiceStopped"
    assert types.count("Requested") == types.count("Finished") == 1


def test_a_second_signal_ends_the_grace(tmp_path: Path) -> None:
    settings = {**QUICK, "MCP_SERVER_SHUTDOWN_GRACE": "60"}
    with http_server(tmp_path, **settings) as server, client(server) as one:
        with lasting(one, 62) as call:
            server.process.send_signal(signal.SIGINT)
            wait_for(lambda: any("http.stopping" in line for line in server.log))
            server.process.send_signal(signal.SIGINT)
        assert call.answer["status"] == "cancelled"
        assert server.process.wait(OVER_S) == 0


def test_a_state_folder_that_can_not_be_made_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for folder in (Path("/proc/netsonde"), tmp_path / "file" / "state"):
        status, said, _ = refused_start(folder, "--port", "0")
        assert status == 2
        assert "state.dir" in said
        assert str(folder) in said
        assert "Traceback" not in said


def test_a_port_in_use_stops_the_start(tmp_path: Path) -> None:
    with http_server(tmp_path / "one", **QUICK) as server:
        port = port_of(server)
        status, said, _ = refused_start(tmp_path / "two", "--port", str(port))
    assert status == 2
    assert str(port) in said
    assert "server.port" in said
    assert "Traceback" not in said
