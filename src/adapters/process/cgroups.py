"""Control groups (cgroups(7)), one for each execution: bounds on all of its processes together.

Version 2 where it has the controllers, version 1 where those are there. Going into a group of version
2 waits for the kernel's read-copy-update, some 15 ms (not where the hierarchy is mounted with
`favordynmods`, Linux 6.0); version 1 lets a single thread in at once.
"""

import fcntl
import os
import signal
import time
import uuid
import weakref
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Final

import msgspec

from ...domain.plan import Limits

_PREFIX: Final = "netsonde-"
_CONTROLLERS: Final = ("memory", "pids")
_REMOVAL_S: Final = 0.2


class Home(msgspec.Struct, frozen=True, kw_only=True):
    """A folder in which groups can be made: the server's own group of one hierarchy."""

    path: str
    version: int
    controllers: frozenset[str]


class Slot(msgspec.Struct, frozen=True, kw_only=True):
    """One execution's group: a folder in each hierarchy. `bounds`: bytes of memory, processes."""

    folders: tuple[tuple[str, Home], ...]
    bounds: tuple[int, int]

    @property
    def joins(self) -> tuple[str, ...]:
        """Files to which a process writes 0 to come in.

        `tasks` moves one thread, all that a shell has, and spares the lock that cgroup.procs takes.
        """
        return tuple(
            f"{folder}/{'cgroup.procs' if home.version == 2 else 'tasks'}"
            for folder, home in self.folders
        )

    @property
    def unified(self) -> str | None:
        """The folder in version 2's hierarchy, if there is one: what packet filters can match."""
        return next((folder for folder, home in self.folders if home.version == 2), None)


class Cgroups:
    """Groups for executions, used again and again: a removed one lingers in the kernel for long."""

    def __init__(self, homes: tuple[Home, ...], *, max_processes: int) -> None:
        """Makes a folder in each home; raises OSError. Removes what servers left that are gone."""
        self.homes = homes
        self._max_processes = max_processes
        self._free: list[Slot] = []
        self._left: list[Slot] = []
        self._count = 0
        self._roots: list[tuple[str, Home]] = []
        for home in homes:
            for old in Path(home.path).glob(f"{_PREFIX}*"):
                _remove_if_forsaken(old)
        locks: list[int] = []
        self._finalizer = weakref.finalize(self, _dissolve, self._roots, locks)
        for home in homes:
            root = f"{home.path}/{_PREFIX}{uuid.uuid4().hex[:12]}"
            os.mkdir(root)
            self._roots.append((root, home))
            locks.append(_locked(root))
            if home.version == 2 and home.controllers:
                _enable(root, home.controllers)

    @property
    def controllers(self) -> frozenset[str]:
        """What is bounded."""
        return frozenset().union(*(home.controllers for home in self.homes))

    @contextmanager
    def slot(self, limits: Limits) -> Iterator[Slot]:
        """A group with these bounds, for one execution; at the end what is in it is killed."""
        bounds = (limits.max_memory_bytes, self._max_processes)
        self._take_back()
        slot = next((slot for slot in self._free if slot.bounds == bounds), None)
        if slot is None:
            slot = self._new(bounds)
        else:
            self._free.remove(slot)
        try:
            yield slot
        finally:
            self._left.append(slot)
            self._take_back()

    def _take_back(self) -> None:
        """What was killed may take a while to die, or could not be looked at."""
        for slot in tuple(self._left):
            if all([_emptied(folder) for folder, _ in slot.folders]):
                self._left.remove(slot)
                self._free.append(slot)

    def _new(self, bounds: tuple[int, int]) -> Slot:
        self._count += 1
        folders = tuple((f"{root}/{self._count}", home) for root, home in self._roots)
        with ExitStack() as stack:
            for folder, home in folders:
                os.mkdir(folder)
                stack.callback(_forget, folder)
                _bound(folder, home, *bounds)
            stack.pop_all()
        return Slot(folders=folders, bounds=bounds)


