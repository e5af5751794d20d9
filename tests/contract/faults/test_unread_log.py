"""A log that nobody reads holds nobody up: lines wait, then they are dropped, counted, and told."""

import fcntl
import json
import os
import re
import select
from pathlib import Path

from tests.contract.drivers.server import environment
from tests.contract.mcp_raw_client import WAIT_S, RawClient

CALLS = 40
LONG = "x" * 400


def test_a_server_whose_standard_error_is_never_read_answers_every_call(tmp_path: Path) -> None:
    read_end, write_end = os.pipe()
    fcntl.fcntl(write_end, fcntl.F_SETPIPE_SZ, 4096)
    environ = environment(tmp_path, LOG_LEVEL="DEBUG")
    client = RawClient(module="netsonde", stderr=write_end, env=environ)
    os.close(write_end)
    try:
        client.open()
        for _ in range(CALLS):
            assert client.call_tool("PingTool", "8.8.8.8", extra_args=LONG)["status"] == "refused"
        assert client.process.stdin is not None
        client.process.stdin.close()
        # The last lines wait for a reader, and the end of the server waits for none.
        assert client.process.wait(2.0) == 0
    finally:
        client.close()
        os.close(read_end)


def test_what_waits_is_read_by_a_reader_who_comes_late(tmp_path: Path) -> None:
    read_end, write_end = os.pipe()
    fcntl.fcntl(write_end, fcntl.F_SETPIPE_SZ, 4096)
    environ = environment(tmp_path, LOG_LEVEL="DEBUG", MCP_LOGGING_FORMAT="json")
    client = RawClient(module="netsonde", stderr=write_end, env=environ)
    os.close(write_end)
    try:
        client.open()
        ids = [
            client.call_tool("PingTool", "8.8.8.8", extra_args=LONG)["execution_id"]
            for _ in range(CALLS)
        ]
        told = b""
        while told.count(b"tool.refused") < CALLS:
            assert select.select([read_end], [], [], WAIT_S)[0], "no more lines come"
            told += os.read(read_end, 65536)
        assert re.findall(r'"execution_id": "(\w+)"', _refusals(told)) == ids
    finally:
        client.close()
        os.close(read_end)


def _refusals(told: bytes) -> str:
    lines = told.decode().splitlines()
    return "\n".join(line for line in lines if json.loads(line)["event"] == "tool.refused")
