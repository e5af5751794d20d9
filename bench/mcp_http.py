"""Calls per second of a tool over `/mcp`, against the SDK's bare echo server, in alternating rounds."""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from statistics import median
from typing import Any

import uvloop

MODERN, HANDSHAKE = "2026-07-28", "2025-11-25"
ROUNDS = 5
CALLS = 150
FEWEST_OF_BARE = 0.3  # ours judges, plans, records, reports; the baseline says what it heard
INFO = {"name": "bench", "version": "0"}
META = {
    "io.modelcontextprotocol/protocolVersion": MODERN,
    "io.modelcontextprotocol/clientCapabilities": {},
    "io.modelcontextprotocol/clientInfo": INFO,
}
CALL = {
    "bare": {"name": "echo", "arguments": {"text": "10.0.0.1"}},
    "ours": {"name": "PingTool", "arguments": {"target": "10.0.0.1", "options": {"count": 1}}},
}


@contextmanager
def served(which: str) -> Iterator[int]:
    """The port of a server."""
    argv = (sys.executable, "-m", "bench.mcp_http_server", which)
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            yield int(process.stdout.readline())
        finally:
            process.kill()


class Connection:
    """A connection that is kept, and one call at a time on it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.session = ""

    async def post(self, method: str, params: dict[str, Any], era: str, **headers: str) -> bytes:
        """The whole body of the answer."""
        message: dict[str, Any] = {"jsonrpc": "2.0", "method": method, "params": params}
        if not method.startswith("notifications/"):
            message["id"] = 1
        body = json.dumps(message).encode()
        head = {
            "Host": "127.0.0.1",
            "Accept": "application/json, text/event-stream",
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            **headers,
        }
        if era == MODERN:
            head |= {"Mcp-Protocol-Version": era, "Mcp-Method": method, "Mcp-Name": params["name"]}
        lines = (
            "POST /mcp HTTP/1.1",
            *(f"{name}: {value}" for name, value in head.items()),
            "",
            "",
        )
        self._writer.write("\r\n".join(lines).encode() + body)
        return await self._answer()

    def close(self) -> None:
        """Close it."""
        self._writer.close()

    async def _answer(self) -> bytes:
        head = (await self._reader.readuntil(b"\r\n\r\n")).lower()
        if b"mcp-session-id: " in head:
            self.session = head.split(b"mcp-session-id: ")[1].split(b"\r\n")[0].decode()
        assert head.startswith((b"http/1.1 200", b"http/1.1 202")), head
        if b"content-length: " in head:
            length = int(head.split(b"content-length: ")[1].split(b"\r\n")[0])
            return await self._reader.readexactly(length)
        body = b""
        while size := int(await self._reader.readuntil(b"\r\n"), 16):
            body += (await self._reader.readexactly(size + 2))[:-2]
        await self._reader.readexactly(2)
        return body


async def rate(port: int, which: str, era: str, in_flight: int) -> float:
    """Calls per second with so many connections."""
    params = {**CALL[which], **({"_meta": META} if era == MODERN else {})}
    callers = []
    for _ in range(in_flight):
        one = Connection(*await asyncio.open_connection("127.0.0.1", port))
        headers: dict[str, str] = {}
        if era == HANDSHAKE:  # ids differ within a session, so each connection has its own
            hello = {"protocolVersion": era, "capabilities": {}, "clientInfo": INFO}
            await one.post("initialize", hello, era)
            headers = {"Mcp-Session-Id": one.session, "Mcp-Protocol-Version": era}
            await one.post("notifications/initialized", {}, era, **headers)
        callers.append((one, headers))

    async def call(one: Connection, headers: dict[str, str], count: int) -> None:
        for _ in range(count):
            body = await one.post("tools/call", params, era, **headers)
            assert b'"content"' in body, body

    each = max(CALLS * 2 // in_flight, 10)
    begun_s = time.perf_counter()
    await asyncio.gather(*(call(one, headers, each) for one, headers in callers))
    for one, _ in callers:
        one.close()
    return in_flight * each / (time.perf_counter() - begun_s)


def main() -> int:
    """Print the rows; 1 if one is under its bound."""
    missed = 0
    with ExitStack() as stack:
        ports = {which: stack.enter_context(served(which)) for which in CALL}
        for era in (HANDSHAKE, MODERN):
            for in_flight in (1, 32):
                rounds = [
                    [uvloop.run(rate(ports[which], which, era, in_flight)) for which in CALL]
                    for _ in range(ROUNDS + 1)
                ][1:]
                bare, ours = (median(column) for column in zip(*rounds, strict=True))
                ratio = median(our / its for its, our in rounds)
                missed += ratio < FEWEST_OF_BARE
                print(
                    f"/mcp call  {era}  {in_flight:2} in flight: bare SDK echo {bare:6.0f}/s, "
                    f"netsonde {ours:6.0f}/s, ratio {ratio:.2f} (at least {FEWEST_OF_BARE})"
                )
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
