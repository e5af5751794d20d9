"""Shapes of answers that only HTTP gives."""

from typing import Any, Literal

import msgspec

from ...application.catalog import Entry
from ...application.health import HealthReport
from ...application.health_answer import HealthAnswer
from ...application.listing import Listing, list_tool
from ...application.ports import Machine, Metrics, ToolCounts
from ...application.run_tool import RunTool
from ...application.schemas import input_schema
from ...domain.errors import ToolError


class Offered(msgspec.Struct, frozen=True, kw_only=True):
    """An endpoint in the overview; `scope` is the right that it takes, null if none."""

    scope: str | None
    summary: str


class ServiceView(msgspec.Struct, frozen=True, kw_only=True):
    """The service in an overview: its endpoints by path and method."""

    name: str
    version: str
    transports: tuple[str, ...]
    endpoints: dict[str, dict[str, Offered]]


class Alive(msgspec.Struct, frozen=True):
    """The process answers."""

    status: Literal["alive"] = "alive"


class Readiness(msgspec.Struct, frozen=True, omit_defaults=True):
    """Whether requests should be sent here."""

    status: Literal["ready", "not_ready"]
    error: ToolError | None = None


class Unhealthy(HealthAnswer, frozen=True, kw_only=True):
    """The health of a service that is unwell: the answer of a failure, so it has an `error` too."""

    error: ToolError


class ToolView(Listing, frozen=True, kw_only=True):
    """A tool with all its metadata.

    `schema` is the JSON Schema of a request's body, `version` what the program says of itself.
    """

    schema: dict[str, Any]
    version: str | None


class ToolsView(msgspec.Struct, frozen=True):
    """The catalog, in its order."""

    tools: tuple[ToolView, ...]


class SystemUse(msgspec.Struct, frozen=True, kw_only=True):
    """Use of the host, in percent."""

    cpu_percent: float
    memory_percent: float
    disk_percent: float


class MetricsView(msgspec.Struct, frozen=True, kw_only=True):
    """What was counted, by tool."""

    system: SystemUse
    tools: dict[str, ToolCounts]


class SettingView(msgspec.Struct, frozen=True, kw_only=True):
    """A setting: its value (`***` if it is secret), where it came from, its variable."""

    value: Any
    source: str
    variable: str


def view_tool(entry: Entry, run_tool: RunTool, report: HealthReport) -> ToolView:
    """What is known of a tool now. The version is of the last health check of its program."""
    listing = list_tool(entry, run_tool.breaker_state(entry))
    check = f"program.{entry.tool.command_name}"
    versions = (c.metadata.get("version") for c in report.checks if c.name == check)
    version = next(versions, None)
    return ToolView(
        **{name: getattr(listing, name) for name in Listing.__struct_fields__},
        schema=input_schema(entry),
        version=version if isinstance(version, str) else None,
    )


def view_metrics(machine: Machine, metrics: Metrics) -> MetricsView:
    """The JSON form of the metrics."""
    usage = machine.usage()
    return MetricsView(
        system=SystemUse(
            cpu_percent=usage.cpu_percent,
            memory_percent=usage.memory_percent,
            disk_percent=usage.disk_percent,
        ),
        tools=dict(metrics.counts()),
    )
