"""The command line: one process for each call."""

import json
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from typing import Any

from tests.contract.drivers import WAIT_S, Json, wait_for


class Command:
    """`netsonde run --json`."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def call(self, tool: str, target: str, **members: Any) -> Json:
        """See the protocol."""
        done = subprocess.run(
            _words(tool, target, members),
            env=self._environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=WAIT_S,
            check=False,
        )
        answer: Json = json.loads(done.stdout)
        assert (done.returncode == 0) == (answer["status"] == "success"), done.stderr
        return answer

    def call_and_leave(
        self, tool: str, target: str, runs: Callable[[], bool], **members: Any
    ) -> None:
        """Ctrl-C."""
        process = subprocess.Popen(
            _words(tool, target, members),
            env=self._environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        with process:
            try:
                wait_for(runs)
                process.send_signal(signal.SIGINT)
                out, _ = process.communicate(timeout=WAIT_S)
            finally:
                process.kill()
        assert json.loads(out)["status"] == "cancelled"


def _words(tool: str, target: str, members: Json) -> list[str]:
    words = [sys.executable, "-m", "netsonde", "run", tool, target, "--json"]
    if "timeout_sec" in members:
        words += ["--timeout-sec", str(members["timeout_sec"])]
    if "options" in members:
        words += ["--options", json.dumps(members["options"])]
    if "profile" in members:
        words += ["--profile", members["profile"]]
    return [*words, "--", *shlex.split(members.get("extra_args", ""))]
