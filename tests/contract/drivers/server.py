"""The product as an HTTP server of its own, and what a test may want to know of it."""

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.contract.drivers import WAIT_S

LISTENS = re.compile(r"http\.listening\b.*?(http://[^\s\"]+)")  # text or JSON


class Server:
    """`log` are the lines of its standard error so far."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        self.log: list[str] = []
        self.url = ""
        self._listens = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.log.append(line)
            if found := LISTENS.search(line):
                self.url = found[1]
                self._listens.set()
        self._listens.set()

    def wait_until_it_listens(self) -> None:
        """Wait for its address."""
        assert self._listens.wait(WAIT_S), "it does not listen"
        assert self.url, "".join(self.log)

    def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and wait for the end; the exit status."""
        self.process.send_signal(how)
        status = self.process.wait(WAIT_S)
        self._reader.join(WAIT_S)
        return status


def environment(state: Path, **more: str) -> Mapping[str, str]:
    """The tests' own, without settings of netsonde in it, and with a state folder."""
    mine = {
        name: text
        for name, text in os.environ.items()
        if not name.startswith(("MCP_", "TOOL", "LOG_LEVEL", "OTEL_"))
    }
    return {**mine, "MCP_STATE_DIR": str(state), **more}


@contextmanager
def http_server(state: Path, *words: str, **environ: str) -> Iterator[Server]:
    """`netsonde serve --transport http`, by default on a port of the system's choice; gone afterwards."""
    serve = ["serve", "--transport", "http", "--port", "0"]
    process = subprocess.Popen(
        [sys.executable, "-m", "netsonde", *serve, *words],
        env=environment(state, **environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    server = Server(process)
    try:
        server.wait_until_it_listens()
        yield server
    finally:
        process.kill()
        process.wait(WAIT_S)
        server._reader.join(WAIT_S)
        if process.stderr is not None:
            process.stderr.close()
