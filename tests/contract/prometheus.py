"""A real Prometheus on loopback that scrapes one URL, and promtool; for whoever has metrics to show."""

import json
import os
import shutil
import socket
import subprocess
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

_PACKAGE = "prometheus"  # of Debian; it has promtool too
_BOUND_S = 20.0
# `make test` unpacks the package there; installed, it would run as a service.
_UNPACKED = Path(__file__).parents[2] / ".dev" / "debian" / "usr" / "bin"
_SEARCHED = os.pathsep.join((os.environ.get("PATH", os.defpath), str(_UNPACKED)))


def program(name: str) -> str:
    """Its path; without it the test is skipped, or fails where the lab is required."""
    path = shutil.which(name, path=_SEARCHED)
    if path is not None:
        return path
    reason = f"{name} is not here: `make unpacked` fetches Debian's package {_PACKAGE}"
    if os.environ.get("NETSONDE_REQUIRE_LAB") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


def objections(text: bytes) -> str:
    """What `promtool check metrics` has against Prometheus text; "" if nothing."""
    checked = subprocess.run(
        [program("promtool"), "check", "metrics"],
        input=text,
        capture_output=True,
        timeout=_BOUND_S,
        check=False,
    )
    said = (checked.stdout + checked.stderr).decode()
    return said if checked.returncode or said.strip() else ""


class Prometheus:
    """One that runs."""

    def __init__(self, url: str) -> None:
        self._url = url

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The instant vector; waits, with a bound, until there is one."""
        until_s = time.monotonic() + _BOUND_S
        while not (found := self._get("query", query=expression)["result"]):
            if time.monotonic() > until_s:
                raise AssertionError(f"no answer to {expression}: {self._get('targets')}")
            threading.Event().wait(0.05)  # it tells nobody when it has scraped: it must be asked
        vector: list[dict[str, Any]] = found
        return vector

    def exemplars(self, expression: str) -> list[dict[str, Any]]:
        """The exemplars of a series from the last minute."""
        now_s = time.time()
        found: list[dict[str, Any]] = self._get(
            "query_exemplars", query=expression, start=str(now_s - 60), end=str(now_s + 1)
        )
        return [exemplar for one in found for exemplar in one["exemplars"]]

    def _get(self, what: str, **parameters: str) -> Any:
        url = f"{self._url}/api/v1/{what}?{urllib.parse.urlencode(parameters)}"
        with urllib.request.urlopen(url, timeout=5) as answer:
            return json.load(answer)["data"]


@contextmanager
def prometheus(folder: Path, metrics_url: str) -> Iterator[Prometheus]:
    """Runs until the end of the block, and scrapes `metrics_url` five times a second."""
    target = urllib.parse.urlsplit(metrics_url)
    config = folder / "prometheus.yml"
    scrape = {
        "job_name": "netsonde",
        "scrape_interval": "200ms",
        "scrape_timeout": "200ms",
        "metrics_path": target.path,
        "static_configs": [{"targets": [target.netloc]}],
    }
    config.write_text(json.dumps({"scrape_configs": [scrape]}))  # JSON is YAML
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    running = subprocess.Popen(
        [
            program("prometheus"),
            f"--config.file={config}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
            "--enable-feature=exemplar-storage",
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    stop = threading.Timer(_BOUND_S, running.kill)
    stop.start()  # whatever happens, the loop below has an end
    try:
        said = []
        for line in running.stderr or ():
            said.append(line)
            if "Server is ready to receive web requests" in line:
                break
        else:
            raise AssertionError("".join(said))
        stop.cancel()
        # Nobody reads on; what it says in these seconds fits into the pipe.
        yield Prometheus(f"http://127.0.0.1:{port}")
    finally:
        stop.cancel()
        running.terminate()
        running.communicate(timeout=_BOUND_S)
