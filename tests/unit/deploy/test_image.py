"""The image: what it runs as, what it is made of, and its health check. It is not built."""

import json
import re
import socket
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from netsonde.domain.tools import TOOLS
from tests.unit.deploy.tree import DEPLOY, ROOT, read


def instructions() -> list[tuple[str, str]]:
    text = re.sub(r"^\s*#.*\n", "", read("docker/Dockerfile"), flags=re.M).replace("\\\n", " ")
    return [(line.split()[0], line.split(None, 1)[1]) for line in text.splitlines() if line.strip()]


def test_the_image_runs_as_a_number_that_is_not_root() -> None:
    assert [rest for name, rest in instructions() if name == "USER"] == ["10001:10001"]


def test_commands_of_the_image_need_no_shell() -> None:
    for name, rest in instructions():
        if name in ("CMD", "ENTRYPOINT"):
            assert json.loads(rest)
        if name == "HEALTHCHECK":
            assert json.loads(rest.split("CMD", 1)[1])


def test_what_the_dockerfile_copies_exists_and_is_sent_and_nothing_else_is() -> None:
    sent = {
        line[1:]
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line.startswith("!")
    }
    copied = set()
    for name, rest in instructions():
        if name == "COPY" and "--from" not in rest:
            copied |= {word for word in rest.split()[:-1] if not word.startswith("--")}
    assert copied == sent
    assert all((ROOT / path).exists() for path in copied)


def test_the_image_has_every_program_and_the_links_of_the_launch_chain() -> None:
    (checked,) = (
        match[1].split()
        for _, rest in instructions()
        if (match := re.search(r"for program in ([a-z ]+);", rest))
    )
    assert set(checked) == {kind.command_name for kind in TOOLS} | {"prlimit", "setpriv"}


def test_the_entry_point_falls_back_when_there_is_no_capability() -> None:
    script = read("docker/entrypoint.sh")
    assert script.startswith("#!/bin/sh\n")
    assert script.count('exec "$raise" --no-new-privs') == 1
    assert script.rstrip().endswith('exec setpriv --no-new-privs -- "$@"')


class Answering(BaseHTTPRequestHandler):
    """A service that is well or not."""

    status = 200

    def do_GET(self) -> None:
        self.send_response(self.status if self.path == "/health/live" else 404)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: standard error is no place for a test's requests."""


def healthcheck(**environ: str) -> tuple[int, str]:
    script = DEPLOY / "docker" / "healthcheck.py"
    done = subprocess.run(
        [sys.executable, "-I", "-S", script], env=environ, capture_output=True, text=True
    )
    assert done.stderr == ""
    return done.returncode, done.stdout


@pytest.mark.parametrize(("status", "verdict"), [(200, 0), (503, 1), (404, 1)])
def test_the_health_check_asks_the_service(
    status: int, verdict: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Answering, "status", status)
    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        http = {"MCP_SERVER_TRANSPORT": "http", "MCP_SERVER_PORT": str(server.server_port)}
        for host in ({}, {"MCP_SERVER_HOST": "0.0.0.0"}, {"MCP_SERVER_HOST": "127.0.0.1"}):
            assert healthcheck(**http, **host) == (verdict, f"/health/live: {status}\n")
        # A proxy in the environment is for the outside.
        assert healthcheck(**http, http_proxy="http://192.0.2.1:1")[0] == verdict
        server.shutdown()


def test_the_health_check_of_a_service_that_is_not_there_fails_and_says_why() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
    status, said = healthcheck(MCP_SERVER_TRANSPORT="http", MCP_SERVER_PORT=port)
    assert status == 1
    assert "refused" in said


def test_a_container_that_serves_stdio_is_well_while_it_runs() -> None:
    assert healthcheck(MCP_SERVER_TRANSPORT="stdio") == healthcheck() == (0, "")
