"""Health: what single checks found, rolled up to one word."""

from collections.abc import Iterable
from enum import IntEnum, StrEnum
from typing import Any

import msgspec


class HealthStatus(StrEnum):
    """How well a part, or the whole, is."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    UNHEALTHY = "unhealthy"


class Priority(IntEnum):
    """How much a check counts. LOW and INFORMATIONAL can degrade the whole, never fail it."""

    CRITICAL = 1
    HIGH = 2
    MEDIUM = 3
    LOW = 4
    INFORMATIONAL = 5


class CheckResult(msgspec.Struct, frozen=True, kw_only=True):
    """What one check found."""

    name: str
    status: HealthStatus
    priority: Priority
    message: str = ""
    fix: str = ""
    duration_sec: float = 0.0
    metadata: dict[str, Any] = {}


def roll_up(results: Iterable[CheckResult]) -> HealthStatus:
    """The worst result, where one of low priority counts as degraded at the most."""
    overall = HealthStatus.HEALTHY
    for result in results:
        if result.status is HealthStatus.UNHEALTHY and result.priority <= Priority.MEDIUM:
            return HealthStatus.UNHEALTHY
        if result.status is not HealthStatus.HEALTHY:
            overall = HealthStatus.DEGRADED
    return overall
