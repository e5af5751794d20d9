"""However a call ends, two seconds later no process of it is left: real servers, real programs.

NETSONDE_TRIES says how often each way is tried (3 unless set; `make soak` takes 50).
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.contract.lab.access import Lab
from tests.contract.stubborn_tools import SCRIPT

TRIES = int(os.environ.get("NETSONDE_TRIES", "3"))
WITHIN_S = 2.0
pytestmark = pytest.mark.lab


def _calls(lab: Lab, extra_args: str) -> tuple[tuple[str, dict[str, Any]], ...]:
    slow_scan = {"target": lab.silent, "extra_args": "-Pn -p 1-65535 --max-rate 20"}
    return (
        ("NmapTool", slow_scan),
        ("PingTool", {"target": lab.web, "extra_args": "-c 100 -i 1"}),
        ("StubbornTool", {"target": lab.web, "extra_args": extra_args}),
    )


class Server:
    """A server process, spoken to in lines of JSON; three programs run in it."""

    def __init__(self, lab: Lab, *, timeout_s: float | None = None, stubborn: str = "-x") -> None:
        self._stubborn = stubborn
        self._answers: dict[int, dict[str, Any]] = {}
        self.before = _processes()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "netsonde"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={
                **os.environ,
                "MCP_CONFIG_FILE": str(lab_config()),
                "LOG_LEVEL": "ERROR",
            },
        )
        self.pid = self._process.pid
        self._say(
            id=0,
            method="initialize",
            params={
                "protocolVersion": "2025-11-25",
                "capabilities": {},
                "clientInfo": {"name": "test", "version": "1"},
            },
        )
        self.answer(0)
        self._say(method="notifications/initialized")
        self.numbers = 0
        self.call(lab, timeout_s)

    def call(self, lab: Lab, timeout_s: float | None = None) -> list[int]:
        """Start the three programs and wait until they run; gives the numbers of the calls."""
        numbers = []
        for tool, arguments in _calls(lab, self._stubborn):
            self.numbers += 1
            numbers.append(self.numbers)
            limit = {"timeout_sec": timeout_s} if timeout_s else {}
            self._say(
                id=self.numbers,
                method="tools/call",
                params={"name": tool, "arguments": {**arguments, **limit}},
            )
        _until(lambda: {"nmap", "ping", "sleep"} <= set(_processes().values()), 10)
        return numbers

    def cancel(self, number: int) -> None:
        """Cancel a call."""
        self._say(method="notifications/cancelled", params={"requestId": number})

    def answer(self, number: int) -> dict[str, Any]:
        """The answer of that number; those that come before it are kept."""
        assert self._process.stdout is not None
        while number not in self._answers:
            message: dict[str, Any] = json.loads(self._process.stdout.readline())
            if "id" in message:
                self._answers[message["id"]] = message
        return self._answers.pop(number)

    def close(self) -> None:
        """Close the client's side."""
        assert self._process.stdin is not None
        self._process.stdin.close()

    def wait(self) -> int:
        """The exit status, within the bound."""
        return self._process.wait(timeout=WITHIN_S)

    def left(self) -> dict[int, str]:
        """Processes that were not there before, less the server."""
        return {
            pid: name
            for pid, name in _processes().items()
            if pid not in self.before and pid != self.pid
        }

    def empties_by(self, deadline_s: float) -> bool:
        """Whether nothing is left at some moment before the deadline (monotonic seconds)."""
        return _until(lambda: not self.left(), deadline_s - time.monotonic())

    def end(self) -> None:
        """End it by force, if it is still there."""
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()
        self._process.kill()
        self._process.wait()

    def _say(self, **message: Any) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")
        self._process.stdin.flush()


def _processes() -> dict[int, str]:
    """Every process of this world but zombies, whose parents are not ours to hurry."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                name, _, rest = (entry / "stat").read_text().partition("(")[2].rpartition(")")
            except OSError:
                continue
            if rest.split()[0] != "Z":
                found[int(entry.name)] = name
    return found


def _until(true: Callable[[], bool], within_s: float) -> bool:
    """Look until `true()`, at most that long. Processes of others send no event to wait for."""
    deadline_s = time.monotonic() + within_s
    while not true():
        if time.monotonic() > deadline_s:
            return False
        time.sleep(0.01)
    return True


def lab_config() -> Path:
    """The settings of these servers."""
    return Path("/run/netsonde-test/config.json")


@pytest.fixture(scope="module")
def stubborn(lab: Lab) -> Iterator[None]:
    """Put the stubborn program where servers look for programs: this mount is the world's own."""
    place = Path("/usr/local/sbin")
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", place], check=True)
    (place / "stubborn").write_text(SCRIPT)
    (place / "stubborn").chmod(0o755)
    lab_config().parent.mkdir(exist_ok=True)
    settings = {
        # Time-outs count as failures: none of the many here may keep the next one from running.
        "circuit_breaker": {"failure_threshold": 1000},
        "tool": {"package": "tests.contract.all_tools"},
        "tools": {"NmapTool": {"concurrency": 4}, "PingTool": {"concurrency": 4}},
    }
    lab_config().write_text(json.dumps(settings))
    yield
    subprocess.run(["umount", place], check=True)


def _end_by_closing(server: Server) -> None:
    server.close()
    assert server.wait() == 0


def _end_by_signal(number: signal.Signals, status: int) -> Callable[[Server], None]:
    def end(server: Server) -> None:
        os.kill(server.pid, number)
        assert server.wait() == status

    return end


@pytest.mark.parametrize(
    ("end", "stubborn_args"),
    [
        pytest.param(_end_by_closing, "-x", id="the client exits"),
        pytest.param(_end_by_signal(signal.SIGTERM, 0), "-x", id="SIGTERM"),
        pytest.param(_end_by_signal(signal.SIGINT, 130), "-x", id="SIGINT"),
        # The parent-death signal reaches the program alone, its PID namespace ends with all in it.
        pytest.param(_end_by_signal(signal.SIGKILL, -9), "-x", id="SIGKILL"),
    ],
)
def test_when_the_server_ends_its_programs_end_with_it(
    lab: Lab, stubborn: None, end: Callable[[Server], None], stubborn_args: str
) -> None:
    for _ in range(TRIES):
        server = Server(lab, stubborn=stubborn_args)
        try:
            deadline_s = time.monotonic() + WITHIN_S
            end(server)
            assert server.empties_by(deadline_s), server.left()
        finally:
            server.end()


def test_cancelled_calls_leave_nothing_and_the_server_goes_on(lab: Lab, stubborn: None) -> None:
    server = Server(lab)
    try:
        numbers = [1, 2, 3]
        for _ in range(TRIES):
            for number in numbers:
                server.cancel(number)
            assert server.empties_by(time.monotonic() + WITHIN_S), server.left()
            numbers = server.call(lab)
    finally:
        server.end()


def test_calls_that_time_out_leave_nothing(lab: Lab, stubborn: None) -> None:
    server = Server(lab, timeout_s=1)
    try:
        numbers = [1, 2, 3]
        for _ in range(TRIES):
            answers = [server.answer(number) for number in numbers]
            status = {answer["result"]["structuredContent"]["status"] for answer in answers}
            assert status == {"timeout"}
            assert server.empties_by(time.monotonic() + WITHIN_S), server.left()
            numbers = server.call(lab, 1)
    finally:
        server.end()
