"""Many subscribers of the event stream and one that never reads: a server, and the clients' clocks.

`python -m tests.contract.fan_out SUBSCRIBERS EVENTS PER_S` prints what was measured.
"""

import asyncio
import json
import re
import statistics
import sys
import time
from pathlib import Path

import msgspec

from netsonde.adapters.event_log import RecentEvents
from netsonde.adapters.http.limits import ServingLimits
from netsonde.adapters.http.serving import new_event_loop
from netsonde.adapters.http.sockets import make_room
from netsonde.adapters.http.subscriber import FeedLimits
from tests.contract.event_stream import stage
from tests.contract.recordings import asked

_STAMP = re.compile(rb'"target":"(\d+) ')
_PADDING = "x" * 1500
_ASK = (
    b"GET /events?types=execution HTTP/1.1\r\nHost: a\r\nX-Caller: ops\r\nLast-Event-ID: %s\r\n\r\n"
)
_FRESH = _ASK.replace(b"Last-Event-ID: %s\r\n", b"")


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """Times in milliseconds, sizes in MiB. `late`: behind the median arrival of the same event."""

    subscribers: int
    events: int
    received_by_each: bool
    late_p50_ms: float
    late_p99_ms: float
    late_max_ms: float
    delay_p50_ms: float
    delay_p99_ms: float
    rss_before_mib: float
    rss_peak_mib: float
    why_dropped: str


class _Client(asyncio.Protocol):
    """Notes when each event came. One that does not read takes as little as the kernel lets it."""

    def __init__(self, arrivals: dict[int, list[float]]) -> None:
        self.arrivals = arrivals
        self.count = 0
        self.text = b""

    def data_received(self, data: bytes) -> None:
        now_s = time.monotonic()
        self.text += data
        end = 0
        for found in _STAMP.finditer(self.text):
            self.arrivals.setdefault(int(found[1]), []).append(now_s)
            self.count += 1
            end = found.end()
        self.text = self.text[end:]


async def serve_events(subscribers: int, events: int, per_s: float, quick: bool) -> None:
    """The server's process: waits until all are there, tells events, says how large it has got."""
    limits = FeedLimits(max_subscribers=subscribers + 10, max_per_caller=subscribers + 10)
    if quick:
        limits = msgspec.structs.replace(limits, max_queued=16, patience_s=0.2)
    log = RecentEvents(max_executions=10 * events)
    serving = ServingLimits(max_connections=subscribers + 50)
    async with stage(log, limits=limits, serving=serving, small_buffers=quick) as made:
        print(made.serving.port, flush=True)
        await made.left(subscribers + 1, within_s=60)
        before = _resident_mib()
        begun_s = time.monotonic()
        for n in range(events):
            at_s = begun_s + n / per_s
            await asyncio.sleep(max(0.0, at_s - time.monotonic()))
            event = asked(f"e{n}")
            stamp = f"{time.monotonic_ns()} {_PADDING}"
            what = msgspec.structs.replace(event.what, target=stamp)
            await made.keep(msgspec.structs.replace(event, what=what))
        await made.left(subscribers, within_s=30)
        print(json.dumps([before, _resident_mib()]), flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)


async def measure(subscribers: int, events: int, per_s: float, *, quick: bool = False) -> Measured:
    """Run a server in a process of its own, and the clients in this one."""
    make_room(subscribers)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "tests.contract.fan_out", "serve"),
        *(str(subscribers), str(events), str(per_s), str(int(quick))),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        port = int(await process.stdout.readline())
        arrivals: dict[int, list[float]] = {}
        loop = asyncio.get_running_loop()
        clients = []
        slow = await asyncio.open_connection("127.0.0.1", port, limit=1024)
        slow[1].write(_FRESH)
        head = await slow[0].readuntil(b"retry: 3000\n\n")
        assert b"200 OK" in head
        slow[1].transport.pause_reading()  # type: ignore[attr-defined]  # it is a socket's
        for _ in range(subscribers):
            made, client = await loop.create_connection(
                lambda: _Client(arrivals), "127.0.0.1", port
            )
            made.write(_FRESH)
            clients.append((made, client))
        before, after = json.loads(await process.stdout.readline())
        why = await _why(port, slow[0])
        for made, _ in clients:
            made.abort()
        slow[1].transport.abort()
        await asyncio.sleep(0)
    finally:
        await process.communicate(b"\n")
    late: list[float] = []
    delays: list[float] = []
    for stamp, times in arrivals.items():
        median = statistics.median(times)
        late += [abs(one - median) * 1000 for one in times]
        delays += [(one - stamp / 1e9) * 1000 for one in times]
    late.sort()
    delays.sort()
    return Measured(
        subscribers=subscribers,
        events=events,
        received_by_each=all(client.count == events for _, client in clients),
        late_p50_ms=round(_quantile(late, 0.5), 2),
        late_p99_ms=round(_quantile(late, 0.99), 2),
        late_max_ms=round(late[-1], 2),
        delay_p50_ms=round(_quantile(delays, 0.5), 2),
        delay_p99_ms=round(_quantile(delays, 0.99), 2),
        rss_before_mib=before,
        rss_peak_mib=after,
        why_dropped=why,
    )


async def _why(port: int, slow: asyncio.StreamReader) -> str:
    """Come back as the slow one, with the id of the first event that it can have read."""
    buffered = bytes(slow._buffer)  # type: ignore[attr-defined]  # what it took before it stopped
    found = re.search(rb"id: (\S+)\n", buffered)
    last = found[1] if found else b"0-r1x1"
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(_ASK % last)
    text = await reader.readuntil(b'"reason":')
    text = await reader.readuntil(b",")
    writer.transport.abort()
    return text.strip(b'",').decode()


def _quantile(ordered: list[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def _resident_mib() -> float:
    """The most memory that this process had so far."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found is not None
    return round(int(found[1]) / 1024, 1)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        if sys.argv[1] == "serve":
            sizes = [float(one) for one in sys.argv[2:5]]
            runner.run(serve_events(int(sizes[0]), int(sizes[1]), sizes[2], sys.argv[5] == "1"))
        else:
            wanted = [float(one) for one in sys.argv[1:4]]
            found = runner.run(measure(int(wanted[0]), int(wanted[1]), wanted[2]))
            print(json.dumps(msgspec.to_builtins(found), indent=1))
