"""Refused: the answer no, with the rule, the word that broke it, and the way forward."""

from typing import Any

import msgspec

from .errors import ErrorType, ToolError


class Suggestion(msgspec.Struct, frozen=True, kw_only=True):
    """The nearest request that would be allowed; planning it succeeds."""

    target: str
    extra_args: str


# By the longest dotted prefix. A caller's slip is a validation error, the operator's will a denial.
_TYPES: dict[str, ErrorType] = {
    "target": ErrorType.POLICY_DENIED,
    "target.characters": ErrorType.VALIDATION_ERROR,
    "target.malformed": ErrorType.VALIDATION_ERROR,
    "target.spelling": ErrorType.VALIDATION_ERROR,
    "target.too_large": ErrorType.VALIDATION_ERROR,
    "target.not_one_host": ErrorType.VALIDATION_ERROR,
    "target.unresolved": ErrorType.VALIDATION_ERROR,
    "option": ErrorType.VALIDATION_ERROR,
    "option.intrusive": ErrorType.POLICY_DENIED,
    "option.forbidden": ErrorType.POLICY_DENIED,
    "argument": ErrorType.VALIDATION_ERROR,
    "request": ErrorType.VALIDATION_ERROR,
    "access": ErrorType.POLICY_DENIED,
}


class Refused(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A request that must not run. `rule` is a stable dotted id, `offending` the exact token."""

    rule: str
    offending: str
    reason: str
    recovery: str
    suggestion: Suggestion | None = None

    @property
    def error_type(self) -> ErrorType:
        """Whose fault it is."""
        return _TYPES.get(self.rule) or _TYPES[self.rule.partition(".")[0]]

    def error(self) -> ToolError:
        """The error that callers see."""
        metadata: dict[str, Any] = {"rule": self.rule, "offending": self.offending}
        if self.suggestion is not None:
            metadata["suggestion"] = msgspec.to_builtins(self.suggestion)
        return ToolError(
            error_type=self.error_type,
            message=f"Refused ({self.rule}): {self.reason}.",
            recovery_suggestion=self.recovery,
            metadata=metadata,
        )
