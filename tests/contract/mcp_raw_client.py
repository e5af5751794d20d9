"""An MCP client over stdio that can misbehave: it speaks in lines, and waits with a bound."""

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

HANDSHAKE, MODERN = "2025-11-25", "2026-07-28"
ENVELOPE = {
    "io.modelcontextprotocol/protocolVersion": MODERN,
    "io.modelcontextprotocol/clientCapabilities": {},
    "io.modelcontextprotocol/clientInfo": {"name": "raw", "version": "0"},
}
FIXTURE = "tests.contract.mcp_fixture_server"
WAIT_S = 20.0
Json = dict[str, Any]


class RawClient:
    """A server process and its streams. Every line of its stdout must be a JSON object."""

    def __init__(self, era: str = HANDSHAKE, module: str = FIXTURE, **popen: Any) -> None:
        self.era = era
        self.notifications: list[Json] = []
        self.answers: dict[Any, Json] = {}
        self._pending = b""
        self._last_id = 0
        self.process = subprocess.Popen(
            [sys.executable, "-m", module],
            **{
                "stdin": subprocess.PIPE,
                "stdout": subprocess.PIPE,
                "stderr": subprocess.PIPE,
                **popen,
            },
        )

    def open(self) -> None:
        """Shake hands, in the era that does; wait for the server in the other."""
        if self.era == MODERN:
            self.call_method("server/discover")
            return
        hello = {"capabilities": {}, "clientInfo": {"name": "raw", "version": "0"}}
        self.call_method("initialize", {"protocolVersion": self.era, **hello})
        self.send({"jsonrpc": "2.0", "method": "notifications/initialized"})

    def send(self, message: Json) -> None:
        """Write a message as one line."""
        self.send_bytes(json.dumps(message).encode() + b"\n")

    def send_bytes(self, data: bytes) -> None:
        """Write bytes."""
        assert self.process.stdin is not None
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def frame(self, method: str, params: Json | None = None, **meta: Any) -> Json:
        """A request with a new id; `meta` goes into its `_meta`."""
        self._last_id += 1
        meta = {**(ENVELOPE if self.era == MODERN else {}), **meta}
        params = {**(params or {}), **({"_meta": meta} if meta else {})}
        frame: Json = {"jsonrpc": "2.0", "id": self._last_id, "method": method}
        return {**frame, "params": params} if params else frame

    def ask(self, method: str, params: Json | None = None, **meta: Any) -> int:
        """Send a request; its id."""
        frame = self.frame(method, params, **meta)
        self.send(frame)
        return int(frame["id"])

    def ask_tool(self, tool: str, target: str = "10.0.0.1", /, **more: Any) -> int:
        """Call a tool with arguments `more` and a progress token; the request's id."""
        params = {"name": tool, "arguments": {"target": target, **more}}
        return self.ask("tools/call", params, progressToken=f"token-{self._last_id + 1}")

    def answer(self, request_id: Any) -> Json:
        """Wait for the answer to a request."""
        self.until(lambda: request_id in self.answers)
        return self.answers.pop(request_id)

    def call_method(self, method: str, params: Json | None = None) -> Json:
        """Send a request and wait for its answer."""
        return self.answer(self.ask(method, params))

    def call_tool(self, tool: str, target: str = "10.0.0.1", /, **more: Any) -> Json:
        """Call a tool and wait for the result's structured content."""
        result = self.answer(self.ask_tool(tool, target, **more))["result"]
        content: Json = result["structuredContent"]
        assert json.loads(result["content"][0]["text"]) == content
        assert result["isError"] == (content["status"] != "success")
        return content

    def until(self, holds: Callable[[], bool]) -> None:
        """Read until something holds."""
        deadline_s = time.monotonic() + WAIT_S
        while not holds():
            assert self.read(deadline_s - time.monotonic()), "the server closed its stdout"

    def read(self, timeout_s: float = WAIT_S) -> bool:
        """Read what is there; False at the end of the stream. Every line must be JSON."""
        assert self.process.stdout is not None
        fd = self.process.stdout.fileno()
        ready, _, _ = select.select([fd], [], [], max(timeout_s, 0))
        assert ready, "the server said nothing in time"
        piece = os.read(fd, 65536)
        *lines, self._pending = (self._pending + piece).split(b"\n")
        for message in map(json.loads, lines):
            if "method" in message:
                self.notifications.append(message)
            else:
                assert message["id"] not in self.answers
                self.answers[message["id"]] = message
        return bool(piece)

    def read_to_end(self) -> dict[Any, Json]:
        """Read until stdout is closed; the answers that nobody waited for."""
        while self.read():
            pass
        assert self._pending == b""
        return self.answers

    def wait_for_start(self, request_id: int) -> None:
        """Wait for the first progress of a call, which the tool sends once it runs."""
        token = f"token-{request_id}"
        self.until(lambda: any(True for _ in self.progress(token)))

    def progress(self, token: str) -> Iterator[Json]:
        """The progress told under a token."""
        for message in self.notifications:
            params = message.get("params", {})
            if params.get("progressToken") == token:
                yield params

    def close(self) -> None:
        """Make an end of the server and the streams, whatever their state."""
        self.process.kill()
        self.process.wait(WAIT_S)
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream is not None:
                with suppress(BrokenPipeError):
                    stream.close()

    def end(self, how: signal.Signals | None = None) -> tuple[int, float, str]:
        """Close stdin or send a signal; exit status, seconds until then, and all of stderr."""
        begun_s = time.monotonic()
        assert self.process.stdin is not None
        assert self.process.stderr is not None
        if how is None:
            self.process.stdin.close()
        else:
            self.process.send_signal(how)
        status = self.process.wait(WAIT_S)
        return status, time.monotonic() - begun_s, self.process.stderr.read().decode()


@contextmanager
def raw_client(era: str = HANDSHAKE, **popen: Any) -> Iterator[RawClient]:
    """A client whose connection is open, and whose server is gone afterwards."""
    client = RawClient(era, **popen)
    try:
        client.open()
        yield client
    finally:
        client.close()


def programs_with(marker: str) -> list[str]:
    """The command lines of running processes that contain `marker`."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                line = file.read().replace(b"\0", b" ").decode("utf-8", "replace")
        except OSError:
            continue
        if marker in line:
            found.append(line)
    return found
