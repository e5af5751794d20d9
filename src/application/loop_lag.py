"""How late the event loop comes to what was due: a check that is measured all the time."""

import asyncio

from ..domain.health import CheckResult, HealthStatus, Priority

TICK_S = 0.1
DEGRADED_S = 0.5
UNHEALTHY_S = 5.0


class LoopLag:
    """Meets the port `Check`: the worst delay since the last look, in the loop that measures it.

    Whatever keeps the loop busy keeps every caller waiting as long: a plug-in that blocks, a
    machine that is out of breath.
    """

    name = "loop.lag"
    priority = Priority.MEDIUM

    def __init__(self) -> None:
        self._worst_s = 0.0

    async def measure(self) -> None:
        """Go on measuring, for ever."""
        loop = asyncio.get_running_loop()
        while True:
            due_s = loop.time() + TICK_S
            await asyncio.sleep(TICK_S)
            self.note(loop.time() - due_s)

    def note(self, lag_s: float) -> None:
        """Something was done that much later than it was due."""
        self._worst_s = max(self._worst_s, lag_s)

    async def check(self) -> CheckResult:
        """The worst so far; from here on it is measured anew."""
        worst_s, self._worst_s = self._worst_s, 0.0
        status = HealthStatus.HEALTHY
        if worst_s >= DEGRADED_S:
            status = HealthStatus.UNHEALTHY if worst_s >= UNHEALTHY_S else HealthStatus.DEGRADED
        return CheckResult(
            name=self.name,
            status=status,
            priority=self.priority,
            message=f"the event loop was {worst_s * 1000:.0f} ms late at the worst",
            fix=""
            if status is HealthStatus.HEALTHY
            else "Give the service more CPU, or fewer callers; look for a plug-in that blocks.",
            metadata={"worst_sec": round(worst_s, 4)},
        )
