"""The answer of `/health` (product contract, section 5)."""

from typing import Any, Literal

import msgspec

from ..domain.health import CheckResult, HealthStatus
from .health import HealthReport

PriorityName = Literal["critical", "high", "medium", "low", "informational"]


class CheckAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """One check. `message` is for everybody; `metadata` may hold `fix`, `detail`, `path`, `version`."""

    name: str
    status: HealthStatus
    priority: PriorityName
    message: str
    duration_sec: float
    metadata: dict[str, Any]


class HealthAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """All checks, and what they come to."""

    status: HealthStatus
    version: str
    uptime_sec: float
    checks: tuple[CheckAnswer, ...]


def to_wire(report: HealthReport, *, version: str, uptime_s: float, full: bool) -> HealthAnswer:
    """The answer. Not `full`, for a caller without the right to read: every `metadata` is empty.

    What a check may say of paths, versions and errors stands in its metadata and its fix alone.
    """
    return HealthAnswer(
        status=report.status,
        version=version,
        uptime_sec=round(uptime_s, 3),
        checks=tuple(_check(check, full) for check in report.checks),
    )


def _check(result: CheckResult, full: bool) -> CheckAnswer:
    metadata = dict(result.metadata) if full else {}
    if full and result.fix:
        metadata["fix"] = result.fix
    return CheckAnswer(
        name=result.name,
        status=result.status,
        priority=_name(result),
        message=result.message,
        duration_sec=result.duration_sec,
        metadata=metadata,
    )


def _name(result: CheckResult) -> PriorityName:
    return _NAMES[result.priority - 1]


_NAMES: tuple[PriorityName, ...] = ("critical", "high", "medium", "low", "informational")
