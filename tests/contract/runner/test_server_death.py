"""A server that is killed takes its programs along."""

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from .hostile_programs import loopback_programs

ROOT = Path(__file__).parents[3]
TRIES, AT_ONCE = 50, 5


def test_fifty_of_fifty_killed_servers_leave_no_program(tmp_path: Path) -> None:
    programs = loopback_programs(tmp_path)
    # Not the one that leaves: the parent-death signal reaches the leader alone.
    commands = [argv for name, argv in programs.items() if name != "leaves"]
    words = (sys.executable, "-m", f"{__package__}.server", str(tmp_path), json.dumps(commands))
    for _ in range(TRIES // AT_ONCE):
        with ExitStack() as stack:
            servers = [stack.enter_context(started(words)) for _ in range(AT_ONCE)]
            for server in servers:
                assert server.stdout is not None
                pids = json.loads(server.stdout.readline())
                assert len(pids) == len(commands)
                pidfds = [os.pidfd_open(pid) for pid in pids]
                server.kill()
                wait_for_all(pidfds, time.monotonic() + 2)
                for pid in pids:
                    # This process may be a subreaper by now, and then they are its own.
                    with suppress(ChildProcessError):
                        os.waitpid(pid, 0)


@contextmanager
def started(words: tuple[str, ...]) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE) as server:
        try:
            yield server
        finally:
            server.kill()


def wait_for_all(pidfds: list[int], deadline_s: float) -> None:
    for pidfd in pidfds:
        left_s = max(deadline_s - time.monotonic(), 0)
        assert select.select([pidfd], [], [], left_s)[0], "a program is still there"
        os.close(pidfd)
