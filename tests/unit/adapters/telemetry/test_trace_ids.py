"""Log lines within a trace."""

import logging
from collections.abc import Iterator

import pytest

from netsonde.adapters.log_lines import Lines
from netsonde.adapters.telemetry.telemetry import Telemetry
from tests.unit.adapters.telemetry.watched import made

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
CARRIER = {"traceparent": f"00-{TRACE}-{SPAN}-01"}


@pytest.fixture
def telemetry() -> Iterator[Telemetry]:
    telemetry = made()
    yield telemetry
    telemetry.shutdown()


def record(**extra: object) -> logging.LogRecord:
    made = logging.LogRecord("netsonde", logging.INFO, "f", 1, "tool.start", (), None)
    vars(made).update(extra)
    return made


def test_a_line_within_a_callers_trace_names_it_beside_its_own_fields(
    telemetry: Telemetry,
) -> None:
    line = record(fields={"execution_id": "e1"})
    with telemetry.tracer.request("call", CARRIER):
        assert telemetry.log_filter.filter(line)
    text = Lines(as_json=False).format(line)
    assert text.endswith(f"tool.start execution_id=e1 trace_id={TRACE} span_id={SPAN}")


def test_a_librarys_line_gets_them_too(telemetry: Telemetry) -> None:
    line = record()
    with telemetry.tracer.request("call", CARRIER):
        telemetry.log_filter.filter(line)
    assert f"trace_id={TRACE}" in Lines(as_json=False).format(line)


def test_a_line_outside_of_a_trace_stays_as_it_is(telemetry: Telemetry) -> None:
    line = record(fields={"execution_id": "e1"})
    assert telemetry.log_filter.filter(line)
    assert vars(line)["fields"] == {"execution_id": "e1"}
