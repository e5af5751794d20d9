"""Events for tests of the record, and the record itself opened for one test."""

import logging
from pathlib import Path
from typing import Any

import msgspec

from netsonde.adapters.clock import SystemClock
from netsonde.adapters.record.sqlite_record import SqliteRecord, open_record
from netsonde.application.ports import Clock
from netsonde.domain.execution import (
    Event,
    Finished,
    Happening,
    Planned,
    Requested,
    Started,
    Status,
    ToolOutput,
)
from netsonde.domain.plan import Limits, Plan

MAX_BYTES = 16 * 1024 * 1024
YEAR_S = 365 * 86_400.0
PLAN = Plan(
    tool="PingTool",
    target="10.0.0.1",
    argv=("/usr/bin/ping", "-c", "1", "10.0.0.1"),
    addresses=("10.0.0.1",),
    host_count=1,
    limits=Limits(
        timeout_s=5,
        max_stdout_bytes=4,
        max_stderr_bytes=4,
        max_memory_bytes=1,
        max_file_descriptors=1,
        max_cpu_s=1,
    ),
)


class Said(logging.Handler):
    """A logger's records, kept: their names, and their fields."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[tuple[str, dict[str, Any]]] = []
        self.logger = logging.Logger("record-test")
        self.logger.addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append((record.getMessage(), getattr(record, "fields", {})))

    def named(self, name: str) -> list[dict[str, Any]]:
        return [fields for said, fields in self.lines if said == name]


def opened(
    folder: Path,
    *,
    said: Said | None = None,
    clock: Clock | None = None,
    max_age_s: float = YEAR_S,
    max_bytes: int = MAX_BYTES,
    **bounds: int,
) -> SqliteRecord:
    return open_record(
        str(folder),
        clock=clock or SystemClock(),
        max_age_s=max_age_s,
        max_bytes=max_bytes,
        logger=(said or Said()).logger,
        **bounds,
    )


def event(execution_id: str, what: Happening, at_s: float = 1_800_000_000.0) -> Event:
    return Event(execution_id=execution_id, at_s=at_s, what=what)


def asked(execution_id: str, caller: str = "ops", at_s: float = 1_800_000_000.0) -> Event:
    return event(
        execution_id, Requested(tool="PingTool", target="10.0.0.1", caller=caller), at_s=at_s
    )


def finished(execution_id: str, at_s: float = 1_800_000_000.0, **members: Any) -> Event:
    output = ToolOutput(
        execution_id=execution_id,
        tool="PingTool",
        target="10.0.0.1",
        status=Status.SUCCESS,
        started_at="",
        finished_at="",
    )
    output = msgspec.structs.replace(output, **members)
    return event(execution_id, Finished(output), at_s=at_s)


def life(
    execution_id: str, caller: str = "ops", at_s: float = 1_800_000_000.0, **members: Any
) -> tuple[Event, ...]:
    return (
        asked(execution_id, caller, at_s),
        event(execution_id, Planned(PLAN), at_s),
        event(execution_id, Started(), at_s),
        finished(execution_id, at_s, **members),
    )
