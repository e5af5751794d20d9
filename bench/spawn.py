"""What the layers add to starting a program, set by set, against a bare asyncio spawn in the same run.

The bare one takes turns with every set, so that a busy machine weighs on all alike.
"""

import asyncio
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from functools import partial

from netsonde.adapters.process.find_chain import Wanted, find_chain
from netsonde.adapters.process.launch_chain import LaunchChain, find_basic_chain
from netsonde.adapters.process.subprocess_runner import SubprocessRunner
from netsonde.adapters.programs import InstalledPrograms
from netsonde.domain.layer import LayerMode
from netsonde.domain.plan import Limits, Plan

ROUNDS = 200
TRUE = "/usr/bin/true"
LIMITS = Limits(
    timeout_s=10,
    max_stdout_bytes=4096,
    max_stderr_bytes=4096,
    max_memory_bytes=512 * 1024 * 1024,
    max_file_descriptors=256,
    max_cpu_s=10,
)
OFF = LayerMode.OFF


def _sets() -> dict[str, tuple[LaunchChain, float]]:
    """Sets of layers, and what each may add in milliseconds."""
    programs = InstalledPrograms()
    find = partial(find_chain, programs)
    return {
        "basic": (find_basic_chain(programs), 2),
        "Landlock, seccomp, capabilities": (
            find(Wanted(pid_namespace=OFF, cgroup=OFF, egress=OFF)),
            15,
        ),
        "bubblewrap, seccomp, capabilities": (find(Wanted(cgroup=OFF, egress=OFF)), 15),
        "the same and cgroups": (find(Wanted(egress=OFF)), 15),
        "all that this host allows": (find(Wanted()), 15),
    }


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


async def measure(chains: dict[str, LaunchChain]) -> dict[str, float]:
    """Median milliseconds of a bare spawn (`bare`) and of a plan's run under each chain."""
    plan = Plan(tool="x", target="x", argv=(TRUE,), addresses=(), host_count=1, limits=LIMITS)
    works: dict[str, Callable[[], Awaitable[object]]] = {"bare": _bare}
    for name, chain in chains.items():
        works[name] = partial(SubprocessRunner(chain).run, plan)
    times: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(ROUNDS):
        for name, work in works.items():
            times[name].append(await _timed_ms(work))
    return {name: statistics.median(values[5:]) for name, values in times.items()}


def main() -> int:
    """Print a row for each; 1 if one adds more than its goal and 2 ms: what a busy machine may add."""
    sets = _sets()
    medians = asyncio.run(measure({name: chain for name, (chain, _) in sets.items()}))
    bare_ms = medians["bare"]
    print(f"spawn: bare asyncio {bare_ms:.2f} ms")
    missed = False
    for name, (chain, goal_ms) in sets.items():
        added_ms = medians[name] - bare_ms
        active = sum(layer.active for layer in chain.layers())
        print(
            f"spawn, {name} ({active} layers): {medians[name]:.2f} ms, "
            f"added {added_ms:+.2f} ms (goal +{goal_ms:g} ms)"
        )
        missed |= added_ms > goal_ms + 2
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
