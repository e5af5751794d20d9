"""Start-up of `python -m netsonde` against a bare SDK server: time to the list of tools, peak memory.

Both are started in alternating pairs, so that a busy machine is as hard on the one as on the other.
Exit status 1 when a bound is broken.
"""

import argparse
import json
import shlex
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

ECHO = (sys.executable, str(Path(__file__).with_name("echo_server.py")))
HELLO = {
    "protocolVersion": "2025-11-25",
    "capabilities": {},
    "clientInfo": {"name": "bench", "version": "0"},
}
MIB = 1024


class Start(NamedTuple):
    """One start: seconds until the list was there, KiB of memory at the most, bytes of the list."""

    seconds: float
    peak_kib: int
    list_bytes: int


def start(argv: tuple[str, ...]) -> Start:
    """Start a server, initialize, list its tools, let it end."""
    begun_s = time.perf_counter()
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        _ask(server, {"id": 1, "method": "initialize", "params": HELLO})
        _send(server, {"method": "notifications/initialized"})
        listed = _ask(server, {"id": 2, "method": "tools/list"})
        seconds = time.perf_counter() - begun_s
        status = Path(f"/proc/{server.pid}/status").read_text()
        peak_kib = next(int(s.split()[1]) for s in status.splitlines() if s.startswith("VmHWM"))
    return Start(seconds, peak_kib, len(listed))


def _send(server: subprocess.Popen[bytes], message: dict[str, Any]) -> None:
    assert server.stdin is not None
    server.stdin.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")
    server.stdin.flush()


def _ask(server: subprocess.Popen[bytes], message: dict[str, Any]) -> bytes:
    assert server.stdout is not None
    _send(server, message)
    line = server.stdout.readline()
    if "result" not in json.loads(line or b"{}"):
        raise SystemExit(f"{message['method']} was not answered: {line[:300]!r}")
    return line


def main() -> int:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=10)
    parser.add_argument("--max-ratio", type=float, default=1.15)
    parser.add_argument("--max-extra-mib", type=float, default=12.0)
    parser.add_argument("--max-list-bytes", type=int, default=24 * 1024)
    parser.add_argument("--command", type=shlex.split, default=[sys.executable, "-m", "netsonde"])
    given = parser.parse_args()
    ours, bare = tuple(given.command), ECHO
    start(ours), start(bare)  # compiled, and in the page cache
    pairs = [(start(ours), start(bare)) for _ in range(given.pairs)]
    # The ratio of a pair, not of the medians: what the machine did meanwhile, it did to both.
    ratio = median(our.seconds / its.seconds for our, its in pairs)
    extra_mib = median(our.peak_kib - its.peak_kib for our, its in pairs) / MIB
    list_bytes = pairs[0][0].list_bytes
    for name, starts in zip(("netsonde", "bare SDK server"), zip(*pairs, strict=True), strict=True):
        seconds = median(one.seconds for one in starts)
        peak_mib = median(one.peak_kib for one in starts) / MIB
        print(f"start-up  {name:16} {seconds * 1000:7.0f} ms  {peak_mib:6.1f} MiB")
    rows = (
        ("time, ratio", ratio, given.max_ratio),
        ("memory, MiB more", extra_mib, given.max_extra_mib),
        ("tools/list, bytes", list_bytes, given.max_list_bytes),
    )
    for what, value, bound in rows:
        print(f"start-up  {what:18} {value:9.2f}  (at most {bound:g})")
    return int(any(value > bound for _, value, bound in rows))


if __name__ == "__main__":
    sys.exit(main())
