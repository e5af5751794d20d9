"""The suite in parts that take about as long as each other, by file, for runs side by side."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import pytest

# Seconds that files took when last measured, side by side; any other file takes about half a second.
_SECONDS: Mapping[str, float] = MappingProxyType(
    {
        "contract/test_oracle.py": 111,
        "contract/test_lab_entry.py": 96,
        "contract/test_drivers.py": 79,
        "contract/test_mcp_stdio_lines.py": 57,
        "contract/test_command_line.py": 53,
        "contract/test_attacks.py": 53,
        "runner/test_cancellation.py": 36,
        "contract/test_openapi.py": 35,
        "contract/test_nothing_left.py": 33,
        "contract/test_service_load.py": 31,
        "contract/test_service_changes.py": 28,
        "contract/test_tools_in_lab.py": 26,
        "contract/test_service_observed.py": 25,
        "contract/test_egress.py": 25,
        "contract/test_mcp_stdio_ends.py": 24,
        "contract/test_record_crashes.py": 24,
        "contract/test_mcp_stdio.py": 23,
        "domain/test_planning_properties.py": 23,
        "contract/test_service_record.py": 23,
        "contract/test_notified_egress.py": 30,
        "contract/test_notified_calls.py": 9,
        "contract/test_service_ends.py": 20,
        "runner/test_unwilling.py": 18,
        "contract/test_service_access.py": 15,
        "contract/test_mcp_http_ends.py": 15,
        "contract/test_hostile.py": 14,
        "runner/test_bounds.py": 13,
        "contract/test_readme.py": 13,
        "runner/test_server_death.py": 12,
        "contract/test_connections.py": 12,
        "contract/test_mcp_http.py": 12,
        "faults/test_stdio_faults.py": 9,
        "contract/test_mcp_product.py": 9,
        "runner/test_starved.py": 8,
        "faults/test_service_starved.py": 7,
        "faults/test_dns_faults.py": 6,
        "faults/test_http_faults.py": 6,
        "faults/test_kills.py": 6,
        "record/test_bounds.py": 6,
        "domain/test_reports.py": 6,
        "contract/test_serving.py": 6,
        "supply/test_sbom.py": 6,
        "contract/test_feed.py": 6,
        "contract/test_prometheus.py": 6,
        "telemetry/test_telemetry.py": 6,
        "http/test_door.py": 5,
        "faults/test_record_thread.py": 4,
        "faults/test_state_folder.py": 4,
        "runner/test_neighbours.py": 4,
        "contract/test_lab.py": 4,
        "contract/test_otlp.py": 4,
        "domain/test_access.py": 3,
    }
)
_ELSE_S = 0.5


def keep_shard(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect what is not of the part that `--shard` names; all is kept without it."""
    shard = config.getoption("--shard")
    if shard is None:
        return
    number, _, count = shard.partition("/")
    mine = _parts({item.path for item in items}, int(count))[int(number) - 1]
    items[:], others = (
        [item for item in items if item.path in mine],
        [item for item in items if item.path not in mine],
    )
    config.hook.pytest_deselected(items=others)


def _parts(files: set[Path], count: int) -> list[set[Path]]:
    """Longest file first, each to the part that has the least to do."""
    parts: list[set[Path]] = [set() for _ in range(count)]
    loads = [0.0] * count
    for file in sorted(files, key=lambda file: (-_seconds(file), file)):
        least = loads.index(min(loads))
        parts[least].add(file)
        loads[least] += _seconds(file)
    return parts


def _seconds(file: Path) -> float:
    return _SECONDS.get(f"{file.parent.name}/{file.name}", _ELSE_S)
