"""What went wrong, whose fault it was, and what to do next."""

from enum import StrEnum
from typing import Any

import msgspec

VIOLATION = "egress.violation"
"""The rule of an error about a program that sent to an address which its plan doesn't name."""


class ErrorType(StrEnum):
    """The closed set of causes a caller can tell apart (product contract, section 2)."""

    TIMEOUT = "timeout"
    NOT_FOUND = "not_found"
    VALIDATION_ERROR = "validation_error"
    POLICY_DENIED = "policy_denied"
    EXECUTION_ERROR = "execution_error"
    RESOURCE_EXHAUSTED = "resource_exhausted"
    CIRCUIT_BREAKER_OPEN = "circuit_breaker_open"
    RATE_LIMITED = "rate_limited"
    DISABLED = "disabled"
    CANCELLED = "cancelled"
    UNAUTHORIZED = "unauthorized"
    UNKNOWN = "unknown"


class ToolError(msgspec.Struct, frozen=True, kw_only=True):
    """The member `error` of every answer.

    `metadata` holds what a program can act on: for a refusal `rule`, `offending` and perhaps
    `suggestion` (`{target, extra_args}`); for a wait `retry_after_sec`.
    """

    error_type: ErrorType
    message: str
    recovery_suggestion: str
    metadata: dict[str, Any] = {}
