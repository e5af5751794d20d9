"""Overviews as tables: the tools, the settings, the state of health."""

from collections.abc import Sequence
from typing import Any

from rich.table import Table

from ...application.catalog import Broken
from ...application.listing import Listing
from ...domain.health import CheckResult, HealthStatus
from .screen import plain, table
from .start import Setting

_STYLES = {
    HealthStatus.HEALTHY: "green",
    HealthStatus.DEGRADED: "yellow",
    HealthStatus.UNHEALTHY: "bold red",
}


def tools(listings: Sequence[Listing], broken: Sequence[Broken]) -> Table:
    """The catalog."""
    rows: list[Sequence[Any]] = []
    for tool in listings:
        there = tool.path or f"missing: {tool.install_hint or tool.command}"
        state = "on" if tool.enabled else "off"
        rows.append(
            (
                tool.name,
                tool.title,
                plain(
                    state if tool.available else f"{state}, not available",
                    "" if tool.available else "yellow",
                ),
                there,
                ", ".join(tool.profiles),
                f"{tool.max_timeout_sec:g}",
            )
        )
    rows.extend((one.source, "", plain("broken", "red"), one.reason, "", "") for one in broken)
    return table(("tool", "title", "state", "program", "profiles", "#max s"), rows)


def settings(described: Sequence[Setting]) -> Table:
    """The settings in force."""
    return table(
        ("setting", "value", "from", "variable"),
        [
            (
                setting.key,
                _shown(setting.value),
                setting.source if setting.source == "default" else plain(setting.source, "green"),
                plain(setting.variable, "dim"),
            )
            for setting in described
        ],
    )


def health(results: Sequence[CheckResult]) -> Table:
    """What works, and a fix for what does not."""
    return table(
        ("check", "status", "found"),
        [
            (
                result.name,
                plain(result.status.value, _STYLES[result.status]),
                f"{result.message}\nFix: {result.fix}" if result.fix else result.message,
            )
            for result in results
        ],
    )


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, tuple):
        return ", ".join(value)
    if isinstance(value, dict):
        return "; ".join(f"{name}: {text}" for name, text in value.items())
    return str(value)
