"""The children of this process: which are leaders of runs, and which are orphans to be ended."""

import asyncio
import ctypes
import os
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import ClassVar

from ...domain.layer import Layer
from .steadfast import Steadfast

PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h
RETRY_S = 0.005
BLOCKING_S = 0.2
LATER_S = 0.05


class ProcessTree:
    """Adopts what the programs leave behind, and ends it.

    A program's descendant that has lost its parent becomes a child of this process (the subreaper),
    whatever group or session it went to. It is told from other children by its session: every run
    has a session of its own and setsid(2) only ever makes a new one, so no descendant of a run is
    in the session of the server, where the server's other children are.
    """

    # One set for the process, since all runners of a process get the orphans of all.
    leaders: ClassVar[set[int]] = set()

    def __init__(self) -> None:
        self._subreaper_error = _become_subreaper()
        self._older = {(pid, _start_time(pid)) for pid in _children()}

    def layer(self) -> Layer:
        """Whether orphans come to us."""
        reason = self._subreaper_error or "orphans come to the server, which ends them"
        return Layer("orphan_sweep", self._subreaper_error is None, reason)

    async def sweep(self, waiting: Steadfast, deadline_s: float) -> bool:
        """Kill and reap orphans until there are none, or `deadline_s` on the loop's clock has come.

        Ending one hands its own children to us, so it goes on as long as there are any. An orphan
        in the session of another live run is left to that run. What is left at the deadline, as
        when the machine stood still for a while, is swept from time to time until nothing is.
        """
        loop = asyncio.get_running_loop()
        while orphans := self._orphans():
            # No await between looking, killing and reaping: until we reap it, a pid stays its own.
            alive = [pid for pid in orphans if not _kill_and_reap(pid)]
            if loop.time() >= deadline_s:
                loop.call_later(LATER_S, self._sweep_later, loop)
                return False
            if alive:
                await _death_of(alive[0], waiting, deadline_s - loop.time())
            else:
                await waiting.pause(0)
        return True

    def _sweep_later(self, loop: asyncio.AbstractEventLoop) -> None:
        if orphans := self._orphans():
            for pid in orphans:
                _kill_and_reap(pid)
            loop.call_later(LATER_S, self._sweep_later, loop)

    def sweep_now(self) -> None:
        """The same for where nothing can be awaited; holds everything up, for a moment at most."""
        deadline_s = time.monotonic() + BLOCKING_S
        while orphans := self._orphans():
            if not all([_kill_and_reap(pid) for pid in orphans]):
                if time.monotonic() >= deadline_s:
                    return
                time.sleep(RETRY_S)

    def _orphans(self) -> list[int]:
        own_session = os.getsid(0)
        found = []
        for pid in _children():
            if pid in self.leaders:
                continue
            with suppress(OSError):
                session = os.getsid(pid)
                if session == own_session or session in self.leaders:
                    continue
                if (pid, _start_time(pid)) in self._older:
                    continue
                os.kill(pid, 0)  # one that took another uid can't be ended: don't try for ever
                found.append(pid)
        return found


def _kill_and_reap(pid: int) -> bool:
    """True when nothing is left of it; a process takes a moment to die."""
    with suppress(OSError):
        os.kill(pid, signal.SIGKILL)
    try:
        return os.waitpid(pid, os.WNOHANG)[0] == pid
    except ChildProcessError:
        return True


async def _death_of(pid: int, waiting: Steadfast, timeout_s: float) -> None:
    loop = asyncio.get_running_loop()
    try:
        pidfd = os.pidfd_open(pid)
    except OSError:  # no descriptor left
        await waiting.pause(RETRY_S)
        return
    dead: asyncio.Future[None] = loop.create_future()

    def note() -> None:
        loop.remove_reader(pidfd)  # a pidfd stays readable
        dead.set_result(None)

    loop.add_reader(pidfd, note)
    try:
        await waiting.until(dead, timeout_s)
    finally:
        loop.remove_reader(pidfd)
        os.close(pidfd)


def _become_subreaper() -> str | None:
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0:
            return None
    except (OSError, AttributeError) as error:
        return str(error)
    return os.strerror(ctypes.get_errno())


def _children() -> list[int]:
    """All children, dead ones too. A list is kept per thread that started or adopted them."""
    try:
        return [
            int(word)
            for thread in os.listdir("/proc/self/task")
            for word in Path(f"/proc/self/task/{thread}/children").read_text().split()
        ]
    except FileNotFoundError:  # a thread has just ended, or CONFIG_PROC_CHILDREN is off
        own = os.getpid()
        return [int(name) for name in os.listdir("/proc") if _parent(name) == own]


def children_of(leader: int) -> list[int]:
    """Children of one of our children, as far as they are known at the moment."""
    with suppress(OSError):
        text = Path(f"/proc/{leader}/task/{leader}/children").read_text()
        return [int(word) for word in text.split()]
    with suppress(OSError):
        return [int(name) for name in os.listdir("/proc") if _parent(name) == leader]
    return []


def _parent(pid: str) -> int | None:
    return int(fields[1]) if pid.isdigit() and (fields := _stat(pid)) else None


def _start_time(pid: int) -> str | None:
    return fields[19] if (fields := _stat(str(pid))) else None


def _stat(pid: str) -> list[str]:
    """Fields of proc_pid_stat(5) from the third on: the second, the name, may hold anything."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(") ")[2].split()
    return []
