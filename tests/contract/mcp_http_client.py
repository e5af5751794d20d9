"""An MCP client over HTTP that can misbehave: raw sockets, every header its own, waits with a bound."""

import http.client
import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from .mcp_raw_client import ENVELOPE, HANDSHAKE, MODERN, WAIT_S, Json, programs_with

FIXTURE = "tests.contract.mcp_http_fixture"
BOTH = "application/json, text/event-stream"


class Server:
    """A server process on a port of loopback."""

    def __init__(self, module: str = FIXTURE, **options: Any) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", module, json.dumps(options)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert self.process.stdout is not None
        ready, _, _ = select.select([self.process.stdout], [], [], WAIT_S)
        line = self.process.stdout.readline() if ready else b""
        if not line:
            self.process.kill()
            _, said = self.process.communicate()
            raise AssertionError(said.decode())
        self.port = int(line)

    def end(self, how: signal.Signals = signal.SIGTERM) -> tuple[int, str]:
        """Send a signal; exit status and all of stderr."""
        self.process.send_signal(how)
        _, said = self.process.communicate(timeout=WAIT_S)
        return self.process.returncode, said.decode()


@contextmanager
def server(**options: Any) -> Iterator[Server]:
    """A server that is gone afterwards, and has not complained."""
    one = Server(**options)
    try:
        yield one
    finally:
        status, said = one.end()
    assert status == 0
    assert not said, said


class Answer:
    """An HTTP answer, the body as it comes."""

    def __init__(self, response: http.client.HTTPResponse, connection: socket.socket) -> None:
        self.status = response.status
        self.headers = response.headers
        self._response = response
        self._connection = connection

    @property
    def streams(self) -> bool:
        """Whether it is an event stream."""
        return str(self.headers["content-type"]).startswith("text/event-stream")

    def json(self) -> Any:
        """A body of JSON, whole."""
        return json.loads(self._response.read())

    def messages(self) -> Iterator[Json]:
        """The messages of an event stream or the one of a JSON body, as they come."""
        if not self.streams:
            yield self.json()
            return
        while line := self._response.readline():
            if line.startswith(b"data:") and (data := line[5:].strip()):
                yield json.loads(data)

    def last(self) -> Json:
        """The answer proper: the message with an id."""
        for message in self.messages():
            if "method" not in message:
                return message
        raise AssertionError("the stream ended without an answer")


