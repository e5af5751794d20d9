"""Health checks as third parties write them: good, broken, and one that hangs."""

import asyncio

from netsonde.domain.health import CheckResult, HealthStatus, Priority


class LicenceCheck:
    name = "acme.licence"
    priority = Priority.LOW

    async def check(self) -> CheckResult:
        print("into the protocol's stream")
        return CheckResult(
            name=self.name,
            status=HealthStatus.HEALTHY,
            priority=self.priority,
            message="good for 12 days",
        )


class StatusCheck:
    name = "acme.status"
    priority = Priority.LOW

    async def check(self) -> HealthStatus:
        return HealthStatus.DEGRADED


class HangingCheck:
    name = "acme.hanging"
    priority = Priority.INFORMATIONAL

    async def check(self) -> HealthStatus:
        await asyncio.Event().wait()
        return HealthStatus.HEALTHY


class RaisingCheck:
    name = "acme.raising"
    priority = Priority.MEDIUM

    async def check(self) -> HealthStatus:
        raise LookupError("no such licence")


class UnmakeableCheck:
    name = "acme.unmakeable"
    priority = Priority.LOW

    def __init__(self) -> None:
        raise RuntimeError("no")

    async def check(self) -> HealthStatus:
        return HealthStatus.HEALTHY


class SynchronousCheck:
    name = "acme.synchronous"
    priority = Priority.LOW

    def check(self) -> HealthStatus:
        return HealthStatus.HEALTHY


class NamelessCheck:
    name = "with spaces"
    priority = Priority.LOW

    async def check(self) -> HealthStatus:
        return HealthStatus.HEALTHY


class OurNameCheck(StatusCheck):
    name = "record.mine"


class UrgentCheck(StatusCheck):
    name = "acme.urgent"
    priority = "urgent"  # type: ignore[assignment]  # as an author might


class FickleCheck(StatusCheck):
    """Says something else each time it is asked for its name."""

    asked = 0

    @property
    def name(self) -> str:  # type: ignore[override]  # as an author might
        type(self).asked += 1
        return f"acme.fickle{self.asked}"


class ExampleCheck(StatusCheck):
    name = "acme.example"


class NoCheck:
    """Not a check at all."""
