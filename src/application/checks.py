"""Checks of what works here: each turns what was found into a result with a fix."""

import asyncio
from collections.abc import Iterable

import msgspec

from ..domain.health import CheckResult, HealthStatus, Priority
from ..domain.layer import Layer, LayerMode
from ..domain.plan import Limits, Plan
from ..domain.privileges import Privileges
from ..domain.text import clean
from .catalog import Broken, Catalog, Entry
from .ports import Ended, HowEnded, ProcessRunner
from .provenance import Provenance

_VERSION_LIMITS = Limits(
    timeout_s=5.0,
    max_stdout_bytes=4096,
    max_stderr_bytes=4096,
    max_memory_bytes=512 * 1024 * 1024,
    max_file_descriptors=256,
    max_cpu_s=5,
)


def check_settings(problems: Iterable[str]) -> list[CheckResult]:
    """One result for each problem; one that says so if there is none."""
    found = [
        _result("settings", HealthStatus.UNHEALTHY, Priority.CRITICAL, problem, "Correct it there.")
        for problem in problems
    ]
    return found or [_result("settings", HealthStatus.HEALTHY, Priority.CRITICAL, "no problem")]


async def check_programs(catalog: Catalog, runner: ProcessRunner) -> list[CheckResult]:
    """Run each program once for its version. No packet is sent."""
    entries = catalog.entries()
    results = list(await asyncio.gather(*(check_program(entry, runner) for entry in entries)))
    if not any(entry.available for entry in entries):
        message = "no tool has its program" if entries else "there is no tool"
        fix = "Install the programs named above." if entries else "See TOOL_INCLUDE, TOOL_EXCLUDE."
        results.append(_result("tools", HealthStatus.UNHEALTHY, Priority.HIGH, message, fix))
    return results


async def check_program(entry: Entry, runner: ProcessRunner) -> CheckResult:
    """A missing program makes one tool unavailable; one that does not run is worse than none."""
    name, tool = f"program.{entry.tool.command_name}", entry.tool
    if entry.path is None:
        if entry.unusable:
            return _unusable(name, entry)
        fix = tool.install_hint or f"Install the program {tool.command_name}."
        message = f"not installed; {entry.name} answers not_found"
        return _result(name, HealthStatus.DEGRADED, Priority.MEDIUM, message, fix)
    plan = Plan(
        tool=entry.name,
        target="",
        argv=(entry.path, *tool.version_args),
        addresses=(),
        host_count=0,
        limits=_VERSION_LIMITS,
        program_sha256=entry.terms.program_sha256,
    )
    ended = await runner.run(plan)
    if ended.how is HowEnded.ALTERED:
        return _unusable(name, msgspec.structs.replace(entry, unusable=ended.reason))
    version = _first_line(ended)
    if ended.how is HowEnded.EXITED and ended.returncode == 0:
        metadata = {"path": entry.path, "version": version}
        result = _result(name, HealthStatus.HEALTHY, Priority.MEDIUM, f"{entry.path}: {version}")
        return CheckResult(
            name=name,
            status=result.status,
            priority=result.priority,
            message=result.message,
            metadata=metadata,
        )
    said = ended.reason or version or f"status {ended.returncode}"
    message = f"{entry.path} does not run: {said}"
    fix = f"Try it by hand: {' '.join(plan.argv)}"
    return _result(name, HealthStatus.UNHEALTHY, Priority.MEDIUM, message, fix)


def _unusable(name: str, entry: Entry) -> CheckResult:
    """Not the program that is pinned is an alarm; another that won't do is as good as missing."""
    own = f"tools.{entry.name}"
    alarm = entry.terms.program_sha256
    return _result(
        name,
        HealthStatus.UNHEALTHY if alarm else HealthStatus.DEGRADED,
        Priority.MEDIUM,
        f"not run; {entry.name} answers not_found: {entry.unusable}",
        "Find out who changed it, then install a sound one (owned by root, written to by nobody "
        f"else, not set-uid), or correct {own}.path and {own}.sha256, and reload.",
    )


