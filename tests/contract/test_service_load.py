"""The HTTP service under load and under kill -9: nothing fails, nothing is left, nothing is lost.

NETSONDE_LOAD_S is how long the crowd hammers (8 s unless set; 60 with `make soak`), NETSONDE_TRIES
how often the server is killed.
"""

import asyncio
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.contract.drivers import wait_for
from tests.contract.drivers.server import Server, environment, http_server
from tests.contract.load import Connection, Crowd
from tests.contract.mcp_raw_client import programs_with

LOAD_S = float(os.environ.get("NETSONDE_LOAD_S", "8"))
TRIES = int(os.environ.get("NETSONDE_TRIES", "3"))
CLIENTS = 200
TOKEN = "the-token-of-the-load-test"
SETTINGS = {
    "TOOLS_PACKAGE": "tests.contract.quick_tools",
    "MCP_AUTH_TOKEN": TOKEN,
    "MCP_RATE_LIMIT_RATE": "2000",
    "MCP_RATE_LIMIT_PER": "1",
    "LOG_LEVEL": "INFO",
}
pytestmark = pytest.mark.lab


def ask(server: Server, method: str, path: str) -> Any:
    """The body of one answer."""

    async def once() -> Any:
        connection = Connection(server.url, TOKEN)
        try:
            status, body = await connection.ask(method, path)
            assert status < 300, (status, body)
            return body
        finally:
            connection.close()

    return asyncio.run(once())


def series(server: Server) -> dict[str, float]:
    """The samples of /metrics by their name and labels."""
    lines = ask(server, "GET", "/metrics").decode().splitlines()
    pairs = (line.rsplit(" ", 1) for line in lines if line and not line.startswith("#"))
    return {name: float(value) for name, value in pairs}


def left_over() -> list[str]:
    return programs_with("sleep 3600.")


def descriptors(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


def verify(state: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "netsonde", "audit", "verify"],
        env=environment(state),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_two_hundred_clients_leave_nothing_behind_and_the_counters_add_up(tmp_path: Path) -> None:
    with http_server(tmp_path, "--host", "127.0.0.1", **SETTINGS) as server:
        ask(server, "GET", "/tools")
        before = descriptors(server.process.pid)
        crowd = Crowd(server.url, TOKEN, clients=CLIENTS, seed=1)
        asyncio.run(crowd.hammer(LOAD_S))
        ask(server, "POST", "/tools/QuickTool/enable")

        assert 500 not in crowd.statuses, "".join(server.log[-50:])
        assert not [line for line in server.log if " ERROR " in line or "Traceback" in line][:5]
        assert crowd.answered["success"] > 10 * LOAD_S
        assert wait_for(lambda: not left_over(), 5.0) < 2.0
        wait_for(lambda: descriptors(server.process.pid) <= before + 4, 10.0)

        counted = series(server)
        quick = {
            status: counted.get(
                f'mcp_tool_execution_total{{status="{status}",tool="QuickTool"}}',
                counted.get(f'mcp_tool_execution_total{{tool="QuickTool",status="{status}"}}', 0.0),
            )
            for status in ("success", "failed", "timeout", "cancelled", "refused")
        }
        refusals = sum(
            value
            for name, value in counted.items()
            if name.startswith("mcp_tool_refusals_total") and 'tool="QuickTool"' in name
        )
        limited = counted.get('mcp_rate_limited_total{tool="QuickTool"}', 0.0)
        assert quick["success"] == crowd.answered["success"]
        assert limited == crowd.answered["rate_limited"]
        assert quick["refused"] == refusals + limited
        assert sum(quick.values()) == sum(crowd.answered.values()) == crowd.sent
        assert server.end() == 0
        assert not [line for line in server.log if "left_behind" in line]  # no task was left


def test_after_kill_9_every_answer_is_on_record_and_no_program_is_left(tmp_path: Path) -> None:
    answered: set[str] = set()
    draw = random.Random(2)
    for number in range(TRIES):
        with http_server(tmp_path, "--host", "127.0.0.1", **SETTINGS) as server:
            crowd = Crowd(server.url, TOKEN, clients=40, seed=number)

            async def hammer_and_kill(server: Server = server, crowd: Crowd = crowd) -> None:
                work = asyncio.create_task(crowd.hammer(30))
                while not crowd.answered["success"] and not work.done():  # noqa: ASYNC110  # counts
                    await asyncio.sleep(0.01)
                await asyncio.sleep(draw.random())
                server.process.kill()
                crowd.over = True
                await work

            asyncio.run(hammer_and_kill())
            assert crowd.answered["success"]
            answered |= crowd.ids
        assert wait_for(lambda: not left_over(), 5.0) < 2.0
        done = verify(tmp_path)
        assert done.returncode == 0, done.stdout + done.stderr
    with http_server(tmp_path, "--host", "127.0.0.1", **SETTINGS) as server:

        async def missing() -> list[str]:
            connection = Connection(server.url, TOKEN)
            lost = []
            for execution_id in sorted(answered):
                status, whole = await connection.ask("GET", f"/executions/{execution_id}")
                if status != 200 or whole["status"] not in ("success", "refused"):
                    lost.append(execution_id)
            connection.close()
            return lost

        assert asyncio.run(missing()) == []
