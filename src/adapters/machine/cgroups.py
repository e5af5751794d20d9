"""What control groups grant to this process, of version 1 or 2 (cgroups(7)), and how much is used.

A limit may stand at any level from the process's own group up to the mount's root (a pod's over
its container's), so every level is asked. Limits are read each time: they can be changed.
"""

import os
from collections.abc import Iterator

import msgspec

_NO_LIMIT_V1 = 1 << 62  # "none" is the largest whole page count there (memory.limit_in_bytes)


class Memory(msgspec.Struct, frozen=True):
    """Bytes that can't be taken back at will, and the limit on them."""

    used_bytes: int
    limit_bytes: int


class Cpu(msgspec.Struct, frozen=True):
    """CPU time that a group has used so far, and the CPUs' worth of time it may use."""

    group: str
    used_s: float
    cpus: float


class ControlGroups:
    """The groups of this process, found once. `proc` is where procfs stands; tests have their own."""

    def __init__(self, proc: str = "/proc/self") -> None:
        self._groups = _groups(proc)

    def memory(self) -> list[Memory]:
        """Each level that has a limit."""
        found = [_memory_v2(level) for level in self._levels("")]
        found += [_memory_v1(level) for level in self._levels("memory")]
        return [one for one in found if one is not None]

    def cpu(self) -> list[Cpu]:
        """Each level that has a quota."""
        found = [_cpu_v2(level) for level in self._levels("")]
        accounts = dict(zip(self._levels("cpu"), self._levels("cpuacct"), strict=False))
        found += [_cpu_v1(level, account) for level, account in accounts.items()]
        return [one for one in found if one is not None]

    def _levels(self, controller: str) -> Iterator[str]:
        mount, inside = self._groups.get(controller, ("", ""))
        if not mount:
            return
        yield mount
        level = mount
        for part in filter(None, inside.split("/")):
            level = f"{level}/{part}"
            yield level


def _groups(proc: str) -> dict[str, tuple[str, str]]:
    """By controller ("" for version 2): where it is mounted, and the group's path below that."""
    own: dict[str, str] = {}
    for line in _lines(f"{proc}/cgroup"):
        _, controllers, path = (*line.split(":", 2), "", "")[:3]
        for controller in controllers.split(","):
            own[controller] = path
    groups = {}
    for line in _lines(f"{proc}/mountinfo"):
        before, _, after = line.partition(" - ")
        fields, kind, options = before.split(), after.split(" ")[0], after.rpartition(" ")[2]
        if kind not in ("cgroup", "cgroup2") or len(fields) < 5:
            continue
        root, mount = fields[3], fields[4]
        for controller in [""] if kind == "cgroup2" else options.split(","):
            if controller in own:
                groups[controller] = (mount, _below(root, own[controller]))
    return groups


def _below(root: str, path: str) -> str:
    """`path` as seen from the mount: without a namespace of its own a container mounts a part only."""
    if ".." in path.split("/"):
        return ""  # outside of this cgroup namespace
    if root == "/":
        return path
    return path.removeprefix(root) if path == root or path.startswith(f"{root}/") else ""


def _memory_v2(level: str) -> Memory | None:
    limit = _number(f"{level}/memory.max")
    used = _number(f"{level}/memory.current")
    if limit is None or used is None:
        return None
    return _memory(used, _counter(f"{level}/memory.stat", "inactive_file"), limit)


def _memory_v1(level: str) -> Memory | None:
    limit = _number(f"{level}/memory.limit_in_bytes")
    if limit is None or limit > _NO_LIMIT_V1:
        return None
    used = _number(f"{level}/memory.usage_in_bytes")
    if used is None:
        return None
    return _memory(used, _counter(f"{level}/memory.stat", "total_inactive_file"), limit)


def _memory(used: int, reclaimable: int | None, limit: int) -> Memory:
    # The working set, as Kubernetes counts it: cached files that nobody needs are no pressure.
    return Memory(max(0, used - (reclaimable or 0)), limit)


def _cpu_v2(level: str) -> Cpu | None:
    quota, _, period = _text(f"{level}/cpu.max").partition(" ")
    used_us = _counter(f"{level}/cpu.stat", "usage_usec")
    if used_us is None or not quota.isdigit() or not period.isdigit() or not int(period):
        return None
    return Cpu(level, used_us / 1e6, int(quota) / int(period))


def _cpu_v1(level: str, account: str) -> Cpu | None:
    quota = _number(f"{level}/cpu.cfs_quota_us")
    period = _number(f"{level}/cpu.cfs_period_us")
    used_ns = _number(f"{account}/cpuacct.usage")
    if not quota or not period or used_ns is None:
        return None
    return Cpu(level, used_ns / 1e9, quota / period)


def _counter(path: str, name: str) -> int | None:
    for line in _lines(path):
        key, _, value = line.partition(" ")
        if key == name and value.isdigit():
            return int(value)
    return None


def _number(path: str) -> int | None:
    """A whole number above or at zero; None where the file is missing or says `max` or -1."""
    said = _text(path)
    return int(said) if said.isdigit() else None


def _text(path: str) -> str:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return ""
    try:
        return os.read(descriptor, 1 << 18).decode("ascii", "replace").strip()
    except OSError:
        return ""
    finally:
        os.close(descriptor)


def _lines(path: str) -> list[str]:
    return _text(path).splitlines()
