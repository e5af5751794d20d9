"""A runner that lacks a resource of the process: tells what came of each start, and what was left.

Run as `python -m tests.contract.runner.starved SET DIRECTORY RESOURCE`; RESOURCE is `files`, `memory` or
`processes`. Root's processes are not counted by RLIMIT_NPROC, so the last needs a control group.
"""

import asyncio
import json
import os
import resource
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from netsonde.adapters.process.cgroups import find_homes
from netsonde.adapters.process.subprocess_runner import SubprocessRunner

from .hostile_programs import plan_for
from .layer_sets import lacking, made
from .leak_check import holdings

KIB = 1024
WITHIN_S = 15.0
KINDS = {"files": resource.RLIMIT_NOFILE, "memory": resource.RLIMIT_AS}


@contextmanager
def filled_up_to(number: int) -> Iterator[int]:
    """Take every descriptor up to a number: they are handed out from below. Gives the highest."""
    taken = [os.open(os.devnull, os.O_RDONLY)]
    while taken[-1] < number:
        taken.append(os.open(os.devnull, os.O_RDONLY))
    try:
        yield taken[-1]
    finally:
        for one in taken:
            os.close(one)


class Bound:
    """How much of a resource this process may have: so much more than it has now, or as before."""

    def __init__(self, kind: str) -> None:
        self._number = KINDS[kind]
        self._before = resource.getrlimit(self._number)

    def used(self) -> int:
        """Bytes of address space."""
        status = Path("/proc/self/status").read_text()
        return next(
            int(line.split()[1]) * KIB for line in status.splitlines() if line.startswith("VmSize:")
        )

    def set(self, limit: int) -> None:
        """Allow so much."""
        resource.setrlimit(self._number, (limit, self._before[1]))

    def lift(self) -> None:
        """Allow what was allowed before."""
        resource.setrlimit(self._number, self._before)


class Group:
    """A control group of this process's own, `folder`; raises LookupError or OSError."""

    def __init__(self) -> None:
        homes = [home for home in find_homes() if "pids" in home.controllers]
        if not homes:
            raise LookupError("no control group can bound processes here")
        self.folder = Path(homes[0].path) / f"starved-{os.getpid()}"
        self.folder.mkdir()
        (self.folder / "cgroup.procs").write_text("0")

    def made(self) -> int:
        """Groups in it that were made for executions."""
        return len(list(self.folder.glob("netsonde-*/*/")))


class GroupBound(Bound):
    """Processes and threads, counted in a control group."""

    def __init__(self, group: Group) -> None:
        self._folder = group.folder

    def used(self) -> int:
        """Processes and threads."""
        return int((self._folder / "pids.current").read_text())

    def set(self, limit: int) -> None:
        """Allow so many."""
        (self._folder / "pids.max").write_text(str(limit))

    def lift(self) -> None:
        """Allow any number."""
        (self._folder / "pids.max").write_text("max")


def spares(kind: str) -> list[int]:
    """How much more there is for each try."""
    if kind == "memory":
        return [0, *(KIB << step for step in range(2, 18)), *(n << 20 for n in range(1, 24))]
    return list(range(24 if kind == "files" else 12))


async def starve(
    runner: SubprocessRunner, kind: str, bound: Bound, base: Path
) -> dict[str, object]:
    """Try with ever more of it."""
    plan = plan_for("/bin/true", reads_report=True)
    before = holdings(base)
    ways: Counter[str] = Counter()
    leaks: list[str] = []

    async def once(limit: int) -> str:
        bound.set(limit)
        try:
            async with asyncio.timeout(WITHIN_S):
                return (await runner.run(plan)).how.value
        except BaseException as error:
            return repr(error)
        finally:
            bound.lift()

    for spare in spares(kind):
        if kind == "files":
            with filled_up_to(70) as highest:
                way = await once(highest + 1 + spare)
        else:
            way = await once(bound.used() + spare)
        ways[way] += 1
        if (now := holdings(base)) != before:
            leaks.append(f"{spare}: {now} instead of {before}")
    again = (await runner.run(plan)).how.value
    return {"ways": ways, "leaks": leaks, "again": again}


def main(name: str, directory: str, kind: str) -> None:
    """See the module."""
    group: Group | None = None
    try:
        group = Group()
    except (OSError, LookupError) as error:
        if kind == "processes":
            print(json.dumps({"lacking": str(error)}))
            return
    bound = GroupBound(group) if group and kind == "processes" else Bound(kind)
    chain = made(name, Path(directory))
    base = Path(directory) / "runs"
    if (reason := lacking(name, chain.layers())) is not None:
        print(json.dumps({"lacking": reason}))
        return
    runner = SubprocessRunner(chain, base_dir=str(base))
    asyncio.run(runner.run(plan_for("/bin/true")))
    told = asyncio.run(starve(runner, kind, bound, base))
    kept = {"folder": str(group.folder), "groups": group.made()} if group else {}
    print(json.dumps({**told, **kept}))


if __name__ == "__main__":
    main(*sys.argv[1:])
