"""The application's needs, in its own words; every sentence of a docstring here has a contract test."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from enum import StrEnum
from typing import Protocol

import msgspec

from ..domain.execution import Event, Execution, Recorded
from ..domain.health import CheckResult, Priority
from ..domain.plan import Plan
from ..domain.terms import Resolved, Unresolved


class HowEnded(StrEnum):
    """How a process came to its end."""

    EXITED = "exited"  # by itself: see returncode (negative: killed by that signal, not ours)
    TIMED_OUT = "timed_out"  # ended by us at the plan's time limit
    CANCELLED = "cancelled"  # ended by us for a caller; no port gives it, see ProcessRunner.run
    NOT_STARTED = "not_started"  # the program could not be started: see reason
    VIOLATED = (
        "violated"  # ended by us: it sent to an address that its plan doesn't name, see reason
    )
    ALTERED = "altered"  # the program isn't the one that is pinned, so it was not started


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


class Listed(msgspec.Struct, frozen=True):
    """An execution, and the number of its first event, by which it stands in the history."""

    number: int
    execution: Execution


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
        What it sends to an address that the plan doesn't name is held back where the host allows it,
        and ends it: `VIOLATED`, with the destination as reason.
        One whose SHA-256 is not `plan.program_sha256`, where that is given, is never started:
        `ALTERED`, with a reason.
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


class LogFailed(Exception):
    """The event log can't keep what it was given; the text says why."""


class EventLog(Protocol):
    """Keeps what happened, in order."""

    def append(self, event: Event) -> None:
        """Add an event; it is there for the next `events()` call. Never blocks, never raises."""
        ...

    def events(self, execution_id: str) -> tuple[Event, ...]:
        """The kept events of one execution, oldest first; empty when it is unknown or forgotten."""
        ...

    async def settle(self) -> None:
        """Return once every event appended before is kept as well as this log can keep it.

        Raises LogFailed, within a few seconds, when that can't be; the events stay in line to be
        written, and a later `settle` may succeed.
        """
        ...


class History(Protocol):
    """The event log, read by those who look back and those who follow it."""

    async def executions(
        self, *, before: int | None = None, limit: int = 50, caller: str | None = None
    ) -> tuple[Listed, ...]:
        """Executions, newest first by their first event; only those with a number under `before`.

        `caller`: only those that this caller asked for. Their answers come without
        stdout, stderr and result. Raises LogFailed when the log can't be read.
        """
        ...

    async def since(self, number: int, limit: int = 1000) -> tuple[Recorded, ...]:
        """Events of executions numbered above `number`, oldest first, answers without their texts.

        Raises LogFailed when the log can't be read.
        """
        ...

    def last_number(self) -> int:
        """The number of the newest event that is kept, 0 if there is none."""
        ...

    def watch(self, tell: Callable[[Recorded], None]) -> Callable[[], None]:
        """Call `tell` in the event loop with each event once it is kept; the result ends that.

        `tell` gets every event numbered above what `last_number` was at the call, in order, once;
        answers come without their texts, as from `since`.
        """
        ...


class Span(Protocol):
    """A piece of work under way, as a trace shows it."""

    def set(self, **attributes: str | int | float | bool) -> None:
        """Tell more about it."""
        ...


class Tracer(Protocol):
    """Tells collectors which work was done, for whom, and how long it took."""

    def request(
        self, name: str, carrier: Mapping[str, str], **attributes: str | int | float | bool
    ) -> AbstractContextManager[Span]:
        """A span for a request, a child of the span that `carrier` (W3C traceparent) names."""
        ...

    def span(
        self, name: str, **attributes: str | int | float | bool
    ) -> AbstractContextManager[Span]:
        """A span inside the current one; an exception that leaves it marks it as failed."""
        ...


class Switches(Protocol):
    """Remembers which tools were switched off, across restarts."""

    def disabled(self) -> frozenset[str]:
        """The names of the tools that were switched off; raises OSError when they can't be read."""
        ...

    def remember(self, disabled: frozenset[str]) -> None:
        """Keep the names for good, in place of those before; raises OSError, changing nothing."""
        ...


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """How much of this host, or of the container's share of it, is used; percentages are 0 to 100."""

    cpu_percent: float
    memory_percent: float
    disk_percent: float
    descriptors: int
    max_descriptors: int


class Machine(Protocol):
    """Knows the host."""

    def usage(self) -> Usage:
        """The use since the last call (CPU) and now (all else), in well under a millisecond."""
        ...


class Check(Protocol):
    """Examines one thing that the service needs; authors of plug-ins write such classes too."""

    @property
    def name(self) -> str:
        """A dotted name, such as `program.nmap`."""
        ...

    @property
    def priority(self) -> Priority:
        """How much the result counts."""
        ...

    async def check(self) -> CheckResult:
        """Look. It is cancelled at its time limit; whatever it raises counts as unhealthy."""
        ...


class ToolCounts(msgspec.Struct, frozen=True, kw_only=True):
    """What was counted of one tool since the start; `avg_duration` in seconds, of those that ran.

    `executions` are all that ended, however; `failures` those that failed or timed out. What was
    refused or cancelled is in `executions` only.
    """

    executions: int = 0
    successes: int = 0
    failures: int = 0
    avg_duration: float = 0.0
    active: int = 0


class Metrics(Protocol):
    """What was counted, for those who ask."""

    def text(self, accept: str = "") -> tuple[bytes, str]:
        """Every series in the exposition format that `accept` prefers, and its content type."""
        ...

    def counts(self) -> Mapping[str, ToolCounts]:
        """The counts by the name of the tool, every tool of the catalog included."""
        ...


class Programs(Protocol):
    """Knows the programs of this host."""

    def find(self, name: str) -> str | None:
        """The absolute path of a program in the fixed search path, or None."""
        ...

    def flaws(self, name: str) -> tuple[str, ...]:
        """Why programs of that name were passed over, as sentences; empty when none was seen."""
        ...

    def objection(self, path: str, sha256: str = "") -> str | None:
        """Why the program at this absolute path may not be run, or None.

        It must be as sound as one that is found, every folder above it too; with `sha256` (64
        lower-case hexadecimal digits) its content must have that digest.
        """
        ...
