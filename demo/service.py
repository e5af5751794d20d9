"""The second half of the tour: the HTTP service, with tokens, a switch, and a record to verify."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from demo.places import Place

_WAIT_S = 30
_NETSONDE = (sys.executable, "-m", "netsonde")
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # to loopback, no proxy


class Service:
    """A running service and its answers."""

    def __init__(self, url: str) -> None:
        self._url = url

    def ask(
        self, path: str, body: Any = None, token: str = "", method: str = ""
    ) -> tuple[int, Any]:
        """Status and decoded body."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        data = None if body is None else json.dumps(body).encode()
        if data is not None:
            headers["Content-Type"] = "application/json"
        request = urllib.request.Request(
            self._url + path, data, headers, method=method or ("POST" if data else "GET")
        )
        try:
            with _OPENER.open(request, timeout=_WAIT_S) as response:
                return response.status, json.load(response)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)


def visit(place: Place) -> int:
    """Every step, in order; how many did not hold."""
    failures = 0

    def check(held: bool, what: str) -> None:
        nonlocal failures
        if not held:
            failures += 1
            print(f"     DID NOT HOLD: {what}")

    with tempfile.TemporaryDirectory() as state:
        print("\n  9. Tokens: one for everything, one for PingTool on one host only", flush=True)
        tokens = Path(state, "tokens.toml")
        tokens.touch(mode=0o600)
        chief = _new_token(tokens, "chief", "--scope", "admin")
        guest = _new_token(
            tokens, "guest", "--scope", "execute", "--tool", "PingTool", "--network", place.host
        )
        with _running(state, tokens) as (service, process):
            print("\n 10. The same tools over HTTP; who may not is told so", flush=True)
            ping = {"target": place.host, "options": {"count": 2}}
            for who, token, tool, body, wanted in (
                ("nobody", "", "PingTool", ping, 401),
                ("guest", guest, "PingTool", ping, 200),
                ("guest", guest, "PingTool", {"target": place.neighbour}, 403),
                ("guest", guest, "NmapTool", {"target": place.host}, 403),
                ("chief", chief, "PingTool", ping, 200),
            ):
                status, answer = service.ask(f"/tools/{tool}/execute", body, token)
                error = answer.get("error")
                said = error["message"] if error else f"{answer['result']['received']} replies"
                print(f"     {who:6} {tool} {body['target']}: {status} {said}")
                check(status == wanted, f"{wanted} for {who}")
            print("\n 11. A tool is switched off while the service runs", flush=True)
            status, tool = service.ask("/tools/NmapTool/disable", {}, chief)
            print(f"     NmapTool enabled: {tool['enabled']}")
            status, _ = service.ask("/tools/NmapTool/execute", {"target": place.host}, chief)
            check((tool["enabled"], status) == (False, 409), "it is off")
            status, page = service.ask("/executions?limit=10", token=chief)
            print(f"     on record so far: {len(page['executions'])} executions")
            process.send_signal(signal.SIGTERM)
            check(process.wait(_WAIT_S) == 0, "the service ends well")
        print("\n 12. The record, verified", flush=True)
        done = subprocess.run(
            [*_NETSONDE, "audit", "verify", "--state-dir", state],
            capture_output=True,
            text=True,
            check=False,
        )
        print(f"     {done.stdout.strip()}")
        check(done.returncode == 0, "the record is whole")
    return failures


def _new_token(tokens: Path, name: str, *words: str) -> str:
    """Make a token, and append its table to the file."""
    made = subprocess.run(
        [*_NETSONDE, "token", "new", name, *words], capture_output=True, text=True, check=True
    ).stdout
    token, _, table = made.partition("\n")
    with tokens.open("a", encoding="utf-8") as file:
        file.write(table)
    return token


@contextmanager
def _running(state: str, tokens: Path) -> Iterator[tuple[Service, "subprocess.Popen[str]"]]:
    words = ("serve", "--transport", "http", "--host", "127.0.0.1", "--port", "0")
    settings = {
        "MCP_STATE_DIR": state,
        "MCP_SECURITY_TOKENS_FILE": str(tokens),
        "LOG_LEVEL": "INFO",
    }
    with subprocess.Popen(
        [*_NETSONDE, *words], env={**os.environ, **settings}, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stderr is not None
            url = ""
            for line in process.stderr:
                if "http.listening" in line:
                    url = line.strip().rpartition("url=")[2]
                    break
            if not url:
                raise SystemExit("the service did not start")
            print(f"     serving {url}")
            yield Service(url), process
        finally:
            process.kill()
