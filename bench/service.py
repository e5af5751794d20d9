"""The HTTP service against bare servers in the same run: each row a ratio of times, taken in turn."""

import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from types import MappingProxyType
from typing import Any, NamedTuple

from tests.contract.drivers.server import http_server
from tests.contract.load import Connection
from tests.contract.mcp_raw_client import ENVELOPE, MODERN

IN_FLIGHT = 8
ROUND_S = 0.8
ROUNDS = 5
SUBSCRIBERS = 100
FANNED = 20
SETTINGS = {
    "TOOLS_PACKAGE": "tests.contract.quick_tools",
    "MCP_RATE_LIMIT_RATE": "1000000",
    "MCP_RATE_LIMIT_PER": "1",
    "MCP_TOOLS_QUICKTOOL_CONCURRENCY": "16",
    "LOG_LEVEL": "INFO",
}
GOOD = {"target": "10.0.0.1"}
MCP_HEADERS = {
    "Accept": "application/json, text/event-stream",
    "MCP-Protocol-Version": MODERN,
    "Mcp-Method": "tools/call",
}


class Ask(NamedTuple):
    """One request."""

    method: str
    path: str
    body: dict[str, Any] | None = None
    headers: Mapping[str, str] = MappingProxyType({})


class Row(NamedTuple):
    """Ours against a baseline; `bound` is the ratio of times that is too much."""

    name: str
    ours: Ask
    bare: Ask
    bound: float


def _tool_call(tool: str, arguments: dict[str, Any]) -> Ask:
    params = {"name": tool, "arguments": arguments, "_meta": ENVELOPE}
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    return Ask("POST", "/mcp", body, {**MCP_HEADERS, "Mcp-Name": tool})


PLAN = Ask("POST", "/tools/QuickTool/plan", GOOD)
EXECUTE = Ask("POST", "/tools/QuickTool/execute", GOOD)
ECHO = Ask("POST", "/echo", GOOD)
SPAWN = Ask("POST", "/spawn", GOOD)
ROWS = (
    Row("REST plan, to a bare Litestar handler", PLAN, ECHO, 8.0),
    Row("REST execute, to a bare handler with a bare spawn", EXECUTE, SPAWN, 5.0),
    Row("/mcp refusal, to a bare SDK server's echo", _tool_call("QuickTool", {"target": "8.8.8.8"}), _tool_call("echo", {"text": "x"}), 3.0),
    Row("/health, to a bare Litestar handler", Ask("GET", "/health"), Ask("GET", "/"), 4.0),
    Row("/metrics, to a bare Litestar handler", Ask("GET", "/metrics"), Ask("GET", "/"), 60.0),
)  # fmt: skip


@contextmanager
def _bare() -> Iterator[str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.bare_http"], stdout=subprocess.PIPE, text=True
    )
    with process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip()
        finally:
            process.kill()


async def _seconds_each(url: str, ask: Ask) -> float:
    """The mean time from one answer to the next, with several requests in flight."""
    count, end_s = 0, time.perf_counter() + ROUND_S

    async def client() -> None:
        nonlocal count
        connection = Connection(url, headers=ask.headers)
        while time.perf_counter() < end_s:
            status, body = await connection.ask(*ask[:3])
            assert status in (200, 207), (status, body)
            count += 1
        connection.close()

    begun_s = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(IN_FLIGHT)))
    return (time.perf_counter() - begun_s) / count


async def _fan_out(url: str, ask: Ask) -> float:
    """Median seconds from an execution's request to its end being told to the last subscriber."""
    readers = []
    host, port = url.removeprefix("http://").split(":")
    for _ in range(SUBSCRIBERS):
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(
            f"GET /events?types=execution HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode()
        )
        await reader.readuntil(b"\r\n\r\n")
        readers.append((reader, writer))

    async def hear(reader: asyncio.StreamReader) -> None:
        while b"finished" not in await reader.readline():
            pass

    took = []
    connection = Connection(url)
    for _ in range(FANNED):
        begun_s = time.perf_counter()
        await asyncio.gather(connection.ask(*ask[:3]), *(hear(reader) for reader, _ in readers))
        took.append(time.perf_counter() - begun_s)
    connection.close()
    for _, writer in readers:
        writer.close()
    return median(took)


def _compare(
    name: str,
    bound: float,
    ours: Callable[[], Awaitable[float]],
    bare: Callable[[], Awaitable[float]],
) -> bool:
    async def alternate() -> tuple[float, float]:
        pairs = [(await ours(), await bare()) for _ in range(ROUNDS)]
        return median(one for one, _ in pairs), median(other for _, other in pairs)

    ours_s, bare_s = asyncio.run(alternate())
    ratio = ours_s / bare_s
    print(
        f"{name}: {ours_s * 1e3:.2f} ms against {bare_s * 1e3:.2f} ms, "
        f"ratio {ratio:.2f} (bound {bound:g})",
        flush=True,
    )
    return ratio <= bound


def main() -> int:
    """Print the rows; 1 if a bound is broken."""
    with (
        tempfile.TemporaryDirectory() as state,
        _bare() as bare,
        http_server(Path(state), "--host", "127.0.0.1", **SETTINGS) as server,
    ):
        within = [
            _compare(
                row.name,
                row.bound,
                lambda row=row: _seconds_each(server.url, row.ours),  # type: ignore[misc]
                lambda row=row: _seconds_each(bare, row.bare),  # type: ignore[misc]
            )
            for row in ROWS
        ]
        within.append(
            _compare(
                f"SSE fan-out to {SUBSCRIBERS}, to a bare Litestar stream with a bare spawn",
                5.0,
                lambda: _fan_out(server.url, EXECUTE),
                lambda: _fan_out(bare, SPAWN),
            )
        )
    return 0 if all(within) else 1


if __name__ == "__main__":
    sys.exit(main())
