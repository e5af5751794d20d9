"""The use of this host by psutil, and of a container's share by its control groups."""

import os
import resource

import psutil

from ...application.ports import Clock, Usage
from .cgroups import ControlGroups

SHORTEST_S = 0.5


class HostMachine:
    """Meets the port `Machine`. `folder` is on the file system whose use is told; it need not exist.

    Calls that come within half a second of each other get the same use of the CPU: the kernel
    counts in hundredths of a second, and two who ask must not spoil each other's answer.
    """

    def __init__(self, folder: str, clock: Clock, groups: ControlGroups | None = None) -> None:
        self._folder = folder
        self._clock = clock
        self._groups = ControlGroups() if groups is None else groups
        self._process = psutil.Process()
        self._counted_at_s = clock.monotonic_s()
        self._counted = self._count()
        self._cpu_percent = 0.0

    def usage(self) -> Usage:
        """See the port."""
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        open_now = self._process.num_fds()
        return Usage(
            cpu_percent=self._cpu(),
            memory_percent=self._memory(),
            disk_percent=_percent(psutil.disk_usage(_existing(self._folder)).percent),
            descriptors=open_now,
            max_descriptors=max(limit, open_now),  # RLIM_INFINITY is -1
        )

    def _memory(self) -> float:
        memory = psutil.virtual_memory()
        shares = [
            _percent(100 * one.used_bytes / one.limit_bytes) if one.limit_bytes else 100.0
            for one in self._groups.memory()
            if one.limit_bytes < memory.total
        ]
        return max(shares) if shares else _percent(memory.percent)

    def _cpu(self) -> float:
        now_s = self._clock.monotonic_s()
        if (elapsed_s := now_s - self._counted_at_s) < SHORTEST_S:
            return self._cpu_percent
        before, self._counted, self._counted_at_s = self._counted, self._count(), now_s
        busiest = 0.0
        for group, (used_s, cpus) in self._counted.items():
            if group in before and cpus > 0:
                busiest = max(busiest, (used_s - before[group][0]) / (elapsed_s * cpus))
        self._cpu_percent = _percent(100 * busiest)
        return self._cpu_percent

    def _count(self) -> dict[str, tuple[float, float]]:
        """CPU seconds used so far, and how many CPUs there are to use: of each group, else the host."""
        groups = self._groups.cpu()
        if groups:
            return {one.group: (one.used_s, one.cpus) for one in groups}
        usable = _usable_cpus()
        times = [
            times for cpu, times in enumerate(psutil.cpu_times(percpu=True)) if cpu in usable
        ] or psutil.cpu_times(percpu=True)
        busy_s = sum(sum(one[:8]) - one.idle - getattr(one, "iowait", 0.0) for one in times)
        return {"": (busy_s, len(times))}


def _usable_cpus() -> frozenset[int]:
    """Those that this process may run on (a container's cpuset, taskset)."""
    if hasattr(os, "sched_getaffinity"):
        return frozenset(os.sched_getaffinity(0))
    return frozenset(range(os.cpu_count() or 1))


def _existing(path: str) -> str:
    while path and not os.path.isdir(path) and os.path.dirname(path) != path:
        path = os.path.dirname(path)
    return path or "."


def _percent(value: float) -> float:
    return round(min(max(value, 0.0), 100.0), 1)
