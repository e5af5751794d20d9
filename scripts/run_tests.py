"""Runs the whole suite in as many parts as there are processors, each in a sealed world of its own.

`python -m scripts.run_tests [--coverage] [PYTEST_ARGUMENTS...]`. The parts can't see each other: their
network, processes and mounts are their own. The exit status is that of the first part that failed.
"""

import os
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import IO

_MOST_PARTS = 4
_NO_TESTS = 5  # pytest's status for a part to which nothing fell


def main(words: list[str]) -> int:
    """The exit status."""
    coverage = ["-m", "coverage", "run"] if "--coverage" in words else []
    words = [word for word in words if word != "--coverage"]
    count = min(len(os.sched_getaffinity(0)), _MOST_PARTS)
    begun_s = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as files:
        parts = []
        for number in range(1, count + 1):
            # The first part is seen at work, the others' output comes when they are done.
            path = Path(folder, str(number))
            said = files.enter_context(path.open("w+", encoding="utf-8")) if number > 1 else None
            # Of its own, since pytest tidies the common one up, and two at it get in each other's way.
            own = (f"--shard={number}/{count}", f"--basetemp={folder}/files-{number}")
            argv = [sys.executable, *coverage, "-m", "pytest", *own, *words]
            parts.append((subprocess.Popen(argv, stdout=said, stderr=said), said))
        try:
            statuses = [_finish(process, said) for process, said in parts]
        finally:
            for process, _ in parts:
                process.kill()
    print(f"{count} parts in {time.monotonic() - begun_s:.0f} s: {statuses}", flush=True)
    ran = [status for status in statuses if status != _NO_TESTS] or statuses
    return next((status for status in ran if status), 0)


def _finish(process: "subprocess.Popen[bytes]", said: IO[str] | None) -> int:
    status = process.wait()
    if said is not None:
        said.seek(0)
        print(said.read(), flush=True)
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
