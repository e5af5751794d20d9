"""The lab's servers as child processes: on their hosts, ready when they say so, gone at the end."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from tests.contract.lab import hosts
from tests.contract.lab.mounts import STATE

READY: Final = b"ready\n"
_ROOT: Final = Path(__file__).resolve().parents[3]


@contextmanager
def serving() -> Iterator[Callable[[], None]]:
    """Start all servers; what is yielded waits until each is ready, and raises if one is not."""
    with ExitStack() as stack:
        started = [(server, stack.enter_context(_started(server))) for server in hosts.SERVERS]

        def wait() -> None:
            for server, process in started:
                assert process.stdout is not None
                if process.stdout.readline() != READY:
                    raise RuntimeError(f"{server} did not start:\n{_log(server).read_text()}")

        yield wait


@contextmanager
def _started(server: hosts.Server) -> Iterator[subprocess.Popen[bytes]]:
    module = f"tests.contract.lab.{server.module}"
    with (
        _log(server).open("wb") as log,
        subprocess.Popen(
            (*hosts.on_host(server.host), sys.executable, "-m", module, *server.arguments),
            cwd=_ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            # Out of reach of the terminal's ^C: the lab outlives the test that is interrupted.
            process_group=0,
        ) as process,
    ):
        try:
            yield process
        finally:
            process.kill()


def _log(server: hosts.Server) -> Path:
    return STATE / f"{server.module}-{server.host}.log"
