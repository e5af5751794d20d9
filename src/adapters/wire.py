"""What an outcome is called on each wire: HTTP statuses and exit statuses, in one table."""

from collections.abc import Mapping
from types import MappingProxyType

import msgspec

from ..domain.errors import ErrorType, ToolError
from ..domain.execution import Status, ToolOutput
from ..domain.health import HealthStatus

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

_RULES: Mapping[str, int] = MappingProxyType(
    {
        UNKNOWN_TOOL: 404,
        "access.host": 421,
        "execution.unknown": 404,
        "request.accept": 406,
        "request.host": 400,
        "request.malformed": 400,
        "request.media_type": 415,
        "request.method": 405,
        "request.path": 404,
        "request.size": 413,
    }
)
"""Rules that have a status of their own, whatever the type of the error."""

HEALTH: Mapping[HealthStatus, int] = MappingProxyType(
    {HealthStatus.HEALTHY: 200, HealthStatus.DEGRADED: 207, HealthStatus.UNHEALTHY: 503}
)
"""The HTTP status of an answer about the health of the whole."""

READY: Mapping[bool, int] = MappingProxyType({True: 200, False: 503})
"""The HTTP status by which an orchestrator learns whether to send requests."""

HTTP_OK = 200
NO_CONTENT = 204

WAITS = frozenset({429, 503})
"""The HTTP statuses that say when to come back."""

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
    own = _RULES.get(str(error.metadata.get("rule")))
    return CODES[error.error_type].http if own is None else own


def exit_status(output: ToolOutput) -> int:
    """The exit status of the command that got this answer."""
    if (ran := _RAN.get(output.status)) is not None:
        return ran
    return exit_status_of(output.error) if output.error else FAILED


def exit_status_of(error: ToolError) -> int:
    """The exit status of an error that kept something from running."""
    return USAGE if is_unknown_tool(error) else CODES[error.error_type].exit


def is_unknown_tool(error: ToolError) -> bool:
    """Whether there is no tool of the name that was asked for."""
    return error.metadata.get("rule") == UNKNOWN_TOOL
