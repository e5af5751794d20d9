"""How a line of the log looks: key=value text, or a JSON object; never a line break inside."""

import json
import logging
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

MAX_VALUE = 500
_PLAIN = re.compile(r"[!#-<>-~]+\Z")  # printable ASCII without space, quotation mark, equals sign


class Lines(logging.Formatter):
    """Formats records of any logger, ours (with fields) or a library's (a message)."""

    def __init__(self, *, as_json: bool) -> None:
        super().__init__()
        self._as_json = as_json

    def format(self, record: logging.LogRecord) -> str:
        """One line, whatever is in the record."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        values: Mapping[str, Any] = getattr(record, "fields", {})
        message = record.getMessage()
        if record.exc_info:
            values = {**values, "exception": self.formatException(record.exc_info)}
        if self._as_json:
            line = {"time": at, "level": record.levelname, "logger": record.name, "event": message}
            return json.dumps({**line, **{name: _clip(value) for name, value in values.items()}})
        pairs = "".join(f" {name}={quoted(value)}" for name, value in values.items())
        return f"{at} {record.levelname} {_escaped(message)}{pairs}"


def quoted(value: Any) -> str:
    """A value for key=value text: bare if it is plain, else in quotation marks with escapes."""
    clipped = _clip(value)
    text = clipped if isinstance(clipped, str) else json.dumps(clipped)
    return text if _PLAIN.match(text) else json.dumps(text)


def _clip(value: Any) -> Any:
    if isinstance(value, bool | int | float) or value is None:
        return value
    text = str(value)
    return text if len(text) <= MAX_VALUE else text[: MAX_VALUE - 1] + "…"


def _escaped(message: str) -> str:
    """json.dumps escapes what could begin a line of its own, in any script; its quotes go again."""
    return json.dumps(message)[1:-1].replace('\\"', '"').replace("\\\\", "\\")
