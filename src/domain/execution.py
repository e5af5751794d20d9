"""The life of one execution: its events, the table of its states, and the answer callers get.

Events of the service as a whole (`audit`) stand in the same log, and belong to no execution.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Any

import msgspec

from .audit import Denied, Reloaded, ServiceStarted, ServiceStopped, Switched
from .errors import ToolError
from .plan import Plan


class Status(StrEnum):
    """Where an execution stands. The last five are final, and the only ones in an answer."""

    REQUESTED = "requested"
    WAITING = "waiting"
    RUNNING = "running"
    SUCCESS = "success"
    FAILED = "failed"
    TIMEOUT = "timeout"
    CANCELLED = "cancelled"
    REFUSED = "refused"

    @property
    def final(self) -> bool:
        """Whether nothing can follow."""
        return not TRANSITIONS[self]


class ToolOutput(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of one execution, the same from every driver (product contract, section 2)."""

    execution_id: str
    tool: str
    target: str
    status: Status
    command: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    returncode: int | None = None
    stdout: str = ""
    stderr: str = ""
    truncated_stdout: bool = False
    truncated_stderr: bool = False
    stdout_bytes: int = 0
    stderr_bytes: int = 0
    duration_sec: float = 0.0
    started_at: str
    finished_at: str
    result: dict[str, Any] | None = None
    error: ToolError | None = None


class Requested(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A caller asked. `options` are the typed ones, as JSON text."""

    tool: str
    target: str
    extra_args: str = ""
    options: str = ""
    profile: str = ""
    caller: str = ""


class Planned(msgspec.Struct, frozen=True, tag=True):
    """Policy allowed it; it waits for a place."""

    plan: Plan


class Started(msgspec.Struct, frozen=True, tag=True):
    """Its program was started."""


class Progressed(msgspec.Struct, frozen=True, tag=True):
    """The program said how far it is, 0 to 100."""

    percent: float


class Finished(msgspec.Struct, frozen=True, tag=True):
    """It is over; the answer tells how."""

    output: ToolOutput


Happening = (
    Requested
    | Planned
    | Started
    | Progressed
    | Finished
    | Denied
    | Switched
    | Reloaded
    | ServiceStarted
    | ServiceStopped
)


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened; `at_s` is Unix time. `execution_id` is "" for events of the service."""

    execution_id: str
    at_s: float
    what: Happening


class Recorded(msgspec.Struct, frozen=True):
    """An event that is kept for good, and its number: 1 and up, in the order of the log."""

    number: int
    event: Event


_ENDS = (Status.CANCELLED, Status.REFUSED)
TRANSITIONS: dict[Status, frozenset[Status]] = {
    # A refusal can still come from WAITING (queue, breaker) but never once a program ran.
    Status.REQUESTED: frozenset({Status.WAITING, *_ENDS}),
    Status.WAITING: frozenset({Status.RUNNING, *_ENDS}),
    Status.RUNNING: frozenset(
        # REFUSED: the program could not be started after all.
        {Status.RUNNING, Status.SUCCESS, Status.FAILED, Status.TIMEOUT, *_ENDS}
    ),
    Status.SUCCESS: frozenset(),
    Status.FAILED: frozenset(),
    Status.TIMEOUT: frozenset(),
    Status.CANCELLED: frozenset(),
    Status.REFUSED: frozenset(),
}


class IllegalTransition(Exception):
    """An event that can't follow the ones before it: a programming error."""


class Execution(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of an execution after some of its events."""

    execution_id: str
    status: Status = Status.REQUESTED
    tool: str = ""
    target: str = ""
    extra_args: str = ""
    caller: str = ""
    requested_at_s: float = 0.0
    plan: Plan | None = None
    percent: float = 0.0
    output: ToolOutput | None = None


def fold(events: Iterable[Event]) -> Execution:
    """Replay `events` of one execution, oldest first; raises IllegalTransition, changing nothing."""
    execution: Execution | None = None
    for event in events:
        execution = _apply(execution, event)
    if execution is None:
        raise IllegalTransition("no event")
    return execution


def _apply(execution: Execution | None, event: Event) -> Execution:
    match event.what:
        case Requested() as asked if execution is None:
            return Execution(
                execution_id=event.execution_id,
                tool=asked.tool,
                target=asked.target,
                extra_args=asked.extra_args,
                caller=asked.caller,
                requested_at_s=event.at_s,
            )
        case Planned(plan) if execution is not None:
            return _move(execution, Status.WAITING, plan=plan)
        case Started() if execution is not None:
            return _move(execution, Status.RUNNING)
        case Progressed(percent) if execution is not None:
            return _move(execution, Status.RUNNING, percent=percent)
        case Finished(output) if execution is not None:
            return _move(execution, output.status, output=output)
    raise IllegalTransition(f"{type(event.what).__name__} can't come here")


def _move(execution: Execution, to: Status, **changes: Any) -> Execution:
    if to not in TRANSITIONS[execution.status]:
        raise IllegalTransition(f"{execution.status} -> {to}")
    return msgspec.structs.replace(execution, status=to, **changes)
