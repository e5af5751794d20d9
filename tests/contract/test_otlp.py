"""What an OTLP collector gets, decoded with the official protobufs."""

import os
from collections.abc import Iterator

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from netsonde.adapters.telemetry.telemetry import Telemetry
from tests.contract.otlp import Collector
from tests.unit.adapters.telemetry.watched import made, watch
from tests.unit.application.world import World, run

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
CARRIER = {"traceparent": f"00-{TRACE}-{SPAN}-01"}


@pytest.fixture
def collector() -> Iterator[Collector]:
    collector = Collector()
    yield collector
    collector.close()


@pytest.fixture
def telemetry(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> Telemetry:
    """To be shut down by the test: that is what sends."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-key=secret")
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=lab")
    return made(dict(os.environ))


def call(telemetry: Telemetry) -> None:
    run_tool = watch(World(), telemetry)

    async def one() -> None:
        with telemetry.tracer.request("tools/call", CARRIER, tool="PingTool"):
            await run_tool.execute("PingTool", {"target": "10.0.0.1"})

    run(one())


def test_the_spans_of_an_execution_are_a_tree_under_the_callers_span(
    telemetry: Telemetry, collector: Collector
) -> None:
    call(telemetry)
    telemetry.shutdown()
    spans = {span.name: span for span in collector.spans()}
    assert {span.trace_id.hex() for span in spans.values()} == {TRACE}
    request = spans.pop("tools/call")
    assert request.parent_span_id.hex() == SPAN
    assert request.kind == Span.SpanKind.SPAN_KIND_SERVER
    assert sorted(spans) == ["judge", "parse", "process", "wait"]
    assert {span.parent_span_id for span in spans.values()} == {request.span_id}
    assert {span.status.code for span in spans.values()} == {Status.StatusCode.STATUS_CODE_UNSET}


def test_a_name_that_is_looked_up_has_a_span_too(
    telemetry: Telemetry, collector: Collector
) -> None:
    run_tool = watch(World(), telemetry)
    run(run_tool.execute("PingTool", {"target": "a.lab.internal"}))
    telemetry.shutdown()
    assert [span.name for span in collector.spans()] == ["resolve", "judge"]


def test_the_metrics_are_those_of_the_contract(telemetry: Telemetry, collector: Collector) -> None:
    call(telemetry)
    telemetry.shutdown()
    points = collector.points()
    assert set(points) == {
        "mcp_tool_execution_total",
        "mcp_tool_execution_duration_seconds",
        "mcp_tool_active_executions",
        "mcp_tool_timeouts_total",
        "mcp_circuit_breaker_state",
        "mcp_tool_refusals_total",
        "mcp_rate_limited_total",
    }
    assert points["mcp_tool_execution_total"][frozenset({"PingTool", "success"})] == 1
    assert points["mcp_tool_execution_duration_seconds"][frozenset({"PingTool"})] == 1
    assert points["mcp_circuit_breaker_state"][frozenset({"PingTool", "closed"})] == 1


def test_the_durations_exemplar_links_metrics_to_the_trace(
    telemetry: Telemetry, collector: Collector
) -> None:
    call(telemetry)
    telemetry.shutdown()
    exemplars = [
        exemplar
        for request in collector.metrics
        for resource in request.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
        for point in metric.histogram.data_points
        for exemplar in point.exemplars
    ]
    assert {exemplar.trace_id.hex() for exemplar in exemplars} == {TRACE}


def test_the_standard_variables_are_followed(telemetry: Telemetry, collector: Collector) -> None:
    call(telemetry)
    telemetry.shutdown()
    for requests in (
        [one.resource for request in collector.traces for one in request.resource_spans],
        [one.resource for request in collector.metrics for one in request.resource_metrics],
    ):
        attributes = {a.key: a.value.string_value for r in requests for a in r.attributes}
        assert attributes["service.name"] == "netsonde"
        assert attributes["service.version"] == "1.2.3"
        assert attributes["deployment.environment.name"] == "lab"
    assert {headers["x-key"] for headers in collector.headers.values()} == {"secret"}


def test_a_caller_that_does_not_sample_is_not_traced_here_either(
    telemetry: Telemetry, collector: Collector
) -> None:
    with telemetry.tracer.request("call", {"traceparent": f"00-{TRACE}-{SPAN}-00"}):
        pass
    telemetry.shutdown()
    assert collector.spans() == []


def test_metrics_go_to_the_collector_and_to_prometheus_at_a_time(
    telemetry: Telemetry, collector: Collector
) -> None:
    call(telemetry)
    text = telemetry.metrics.text()[0]
    telemetry.shutdown()
    assert b'mcp_tool_execution_total{status="success",tool="PingTool"} 1.0' in text
    assert collector.points()["mcp_tool_execution_total"][frozenset({"PingTool", "success"})] == 1
