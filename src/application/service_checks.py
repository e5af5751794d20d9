"""The checks of a running service, but for those of the machine and of plug-ins."""

from collections.abc import Callable, Iterable, Sequence

import msgspec

from ..domain.health import CheckResult, HealthStatus, Priority
from ..domain.layer import Layer
from .catalog import Broken, Entry
from .checks import check_broken, check_layers, told
from .ports import Check, ProcessRunner
from .program_checks import AnyToolCheck, BreakerCheck, ProgramCheck, Stamp
from .provenance import Provenance
from .run_tool import RunTool

OWN_NAMES = frozenset(
    {
        "breaker",
        "loop",
        "machine",
        "plugins",
        "privileges",
        "program",
        "record",
        "sandbox",
        "server",
        "settings",
        "state",
        "tools",
    }
)
"""What stands before the first dot of the service's own checks; a plug-in's are named otherwise."""

_MOST_TOLD = 20


class Look:
    """Meets the port `Check` by a function that answers at once."""

    def __init__(self, name: str, priority: Priority, look: Callable[[], CheckResult]) -> None:
        self.name = name
        self.priority = priority
        self._look = look

    async def check(self) -> CheckResult:
        """See the port."""
        return self._look()


def service_checks(
    *,
    run_tool: RunTool,
    runner: ProcessRunner,
    stamp: Stamp,
    layers: Iterable[Layer],
    broken: Sequence[Broken],
    plugins: Sequence[Provenance] = (),
    record_failing: Callable[[], str | None],
    refused_settings: Callable[[], Sequence[str]],
) -> tuple[Check, ...]:
    """The tools of the catalog as it is now (make them anew after a reload), and what all need.

    `record_failing` says why the event log can't write, or None; `refused_settings` what of the
    last reload was not taken, as sentences: all of it, or what needs a restart.
    """
    entries = run_tool.catalog.entries()
    return (
        Look("record", Priority.HIGH, lambda: _record(record_failing())),
        Look("settings", Priority.HIGH, lambda: _settings(refused_settings())),
        *_layers(layers),
        *_plugins(broken, plugins),
        AnyToolCheck(lambda: run_tool.catalog),
        *_programs(run_tool, runner, stamp),
        *(_breaker(run_tool, entry) for entry in entries),
    )


def _programs(run_tool: RunTool, runner: ProcessRunner, stamp: Stamp) -> Iterable[Check]:
    names: set[str] = set()
    for entry in run_tool.catalog.entries():
        name = f"program.{entry.tool.command_name}"
        if name in names:  # a plug-in may run the same program as another tool
            name = f"program.{entry.name}"
        names.add(name)
        yield ProgramCheck(name, entry.name, lambda: run_tool.catalog, runner, stamp)


def _breaker(run_tool: RunTool, entry: Entry) -> BreakerCheck:
    return BreakerCheck(entry.name, lambda: run_tool.breaker_state(entry))


def _record(failing: str | None) -> CheckResult:
    """Without a record nothing is run, so this is worse than degraded."""
    if failing is None:
        return _result("record", HealthStatus.HEALTHY, "executions and decisions are recorded")
    return CheckResult(
        name="record",
        status=HealthStatus.UNHEALTHY,
        priority=Priority.HIGH,
        message="the event log can't be written, so executions are refused",
        fix="See that state.dir can be written to and has room.",
        metadata={"detail": failing},
    )


def _settings(problems: Sequence[str]) -> CheckResult:
    if not problems:
        return _result("settings", HealthStatus.HEALTHY, "as they were read")
    return CheckResult(
        name="settings",
        status=HealthStatus.DEGRADED,
        priority=Priority.HIGH,
        message=f"the last reload left {len(problems)} problem(s)",
        fix="Correct them and reload again, or restart the service where a setting needs that.",
        metadata={"problems": [problem[:150] for problem in problems[:_MOST_TOLD]]},
    )


def _layers(layers: Iterable[Layer]) -> Iterable[Check]:
    layers = tuple(layers)
    for layer, found in zip(layers, check_layers(layers), strict=True):
        yield _constant(
            msgspec.structs.replace(
                found,
                message="in force" if layer.active else "not in force",
                metadata={"detail": found.message, **found.metadata},
            )
        )


def _plugins(broken: Sequence[Broken], plugins: Sequence[Provenance]) -> Iterable[Check]:
    found = check_broken(broken)
    if not found:
        sound = _result("plugins", HealthStatus.HEALTHY, "none is broken")
        loaded = {one.name: told(one)[:200] for one in plugins[: _MOST_TOLD // 2]}
        metadata = {"loaded": loaded} if loaded else {}
        yield _constant(msgspec.structs.replace(sound, metadata=metadata))
        return
    yield _constant(
        msgspec.structs.replace(
            found[0],
            message=f"{len(found)} could not be loaded",
            metadata={"broken": [one.message[:150] for one in found[:_MOST_TOLD]]},
        )
    )


def _constant(result: CheckResult) -> Check:
    return Look(result.name, result.priority, lambda: result)


def _result(name: str, status: HealthStatus, message: str) -> CheckResult:
    return CheckResult(name=name, status=status, priority=Priority.HIGH, message=message)
