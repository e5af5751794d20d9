"""What an outcome is called on each wire: HTTP statuses and exit statuses, in one table."""

from collections.abc import Mapping
from types import MappingProxyType

import msgspec

from ..domain.errors import ErrorType, ToolError
from ..domain.execution import Status, ToolOutput

OK = 0
FAILED = 1
USAGE = 2
REFUSED = 3
TIMEOUT = 4
UNAVAILABLE = 5
INTERRUPTED = 130

UNKNOWN_TOOL = "tool.unknown"
"""The rule of an error about a tool that does not exist: told apart from a missing program."""


class Code(msgspec.Struct, frozen=True):
    """What one cause is called: the HTTP status of an execution that never ran, the exit status."""

    http: int
    exit: int


CODES: Mapping[ErrorType, Code] = MappingProxyType(
    {
        ErrorType.VALIDATION_ERROR: Code(422, REFUSED),
        ErrorType.POLICY_DENIED: Code(403, REFUSED),
        ErrorType.UNAUTHORIZED: Code(401, REFUSED),
        ErrorType.NOT_FOUND: Code(503, UNAVAILABLE),
        ErrorType.DISABLED: Code(409, UNAVAILABLE),
        ErrorType.RATE_LIMITED: Code(429, UNAVAILABLE),
        ErrorType.CIRCUIT_BREAKER_OPEN: Code(503, UNAVAILABLE),
        ErrorType.RESOURCE_EXHAUSTED: Code(503, UNAVAILABLE),
        ErrorType.EXECUTION_ERROR: Code(503, UNAVAILABLE),  # it could not be started
        ErrorType.TIMEOUT: Code(200, TIMEOUT),
        ErrorType.CANCELLED: Code(200, INTERRUPTED),
        ErrorType.UNKNOWN: Code(500, FAILED),
    }
)

_RAN: Mapping[Status, int] = MappingProxyType(
    {
        Status.SUCCESS: OK,
        Status.FAILED: FAILED,
        Status.TIMEOUT: TIMEOUT,
        Status.CANCELLED: INTERRUPTED,
    }
)


def http_status(output: ToolOutput) -> int:
    """200 for whatever ran, whatever came of it."""
    return http_status_of(output.error) if output.status is Status.REFUSED and output.error else 200


def http_status_of(error: ToolError) -> int:
    """The HTTP status of an error that kept something from running."""
    return 404 if _is_unknown_tool(error) else CODES[error.error_type].http


def exit_status(output: ToolOutput) -> int:
    """The exit status of the command that got this answer."""
    if (ran := _RAN.get(output.status)) is not None:
        return ran
    return exit_status_of(output.error) if output.error else FAILED


def exit_status_of(error: ToolError) -> int:
    """The exit status of an error that kept something from running."""
    return USAGE if _is_unknown_tool(error) else CODES[error.error_type].exit


def _is_unknown_tool(error: ToolError) -> bool:
    return error.metadata.get("rule") == UNKNOWN_TOOL
