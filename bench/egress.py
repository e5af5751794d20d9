"""What the guard by notified calls adds to a spawn, and how many calls a second it makes for a program.

With and without it take turns, so that a busy machine weighs on both alike. Loopback only.
"""

import asyncio
import statistics
import sys
import tempfile
import time
from pathlib import Path

import msgspec

from bench.spawn import LIMITS, TRUE
from netsonde.adapters.process.egress.notified_guard import NotifiedEgress, find_notified_egress
from netsonde.adapters.process.find_chain import Wanted, find_chain
from netsonde.adapters.process.launch_chain import LaunchChain
from netsonde.adapters.process.subprocess_runner import SubprocessRunner
from netsonde.adapters.programs import InstalledPrograms
from netsonde.domain.layer import LayerMode
from netsonde.domain.plan import Plan
from tests.contract.egress.guarded import GuardedChain, destinations
from tests.contract.runner.layer_sets import readable

ROUNDS, TURNS = 150, 5
ADDED_GOAL_MS, CALLS_GOAL = 2.0, 4000
OFF = LayerMode.OFF
CALLS = 8000
SENDER = f"""#!{sys.executable} -IS
import socket, sys, time
made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
rates = []
for call in (lambda: made.sendto(b"x", ("127.0.0.1", 9)), lambda: made.connect(("127.0.0.1", 9))):
    started_s = time.perf_counter()
    for _ in range({CALLS}):
        call()
    rates.append({CALLS} / (time.perf_counter() - started_s))
print(*rates)
"""


class Lateness:
    """How late an event loop wakes a task that sleeps for a millisecond, in milliseconds."""

    def __init__(self) -> None:
        self._late_ms: list[float] = []

    async def __aenter__(self) -> "Lateness":
        self._task = asyncio.create_task(self._watch())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()

    async def _watch(self) -> None:
        while True:
            start_s = time.perf_counter()
            await asyncio.sleep(0.001)
            self._late_ms.append((time.perf_counter() - start_s - 0.001) * 1000)

    def __str__(self) -> str:
        late_ms = sorted(self._late_ms)
        p99_ms = late_ms[len(late_ms) * 99 // 100]
        return f"loop late by {statistics.median(late_ms):.2f} ms (median), {p99_ms:.2f} ms (p99)"


def _plan(*argv: str) -> Plan:
    limits = msgspec.structs.replace(LIMITS, timeout_s=60)
    return Plan(tool="x", target="x", argv=argv, addresses=(), host_count=1, limits=limits)


async def _spawned_ms(runner: SubprocessRunner) -> float:
    start_s = time.perf_counter()
    await runner.run(_plan(TRUE))
    return (time.perf_counter() - start_s) * 1000


async def _added_ms(chain: LaunchChain, guarded: LaunchChain) -> float:
    """Median of the differences of pairs."""
    free, held = SubprocessRunner(chain), SubprocessRunner(guarded)
    added_ms = []
    for turn in range(ROUNDS):
        if turn % 2:
            free_ms, held_ms = await _spawned_ms(free), await _spawned_ms(held)
        else:
            held_ms, free_ms = await _spawned_ms(held), await _spawned_ms(free)
        added_ms.append(held_ms - free_ms)
    return statistics.median(added_ms)


async def _calls_per_s(chain: LaunchChain, program: str) -> tuple[list[float], Lateness]:
    async with Lateness() as lateness:
        ended = await SubprocessRunner(chain).run(_plan(program))
    return [float(word) for word in ended.stdout.data.split()], lateness


async def _measure(guard: NotifiedEgress, directory: Path) -> bool:
    find = InstalledPrograms()
    seen = readable(directory)
    sets = {
        "Landlock": Wanted(pid_namespace=OFF, cgroup=OFF, egress=OFF, readable=seen),
        "all that this host allows": Wanted(egress=OFF, readable=seen),
    }
    chains = {name: find_chain(find, wanted) for name, wanted in sets.items()}
    held = destinations("127.0.0.1/32")
    missed = False
    for name, chain in chains.items():
        added_ms = await _added_ms(chain, GuardedChain(chain, guard, held))
        print(f"egress, {name}: added {added_ms:+.2f} ms a spawn (goal +{ADDED_GOAL_MS:g} ms)")
        missed |= added_ms > ADDED_GOAL_MS + 2  # what a busy machine may add, as in bench.spawn
    program = directory / "sender"
    program.write_text(SENDER)
    program.chmod(0o755)
    chain = chains["Landlock"]
    for _ in range(TURNS):
        for kind, one in (("free", chain), ("held", GuardedChain(chain, guard, held))):
            (sends, connects), lateness = await _calls_per_s(one, str(program))
            print(f"egress, {kind}: {sends:,.0f} sendto/s, {connects:,.0f} connect/s, {lateness}")
            missed |= min(sends, connects) < CALLS_GOAL
    return missed


def main() -> int:
    """Print the rows; 1 if a goal is missed, 0 also where the guard can't be had."""
    guard = find_notified_egress()
    if isinstance(guard, str):
        print(f"egress: not here: {guard}")
        return 0
    with tempfile.TemporaryDirectory(prefix="netsonde-bench-") as directory:
        Path(directory).chmod(0o755)
        return int(asyncio.run(_measure(guard, Path(directory))))


if __name__ == "__main__":
    sys.exit(main())
