"""The form of log lines."""

import json
import logging
import sys

import pytest

from netsonde.adapters.log_lines import MAX_VALUE, Lines, quoted


def record(message: str = "tool.start", **fields: object) -> logging.LogRecord:
    made = logging.LogRecord("netsonde", logging.INFO, "f", 1, message, (), None)
    made.created = 0.5
    made.fields = fields
    return made


def test_text_is_time_level_event_and_pairs() -> None:
    line = Lines(as_json=False).format(record(tool="PingTool", target="10.0.0.1", seconds=1.5))
    assert line == (
        "1970-01-01T00:00:00.500+00:00 INFO tool.start tool=PingTool target=10.0.0.1 seconds=1.5"
    )


def test_json_is_one_object_on_one_line() -> None:
    line = Lines(as_json=True).format(record(tool="PingTool", ok=True, offending="a\nb"))
    assert "\n" not in line
    assert json.loads(line) == {
        "time": "1970-01-01T00:00:00.500+00:00",
        "level": "INFO",
        "logger": "netsonde",
        "event": "tool.start",
        "tool": "PingTool",
        "ok": True,
        "offending": "a\nb",
    }


@pytest.mark.parametrize(
    "hostile", ["a b", 'a"b', "a=b", "", "a\nlevel=INFO", "\x1b[31m", "\u2028", "\x00"]
)
def test_a_value_cannot_end_its_pair(hostile: str) -> None:
    text = quoted(hostile)
    assert text.startswith('"')
    assert json.loads(text) == hostile
    assert text.isascii()
    assert text.isprintable()


def test_a_message_cannot_begin_a_line_of_its_own() -> None:
    line = Lines(as_json=False).format(record('say "hi"\n2026 INFO forged\x1b[2K'))
    assert "\n" not in line
    assert "\x1b" not in line
    assert 'say "hi"' in line


def test_long_values_are_cut() -> None:
    assert len(quoted("x" * 10_000)) <= MAX_VALUE + 10


def test_an_exception_is_told_on_the_same_line() -> None:
    try:
        raise ValueError("broken")
    except ValueError:
        failed = record()
        failed.exc_info = sys.exc_info()
    line = Lines(as_json=False).format(failed)
    assert "broken" in line
    assert "\n" not in line
