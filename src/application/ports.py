"""The application's needs, in its own words; every sentence of a docstring here has a contract test."""

from collections.abc import Callable
from enum import StrEnum
from typing import Protocol

import msgspec

from ..domain.execution import Event
from ..domain.plan import Plan
from ..domain.terms import Resolved, Unresolved


class HowEnded(StrEnum):
    """How a process came to its end."""

    EXITED = "exited"  # by itself: see returncode (negative: killed by that signal, not ours)
    TIMED_OUT = "timed_out"  # ended by us at the plan's time limit
    NOT_STARTED = "not_started"  # the program could not be started: see reason


class Capture(msgspec.Struct, frozen=True, kw_only=True):
    """The first bytes a program wrote to one stream, and how many it wrote in all."""

    data: bytes = b""
    total_bytes: int = 0

    @property
    def truncated(self) -> bool:
        """Whether bytes were thrown away."""
        return self.total_bytes > len(self.data)


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """A finished process and all it said."""

    how: HowEnded
    returncode: int | None
    stdout: Capture = Capture()
    stderr: Capture = Capture()
    report: Capture = Capture()
    reason: str = ""


class ProcessRunner(Protocol):
    """Runs plans as processes."""

    async def run(self, plan: Plan, on_stdout: Callable[[bytes], None] | None = None) -> Ended:
        """Run `plan.argv` within `plan.limits` and return once no process of it is left.

        Nothing is inherited but what the plan names: no environment, descriptor or directory.
        `on_stdout` gets each piece of standard output as it comes, in order, within the byte limit.
        Output beyond a stream's limit is counted and thrown away.
        At the time limit the process group gets SIGTERM, after a grace SIGKILL; what was read is kept.
        When the waiting task is cancelled the same happens, and then CancelledError is raised.
        Descendants that left the group or the session are ended too.
        A program that can't be started gives `NOT_STARTED` with a reason, never an exception.
        """
        ...


class Resolver(Protocol):
    """Looks names up."""

    async def resolve(self, name: str) -> Resolved | Unresolved:
        """Give all IPv4 and IPv6 addresses of `name`, following aliases, within a few seconds.

        Failure of any kind is an `Unresolved`, never an exception.
        """
        ...


class Clock(Protocol):
    """Tells the time."""

    def monotonic_s(self) -> float:
        """Seconds from an arbitrary start, never going back."""
        ...

    def wall_s(self) -> float:
        """Seconds since the Unix epoch."""
        ...


class EventLog(Protocol):
    """Keeps what happened, in order."""

    def append(self, event: Event) -> None:
        """Add an event; it is there for the next `events()` call."""
        ...

    def events(self, execution_id: str) -> tuple[Event, ...]:
        """The kept events of one execution, oldest first; empty when it is unknown or forgotten."""
        ...


class Programs(Protocol):
    """Knows the programs of this host."""

    def find(self, name: str) -> str | None:
        """The absolute path of a program in the fixed search path, or None."""
        ...
