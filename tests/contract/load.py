"""Many clients at once on a real server: what they ask is drawn from a seed, what they got is counted."""

import asyncio
import json
import random
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

Json = dict[str, Any]
_MOST_BYTES = 4 * 1024 * 1024


class Connection:
    """An HTTP/1.1 client connection that is kept alive, and knows no more than it needs."""

    def __init__(self, url: str, token: str = "", headers: Mapping[str, str] | None = None) -> None:
        split = urlsplit(url)
        assert split.hostname and split.port
        self._address = split.hostname, split.port
        self._head = f"Host: {split.netloc}\r\n"
        if token:
            self._head += f"Authorization: Bearer {token}\r\n"
        self._head += "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def ask(self, method: str, path: str, body: Json | None = None) -> tuple[int, Any]:
        """Status and decoded body; raises ConnectionError or IncompleteReadError."""
        await self.send(method, path, body)
        return await self.receive()

    async def send(self, method: str, path: str, body: Json | None = None) -> None:
        """Send a request, and do not wait for its answer."""
        if self._writer is None or self._writer.is_closing():
            self._reader, self._writer = await asyncio.open_connection(
                *self._address, limit=_MOST_BYTES
            )
        data = b"" if body is None else json.dumps(body).encode()
        head = f"{method} {path} HTTP/1.1\r\n{self._head}"
        if body is not None:
            head += f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n"
        self._writer.write(head.encode() + b"\r\n" + data)
        await self._writer.drain()

    async def receive(self) -> tuple[int, Any]:
        """Read one answer."""
        assert self._reader is not None
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        status = int(head.split(" ", 2)[1])
        headers = {
            name.strip().lower(): value.strip()
            for name, _, value in (line.partition(":") for line in head.split("\r\n")[1:])
        }
        if "chunked" in headers.get("transfer-encoding", ""):
            data = b""
            while size := int(await self._reader.readline(), 16):
                data += (await self._reader.readexactly(size + 2))[:-2]
            await self._reader.readline()
        else:
            data = await self._reader.readexactly(int(headers.get("content-length", 0)))
        if headers.get("connection", "").lower() == "close":
            self.close()
        json_like = headers.get("content-type", "").startswith("application/json")
        return status, json.loads(data) if json_like and data else data

    def close(self) -> None:
        """Leave, in mid answer too."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None


class Crowd:
    """Clients that hammer a server with `QuickTool` and `LastingTool`.

    `answered` counts what QuickTool's executions came to, by status and error; `ids` are the
    executions that were answered; `statuses` counts the HTTP statuses of everything.
    """

    def __init__(self, url: str, token: str, *, clients: int, seed: int) -> None:
        self._url = url
        self._token = token
        self._clients = clients
        self._seed = seed
        self.answered: Counter[str] = Counter()
        self.statuses: Counter[int] = Counter()
        self.ids: set[str] = set()
        self.cut_off = 0
        self.over = False  # set it, and everybody goes
        self.sent = 0

    async def hammer(self, seconds: float) -> None:
        """Ask for that long; whoever waits for an answer then gets it."""
        end_s = asyncio.get_running_loop().time() + seconds
        await asyncio.gather(*(self._client(number, end_s) for number in range(self._clients)))

    async def _client(self, number: int, end_s: float) -> None:
        draw = random.Random(self._seed * 100_003 + number)
        connection = Connection(self._url, self._token)
        loop = asyncio.get_running_loop()
        try:
            while loop.time() < end_s and not self.over:
                try:
                    await self._act(connection, draw)
                except (OSError, asyncio.IncompleteReadError):
                    self.cut_off += 1
                    connection.close()
                    await asyncio.sleep(0.01)
        finally:
            connection.close()

    async def _act(self, connection: Connection, draw: random.Random) -> None:
        kind = draw.choices(
            ("execute", "refused", "lasting", "plan", "switch", "look"), (50, 12, 12, 12, 4, 10)
        )[0]
        match kind:
            case "execute":
                await self._execute(connection, {"target": "10.0.0.1"})
            case "refused":
                await self._execute(connection, {"target": "8.8.8.8"})
            case "lasting":
                await self._leave_in_mid_call(connection, draw)
            case "plan":
                body = {"target": "10.0.0.1", "options": {"number": draw.randrange(12)}}
                await self._count(connection, "POST", "/tools/QuickTool/plan", body)
            case "switch":
                what = draw.choice(("disable", "enable", "enable", "enable"))
                await self._count(connection, "POST", f"/tools/QuickTool/{what}")
            case _:
                paths = ("/executions?limit=5", "/health", "/metrics", "/tools", "/health/live")
                await self._count(connection, "GET", draw.choice(paths))

    async def _execute(self, connection: Connection, body: Json) -> None:
        self.sent += 1
        status, answer = await connection.ask("POST", "/tools/QuickTool/execute", body)
        self.statuses[status] += 1
        error = answer.get("error")
        self.answered[error["error_type"] if error else answer.get("status", "?")] += 1
        if answer.get("execution_id"):
            self.ids.add(answer["execution_id"])

    async def _leave_in_mid_call(self, connection: Connection, draw: random.Random) -> None:
        body = {"target": "10.0.0.1", "options": {"number": draw.randrange(1_000_000)}}
        await connection.send("POST", "/tools/LastingTool/execute", body)
        with suppress(TimeoutError):
            async with asyncio.timeout(draw.random() * 0.2):
                status, _ = await connection.receive()  # refused: no place
                self.statuses[status] += 1
                return
        connection.close()

    async def _count(
        self, connection: Connection, method: str, path: str, body: Json | None = None
    ) -> None:
        status, _ = await connection.ask(method, path, body)
        self.statuses[status] += 1
