"""What is logged of an execution."""

import logging
from typing import Any

import msgspec
import pytest

from netsonde.adapters.event_log import RecentEvents
from netsonde.adapters.log_events import LoggedEvents
from netsonde.domain.errors import ErrorType, ToolError
from netsonde.domain.execution import (
    Event,
    Finished,
    Happening,
    Requested,
    Started,
    Status,
    ToolOutput,
)

OUTPUT = ToolOutput(
    execution_id="a",
    tool="PingTool",
    target="10.0.0.1",
    status=Status.SUCCESS,
    returncode=0,
    duration_sec=1.25,
    started_at="",
    finished_at="",
)
REFUSED = msgspec.structs.replace(
    OUTPUT,
    status=Status.REFUSED,
    error=ToolError(
        error_type=ErrorType.POLICY_DENIED,
        message="no",
        recovery_suggestion="",
        metadata={"rule": "target.public", "offending": "8.8.8.8"},
    ),
)
BUSY = msgspec.structs.replace(
    OUTPUT,
    status=Status.REFUSED,
    error=ToolError(
        error_type=ErrorType.RESOURCE_EXHAUSTED, message="busy", recovery_suggestion=""
    ),
)


VIOLATED = msgspec.structs.replace(
    OUTPUT,
    status=Status.FAILED,
    error=ToolError(
        error_type=ErrorType.POLICY_DENIED,
        message="no",
        recovery_suggestion="",
        metadata={"rule": "egress.violation", "offending": "10.0.0.9 tcp 80"},
    ),
)


def logged(
    caplog: pytest.LogCaptureFixture, *happenings: Happening, level: int = logging.INFO
) -> list[tuple[int, str, dict[str, Any]]]:
    logger = logging.getLogger("test.events")
    log = LoggedEvents(RecentEvents(), logger)
    with caplog.at_level(level, logger="test.events"):
        for happening in happenings:
            log.append(Event(execution_id="a", at_s=1.0, what=happening))
    return [(r.levelno, r.getMessage(), r.__dict__["fields"]) for r in caplog.records]


ASKED = Requested(tool="PingTool", target="10.0.0.1", extra_args="-c 1", caller="stdio")


def test_a_start_tells_tool_and_target(caplog: pytest.LogCaptureFixture) -> None:
    assert logged(caplog, ASKED, Started()) == [
        (
            logging.INFO,
            "tool.start",
            {"execution_id": "a", "tool": "PingTool", "target": "10.0.0.1"},
        )
    ]


def test_an_end_tells_status_and_duration(caplog: pytest.LogCaptureFixture) -> None:
    ((level, name, fields),) = logged(caplog, Finished(OUTPUT))
    assert (level, name) == (logging.INFO, "tool.end")
    assert (fields["status"], fields["duration"], fields["returncode"]) == ("success", 1.25, 0)


def test_a_refusal_tells_its_rule(caplog: pytest.LogCaptureFixture) -> None:
    ((level, name, fields),) = logged(caplog, Finished(REFUSED))
    assert (level, name) == (logging.WARNING, "tool.refused")
    assert (fields["rule"], fields["offending"]) == ("target.public", "8.8.8.8")


def test_a_refusal_without_a_rule_tells_its_cause(caplog: pytest.LogCaptureFixture) -> None:
    ((_, _, fields),) = logged(caplog, Finished(BUSY))
    assert fields["rule"] == "resource_exhausted"


def test_at_level_debug_the_request_is_told_too(caplog: pytest.LogCaptureFixture) -> None:
    ((_, name, fields),) = logged(caplog, ASKED, level=logging.DEBUG)
    assert name == "tool.request"
    assert fields["caller"] == "stdio"


def test_every_final_status_has_a_level(caplog: pytest.LogCaptureFixture) -> None:
    for status in Status:
        if status.final:
            caplog.clear()
            output = msgspec.structs.replace(OUTPUT, status=status)
            assert logged(caplog, Finished(output))


def test_a_violation_is_an_error_whose_destination_is_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    ((level, name, fields),) = logged(caplog, Finished(VIOLATED))
    assert (level, name, fields["status"]) == (logging.ERROR, "tool.end", "failed")
    assert (fields["rule"], fields["offending"]) == ("egress.violation", "10.0.0.9 tcp 80")