def find_homes(
    own: str | None = None, mounts: str | None = None, *, unified: bool = False
) -> tuple[Home, ...]:
    """Where this server may make groups that bound something; empty where there are none.

    The texts are /proc/self/cgroup and mountinfo. With `unified`, version 2's hierarchy is among
    them even without a controller: packet filters match its groups. Writes nothing but, in version
    2, what makes controllers available.
    """
    own = Path("/proc/self/cgroup").read_text() if own is None else own
    mounts = Path("/proc/self/mountinfo").read_text() if mounts is None else mounts
    paths = dict(line.split(":", 2)[1:] for line in own.splitlines())
    homes = []
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        root, mountpoint = before.split()[3:5]
        kind, _, options = after.split()[:3]
        if kind not in ("cgroup", "cgroup2"):
            continue
        names = next(
            (key for key in paths if key and set(key.split(",")) <= set(options.split(","))), None
        )
        path = paths.get("") if kind == "cgroup2" else paths.get(names or "-")
        if path is None or not f"{path}/".startswith(f"{root.rstrip('/')}/"):
            continue
        folder = f"{mountpoint}/{path.removeprefix(root).strip('/')}".rstrip("/")
        if not os.access(folder, os.W_OK | os.X_OK):
            continue
        if kind == "cgroup2":
            controllers = _made_available(folder)
            if controllers or unified:
                homes.append(Home(path=folder, version=2, controllers=controllers))
        elif controllers := frozenset(_CONTROLLERS) & set((names or "").split(",")):
            homes.append(Home(path=folder, version=1, controllers=controllers))
    return tuple(homes)


def _made_available(folder: str) -> frozenset[str]:
    """Controllers that groups in this folder can have.

    Version 2 gives none to the children of a group that has processes itself. A server that is alone
    in its group (a systemd unit with Delegate=yes) makes room by moving into a child.
    """
    wanted = frozenset(_CONTROLLERS) & set(_read(f"{folder}/cgroup.controllers").split())
    if not wanted or wanted <= set(_read(f"{folder}/cgroup.subtree_control").split()):
        return wanted
    with suppress(OSError):
        _enable(folder, wanted)
        return wanted
    with suppress(OSError):
        if _read(f"{folder}/cgroup.procs").split() == [str(os.getpid())]:
            os.makedirs(f"{folder}/server", exist_ok=True)
            _write(f"{folder}/server/cgroup.procs", str(os.getpid()))
            _enable(folder, wanted)
            return wanted
    return frozenset()


def _enable(folder: str, controllers: frozenset[str]) -> None:
    _write(f"{folder}/cgroup.subtree_control", " ".join(f"+{name}" for name in sorted(controllers)))


def _bound(folder: str, home: Home, memory_bytes: int, processes: int) -> None:
    if "pids" in home.controllers:
        _write(f"{folder}/pids.max", str(processes))
    if "memory" in home.controllers and home.version == 2:
        _write(f"{folder}/memory.max", str(memory_bytes))
        with suppress(OSError):  # not there without swap accounting
            _write(f"{folder}/memory.swap.max", "0")
    elif "memory" in home.controllers:
        _write(f"{folder}/memory.limit_in_bytes", str(memory_bytes))
        with suppress(OSError):
            _write(f"{folder}/memory.memsw.limit_in_bytes", str(memory_bytes))


def _forget(folder: str) -> None:
    with suppress(OSError):
        os.rmdir(folder)


def _emptied(folder: str) -> bool:
    """Kill what is in it; whether nothing is left. The runner has ended all that it knows of."""
    try:
        if not Path(f"{folder}/cgroup.procs").read_text():
            return True
    except OSError:  # no descriptor left to look with
        return False
    with suppress(OSError):
        _write(f"{folder}/cgroup.kill", "1")  # Linux 5.14, version 2
    for pid in map(int, _read(f"{folder}/cgroup.procs").split()):
        # Processes of other PID namespaces are listed as 0, which to kill(2) is our own group.
        if pid > 0:
            with suppress(OSError):
                os.kill(pid, signal.SIGKILL)
    return False  # it may take a while to die


def _remove_if_forsaken(root: Path) -> None:
    """Only what nobody holds the lock of: process numbers of other namespaces tell nothing."""
    with suppress(OSError):
        lock = _locked(str(root))
        try:
            _remove(str(root))
        finally:
            os.close(lock)


def _locked(root: str) -> int:
    descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _dissolve(roots: list[tuple[str, Home]], locks: list[int]) -> None:
    for root, _ in roots:
        _remove(root)
    for lock in locks:
        os.close(lock)


def _remove(root: str) -> None:
    with suppress(OSError):
        with os.scandir(root) as entries:
            children = [entry.path for entry in entries if entry.is_dir()]
        for child in children:
            deadline_s = time.monotonic() + _REMOVAL_S
            while not _emptied(child) and time.monotonic() < deadline_s:
                time.sleep(0.002)
            with suppress(OSError):
                os.rmdir(child)
        os.rmdir(root)


def _read(path: str) -> str:
    with suppress(OSError):
        return Path(path).read_text()
    return ""


def _write(path: str, text: str) -> None:
    with open(path, "w") as file:
        file.write(text)
