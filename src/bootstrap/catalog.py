"""The catalog of one operator: tools found, joined with what the settings say of each."""

from collections.abc import Sequence

from ..adapters.plugins import Found, chosen, profile_problem
from ..application.catalog import Catalog, Entry
from ..application.ports import Programs
from ..application.provenance import Provenance
from ..domain.breaker import Settings as BreakerSettings
from ..domain.policy import Policy
from ..domain.target import Network
from ..domain.terms import Terms
from ..domain.tool import Tool
from .settings import Settings
from .settings_load import Loaded
from .settings_of_tools import OneTool
from .settings_problems import ConfigError, Problem
from .settings_values import Wrong, network

_MIB = 1024 * 1024


def settle(loaded: Loaded, found: Found) -> Loaded:
    """The settings under the tools' own names; raises ConfigError for unknown tools, bad profiles."""
    loaded = loaded.for_tools([tool.name for tool in found.tools], complete=not found.broken)
    problems = [
        Problem(
            loaded.sources.get(f"tools.{tool.name}.profiles", ""), key, f"can't be used: {reason}"
        )
        for tool in found.tools
        for name, text in loaded.settings.of_tool(tool.name).profiles.items()
        if (reason := profile_problem(tool, text)) is not None
        for key in (f"tools.{tool.name}.profiles.{name}",)
    ]
    if problems:
        raise ConfigError(problems)
    return loaded


def build_catalog(settings: Settings, found: Found, programs: Programs) -> Catalog:
    """Every tool to offer, on the operator's terms."""
    tools = chosen(found.tools, settings.tool.include, settings.tool.exclude)
    entries = (entry(tool, settings, programs, found.provenances.get(tool.name)) for tool in tools)
    return Catalog(tuple(entries), found.broken)


def entry(
    tool: Tool, settings: Settings, programs: Programs, provenance: Provenance | None = None
) -> Entry:
    """One tool: `tools.<Name>` over what its class says over the general settings."""
    own, general = settings.of_tool(tool.name), settings.tool
    path, unusable = _located(tool, own, programs)
    longest_s = own.timeout or general.default_timeout
    usual_s = own.timeout or min(tool.default_timeout_sec or longest_s, longest_s)
    memory_mb = own.max_memory_mb or general.max_memory_mb
    return Entry(
        tool=tool,
        path=path,
        unusable=unusable,
        provenance=provenance,
        enabled=own.enabled,
        concurrency=own.concurrency or tool.concurrency or general.default_concurrency,
        queue=general.queue,
        breaker=_breaker(tool, settings),
        terms=Terms(
            policy=policy(settings, tool.name),
            program=path or tool.command_name,
            program_sha256=own.sha256 or "",
            default_timeout_s=usual_s,
            max_timeout_s=longest_s,
            max_stdout_bytes=general.max_stdout_bytes,
            max_stderr_bytes=general.max_stderr_bytes,
            max_memory_bytes=memory_mb * _MIB,
            max_file_descriptors=general.max_file_descriptors,
            profiles={**tool.profiles, **own.profiles},
        ),
    )


def _located(tool: Tool, own: OneTool, programs: Programs) -> tuple[str | None, str]:
    """Where the program is, or None and why it may not be run ("" when it isn't there at all)."""
    path = own.path or programs.find(tool.command_name)
    if path is None:
        return None, "; ".join(programs.flaws(tool.command_name))
    if not own.path and not own.sha256:
        return path, ""
    objection = programs.objection(path, own.sha256 or "")
    return (None, objection) if objection else (path, "")


def policy(settings: Settings, tool_name: str) -> Policy:
    """The operator's policy, as it is for one tool."""
    security, own = settings.security, settings.of_tool(tool_name)
    intrusive = security.allow_intrusive if own.allow_intrusive is None else own.allow_intrusive
    return Policy(
        allowed_networks=_networks(security.allowed_networks),
        denied_networks=_networks(security.denied_networks),
        allowed_suffixes=security.allowed_suffixes,
        max_hosts=security.max_hosts,
        allow_intrusive=intrusive,
        max_args_len=settings.tool.max_args_len,
    )


def _networks(texts: Sequence[str]) -> tuple[Network, ...]:
    """Read again what loading has checked; a Settings made by hand may still be wrong."""
    read = [network(text) for text in texts]
    wrong = [
        Problem("settings", "security", item.reason) for item in read if isinstance(item, Wrong)
    ]
    if wrong:
        raise ConfigError(wrong)
    return tuple(item for item in read if not isinstance(item, Wrong))


def _breaker(tool: Tool, settings: Settings) -> BreakerSettings:
    own, general = settings.of_tool(tool.name), settings.circuit_breaker
    of_class = tool.circuit_breaker_failure_threshold, tool.circuit_breaker_recovery_timeout
    return BreakerSettings(
        failure_threshold=own.failure_threshold or of_class[0] or general.failure_threshold,
        recovery_s=own.recovery_timeout or of_class[1] or general.recovery_timeout,
    )
