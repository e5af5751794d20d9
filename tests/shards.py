"""The suite in parts that take about as long as each other, by file, for runs side by side."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import pytest

# Seconds that files took when last measured; any other file takes about half a second.
_SECONDS: Mapping[str, float] = MappingProxyType({})
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
    return _SECONDS.get(file.name, _ELSE_S)
