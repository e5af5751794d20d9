"""What tests of the whole HTTP service share: a tokens file, clients, the record as auditors see it."""

import hashlib
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.contract.drivers import WAIT_S, Json, wait_for
from tests.contract.drivers.server import Server, environment
from tests.contract.mcp_raw_client import programs_with

QUICK = {"TOOLS_PACKAGE": "tests.contract.quick_tools"}
TARGET = {"target": "10.0.0.1"}


def token_of(name: str) -> str:
    """The token of a name in `write_tokens`."""
    return f"token-of-{name}-for-tests"


def write_tokens(path: Path, **tables: str) -> str:
    """Write a tokens file: for each name what its table says beside name and digest; its path."""
    parts = []
    for name, rest in tables.items():
        digest = hashlib.sha256(token_of(name).encode()).hexdigest()
        parts.append(f'[[token]]\nname = "{name}"\nsha256 = "{digest}"\n{rest}\n')
    path.write_text("\n".join(parts))
    path.chmod(0o600)
    return str(path)


@contextmanager
def client(server: Server, name: str = "", *, source: str = "127.0.0.1") -> Iterator[httpx.Client]:
    """A client with the token of `name` ("": none), from an address of loopback."""
    headers = {"Authorization": f"Bearer {token_of(name)}"} if name else {}
    transport = httpx.HTTPTransport(local_address=source)
    with httpx.Client(
        base_url=server.url, headers=headers, transport=transport, timeout=WAIT_S
    ) as one:
        yield one


def port_of(server: Server) -> int:
    """Its TCP port."""
    return int(server.url.rpartition(":")[2])


def rule_of(answer: httpx.Response) -> str:
    """The rule in the body of an error."""
    return str(answer.json()["error"]["metadata"]["rule"])


def recorded(state: Path, kind: str = "") -> list[Json]:
    """What `netsonde audit show` says happened, oldest first; only events of a kind if one is given."""
    words = ["audit", "show", "--json", "--limit", "100000", "--state-dir", str(state)]
    done = subprocess.run(
        [sys.executable, "-m", "netsonde", *words],
        env=environment(state),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=WAIT_S,
        check=True,
    )
    whats = [json.loads(line)["event"]["what"] for line in done.stdout.splitlines()]
    return [what for what in whats if not kind or what["type"] == kind]


def refused_start(state: Path, *words: str, **environ: str) -> tuple[int, str, float]:
    """The end of a service that does not start: exit status, standard error, seconds."""
    begun_s = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "netsonde", "serve", "--transport", "http", *words],
        env=environment(state, **environ),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=WAIT_S,
        check=False,
    )
    assert done.stdout == ""
    return done.returncode, done.stderr, time.monotonic() - begun_s


class Events:
    """A reader of `/events`, in lines."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self._lines = response.iter_lines()

    def next(self, kind: str = "execution") -> tuple[str, Any]:
        """The id and the data of the next event of a kind; StopIteration at the end of the stream."""
        fields: dict[str, str] = {}
        while True:
            line = next(self._lines)
            if line:
                name, _, value = line.partition(": ")
                fields[name] = value
                continue
            if fields.get("event") == kind:
                return fields["id"], json.loads(fields["data"])
            fields = {}

    def until(self, holds: Callable[[Any], bool]) -> list[tuple[str, Any]]:
        """The executions' events up to the first whose data `holds`."""
        found = [self.next()]
        while not holds(found[-1][1]):
            found.append(self.next())
        return found


@contextmanager
def events(one: httpx.Client, last: str = "") -> Iterator[Events]:
    """Follow the executions, from after the event `last` on."""
    headers = {"Last-Event-ID": last} if last else {}
    with one.stream("GET", "/events?types=execution,health", headers=headers) as response:
        assert response.status_code == 200
        yield Events(response)


class Call(threading.Thread):
    """A call on its way; `answers` has its answer once that is there."""

    def __init__(self, one: httpx.Client, tool: str, body: Json) -> None:
        super().__init__()
        self.answers: list[httpx.Response] = []
        self._one = one
        self._path = f"/tools/{tool}/execute"
        self._body = body
        self.start()

    def run(self) -> None:
        self.answers.append(self._one.post(self._path, json=self._body))

    @property
    def answer(self) -> Json:
        """The answer, which comes."""
        self.join(WAIT_S)
        body: Json = self.answers[0].json()
        return body


@contextmanager
def lasting(one: httpx.Client, number: int, **members: float) -> Iterator[Call]:
    """A call of LastingTool that runs; at the end of the block it must come to its own."""
    body = {**TARGET, "options": {"number": number}, **members}
    call = Call(one, "LastingTool", body)
    wait_for(lambda: bool(programs_with(f"sleep 3600.{number:06d}")))
    try:
        yield call
    finally:
        call.join(WAIT_S)
        assert not call.is_alive()
