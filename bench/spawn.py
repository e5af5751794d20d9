"""What running a plan costs over a bare asyncio spawn of the same program, in the same run."""

import asyncio
import statistics
import sys
import time
from collections.abc import Awaitable, Callable

from netsonde.adapters.process.launch_chain import find_basic_chain
from netsonde.adapters.process.subprocess_runner import SubprocessRunner
from netsonde.adapters.programs import InstalledPrograms
from netsonde.domain.plan import Limits, Plan

ROUNDS = 200
GOAL_MS = 2
TRUE = "/usr/bin/true"
LIMITS = Limits(
    timeout_s=10,
    max_stdout_bytes=4096,
    max_stderr_bytes=4096,
    max_memory_bytes=512 * 1024 * 1024,
    max_file_descriptors=256,
    max_cpu_s=10,
)


async def _bare() -> None:
    process = await asyncio.create_subprocess_exec(
        TRUE,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    await process.communicate()


async def _timed_ms(work: Callable[[], Awaitable[object]]) -> float:
    start_s = time.perf_counter()
    await work()
    return (time.perf_counter() - start_s) * 1000


async def measure() -> tuple[float, float]:
    """Median milliseconds of a bare spawn and of a plan's run, taken in turn."""
    runner = SubprocessRunner(find_basic_chain(InstalledPrograms()))
    plan = Plan(tool="x", target="x", argv=(TRUE,), addresses=(), host_count=1, limits=LIMITS)
    pairs = []
    for _ in range(ROUNDS):
        pairs.append((await _timed_ms(_bare), await _timed_ms(lambda: runner.run(plan))))
    bare, ours = zip(*pairs[5:], strict=True)
    return statistics.median(bare), statistics.median(ours)


def main() -> int:
    """Print the row; 1 if it adds more than twice the goal: a busy machine alone can add the goal."""
    bare_ms, ours_ms = asyncio.run(measure())
    print(
        f"spawn: bare asyncio {bare_ms:.2f} ms, plan with limits {ours_ms:.2f} ms, "
        f"added {ours_ms - bare_ms:+.2f} ms (goal +2 ms), ratio {ours_ms / bare_ms:.2f}"
    )
    return 0 if ours_ms - bare_ms <= 2 * GOAL_MS else 1


if __name__ == "__main__":
    sys.exit(main())
