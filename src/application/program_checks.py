"""Checks of the tools while the service runs: their programs and their circuit breakers."""

from collections.abc import Callable, Hashable

import msgspec

from ..domain.breaker import State
from ..domain.health import CheckResult, HealthStatus, Priority
from .catalog import Catalog, Entry
from .checks import check_program
from .ports import ProcessRunner

Stamp = Callable[[str], Hashable | None]
"""What changes when a file does: same stamp, same program. None when it can't be looked at."""


class ProgramCheck:
    """Meets the port `Check`: whether a tool's program runs, and in which version.

    It is run once, and again when its file changes, or when it did not run the last time.
    """

    priority = Priority.MEDIUM

    def __init__(
        self,
        name: str,
        tool: str,
        catalog: Callable[[], Catalog],
        runner: ProcessRunner,
        stamp: Stamp,
    ) -> None:
        self.name = name
        self._tool = tool
        self._catalog = catalog
        self._runner = runner
        self._stamp = stamp
        self._seen: tuple[str, Hashable] | None = None
        self._good: CheckResult | None = None

    async def check(self) -> CheckResult:
        """See the port."""
        entry = self._catalog().find(self._tool)
        if entry is None or not entry.enabled:
            return self._result(HealthStatus.HEALTHY, "switched off")
        if entry.path is None:
            missing = await check_program(entry, self._runner)
            message = "may not be run" if entry.unusable else "not installed"
            result = self._result(missing.status, message, missing.fix)
            detail = {"detail": entry.unusable} if entry.unusable else {}
            return msgspec.structs.replace(result, metadata=detail)
        seen = (entry.path, self._stamp(entry.path))
        if self._good is None or seen != self._seen or seen[1] is None:
            self._good = None
            found = await self._run(entry)
            if found.status is not HealthStatus.HEALTHY:
                return found
            self._seen, self._good = seen, found
        return self._good

    async def _run(self, entry: Entry) -> CheckResult:
        found = await check_program(entry, self._runner)
        healthy = found.status is HealthStatus.HEALTHY
        metadata = found.metadata if healthy else {"detail": found.message}
        message = "runs" if healthy else "does not run"
        result = self._result(found.status, message, found.fix)
        return msgspec.structs.replace(result, metadata=metadata)

    def _result(self, status: HealthStatus, message: str, fix: str = "") -> CheckResult:
        return CheckResult(
            name=self.name, status=status, priority=self.priority, message=message, fix=fix
        )


class AnyToolCheck:
    """Meets the port `Check`: whether there is a tool that can be used at all."""

    name = "tools"
    priority = Priority.HIGH

    def __init__(self, catalog: Callable[[], Catalog]) -> None:
        self._catalog = catalog

    async def check(self) -> CheckResult:
        """See the port."""
        entries = self._catalog().entries()
        usable = sum(entry.available and entry.enabled for entry in entries)
        # All of them switched off is somebody's will, not an illness.
        lost = not any(entry.available for entry in entries)
        return CheckResult(
            name=self.name,
            status=HealthStatus.UNHEALTHY if lost else HealthStatus.HEALTHY,
            priority=self.priority,
            message=f"{usable} of {len(entries)} tools can be used",
            fix="Install the tools' programs; see TOOL_INCLUDE and TOOL_EXCLUDE." if lost else "",
            metadata={"usable": usable, "tools": len(entries)},
        )


class BreakerCheck:
    """Meets the port `Check`: whether a tool is given a rest by its circuit breaker."""

    priority = Priority.INFORMATIONAL

    def __init__(self, tool: str, state: Callable[[], State]) -> None:
        self.name = f"breaker.{tool}"
        self._state = state

    async def check(self) -> CheckResult:
        """See the port."""
        state = self._state()
        closed = state is State.CLOSED
        return CheckResult(
            name=self.name,
            status=HealthStatus.HEALTHY if closed else HealthStatus.DEGRADED,
            priority=self.priority,
            message=state.value.replace("_", "-"),
            fix="" if closed else "The tool failed several times in a row; see its executions.",
            metadata={"state": state.value},
        )
