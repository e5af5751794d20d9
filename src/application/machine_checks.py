"""Checks of the host's use, against the operator's two limits."""

from collections.abc import Callable

import msgspec

from ..domain.health import CheckResult, HealthStatus, Priority
from .ports import Check, Machine, Usage


class _Share(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that can be used up. A busy CPU is slow, not ill: it never fails the whole."""

    name: str
    priority: Priority
    percent: Callable[[Usage], float]
    what: str
    fix: str


def _descriptors(usage: Usage) -> float:
    return 100 * usage.descriptors / usage.max_descriptors if usage.max_descriptors else 100.0


_SHARES = (
    _Share(
        name="machine.cpu",
        priority=Priority.LOW,
        percent=lambda usage: usage.cpu_percent,
        what="of the CPU time",
        fix="Give the service more CPU, or lower tool.default_concurrency.",
    ),
    _Share(
        name="machine.memory",
        priority=Priority.HIGH,
        percent=lambda usage: usage.memory_percent,
        what="of the memory",
        fix="Give it more memory, or lower tool.default_concurrency or tool.max_memory_mb.",
    ),
    _Share(
        name="machine.disk",
        priority=Priority.HIGH,
        percent=lambda usage: usage.disk_percent,
        what="of the file system of state.dir",
        fix="Make room there, or lower state.max_mb or state.max_age_days.",
    ),
    _Share(
        name="machine.descriptors",
        priority=Priority.CRITICAL,  # without one left no connection can be taken
        percent=_descriptors,
        what="of the file descriptors",
        fix="Raise the limit (systemd: LimitNOFILE=), or lower server.max_connections.",
    ),
)


class ShareCheck:
    """Meets the port `Check`: how much of one thing is used."""

    def __init__(
        self, share: _Share, machine: Machine, degraded_percent: float, unhealthy_percent: float
    ) -> None:
        self.name = share.name
        self.priority = share.priority
        self._share = share
        self._machine = machine
        self._degraded_percent = degraded_percent
        self._unhealthy_percent = unhealthy_percent

    async def check(self) -> CheckResult:
        """See the port."""
        percent = self._share.percent(self._machine.usage())
        status = HealthStatus.HEALTHY
        if percent >= self._unhealthy_percent:
            status = HealthStatus.UNHEALTHY
        elif percent >= self._degraded_percent:
            status = HealthStatus.DEGRADED
        return CheckResult(
            name=self.name,
            status=status,
            priority=self.priority,
            message=f"{percent:.0f} % {self._share.what} in use",
            fix="" if status is HealthStatus.HEALTHY else self._share.fix,
            metadata={"percent": round(percent, 1)},
        )


def machine_checks(
    machine: Machine, *, degraded_percent: float, unhealthy_percent: float
) -> tuple[Check, ...]:
    """CPU, memory, disk and descriptors; percentages from 0 to 100.

    Is `unhealthy_percent` the lower one, it alone counts.
    """
    return tuple(
        ShareCheck(share, machine, degraded_percent, unhealthy_percent) for share in _SHARES
    )
