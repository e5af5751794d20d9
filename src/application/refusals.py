"""Why an execution was not admitted, and what to do about it; waits carry `retry_after_sec`."""

from ..domain import breaker as circuit
from ..domain import bucket
from ..domain.errors import VIOLATION, ErrorType, ToolError
from .catalog import Catalog, Entry
from .places import Full
from .ports import LogFailed

BROKEN = ToolError(
    error_type=ErrorType.UNKNOWN,
    message="The server failed at this call.",
    recovery_suggestion="Tell the operator; the server's log has the reason.",
)
STOPPING = ToolError(
    error_type=ErrorType.RESOURCE_EXHAUSTED,
    message="The server is about to stop and takes no new execution.",
    recovery_suggestion="Call again after metadata.retry_after_sec: a new server may be there then.",
    metadata={"rule": "service.stopping", "retry_after_sec": 10},
)


def unrecorded(failure: LogFailed) -> ToolError:
    """What is done must be on record, and can't be put there."""
    return ToolError(
        error_type=ErrorType.RESOURCE_EXHAUSTED,
        message=f"The record of executions can't be written: {failure}.",
        recovery_suggestion="The operator makes room or mends state.dir; /health tells more.",
        metadata={"rule": "record.unavailable", "retry_after_sec": 10},
    )


def switched_off(entry: Entry) -> ToolError:
    """The operator disabled it."""
    return ToolError(
        error_type=ErrorType.DISABLED,
        message=f"{entry.name} is switched off.",
        recovery_suggestion=f"The operator switches it on: tools.{entry.name}.enabled.",
    )


def over_rate(entry: Entry, rate: bucket.Rate, empty: bucket.Empty) -> ToolError:
    """The caller's bucket is empty."""
    return ToolError(
        error_type=ErrorType.RATE_LIMITED,
        message=f"Too many calls of {entry.name}: {rate.tokens:g} in {rate.per_s:g} s.",
        recovery_suggestion="Wait as long as metadata.retry_after_sec says.",
        metadata={"retry_after_sec": _wait(empty.retry_after_s)},
    )


def unavailable(entry: Entry) -> ToolError | None:
    """The program is not there; None if it is."""
    if entry.available:
        return None
    if entry.unusable:
        return unusable(entry)
    hint = entry.tool.install_hint or f"install the program {entry.tool.command_name}"
    return ToolError(
        error_type=ErrorType.NOT_FOUND,
        message=f"The program {entry.tool.command_name} is not installed on the server.",
        recovery_suggestion=f"The operator installs it: {hint}",
        metadata={"retry_after_sec": 60},
    )


def unusable(entry: Entry) -> ToolError:
    """There is a program, but not one to run. Where and why is for the operator: see `doctor`."""
    return ToolError(
        error_type=ErrorType.NOT_FOUND,
        message=f"The program {entry.tool.command_name} on the server may not be run.",
        recovery_suggestion="The operator runs `netsonde doctor`, which tells why.",
        metadata={"rule": "program.unusable", "retry_after_sec": 60},
    )


def violation(program: str, destination: str) -> ToolError:
    """It ran, and tried to reach what its plan doesn't name."""
    return ToolError(
        error_type=ErrorType.POLICY_DENIED,
        message=f"{program} sent to {destination}, which was not asked for: held back, and ended.",
        recovery_suggestion=(
            "The program did what its options don't explain: tell the operator. What it had found "
            "is kept, and not to be trusted."
        ),
        metadata={"rule": VIOLATION, "offending": destination},
    )


def unknown_tool(name: str, catalog: Catalog) -> ToolError:
    """No tool has that name."""
    names = [entry.name for entry in catalog.entries() if entry.enabled]
    return ToolError(
        error_type=ErrorType.NOT_FOUND,
        message=f"There is no tool {name!r}.",
        recovery_suggestion=f"The tools are {', '.join(names)}.",
        metadata={"rule": "tool.unknown", "offending": name},
    )


def breaker_open(entry: Entry, rejected: circuit.Rejected) -> ToolError:
    """The breaker rests."""
    return ToolError(
        error_type=ErrorType.CIRCUIT_BREAKER_OPEN,
        message=f"{entry.name} failed {entry.breaker.failure_threshold} times in a row and rests.",
        recovery_suggestion="Wait as long as metadata.retry_after_sec says, then try once.",
        metadata={"retry_after_sec": _wait(rejected.retry_after_s)},
    )


def busy(entry: Entry, full: Full) -> ToolError:
    """No place, and none to wait for one."""
    return ToolError(
        error_type=ErrorType.RESOURCE_EXHAUSTED,
        message=f"{entry.name} runs {entry.concurrency} at a time and {entry.queue} more wait.",
        recovery_suggestion="Wait as long as metadata.retry_after_sec says; make calls one by one.",
        metadata={"retry_after_sec": _wait(full.retry_after_s)},
    )


def _wait(seconds: float) -> float:
    """Seconds to tell a caller: never 0, to a tenth, rounded up."""
    return max(0.1, -(-seconds * 10 // 1) / 10)