class HttpClient:
    """A client of one era. Each request has a connection of its own, which stays open until `close`."""

    def __init__(self, port: int, era: str = HANDSHAKE, token: str = "someone") -> None:
        self.port = port
        self.era = era
        self.token = token
        self.session = ""
        self._last_id = 0
        self.connections: list[socket.socket] = []

    def open(self) -> "HttpClient":
        """Shake hands, in the era that does."""
        if self.era != MODERN:
            hello = {"capabilities": {}, "clientInfo": {"name": "raw", "version": "0"}}
            answer = self.ask("initialize", {"protocolVersion": self.era, **hello})
            assert answer.status == 200, answer.status
            self.session = answer.headers["mcp-session-id"]
            answer.last()
            assert self.notify("notifications/initialized").status == 202
        return self

    def frame(self, method: str, params: Json | None = None, **meta: Any) -> Json:
        """A request with a new id; `meta` goes into its `_meta`."""
        self._last_id += 1
        meta = {**(ENVELOPE if self.era == MODERN else {}), **meta}
        params = {**(params or {}), **({"_meta": meta} if meta else {})}
        frame: Json = {"jsonrpc": "2.0", "id": self._last_id, "method": method}
        return {**frame, "params": params} if params else frame

    def headers(self, message: Json | None = None) -> dict[str, str]:
        """The headers of a request."""
        headers = {
            "Host": f"127.0.0.1:{self.port}",
            "Accept": BOTH,
            "Authorization": f"Bearer {self.token}",
        }
        if message is not None:
            headers["Content-Type"] = "application/json"
        if self.session:
            headers["Mcp-Session-Id"] = self.session
        if self.session or self.era == MODERN:
            headers["Mcp-Protocol-Version"] = self.era
        if self.era == MODERN and message is not None and "method" in message:
            headers["Mcp-Method"] = message["method"]
            if "name" in message.get("params", {}):
                headers["Mcp-Name"] = message["params"]["name"]
        return headers

    def bytes_of(self, method: str, body: bytes, headers: dict[str, str]) -> bytes:
        """A request as it goes over the wire."""
        lines = [f"{method} /mcp HTTP/1.1", *(f"{k}: {v}" for k, v in headers.items())]
        if method == "POST":
            lines.append(f"Content-Length: {len(body)}")
        return "\r\n".join([*lines, "", ""]).encode() + body

    def connect(self) -> socket.socket:
        """A new connection."""
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=WAIT_S)
        self.connections.append(connection)
        return connection

    def start(self, message: Json, **headers: str) -> socket.socket:
        """Send a message and wait for nothing."""
        connection = self.connect()
        body = json.dumps(message).encode()
        connection.sendall(
            self.bytes_of("POST", body, {**self.headers(message), **headers}),
        )
        return connection

    def read(self, connection: socket.socket, method: str = "POST") -> Answer:
        """Wait for the head of the answer."""
        response = http.client.HTTPResponse(connection, method=method)
        response.begin()
        return Answer(response, connection)

    def post(self, message: Json, **headers: str) -> Answer:
        """Send a message and wait for the head of the answer."""
        return self.read(self.start(message, **headers))

    def ask(self, method: str, params: Json | None = None, **meta: Any) -> Answer:
        """Send a request."""
        return self.post(self.frame(method, params, **meta))

    def result(self, method: str, params: Json | None = None) -> Json:
        """Send a request; its result."""
        answer = self.ask(method, params).last()
        assert "result" in answer, answer
        result: Json = answer["result"]
        return result

    def notify(self, method: str, params: Json | None = None) -> Answer:
        """Send a notification."""
        return self.post({"jsonrpc": "2.0", "method": method, "params": params or {}})

    def send(self, method: str) -> Answer:
        """A request without a body: GET, DELETE."""
        connection = self.connect()
        connection.sendall(self.bytes_of(method, b"", self.headers()))
        return self.read(connection, method)

    def tool_frame(self, tool: str, target: str = "10.0.0.1", /, **arguments: Any) -> Json:
        """A call of a tool, with a progress token."""
        params = {"name": tool, "arguments": {"target": target, **arguments}}
        return self.frame("tools/call", params, progressToken=f"token-{self._last_id + 1}")

    def call_tool(self, tool: str, target: str = "10.0.0.1", /, **arguments: Any) -> Json:
        """Call a tool; the structured content of its result."""
        answer = self.post(self.tool_frame(tool, target, **arguments)).last()
        content: Json = answer["result"]["structuredContent"]
        return content

    def close(self) -> None:
        """Close every connection."""
        for connection in self.connections:
            with suppress(OSError):
                connection.close()


@contextmanager
def client(port: int, era: str = HANDSHAKE, token: str = "someone") -> Iterator[HttpClient]:
    """A client whose session is open; afterwards it is ended and every connection closed."""
    one = HttpClient(port, era, token)
    try:
        yield one.open()
    finally:
        with suppress(OSError):
            if one.session:
                one.send("DELETE")
        one.close()


def reset(connection: socket.socket) -> None:
    """Close with a RST, even if somebody reads from it."""
    linger = struct.pack("ii", 1, 0)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    os.close(connection.detach())


def until(holds: Callable[[], bool], seconds: float = WAIT_S, what: str = "") -> None:
    """Wait until something holds that nobody tells about: all there is to do is to look again."""
    deadline_s = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline_s, what
        time.sleep(0.02)


def mark_of(target: str) -> str:
    """The digits that the descendants of a SleepTool carry in their command lines."""
    a, b, c, d = map(int, target.split("."))
    return f"{((a * 256 + b) * 256 + c) * 256 + d:d}"[-6:]


def until_started(target: str) -> None:
    """Wait until a SleepTool and its descendants run."""
    until(lambda: len(programs_with(mark_of(target))) >= 3, what="it did not start")


def until_gone(target: str, seconds: float = 2.0) -> None:
    """Wait, 2 s at the most, until no process of a SleepTool is left."""
    until(lambda: not programs_with(mark_of(target)), seconds, "something is left")