def check_privileges(privileges: Privileges) -> list[CheckResult]:
    """What the server lacks, and what becomes of the tools without it."""
    if privileges.raw_sockets:
        raw = _result("privileges.raw_sockets", HealthStatus.HEALTHY, Priority.LOW, "there")
    else:
        raw = _result(
            "privileges.raw_sockets",
            HealthStatus.DEGRADED,
            Priority.LOW,
            "none: nmap connects instead of sending SYN packets, some options are refused",
            "Start netsonde as root or with the ambient capability CAP_NET_RAW "
            "(systemd: AmbientCapabilities=CAP_NET_RAW).",
        )
    if privileges.raw_sockets or privileges.icmp_sockets:
        icmp = _result("privileges.icmp_sockets", HealthStatus.HEALTHY, Priority.MEDIUM, "there")
    else:
        icmp = _result(
            "privileges.icmp_sockets",
            HealthStatus.DEGRADED,
            Priority.MEDIUM,
            "none: ping can't run",
            'Open them: sysctl -w net.ipv4.ping_group_range="0 2147483647"',
        )
    return [raw, icmp]


def check_layers(layers: Iterable[Layer]) -> list[CheckResult]:
    """The containment of programs: what is required must be there, the rest should."""
    return [_check_layer(layer) for layer in layers]


def _check_layer(layer: Layer) -> CheckResult:
    if layer.missed:
        status, priority = HealthStatus.UNHEALTHY, Priority.CRITICAL
    elif layer.active:
        status, priority = HealthStatus.HEALTHY, Priority.HIGH
    elif layer.mode is LayerMode.OFF:  # the operator's word
        status, priority = HealthStatus.HEALTHY, Priority.INFORMATIONAL
    else:
        # The many layers back each other up, and a plain container lacks some: that is worth a
        # remark, not an alarm that never ends.
        status, priority = HealthStatus.DEGRADED, Priority.LOW
    return CheckResult(
        name=f"sandbox.{layer.name}",
        status=status,
        priority=priority,
        message=layer.reason,
        fix="" if status is HealthStatus.HEALTHY else layer.fix or "See docs/security.md.",
        metadata={"mode": layer.mode, "active": layer.active},
    )


def check_broken(broken: Iterable[Broken]) -> list[CheckResult]:
    """Tools that could not be loaded."""
    return [
        _result(
            "plugins",
            HealthStatus.DEGRADED,
            Priority.HIGH,
            f"{one.source}: {one.reason}",
            "Correct the plug-in, or take it out of `plugins` or TOOLS_PACKAGE.",
        )
        for one in broken
    ]


def check_plugins(plugins: Iterable[Provenance]) -> list[CheckResult]:
    """The plug-ins that were switched on and could be loaded: whose each is, and its digest."""
    return [
        CheckResult(
            name=f"plugins.{one.name}",
            status=HealthStatus.HEALTHY,
            priority=Priority.INFORMATIONAL,
            message=told(one),
            metadata=msgspec.to_builtins(one),
        )
        for one in plugins
    ]


def told(one: Provenance) -> str:
    """A plug-in's provenance in a line."""
    whose = f"{one.distribution} {one.version}" if one.distribution else "of no known distribution"
    digest = f"sha256:{one.sha256}" if one.sha256 else "no SHA-256"
    pinned = " (pinned)" if one.pinned else ""
    return f"{whose}, {digest}{pinned}{f': {one.note}' if one.note else ''}"


def _result(
    name: str, status: HealthStatus, priority: Priority, message: str, fix: str = ""
) -> CheckResult:
    return CheckResult(name=name, status=status, priority=priority, message=message, fix=fix)


def _first_line(ended: Ended) -> str:
    said = clean(ended.stdout.data).strip() or clean(ended.stderr.data).strip()
    return said.splitlines()[0].strip()[:200] if said else ""
