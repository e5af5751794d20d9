"""What every answer to foreign bytes must be: plain JSON, bounded by a multiple of what came in."""

import re
from typing import Any

import msgspec

_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def assert_bounded(value: Any, data: bytes, *, least: int = 8192, factor: int = 64) -> None:
    """`value` has a JSON form of at most `least` bytes and `factor` for every byte of `data`."""
    size = len(msgspec.json.encode(value))
    assert size <= least + factor * len(data), f"{size} bytes of answer to {len(data)}"


def assert_clean(value: Any, longest: int) -> None:
    """No text in `value` has control characters (tab and newline apart) or is too long."""
    queue = [value]
    while queue:
        value = queue.pop()
        if isinstance(value, dict):
            queue.extend(value.values())
        elif isinstance(value, list):
            queue.extend(value)
        elif isinstance(value, str):
            assert len(value) <= longest
            assert not _CONTROLS.search(value)
        elif isinstance(value, float):
            assert value == value and abs(value) <= 1e15
